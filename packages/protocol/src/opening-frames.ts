/**
 * The frames of a channel's opening, awaited one at a time under one time-out. Whoever is at the other end is still a
 * stranger: what it may make us hold and decode is bounded here. Invariant: frames reach whoever reads them in the
 * order in which they came, also across the hand-over to the open channel. [L6]
 */
import { DecodeError } from "./cbor/codec.ts";
import type { OpeningFrame } from "./channel.ts";
import { decodeOpening, encodeOpening } from "./channel.ts";
import { ProtocolError, toWireError, unproved } from "./errors.ts";
import { earlyFrameBytesMax, earlyFramesMax } from "./limits.ts";
import type { ByteChannel, Clock, Timer } from "./ports.ts";

/** An opening that is not complete by then is abandoned, on both sides. */
export const openingTimeoutMs = 10_000;

export class OpeningFrames {
  readonly #channel: ByteChannel;
  readonly #timer: Timer;
  /** What came before it was asked for. */
  readonly #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #waiting: { resolve: (frame: Uint8Array) => void; reject: (error: unknown) => void } | undefined;
  #ended: ProtocolError | undefined;
  #closed: string | undefined;

  constructor(channel: ByteChannel, clock: Clock) {
    this.#channel = channel;
    channel.onMessage = (frame) => this.#arrive(frame);
    channel.onClose = (reason) => {
      this.#closed = reason;
      this.#end(new ProtocolError("unreachable", `The connection closed: ${reason}`));
    };
    this.#timer = clock.after(openingTimeoutMs, () =>
      this.#end(new ProtocolError("not-fedchat", "The other side did not answer the handshake.")),
    );
  }

  send(frame: OpeningFrame): void {
    this.#channel.send(encodeOpening(frame));
  }

  sendSealed(frame: Uint8Array): void {
    this.#channel.send(frame);
  }

  /** Rejects with `ProtocolError` or, for what does not decode, `DecodeError`. */
  async next(): Promise<OpeningFrame> {
    return decodeOpening(await this.nextSealed());
  }

  /** The next frame as it came. Rejects with `ProtocolError` once the carrier closed or the time is over. */
  nextSealed(): Promise<Uint8Array> {
    const early = this.#early.shift();
    if (early !== undefined) {
      this.#earlyBytes -= early.length;
      return Promise.resolve(early);
    }
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /**
   * The opening is complete: `listen` takes the carrier over by setting its callbacks, and is then given what arrived
   * meanwhile. Throws `ProtocolError` where the other side flooded us.
   */
  handOver<T>(listen: (channel: ByteChannel) => T): T {
    if (this.#ended !== undefined && this.#closed === undefined) throw this.#ended;
    this.#timer.cancel();
    const listener = listen(this.#channel);
    for (const frame of this.#early.splice(0)) this.#channel.onMessage?.(frame);
    if (this.#closed !== undefined) this.#channel.onClose?.(this.#closed);
    return listener;
  }

  /**
   * Ends the opening; with `tell`, the other side is told the code in the clear. The error to reject with: never one for
   * good, since nobody is proved yet.
   */
  fail(error: unknown, tell: boolean): ProtocolError {
    this.#timer.cancel();
    const failure = unproved(asProtocolError(error));
    this.#channel.onMessage = undefined;
    this.#channel.onClose = undefined;
    this.#early.length = 0;
    if (tell && this.#ended === undefined)
      this.send({ refused: toWireError(new ProtocolError(failure.code)) });
    this.#channel.close(failure.code);
    return failure;
  }

  #arrive(frame: Uint8Array): void {
    if (this.#ended !== undefined) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      return waiting.resolve(frame);
    }
    this.#earlyBytes += frame.length;
    this.#early.push(frame);
    if (this.#early.length <= earlyFramesMax && this.#earlyBytes <= earlyFrameBytesMax) return;
    this.#early.length = 0;
    this.#end(new ProtocolError("malformed", "The other side sent too much before the channel was open."));
  }

  #end(error: ProtocolError): void {
    this.#ended ??= error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  if (error instanceof DecodeError) {
    return new ProtocolError("malformed", "The other side did not speak FedChat's handshake.", {
      cause: error,
    });
  }
  return new ProtocolError("internal", undefined, { cause: error });
}
