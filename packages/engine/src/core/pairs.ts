/**
 * The room of two that accepting a request makes: whoever accepts makes its group and takes the asking device in, whoever
 * asked joins it. Both check that it is exactly that, before anything is shown or sent. [Q9] [X2] [X3]
 */
import type { OpenedAccountRecord, Primitives, RandomSource, RoomId, ServerId } from "@fedchat/protocol";
import { roomId } from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { participantOf, type RoomState } from "../room-state/room-state.ts";
import type { KeyPackageRow } from "../store/requests-table.ts";
import { certificateOf, pairFault } from "./credentials.ts";
import type { Identity } from "./identity.ts";

export interface PairPorts {
  identity: Identity;
  roomCrypto: RoomCrypto;
  primitives: Primitives;
  random: RandomSource;
}

/** A pair's group, in memory: whoever does not keep it erases it. */
export interface PairGroup {
  id: RoomId;
  /** The homeserver of whoever made it. */
  hub: ServerId;
  groupId: Uint8Array;
  state: GroupState;
}

/** Undefined where the key package cannot be used, or is not of a device on the peer's record. */
export function makePair(
  { identity, roomCrypto, primitives, random }: PairPorts,
  { peer, keyPackage, hub }: { peer: OpenedAccountRecord; keyPackage: Uint8Array; hub: ServerId },
): (PairGroup & { welcome: Uint8Array; key: Uint8Array }) | undefined {
  const info = roomCrypto.inspectKeyPackage(keyPackage, "hybrid");
  if (info === undefined || certificateOf(primitives, info, peer) === undefined) return undefined;
  const id = roomId.fromBytes(random.bytes(16));
  const groupId = random.bytes(32);
  const created = roomCrypto.create({
    ...{ room: id, groupId, suite: "hybrid", identity: identity.member },
    ...{ record: identity.record.signed, peer: peer.signed },
    ...{ name: "", join: "nobody", invite: "moderators", hubs: [hub] },
  });
  if (created.kind === "refused") throw new Error(`assertion: a group of one is made: ${created.reason}`);
  const added = roomCrypto.commit(created.state, { add: [keyPackage] });
  if (added.kind === "refused") {
    roomCrypto.erase(created.state, undefined);
    return undefined;
  }
  const { before, next: state, welcome } = added;
  // Nothing is ever sent in an epoch that the other one is not in.
  roomCrypto.erase(created.state, state);
  roomCrypto.erase(before, state);
  if (welcome === undefined) throw new Error("assertion: a commit with an Add has a Welcome");
  return { id, hub, groupId, state, welcome, key: roomCrypto.room(state).infoKey };
}

/** Undefined where the Welcome cannot be used, or leads anywhere but into a pair with this peer. */
export function joinPair(
  { identity, roomCrypto, primitives }: Omit<PairPorts, "random">,
  {
    peer,
    keyPackage,
    id,
    hub,
    welcome,
  }: {
    peer: OpenedAccountRecord;
    keyPackage: Pick<KeyPackageRow, "keyPackage" | "privatePart">;
    id: RoomId;
    hub: ServerId;
    welcome: Uint8Array;
  },
): PairGroup | undefined {
  const { keyPackage: own, privatePart } = keyPackage;
  const args = { room: id, welcome, identity: identity.member, keyPackage: own, privatePart };
  const joined = roomCrypto.join(args);
  if (joined.kind === "refused") return undefined;
  const { state, groupId, room } = joined;
  const isPair = isPairOf(room, identity, peer, hub);
  if (isPair && pairFault(primitives, roomCrypto.members(state), identity.member, peer) === undefined)
    return { id, hub, groupId, state };
  roomCrypto.erase(state, undefined);
  return undefined;
}

/** Of us and them, kept in order where they live. */
function isPairOf(
  room: RoomState,
  { account }: Pick<Identity, "account">,
  { record: peer }: OpenedAccountRecord,
  hub: ServerId,
): boolean {
  const areBoth =
    participantOf(room, account) !== undefined && participantOf(room, peer.account) !== undefined;
  return room.join === "nobody" && areBoth && hub === peer.server && room.hubs[0] === hub;
}
