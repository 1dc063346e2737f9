/** The newest info of a room, which its hub hands out in parts. [O6] */
import type { RoomId, ServerId } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { roomInfoAttemptsMax } from "./limits.ts";
import type { Homeserver } from "./ports.ts";

export interface FetchedInfo {
  info: Uint8Array;
  /** Of the entry that it belongs to. */
  position: number;
}

/** Of a room whose log is known. Rejects with `ProtocolError`; `conflict` where it changes faster than it is read. */
export async function fetchRoomInfo(
  { store, homeserver }: { store: EngineStore; homeserver: Homeserver },
  room: RoomId,
): Promise<FetchedInfo> {
  const log = store.groupRooms.log(room);
  if (log === undefined) throw new ProtocolError("unknown-room");
  return await fetchInfoOf(homeserver, { room, hub: log.hub });
}

/** Rejects as `fetchRoomInfo`. */
export async function fetchInfoOf(
  homeserver: Homeserver,
  of: { room: RoomId; hub: ServerId },
): Promise<FetchedInfo> {
  for (let attempt = 0; attempt < roomInfoAttemptsMax; attempt++) {
    const read = await readOnce(homeserver, of);
    if (read !== undefined) return read;
  }
  throw new ProtocolError("conflict");
}

/** Undefined where another info took its place meanwhile. */
async function readOnce(homeserver: Homeserver, of: { room: RoomId; hub: ServerId }) {
  const first = await homeserver.request("rooms.info", { ...of, offset: 0 });
  const { total, position } = first;
  const info = new Uint8Array(Math.min(total, limits.roomInfoBytesMax));
  let part = first.info;
  for (let offset = 0; ;) {
    if (part.length === 0 || offset + part.length > info.length) throw new ProtocolError("malformed");
    info.set(part, offset);
    offset += part.length;
    if (offset === info.length) return { info, position };
    const next = await homeserver.request("rooms.info", { ...of, offset });
    if (next.position !== position) return undefined;
    part = next.info;
  }
}
