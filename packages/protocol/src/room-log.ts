/**
 * The log by which one homeserver, the room's hub, orders what changes a room: entries that it signs, each naming the
 * one before it, around items that engines append. Servers read of an item only what they need to pass it on: the MLS
 * group, the public access key and the servers of members; the rest is MLS and opaque to them. Who may append proves it
 * with the access key, which every member of the group derives. [O1] to [O3]
 */
import type { TypeOf } from "./cbor/codec.ts";
import {
  array,
  bool,
  bytes,
  checked,
  decode,
  DecodeError,
  encode,
  nullable,
  struct,
  tagged,
  uint,
} from "./cbor/codec.ts";
import { ProtocolError } from "./errors.ts";
import {
  deviceCertificateBytesMax,
  roomEntryBytesMax,
  roomInfoBytesMax,
  roomInfoPartBytesMax,
  roomItemBytesMax,
  roomLogPageEntriesMax,
  roomServersMax,
  signedOverheadBytesMax,
} from "./limits.ts";
import { accountId, roomId, serverId } from "./names.ts";
import type { Primitives } from "./primitives/primitives.ts";
import { signAs, signedKind, verifyAs } from "./signed.ts";

/** Terms and positions count from 1. */
const fromOne = checked(uint({}), (value) => (value === 0 ? "is 0" : undefined));
const hash = bytes(32);
const mlsMessage = bytes({ min: 1, max: roomItemBytesMax });
const roomServers = checked(array(serverId.codec, { min: 1, max: roomServersMax }), (list) =>
  new Set(list).size === list.length ? undefined : "names a server twice",
);

/** What an engine appends. [O2] */
export const roomLogItem = tagged("kind", {
  /** The first of a log. */
  begin: struct({ group: bytes(32), access: bytes(32), servers: roomServers }),
  /** `access` and `servers` as they are after it. */
  commit: struct({
    group: bytes(32),
    /** The one that it ends. */
    epoch: uint({}),
    message: mlsMessage,
    /** Of a device that joins by itself: sealed under the info key, no MLSMessage that a server reads. */
    external: bool,
    access: bytes(32),
    servers: roomServers,
  }),
  proposal: struct({ group: bytes(32), epoch: uint({}), message: mlsMessage }),
  /** The first of a later term. `group`, `epoch`, `access`, `servers`: as they are behind the entry that it continues. [O9] */
  takeover: struct({
    /** The hub of that entry. */
    from: serverId.codec,
    group: bytes(32),
    epoch: uint({}),
    access: bytes(32),
    servers: roomServers,
    /** By the access key. */
    proof: bytes(64),
    /** Certificate of the device that asks for it. */
    member: bytes({ min: 1, max: deviceCertificateBytesMax }),
    /** By that device. */
    signature: bytes(64),
  }),
});
export type RoomLogItem = TypeOf<typeof roomLogItem>;

/** Throws `ProtocolError("malformed")`. */
export function decodeRoomLogItem(source: Uint8Array): RoomLogItem {
  try {
    return decode(roomLogItem, source);
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new ProtocolError("malformed", `room log item: ${cause.message}`, { cause });
    throw cause;
  }
}

/** One place in a log. [O1] */
export const roomEntryBody = struct({
  room: roomId.codec,
  hub: serverId.codec,
  term: fromOne,
  /** Through all terms, without holes. */
  position: fromOne,
  /** SHA-256 of the signed entry before; zeros at position 1. */
  previous: hash,
  /** Unix ms by the hub's clock. */
  at: uint({}),
  by: struct({ account: accountId.codec, server: serverId.codec }),
  /** An encoded `roomLogItem`. */
  item: bytes({ min: 1, max: roomItemBytesMax }),
});
export type RoomEntry = TypeOf<typeof roomEntryBody>;

export const roomEntry = signedKind("room-entry", roomEntryBody, (entry) => serverId.toBytes(entry.hub), {
  bytesMax: roomEntryBytesMax,
  check: ({ position, previous }) =>
    (position === 1) === previous.every((byte) => byte === 0) ? undefined : "does not fit what is before it",
});

/** A signed entry as it travels. */
export const signedRoomEntry = bytes({ min: 1, max: roomEntryBytesMax + signedOverheadBytesMax });

/** By which the next entry names this one. */
export function roomEntryHash(p: Primitives, signed: Uint8Array): Uint8Array {
  return p.sha256(signed);
}

/** Where a log is, and whose it is. Position 0 and zeros: before its first entry. */
const headFields = { hub: serverId.codec, term: fromOne, position: uint({}), hash };
export const roomLogHead = struct(headFields);
export type RoomLogHead = TypeOf<typeof roomLogHead>;

/** What an append says beside its hub, for a session and for a link alike. `position`, `head`: what it builds on. [O3] */
export const roomAppendFields = {
  room: roomId.codec,
  term: fromOne,
  position: uint({}),
  head: hash,
  item: bytes({ min: 1, max: roomItemBytesMax }),
  /** The room's encrypted GroupInfo after it; null with a proposal. With a takeover, `term` is the one that it ends. */
  info: nullable(bytes({ min: 1, max: roomInfoBytesMax })),
  proof: bytes(64),
};
export const roomAppend = struct(roomAppendFields);
export type RoomAppend = TypeOf<typeof roomAppend>;

/** behind: nothing was changed, and the log is there now, maybe under another hub. */
export const roomAppendOutcome = tagged("outcome", {
  appended: struct({ position: fromOne, hash }),
  behind: struct(headFields),
});
export type RoomAppendOutcome = TypeOf<typeof roomAppendOutcome>;

/** Some of a log, in order, and where it is now. */
export const roomLogPage = struct({
  entries: array(signedRoomEntry, { max: roomLogPageEntriesMax }),
  head: roomLogHead,
});
export type RoomLogPage = TypeOf<typeof roomLogPage>;

/** A piece of the newest info. `position`: of the entry that it came with; another one than before: begin again. */
export const roomInfoPart = struct({
  info: bytes({ max: roomInfoPartBytesMax }),
  total: uint({ max: roomInfoBytesMax }),
  position: fromOne,
});
export type RoomInfoPart = TypeOf<typeof roomInfoPart>;

/** What the access key signs. [O3] */
const appendStatement = struct({
  room: roomId.codec,
  term: fromOne,
  position: uint({}),
  head: hash,
  item: hash,
  info: nullable(hash),
});
const appendType = "room-append";

function statementOf(p: Primitives, append: Omit<RoomAppend, "proof">): Uint8Array {
  const { room, term, position, head, item, info } = append;
  return encode(appendStatement, {
    ...{ room, term, position, head },
    item: p.sha256(item),
    info: info === null ? null : p.sha256(info),
  });
}

/** The proof that an append needs. `accessSeed`: the Ed25519 seed of the access key that is in force. */
export function proveRoomAppend(
  p: Primitives,
  accessSeed: Uint8Array,
  append: Omit<RoomAppend, "proof">,
): Uint8Array {
  return signAs(p, appendType, accessSeed, statementOf(p, append));
}

export function isRoomAppendProved(p: Primitives, access: Uint8Array, append: RoomAppend): boolean {
  return verifyAs(p, appendType, access, statementOf(p, append), append.proof);
}

/** A room that an account follows, and where its log is here. */
export const followedRoom = struct({ room: roomId.codec, ...headFields });
export type FollowedRoom = TypeOf<typeof followedRoom>;
