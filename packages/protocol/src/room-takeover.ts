/**
 * A takeover: another server goes on with a room's log as its hub. Every server that holds the entry which it continues
 * checks that a member of the group's present epoch asked for it; members also check who that was. The statement covers
 * what the entry around it says, so that nobody puts it elsewhere. [O9]
 */
import { array, bytes, encode, struct, uint } from "./cbor/codec.ts";
import { roomServersMax } from "./limits.ts";
import { roomId, serverId } from "./names.ts";
import type { Primitives } from "./primitives/primitives.ts";
import type { RoomEntry, RoomLogItem } from "./room-log.ts";
import { signAs, verifyAs } from "./signed.ts";

export type RoomTakeover = Extract<RoomLogItem, { kind: "takeover" }>;
/** Where it stands: in an entry by the new hub, of a term higher by one, directly behind what it continues. */
export type TakeoverPlace = Pick<RoomEntry, "room" | "hub" | "term" | "position" | "previous">;

const statement = struct({
  room: roomId.codec,
  hub: serverId.codec,
  term: uint({}),
  position: uint({}),
  previous: bytes(32),
  from: serverId.codec,
  group: bytes(32),
  epoch: uint({}),
  access: bytes(32),
  servers: array(serverId.codec, { min: 1, max: roomServersMax }),
});

const byAccessKey = "room-takeover";
const byMember = "room-takeover-member";

type Unsigned = Omit<RoomTakeover, "proof" | "signature">;

function statementOf(place: TakeoverPlace, { from, group, epoch, access, servers }: Unsigned): Uint8Array {
  const { room, hub, term, position, previous } = place;
  return encode(statement, { room, hub, term, position, previous, from, group, epoch, access, servers });
}

/** @param seeds Ed25519: of the access key in force, and of the device whose certificate is `member` */
export function signTakeover(
  p: Primitives,
  seeds: { access: Uint8Array; member: Uint8Array },
  place: TakeoverPlace,
  takeover: Unsigned,
): RoomTakeover {
  const stated = statementOf(place, takeover);
  return {
    ...takeover,
    proof: signAs(p, byAccessKey, seeds.access, stated),
    signature: signAs(p, byMember, seeds.member, stated),
  };
}

/** Whether somebody who holds the access key that it names asked for it, right there. */
export function isTakeoverProved(p: Primitives, place: TakeoverPlace, takeover: RoomTakeover): boolean {
  return verifyAs(p, byAccessKey, takeover.access, statementOf(place, takeover), takeover.proof);
}

/** Whether the device with this signature key asked for it. */
export function isTakeoverBy(
  p: Primitives,
  signatureKey: Uint8Array,
  place: TakeoverPlace,
  takeover: RoomTakeover,
): boolean {
  return verifyAs(p, byMember, signatureKey, statementOf(place, takeover), takeover.signature);
}
