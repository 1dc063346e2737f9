/**
 * What two homeservers say over an open link, inside encrypted batches. The first byte tells a bundle from a control
 * message; control messages are CBOR. [L7] to [L12]
 */
import type { TypeOf } from "./cbor/codec.ts";
import {
  array,
  bool,
  bytes,
  DecodeError,
  decode,
  encode,
  literals,
  nullable,
  optional,
  struct,
  tagged,
  text,
  uint,
} from "./cbor/codec.ts";
import { ProtocolError, wireError } from "./errors.ts";
import {
  bundleHopsMax,
  circuitPieceBytesMax,
  gossipHopsMax,
  gossipPageRecordsMax,
  keyPackageBytesMax,
  recordBytesMax,
  roomLogAnswerBytesMax,
  serverAddressesMax,
  signedOverheadBytesMax,
} from "./limits.ts";
import { keyPackageClaim } from "./key-package-claim.ts";
import { accountId, roomId, serverId } from "./names.ts";
import { roomAppendFields } from "./room-log.ts";
import { serverAddress } from "./server-record.ts";

const uint32 = uint({ max: 0xffff_ffff });
const signedServerRecord = bytes({ min: 1, max: recordBytesMax + signedOverheadBytesMax });
const streamClass = literals("messages", "bulk");
const errorCode = text({ max: 40 });

/** A person as their homeserver lists them to a mutually linked one. */
export const listedPerson = struct({
  record: bytes({ min: 1, max: recordBytesMax * 4 }),
  presence: literals("online", "offline"),
  /** How far this person lets themselves be shown. [L23] */
  visibility: literals("linked", "beyond", "directory"),
});
export type ListedPerson = TypeOf<typeof listedPerson>;

export const linkQuery = tagged("ask", {
  /** The signed record of an account whose key the asker already knows. */
  account: struct({ account: accountId.codec }),
  /** A single-use key package, for a holder of the account's capability. */
  keyPackage: struct(keyPackageClaim),
  /** Dial the asker at each of these addresses, and say how each went. [L25] */
  dialBack: struct({ addresses: array(serverAddress, { min: 1, max: serverAddressesMax }) }),
  /** People who let a directory show them, by name or handle. [D6] */
  findPeople: struct({ text: text({ min: 1, max: 256 }), after: optional(accountId.codec) }),
  /** To a room's hub: an append of an account that lives at the asker; answered by a `roomAppendOutcome`. [O3] [O8] */
  roomAppend: struct({ account: accountId.codec, ...roomAppendFields }),
  /** To a room's hub: what is behind a position; answered by a `roomLogPage`. [O5] */
  roomLog: struct({ room: roomId.codec, after: uint({}) }),
  /** To a room's hub: a piece of the newest info; answered by a `roomInfoPart`. [O6] */
  roomInfo: struct({ room: roomId.codec, offset: uint({}) }),
  /** To a room's hub: the signed record of another server on the log's list. [O8] */
  roomServer: struct({ room: roomId.codec, server: serverId.codec }),
  /** To a mutually linked server: the rooms that its people let others see; answered by `roomListings`. [I13] */
  listedRooms: struct({}),
});
export type LinkQuery = TypeOf<typeof linkQuery>;

/** Those that are asked of a room's hub. */
export type RoomQuery = Extract<LinkQuery, { ask: "roomAppend" | "roomLog" | "roomInfo" | "roomServer" }>;

/** The answer to `dialBack`: `ok` where the asker's key was proved, else an error code. One more than was asked: [L25] */
export const dialBackResults = array(struct({ address: serverAddress, code: errorCode }), {
  max: serverAddressesMax + 1,
});
export type DialBackResult = TypeOf<typeof dialBackResults>[number];

export const linkControl = tagged("kind", {
  /** Whether the sender has linked the receiver; sent first on every link and after every change. */
  trust: struct({ linked: bool }),
  /** A newer server record of the sender's own. */
  record: struct({ record: bytes({ min: 1, max: recordBytesMax }) }),
  /** A record of the receiver's that the sender holds, whose recovery key the receiver's present one does not name. [R7] */
  recordHeld: struct({ record: signedServerRecord }),
  /** Asks for the records that changed here since a place of ours; answered once there are any. [G3] */
  askRecords: struct({ incarnation: optional(bytes(8)), since: uint({}) }),
  records: struct({
    incarnation: bytes(8),
    /** The place to ask from next. */
    upTo: uint({}),
    records: array(struct({ record: signedServerRecord, hops: uint({ max: gossipHopsMax }) }), {
      max: gossipPageRecordsMax,
    }),
  }),
  /** Asks for a relayed link to `destination` through `path`, the relays still ahead of the receiver. [C2] */
  circuitOpen: struct({
    circuit: uint32,
    source: serverId.codec,
    destination: serverId.codec,
    path: array(serverId.codec, { max: bundleHopsMax - 1 }),
  }),
  /** The destination took it. */
  circuitOpened: struct({ circuit: uint32 }),
  /** So many more bytes of data may come. */
  circuitCredit: struct({ circuit: uint32, bytes: uint32 }),
  /** Over. `at`: the server that could not go on. */
  circuitClose: struct({ circuit: uint32, code: errorCode, at: optional(serverId.codec) }),
  /** A bundle for another server is in custody: the relay's signed receipt. [K2] */
  custodyReceipt: struct({ receipt: bytes({ min: 1, max: 1_024 }) }),
  custodyRefused: struct({
    source: serverId.codec,
    destination: serverId.codec,
    class: literals("control", "messages", "bulk"),
    stream: uint({}),
    sequence: uint({}),
    error: wireError,
  }),
  /** Bundles of this source follow, which were in custody: the record that opens them. [K5] */
  custodySource: struct({ record: signedServerRecord }),
  /** Everything of this stream up to and with this is on the destination's disk. [K6] */
  custodyTaken: struct({ source: serverId.codec, class: streamClass, stream: uint({}), upTo: uint({}) }),
  /** This very bundle is done with: control that was taken, or one that will never open. [K6] */
  custodyDone: struct({ bundle: bytes(32) }),
  /** Asks for the whole people list; answered by `people` with `whole`. Mutual links only. */
  askPeople: struct({}),
  /** Whether people of servers one hop beyond are wanted, with changes, from now on. [L24] */
  watchBeyond: struct({ watching: bool }),
  /** People of a server that is mutually linked with the sender. As `people`; pages of one server follow each other. */
  peopleBeyond: struct({
    server: signedServerRecord,
    whole: bool,
    people: array(listedPerson, { max: 256 }),
    more: bool,
    gone: array(accountId.codec, { max: 256 }),
  }),
  /** To a directory: announce me. [D2] */
  register: struct({ token: optional(bytes({ max: 64 })) }),
  registered: struct({}),
  people: struct({
    whole: bool,
    people: array(listedPerson, { max: 256 }),
    /** More of a whole list follows. */
    more: bool,
    gone: array(accountId.codec, { max: 256 }),
  }),
  query: struct({ id: uint({ max: 0xffff_ffff }), query: linkQuery }),
  answer: struct({
    id: uint({ max: 0xffff_ffff }),
    result: optional(
      nullable(bytes({ max: Math.max(recordBytesMax * 16, keyPackageBytesMax, roomLogAnswerBytesMax) })),
    ),
    error: optional(wireError),
  }),
  ping: struct({ id: uint({ max: 0xffff_ffff }) }),
  pong: struct({ id: uint({ max: 0xffff_ffff }) }),
  /** The last message before an orderly close. */
  bye: struct({ code: text({ max: 40 }) }),
});
export type LinkControl = TypeOf<typeof linkControl>;

const bundleByte = 1;
const controlByte = 2;
const circuitByte = 3;
const circuitHeadBytes = 6;

/** A piece of a frame that passes a relay: type 1 · circuit 4 · last piece of its frame 1 ‖ bytes. [C5] */
export interface CircuitPiece {
  circuit: number;
  last: boolean;
  bytes: Uint8Array;
}

export type LinkMessage =
  | { kind: "bundle"; bundle: Uint8Array }
  | { kind: "control"; control: LinkControl }
  | { kind: "circuit"; piece: CircuitPiece };

export function encodeLinkBundle(bundle: Uint8Array): Uint8Array {
  return withByte(bundleByte, bundle);
}

export function encodeLinkControl(control: LinkControl): Uint8Array {
  return withByte(controlByte, encode(linkControl, control));
}

export function encodeCircuitPiece({ circuit, last, bytes: piece }: CircuitPiece): Uint8Array {
  const out = new Uint8Array(circuitHeadBytes + piece.length);
  out[0] = circuitByte;
  new DataView(out.buffer).setUint32(1, circuit);
  out[5] = last ? 1 : 0;
  out.set(piece, circuitHeadBytes);
  return out;
}

/** Throws `ProtocolError("malformed")`, for an unknown kind too: newer kinds are sent only where a feature offers them. */
export function decodeLinkMessage(source: Uint8Array): LinkMessage {
  const rest = source.subarray(1);
  if (source[0] === bundleByte) return { kind: "bundle", bundle: rest };
  if (source[0] === circuitByte) return { kind: "circuit", piece: decodeCircuitPiece(source) };
  if (source[0] !== controlByte) throw new ProtocolError("malformed", "link message: unknown type");
  try {
    return { kind: "control", control: decode(linkControl, rest) };
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new ProtocolError("malformed", `link message: ${cause.message}`, { cause });
    throw cause;
  }
}

function decodeCircuitPiece(source: Uint8Array): CircuitPiece {
  const piece = source.subarray(circuitHeadBytes);
  const flags = source[5];
  if (piece.length === 0 || piece.length > circuitPieceBytesMax || (flags !== 0 && flags !== 1))
    throw new ProtocolError("malformed", "link message: not a piece of a circuit");
  const circuit = new DataView(source.buffer, source.byteOffset).getUint32(1);
  return { circuit, last: flags === 1, bytes: piece };
}

function withByte(first: number, rest: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + rest.length);
  out[0] = first;
  out.set(rest, 1);
  return out;
}
