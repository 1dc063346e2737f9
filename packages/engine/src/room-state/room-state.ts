/**
 * What a room is: its name, its rules, who takes part with which role and which devices. It is a component of
 * the MLS group's context, so that all members of an epoch hold the same bytes. One state has one encoding. [W1]
 */
import type { AccountId, DeviceId, ServerId, TypeOf } from "@fedchat/protocol";
import {
  accountId,
  array,
  bytes,
  checked,
  decode,
  DecodeError,
  deviceId,
  displayNamePattern,
  encode,
  handlePattern,
  limits,
  literals,
  optional,
  roomId,
  serverId,
  struct,
  text,
  uint,
} from "@fedchat/protocol";
import { bannedMax, hubsMax, participantsMax, successionDaysMax } from "./limits.ts";

/** ComponentID in the group's `app_data_dictionary` (draft-ietf-mls-extensions §4.6; of the range for private use). */
export const roomStateComponent = 0xf0c0;

export const roleCodec = literals("owner", "moderator", "member", "guest");
export type Role = TypeOf<typeof roleCodec>;

/** How people come in: who is asked, and whether anybody is. */
export const joinCodec = literals("invited", "approval", "open");
export type Joining = TypeOf<typeof joinCodec>;
/** From which role on people may invite. */
export const inviteCodec = literals("moderators", "members");

export const roomNameCodec = text({ max: limits.roomNameBytesMax });

/** In the order in which they are to take over; the first is the hub at the beginning. */
export const hubsCodec = checked(array(serverId.codec, { min: 1, max: hubsMax }), (hubs) =>
  new Set(hubs).size === hubs.length ? undefined : "names a server twice",
);

const participant = struct({
  account: accountId.codec,
  /** Where it lives, by its record. */
  server: serverId.codec,
  /** What they call themselves: members need not know each other. */
  handle: text({ min: 1, max: 32, pattern: handlePattern }),
  displayName: text({ min: 1, max: limits.displayNameBytesMax, pattern: displayNamePattern }),
  role: roleCodec,
  /** Of the record that said so. */
  sequence: uint(),
  devices: checked(
    array(struct({ device: deviceId.codec, key: bytes(32) }), { max: limits.accountDevicesMax }),
    (devices) => orderFault(devices.map(({ device }) => device)),
  ),
});

/** `heir`: else most of the moderators. */
export const successionCodec = struct({
  heir: optional(accountId.codec),
  days: uint({ max: successionDaysMax }),
});

/** By whom, and since when as they said. */
const claim = struct({
  at: uint(),
  by: checked(array(accountId.codec, { min: 1, max: participantsMax }), orderFault),
});

const roomState = checked(
  struct({
    room: roomId.codec,
    name: roomNameCodec,
    /** `nobody`: it is a pair, and stays one. */
    join: literals("invited", "approval", "open", "nobody"),
    invite: inviteCodec,
    hubs: hubsCodec,
    /** Opens what is sealed for members from outside of the group. */
    infoKey: bytes(32),
    participants: checked(array(participant, { min: 1, max: participantsMax }), (all) =>
      orderFault(all.map(({ account }) => account)),
    ),
    banned: checked(array(accountId.codec, { max: bannedMax }), orderFault),
    /** Who may own the room when its owners are gone, and after how long; absent: nobody. */
    succession: optional(successionCodec),
    claim: optional(claim),
  }),
  ({ name, join, participants, banned, succession, claim: claimed }) => {
    const areAlike = participants.length === 2 && participants.every(({ role }) => role === "owner");
    if (join === "nobody")
      return areAlike && name === "" && banned.length === 0 && succession === undefined
        ? undefined
        : "is no pair of people alike";
    if (claimed !== undefined && succession === undefined) return "is claimed where nobody may";
    if (!participants.some(({ role }) => role === "owner")) return "has no owner";
    const out = new Set(banned);
    return participants.some(({ account }) => out.has(account))
      ? "has somebody in it who is banned"
      : undefined;
  },
);

type Deep<T> = T extends string | Uint8Array
  ? T
  : T extends object
    ? { readonly [K in keyof T]: Deep<T[K]> }
    : T;
export type Participant = Deep<TypeOf<typeof participant>>;
export type Claim = Deep<TypeOf<typeof claim>>;
export type RoomState = Deep<TypeOf<typeof roomState>>;

export function encodeRoomState(state: RoomState): Uint8Array {
  return encode(roomState, state as TypeOf<typeof roomState>);
}

/** Throws `DecodeError`; also where it says anything that its encoding here would not. */
export function decodeRoomState(source: Uint8Array): RoomState {
  const state = decode(roomState, source);
  // A key that is ignored here would be lost with the next change here, and not elsewhere.
  if (encode(roomState, state).length !== source.length)
    throw new DecodeError("value", "says more than a room");
  return state;
}

export function participantOf(state: RoomState, account: AccountId): Participant | undefined {
  return state.participants.find((one) => one.account === account);
}

/** The servers where participants live, each once, in the order of their bytes: to whom the log's entries go. */
export function serversOf({ participants }: RoomState): readonly ServerId[] {
  return [...new Set(participants.map(({ server }) => server))].toSorted(compareIds);
}

/** By the bytes that two identifiers stand for: as text, digits would come first. */
export function compareIds<Id extends AccountId | DeviceId | ServerId>(a: Id, b: Id): number {
  for (let at = 0; at < a.length; at++) {
    const difference = valueOf(a.charCodeAt(at)) - valueOf(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return 0;
}

/** RFC 4648 §6: letters stand for 0 to 25, the digits 2 to 7 for 26 to 31. */
const valueOf = (code: number): number => (code >= 97 ? code - 97 : code - 50 + 26);

function orderFault(ids: readonly (AccountId | DeviceId)[]): string | undefined {
  const inOrder = ids.every((id, at) => at === 0 || compareIds(ids[at - 1]!, id) < 0);
  return inOrder ? undefined : "is not in order, or names one twice";
}
