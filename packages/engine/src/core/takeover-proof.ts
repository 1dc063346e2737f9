/**
 * Whether a room's log goes on otherwise because somebody of the room asked for that, and not by our homeserver's word
 * alone: it could show a room from before somebody was taken out. [W10]
 */
import type { Primitives, RoomEntry, RoomId, RoomTakeover } from "@fedchat/protocol";
import {
  decodeRoomLogItem,
  isTakeoverProved,
  ProtocolError,
  roomEntry,
  roomEntryHash,
} from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { LogPlace } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { isEqual } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import { takeoverSearchPagesMax } from "./limits.ts";
import type { Homeserver } from "./ports.ts";
import { takeoverAsker } from "./takeover-asker.ts";

export interface TakeoverProofPorts {
  store: Pick<EngineStore, "branches">;
  groups: Groups;
  roomCrypto: RoomCrypto;
  homeserver: Homeserver;
  primitives: Primitives;
}

/**
 * Whether the log leads from a kept state to a takeover that is proved there. What a hub told others in our place may lie
 * between, by Commits of the room's members. [O9] [W15] Rejects with `ProtocolError`.
 */
export async function isTakenOver(
  ports: TakeoverProofPorts,
  room: RoomId,
  snapshot: LogPlace,
): Promise<boolean> {
  const { store, groups, homeserver, primitives, roomCrypto } = ports;
  let state = roomCrypto.restore(store.branches.snapshotRecords(room, snapshot.position));
  let at: Pick<LogPlace, "term" | "position" | "head"> = snapshot;
  try {
    for (let pages = 0; pages < takeoverSearchPagesMax; pages += 1) {
      const { entries } = await homeserver.request("rooms.log", { room, after: at.position });
      if (entries.length === 0) return false;
      for (const signed of entries) {
        const entry = verifiedEntry(primitives, signed);
        const follows = entry?.position === at.position + 1 && isEqual(entry.previous, at.head);
        if (entry === undefined || !follows) return false;
        const item = decodeRoomLogItem(entry.item);
        if (item.kind === "takeover") return entry.term > at.term && isProved(ports, state, entry, item);
        const outcome = item.kind === "begin" ? undefined : roomCrypto.receive(state, item.message, entry.at);
        // Made by somebody of the room, and followed no further here.
        const isBeyond = outcome?.kind === "own" || outcome?.kind === "diverged";
        if (isBeyond || outcome?.kind === "removed") return true;
        if (outcome?.kind === "commit" || outcome?.kind === "proposal") {
          roomCrypto.erase(state, outcome.state);
          state = outcome.state;
        }
        at = { ...entry, head: roomEntryHash(primitives, signed) };
      }
    }
    return false;
  } finally {
    roomCrypto.erase(state, groups.of(room));
  }
}

/** By the access key in force, and by a device of the room. */
function isProved(
  { primitives, roomCrypto }: TakeoverProofPorts,
  state: GroupState,
  entry: RoomEntry,
  item: RoomTakeover,
): boolean {
  const isInForce = isEqual(item.access, roomCrypto.access(state).publicKey);
  if (!isInForce || !isTakeoverProved(primitives, entry, item)) return false;
  return takeoverAsker(primitives, roomCrypto.room(state), entry, item) !== undefined;
}

/** Signed by its hub. */
function verifiedEntry(p: Primitives, signed: Uint8Array): RoomEntry | undefined {
  try {
    const { value, verify } = roomEntry.read(signed);
    verify(p);
    decodeRoomLogItem(value.item);
    return value;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
