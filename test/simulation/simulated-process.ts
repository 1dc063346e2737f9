/**
 * One run of a homeserver or an engine, from its start to its end: all that connects it to the world passes here.
 * Invariant: after `end` nothing that its code still does has any effect, and nothing reaches it, exactly as after
 * kill -9; so it may end at any moment, in the middle of a turn too.
 */
import type { ByteChannel, Clock, Timer } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import type { ProcessClock, VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";

export interface ProcessOptions {
  clock: VirtualClock;
  /** An exception that the code let out of a timer: never right. */
  threw: (error: unknown) => void;
  /** Called at the step that `crashAfter` chose. */
  crash: () => void;
  /** How far this machine's wall clock is off. */
  skewMs?: number;
}

export class SimulatedProcess implements Clock {
  readonly #options: ProcessOptions;
  readonly #clock: ProcessClock;
  readonly #reading = new Set<GuardedChannel>();
  #ended = false;
  #markEnded!: () => void;
  /** Resolves at the end. */
  readonly gone: Promise<void> = new Promise((resolve) => (this.#markEnded = resolve));
  #stepsLeft = Number.POSITIVE_INFINITY;
  #timers = 0;
  #stalled = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#clock = options.clock.process();
    this.#clock.skewMs = options.skewMs ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Carriers that are open here. */
  get channels(): number {
    return this.#reading.size;
  }

  /** Timers that were set and neither fired nor cancelled. */
  get timers(): number {
    return this.#timers;
  }

  end(): void {
    this.#ended = true;
    this.#clock.crash();
    this.#markEnded();
  }

  /** A wall clock that jumps; timers do not. */
  set skewMs(skewMs: number) {
    this.#clock.skewMs = skewMs;
  }

  /** Ends the process at one of the next uses that it makes of the world: a frame sent, a transaction begun or done. */
  crashAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** Between any two of these the process may end. */
  step(): void {
    this.#stepsLeft -= 1;
    if (this.#stepsLeft >= 0 || this.#ended) return;
    this.#stepsLeft = Number.POSITIVE_INFINITY;
    this.#options.crash();
  }

  now(): number {
    return this.#clock.now();
  }

  after(delayMs: number, run: () => void): Timer {
    this.#timers += 1;
    let open = true;
    const close = () => {
      if (open) this.#timers -= 1;
      open = false;
    };
    const timer = this.#clock.after(delayMs, () => {
      close();
      try {
        run();
      } catch (error) {
        if (!this.#ended) this.#options.threw(error);
      }
    });
    return {
      cancel: () => {
        close();
        timer.cancel();
      },
    };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** While true the process reads nothing from its channels, and whoever sends to it sees that. */
  set stalled(stalled: boolean) {
    this.#stalled = stalled;
    if (!stalled) for (const channel of this.#reading) channel.resume();
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  /** A channel that this process dials. */
  async dial(dialling: Promise<ByteChannel>, peer: () => SimulatedProcess | undefined): Promise<ByteChannel> {
    const outcome = await dialling.then(
      (channel) => ({ channel }),
      (error: unknown) => ({ error }),
    );
    if (this.#ended) {
      if ("channel" in outcome) outcome.channel.close();
      return new Promise(() => undefined);
    }
    if ("error" in outcome) throw asRefusal(outcome.error);
    return this.guard(outcome.channel, peer);
  }

  /** A channel of this process. `peer` is the process at the other end as far as it can be told to wait. */
  guard(channel: ByteChannel, peer: () => SimulatedProcess | undefined): ByteChannel {
    const guarded = new GuardedChannel(channel, this, peer);
    this.#reading.add(guarded);
    guarded.onForgotten = () => void this.#reading.delete(guarded);
    return guarded;
  }
}

function asRefusal(error: unknown): unknown {
  return error instanceof ProtocolError ? error : new ProtocolError("unreachable");
}

/** What a sender sees in its buffers while the other end does not read. */
const stalledBytes = limits.channelBufferedBytesMax + 1;

class GuardedChannel implements ByteChannel {
  onMessage: ((frame: Uint8Array) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  onForgotten: (() => void) | undefined;
  readonly #inner: ByteChannel;
  readonly #process: SimulatedProcess;
  readonly #peer: () => SimulatedProcess | undefined;
  /** What arrived while the process did not read. */
  #unread: (() => void)[] = [];

  constructor(inner: ByteChannel, process: SimulatedProcess, peer: () => SimulatedProcess | undefined) {
    this.#inner = inner;
    this.#process = process;
    this.#peer = peer;
    inner.onMessage = (frame) => this.#read(() => this.onMessage?.(frame));
    inner.onClose = (reason) =>
      this.#read(() => {
        this.onForgotten?.();
        this.onClose?.(reason);
      });
  }

  send(frame: Uint8Array): void {
    this.#process.step();
    if (!this.#process.ended) this.#inner.send(frame);
  }

  bufferedBytes(): number {
    return this.#inner.bufferedBytes() + (this.#peer()?.stalled === true ? stalledBytes : 0);
  }

  close(reason?: string): void {
    if (this.#process.ended) return;
    this.#unread = [];
    this.#inner.close(reason);
  }

  resume(): void {
    for (const read of this.#unread.splice(0)) this.#use(read);
  }

  #read(read: () => void): void {
    if (this.#process.stalled) this.#unread.push(read);
    else this.#use(read);
  }

  #use(read: () => void): void {
    if (!this.#process.ended) read();
  }
}
