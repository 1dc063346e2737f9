/**
 * What one account tells another outside of any room: a chat request, its withdrawal, the answer to it, the way into a
 * room of many. A note is signed by the sender's device and sealed to the recipient's request key (HPKE base mode over X-Wing), so that only
 * the recipient's engine reads even who asks for what. [Q1] [Q2] [Q7]
 */
import type { TypeOf } from "./cbor/codec.ts";
import {
  array,
  bytes,
  checked,
  decode,
  encode,
  nullable,
  optional,
  struct,
  tagged,
  text,
  uint,
} from "./cbor/codec.ts";
import {
  envelopePayloadBytesMax,
  keyPackageBytesMax,
  recordBytesMax,
  requestKeyPackagesMax,
  requestTextBytesMax,
  requestTextCharactersMax,
  welcomeBytesMax,
} from "./limits.ts";
import { accountId, deviceId, requestId, roomId, serverId } from "./names.ts";
import { assert } from "./primitives/assert.ts";
import { concatBytes } from "./primitives/bytes.ts";

/** One a device, or one of each kind of room, reserved for this request. */
const keyPackages = array(bytes({ min: 1, max: keyPackageBytesMax }), { min: 1, max: requestKeyPackagesMax });
/** Proves an invitation's or a room link's secret without sending it. [Q7] [I8] */
const secretProof = struct({ id: bytes(16), proof: bytes(32) });

/** Consent comes before keys: the recipient, on accepting, creates the room from these key packages. */
const chatRequest = struct({
  text: checked(text({ max: requestTextBytesMax, multiline: true }), (value) =>
    [...value].length > requestTextCharactersMax
      ? `is longer than ${requestTextCharactersMax} characters`
      : undefined,
  ),
  keyPackages,
  /** Present when an invitation is used. */
  invitation: optional(secretProof),
});

export const accountNoteBody = struct({
  /** Names the exchange: the same in a request, its withdrawal and its answer; each accepted once. */
  request: requestId.codec,
  /** The sender's signed account record; the signing device must be on it. */
  sender: bytes({ min: 1, max: recordBytesMax * 4 }),
  device: deviceId.codec,
  to: accountId.codec,
  created: uint({}),
  content: tagged("kind", {
    request: chatRequest,
    /** May I come in? By a link, or because the room is listed as one that anybody may ask for. [I8] */
    ask: struct({ room: roomId.codec, keyPackages, link: nullable(secretProof) }),
    withdrawal: struct({}),
    /** Into the room of two that its sender made, whose log is followed from its beginning. [Q9] */
    acceptance: struct({
      room: roomId.codec,
      hub: serverId.codec,
      welcome: bytes({ min: 1, max: welcomeBytesMax }),
      /** The room's `infoKey`. */
      key: bytes(32),
    }),
    /** Nothing but the sender's record: they moved, or have other devices, and rooms do not know it yet. [U3] */
    record: struct({}),
    /** An acceptance of a request that was withdrawn, or an `enter` of who is not in the room: it is over for them. */
    gone: struct({ room: roomId.codec }),
    /** Our record lists this device, and it is not in the room's group: that is to know the record, and we its key. [U7] */
    enter: struct({ room: roomId.codec }),
    /** The answer: where the room's log is, and what opens its info. [U7] */
    key: struct({
      room: roomId.codec,
      hub: serverId.codec,
      term: uint(),
      position: uint(),
      hash: bytes(32),
      /** The room's `infoKey`. */
      key: bytes(32),
    }),
    /** Into a room of many: whose hub orders its log, and the entry at which the joined group's epoch begins. [W7] */
    welcome: struct({
      room: roomId.codec,
      hub: serverId.codec,
      /** Of that entry. */
      term: uint(),
      position: uint(),
      hash: bytes(32),
      welcome: bytes({ min: 1, max: welcomeBytesMax }),
      /** The room's `infoKey` in that epoch. */
      key: bytes(32),
    }),
  }),
});
export type AccountNote = TypeOf<typeof accountNoteBody>;

/** The kind of envelope that carries a note with this content. [Q1] */
export function noteEnvelopeKind(content: AccountNote["content"]["kind"]): "request" | "answer" {
  return ["request", "ask", "withdrawal", "enter"].includes(content) ? "request" : "answer";
}

/** Signature type of notes, by the device's signature key. */
export const accountNoteType = "account-note";
export const signedNote = struct({
  body: bytes({ min: 1, max: envelopePayloadBytesMax }),
  signature: bytes(64),
});

/** The payload of an envelope of kind request or answer. `keyId` names the recipient's request key. */
export const sealedNote = struct({
  keyId: bytes(8),
  encapsulation: bytes(1_120),
  ciphertext: bytes({ min: 17, max: envelopePayloadBytesMax }),
});
export type SealedNote = TypeOf<typeof sealedNote>;

export const encodeSealedNote = (note: SealedNote): Uint8Array => encode(sealedNote, note);
/** Throws `DecodeError`. */
export const decodeSealedNote = (source: Uint8Array): SealedNote => decode(sealedNote, source);

/** HPKE `info` of sealed notes. */
export const accountNoteSealInfo = new TextEncoder().encode("fedchat/v1/account-note");

/** What the HMAC under an invitation's secret covers: this request of this account to this inviter. [Q7] */
export function invitationProofInput(
  request: Uint8Array,
  asking: Uint8Array,
  inviter: Uint8Array,
): Uint8Array {
  assert(request.length === 16 && asking.length === 32 && inviter.length === 32, "ids have their lengths");
  return concatBytes(new TextEncoder().encode("fedchat/v1/invitation-proof\0"), request, asking, inviter);
}

/** What the HMAC under a room link's secret covers: this request of this account for this room. [I8] */
export function roomLinkProofInput(request: Uint8Array, asking: Uint8Array, room: Uint8Array): Uint8Array {
  assert(request.length === 16 && asking.length === 32 && room.length === 16, "ids have their lengths");
  return concatBytes(new TextEncoder().encode("fedchat/v1/room-link-proof\0"), request, asking, room);
}
