/**
 * The application data of a room's MLS messages: a message or a status, with the counters by which holes are seen.
 * [M1] to [M3]
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
});
export type RoomItem = TypeOf<typeof roomItem>;
