/** Two ends of an in-memory carrier; either may stop reading for a while, as a slow network does. */
import type { ByteChannel } from "@fedchat/protocol";

export interface TestChannel extends ByteChannel {
  /** While true, nothing that the other end sends arrives here. */
  paused: boolean;
  /** Bytes sent from this end so far. */
  sentBytes: number;
}

export function channelPair(): [TestChannel, TestChannel] {
  const a = new End();
  const b = new End();
  a.other = b;
  b.other = a;
  return [a, b];
}

class End implements TestChannel {
  onMessage: ((frame: Uint8Array) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  other: End | undefined;
  sentBytes = 0;
  readonly #arriving: Uint8Array[] = [];
  #arrivingBytes = 0;
  #delivering = false;
  #paused = false;
  #ended: string | undefined;
  #told = false;

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.#deliverSoon();
  }

  send(frame: Uint8Array): void {
    const other = this.other!;
    if (this.#ended !== undefined || other.#ended !== undefined) return;
    this.sentBytes += frame.length;
    other.#arriving.push(frame);
    other.#arrivingBytes += frame.length;
    other.#deliverSoon();
  }

  bufferedBytes(): number {
    return this.other!.#arrivingBytes;
  }

  close(reason = "closed"): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#arriving.length = 0;
    this.#arrivingBytes = 0;
    this.#paused = false;
    const other = this.other!;
    if (other.#ended === undefined) {
      other.#ended = reason;
      other.#deliverSoon();
    }
    this.#deliverSoon();
  }

  #deliverSoon(): void {
    if (this.#delivering || this.#paused) return;
    this.#delivering = true;
    queueMicrotask(() => {
      this.#delivering = false;
      while (!this.#paused) {
        const frame = this.#arriving.shift();
        if (frame === undefined) break;
        this.#arrivingBytes -= frame.length;
        this.onMessage?.(frame);
      }
      if (this.#arriving.length > 0 || this.#ended === undefined || this.#told) return;
      this.#told = true;
      this.onClose?.(this.#ended);
    });
  }
}
