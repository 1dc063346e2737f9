/**
 * After the handshake a frame is a batch: one AEAD over a sequence of [length, u32 big-endian][message]. Sealing once
 * for many small messages is what makes a link fast. Trusts nothing inside a batch but that the peer sealed it.
 */
import { DecodeError } from "../cbor/decode-error.ts";
import { batchMessagesMax, frameBytesMax } from "../limits.ts";
import { assert } from "../primitives/assert.ts";
import { tagBytes } from "./cipher-state.ts";

const LENGTH_BYTES = 4;

export interface BatchLimits {
  /** The whole batch before it is sealed, lengths included. */
  readonly batchBytesMax: number;
  readonly batchMessagesMax: number;
}

export const batchLimits: BatchLimits = { batchBytesMax: frameBytesMax, batchMessagesMax };

/** A sealed batch as it crosses the carrier: a longer frame is refused before anything is opened. */
export const sealedFrameBytesMax: number = frameBytesMax + tagBytes;

/** The longest message that a batch can carry. */
export const batchedMessageBytesMax: number = frameBytesMax - LENGTH_BYTES;

/** Joins one or more messages, none of them empty, into a batch. Asserts the limits. */
export function encodeBatch(messages: readonly Uint8Array[], limits: BatchLimits = batchLimits): Uint8Array {
  assert(
    messages.length > 0 && messages.length <= limits.batchMessagesMax,
    "a batch holds 1 to batchMessagesMax",
  );
  let length = LENGTH_BYTES * messages.length;
  for (const message of messages) length += message.length;
  assert(length <= limits.batchBytesMax, "a batch is at most batchBytesMax long");

  const batch = new Uint8Array(length);
  const view = new DataView(batch.buffer);
  let offset = 0;
  for (const message of messages) {
    assert(message.length > 0, "a message is not empty");
    view.setUint32(offset, message.length);
    batch.set(message, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + message.length;
  }
  return batch;
}

/**
 * The messages of a batch, as views into it: whoever keeps one beyond its handling copies it. Throws `DecodeError` for
 * a batch that is empty, over a limit, or not made of whole, non-empty messages to its last byte.
 */
export function decodeBatch(batch: Uint8Array, limits: BatchLimits = batchLimits): Uint8Array[] {
  if (batch.length === 0) throw new DecodeError("batch", "is empty");
  if (batch.length > limits.batchBytesMax)
    throw new DecodeError("batch", `is longer than ${limits.batchBytesMax} bytes`);

  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const messages: Uint8Array[] = [];
  let offset = 0;
  while (offset < batch.length) {
    if (messages.length === limits.batchMessagesMax) {
      throw new DecodeError("batch", `has more than ${limits.batchMessagesMax} messages`);
    }
    if (batch.length - offset < LENGTH_BYTES)
      throw new DecodeError(`batch[${messages.length}]`, "is cut off within its length");
    const length = view.getUint32(offset);
    offset += LENGTH_BYTES;
    if (length === 0) throw new DecodeError(`batch[${messages.length}]`, "is empty");
    if (length > batch.length - offset)
      throw new DecodeError(`batch[${messages.length}]`, "reaches beyond the batch");
    messages.push(batch.subarray(offset, offset + length));
    offset += length;
  }
  return messages;
}
