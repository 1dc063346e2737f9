/**
 * The small interfaces through which the outside world reaches our cores: time, randomness, byte channels.
 * A core that takes these and nothing else can be run on a virtual clock and network and replayed from a seed.
 */

/** Wall-clock time and timers. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Calls `run` once, `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` once the present turn's work is done: what comes together in one turn is batched. */
  soon(run: () => void): void;
}

/** A pending call of `Clock.after`. */
export interface Timer {
  cancel(): void;
}

/** Cryptographically strong in production, seeded in a simulation. */
export interface RandomSource {
  /** A fresh array of `length` random bytes that the caller owns. */
  bytes(length: number): Uint8Array;
}

/**
 * An ordered, message-framed connection between two ends: a WebSocket, a MessagePort, or a simulated wire.
 * Each `send` arrives as one `message` or not at all; after `close` nothing more arrives.
 */
export interface ByteChannel {
  /** Sends one frame. The callee may keep the array: the caller must not change it afterwards. */
  send(frame: Uint8Array): void;
  /** Bytes accepted by `send` and not yet handed to the network, for flow control. */
  bufferedBytes(): number;
  /** Closes; `reason` reaches the other end where the carrier allows it (at most 120 bytes of text). */
  close(reason?: string): void;
  /** Called for each frame that arrives. Set before the first await after obtaining the channel. */
  onMessage: ((frame: Uint8Array) => void) | undefined;
  /** Called once, when either side has closed or the carrier broke. */
  onClose: ((reason: string) => void) | undefined;
}
