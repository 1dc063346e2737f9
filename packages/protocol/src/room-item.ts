/**
 * The application data of a room's MLS messages: messages and statuses with the counters by which holes are seen, what
 * asks for missing ones and answers, and what two engines tell each other beside them. [M1] to [M3] [M7] [A15] [Z1] to [Z5]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, checked, nullable, struct, tagged, uint } from "./cbor/codec.ts";
import { envelopePayloadBytesMax, heldEpochsMax, missingPerAskMax, recordBytesMax } from "./limits.ts";
import { deviceId, messageId } from "./names.ts";

/** Counts from 1. */
const counter = checked(uint({}), (value) => (value === 0 ? "is 0" : undefined));

/** The highest counter seen of sending devices, each device once: shows a withheld tail too. [Z1] */
const seen = checked(array(struct({ device: deviceId.codec, counter }), { max: 1_000 }), (list) =>
  new Set(list.map(({ device }) => device)).size === list.length ? undefined : "names a device twice",
);

const anyItem = tagged("kind", {
  message: struct({
    /** Of this device in this room: from 1, without holes. */
    counter,
    previous: nullable(messageId.codec),
    seen,
    /** MIMI content, byte-exact. */
    content: bytes({ min: 1, max: envelopePayloadBytesMax }),
  }),
  status: struct({
    seen,
    /** MIMI content, byte-exact, whose body is a status report (application/mimi-message-status). */
    content: bytes({ min: 1, max: envelopePayloadBytesMax }),
  }),
  /** In a room of two: lets the other fetch key packages of the sender's devices, to take them into further rooms. [M7] */
  capability: struct({ capability: bytes(16) }),
  /** In a room of many: a link into it that others may answer, too; without its secret it works no more. [I10] */
  link: struct({ id: bytes(16), secret: nullable(bytes(16)), expires: uint({}) }),
  /** The sender's newer account record: it may live elsewhere now. [A15] */
  record: struct({ record: bytes({ min: 1, max: recordBytesMax * 4 }) }),
  /** The daily beat. [Z1] */
  seen: struct({ seen }),
  /** Asks one device for messages of one device. [Z2] */
  ask: struct({
    id: bytes(16),
    /** Who is to answer. */
    to: deviceId.codec,
    /** Whose messages. */
    of: deviceId.codec,
    first: counter,
    last: counter,
    /** Epochs whose GroupContext the asking device has. */
    held: array(uint(), { max: heldEpochsMax }),
    /** X-Wing: the answer is sealed to it, since the room's present members need not be those of then. */
    key: bytes(1_216),
  }),
  /** A part of the answer: HPKE over `missingAnswer`. [Z3] */
  refill: struct({
    id: bytes(16),
    encapsulation: bytes(1_120),
    ciphertext: bytes({ min: 16, max: envelopePayloadBytesMax }),
  }),
});

export const roomItem = checked(anyItem, (item) => {
  if (item.kind !== "ask") return undefined;
  const { first, last } = item;
  return first <= last && last - first < missingPerAskMax ? undefined : "asks for none or too many";
});
export type RoomItem = TypeOf<typeof roomItem>;
