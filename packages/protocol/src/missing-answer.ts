/**
 * What answers somebody who asked for missing messages: the messages as they were signed, with what their signatures
 * cover, and why others of them are not there. Sealed to the key of the question, so that nobody else in the room
 * reads what was not for them. [Z3]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bool, bytes, checked, literals, struct, uint } from "./cbor/codec.ts";
import { envelopePayloadBytesMax, heldEpochsMax, missingPerAskMax } from "./limits.ts";
import type { RoomId } from "./names.ts";
import { roomId } from "./names.ts";

const counter = checked(uint({}), (value) => (value === 0 ? "is 0" : undefined));

export const missingAnswer = struct({
  /** GroupContexts (RFC 9420 §8.1) of epochs that the asking device does not have. */
  contexts: array(struct({ epoch: uint(), context: bytes({ max: envelopePayloadBytesMax }) }), {
    max: heldEpochsMax,
  }),
  messages: array(
    struct({
      epoch: uint(),
      /** The sender's leaf then. */
      leaf: uint({ max: 2 ** 32 - 1 }),
      /** When it was sent, by its sender's clock. Not proved. */
      created: uint(),
      /** The room item, byte for byte. */
      item: bytes({ min: 1, max: envelopePayloadBytesMax }),
      /** Of the MLS message that it was (RFC 9420 §6.1). */
      signature: bytes(64),
    }),
    { max: missingPerAskMax },
  ),
  /**
   * Counters that are not in any part of this answer. `absent`: not known here. `expired`: sent, and gone for
   * everybody. `gone`: sent, and kept here no more.
   * `never`: not sent yet. `not-yours`: sent when the asking device was not in the room.
   */
  without: array(
    struct({
      first: counter,
      last: counter,
      why: literals("absent", "expired", "gone", "never", "not-yours"),
    }),
    { max: missingPerAskMax },
  ),
  /** Another part follows. */
  more: bool,
});
export type MissingAnswer = TypeOf<typeof missingAnswer>;

/** HPKE's info for a sealed answer. */
export const missingAnswerSealInfo = new TextEncoder().encode("fedchat/v1/missing-answer");

/** HPKE's AAD: the answer to this very question in this very room. */
export function missingAnswerAad(room: RoomId, ask: Uint8Array): Uint8Array {
  const aad = new Uint8Array(16 + ask.length);
  aad.set(roomId.toBytes(room));
  aad.set(ask, 16);
  return aad;
}
