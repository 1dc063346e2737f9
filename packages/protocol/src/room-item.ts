/**
 * The application data of a room's MLS messages: messages and statuses with the counters by which holes are seen, and
 * what two engines tell each other beside them. [M1] to [M3] [M7]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, checked, nullable, struct, tagged, uint } from "./cbor/codec.ts";
import { envelopePayloadBytesMax } from "./limits.ts";
import { deviceId, messageId } from "./names.ts";

/** Counts from 1. */
const counter = checked(uint({}), (value) => (value === 0 ? "is 0" : undefined));

/** The highest counter seen of each sending device, each device once: shows a withheld tail too. */
const seen = checked(array(struct({ device: deviceId.codec, counter }), { max: 1_000 }), (list) =>
  new Set(list.map(({ device }) => device)).size === list.length ? undefined : "names a device twice",
);

export const roomItem = tagged("kind", {
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
});
export type RoomItem = TypeOf<typeof roomItem>;
