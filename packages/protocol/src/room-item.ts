/**
 * The application data of a room's MLS messages: a message or a status, with the counters by which holes are seen.
 * [M1] to [M6]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, nullable, struct, tagged, uint } from "./cbor/codec.ts";
import { envelopePayloadBytesMax } from "./limits.ts";
import { deviceId, messageId } from "./names.ts";

/** The highest counter seen of each sending device: shows a withheld tail too. */
const seen = array(struct({ device: deviceId.codec, counter: uint({}) }), { max: 1_000 });

export const roomItem = tagged("kind", {
  message: struct({
    /** Of this device in this room: from 1, without holes. */
    counter: uint({}),
    previous: nullable(messageId.codec),
    seen,
    /** MIMI content, byte-exact. */
    content: bytes({ min: 1, max: envelopePayloadBytesMax }),
  }),
  status: struct({
    seen,
    /** application/mimi-message-status */
    content: bytes({ min: 1, max: envelopePayloadBytesMax }),
  }),
});
export type RoomItem = TypeOf<typeof roomItem>;
