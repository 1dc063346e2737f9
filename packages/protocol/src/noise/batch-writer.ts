/**
 * Collects the messages of one event-loop turn so that the sender seals once for all of them. It holds references,
 * not copies, and never more than one batch; when to flush is the caller's decision.
 */
import { assert } from "../primitives/assert.ts";
import { batchLimits, encodeBatch } from "./batch-frames.ts";
import type { BatchLimits } from "./batch-frames.ts";

export class BatchWriter {
  readonly #limits: BatchLimits;
  #messages: Uint8Array[] = [];
  #bytes = 0;

  constructor(limits: BatchLimits = batchLimits) {
    this.#limits = limits;
  }

  /** How many messages wait. */
  get count(): number {
    return this.#messages.length;
  }

  /** How long the batch would be now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a message, which must not change until it is taken. False, and nothing added, where the batch has no room
   * left: take it, send it and add again. Asserts that the message is not empty and fits a batch by itself.
   */
  add(message: Uint8Array): boolean {
    const bytes = 4 + message.length;
    assert(message.length > 0, "a message is not empty");
    assert(bytes <= this.#limits.batchBytesMax, "a message fits a batch by itself");
    if (this.#bytes + bytes > this.#limits.batchBytesMax) return false;
    if (this.#messages.length === this.#limits.batchMessagesMax) return false;
    this.#messages.push(message);
    this.#bytes += bytes;
    return true;
  }

  /** The batch of all that was added, ready to be sealed, or undefined if there is none; the writer is empty then. */
  take(): Uint8Array | undefined {
    if (this.#messages.length === 0) return undefined;
    const batch = encodeBatch(this.#messages, this.#limits);
    this.#messages = [];
    this.#bytes = 0;
    return batch;
  }
}
