/**
 * A stream over the wire of a connection: what is in flight, in order, at most a window ahead of the acknowledgements.
 * Invariants: nothing is sent before the receiver said what it holds, nor before it was committed; what is not
 * acknowledged in time is sent again; positions outlive wires. [B14] to [B18]
 */
import type { Clock, Timer } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import type { OutboxRow } from "../../store/store.ts";
import {
  congestionRetryMs,
  outboxPageRows,
  streamRestartsMax,
  streamRetryMs,
  streamStallMaxMs,
  streamStallMs,
  streamWindowBytesMax,
} from "../limits.ts";
import type { KeptStream, StreamFollower } from "./kept-stream.ts";

/** How a stream reaches its destination while there is a connection. */
export interface Wire {
  readonly congested: boolean;
  /** @returns the bytes it took */
  send(row: OutboxRow): number;
  /** The stream stalled: whatever the receiver could not open shall not be used again. */
  renewSeal(): void;
  /** The state that the receiver knows is not true any more. */
  stateChanged(): void;
  /** The receiver claims what cannot be. */
  violated(): void;
}

export interface OutgoingStreamPorts {
  clock: Clock;
  /** The store could not be read; it is tried again. */
  failed: (error: unknown) => void;
}

export class OutgoingStream implements StreamFollower {
  readonly kept: KeptStream;
  readonly #ports: OutgoingStreamPorts;
  #wire: Wire | undefined;
  /** The stream that the receiver holds, as it said over this wire; undefined: it has not. */
  #theirs: number | undefined;
  #synced = false;
  #restarts = 0;
  /** The sequence sent last. */
  #sent = 0;
  #inFlightBytes = 0;
  readonly #inFlight = new Map<number, number>();
  /** Committed bundles to be sent next, in order. */
  #queue: OutboxRow[] = [];
  #reading = false;
  #pumpTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #stallMs = streamStallMs;
  #window: number = limits.streamWindowBundles;

  constructor(kept: KeptStream, ports: OutgoingStreamPorts) {
    this.kept = kept;
    this.#ports = ports;
    kept.follow(this);
  }

  /** Whether there is a wire. */
  get connected(): boolean {
    return this.#wire !== undefined;
  }

  /** Sent over this connection and not acknowledged. */
  get underWayBytes(): number {
    return this.#inFlightBytes;
  }

  /** A connection opened: nothing is sent before the receiver said what it holds. */
  connect(wire: Wire): void {
    this.disconnect();
    this.#wire = wire;
  }

  disconnect(): void {
    this.#wire = undefined;
    this.#theirs = undefined;
    this.#synced = false;
    this.#restarts = 0;
    this.#stallMs = streamStallMs;
    this.#window = limits.streamWindowBundles;
    this.#rewind(0);
    this.#pumpTimer?.cancel();
    this.#pumpTimer = undefined;
  }

  /** What the receiver holds, as it says on every connection. Any regression opens a new stream. [B17] */
  async receiverHolds(stream: number, committed: number): Promise<void> {
    const wire = this.#wire;
    const { kept } = this;
    await kept.ready();
    if (wire === undefined || wire !== this.#wire) return;
    this.#theirs = stream;
    if (kept.restarting) return;
    const ours = kept.state;
    const holds = stream === ours.stream ? committed : 0;
    if (stream > ours.stream || holds > kept.reached || holds < kept.acked)
      return this.#restart(wire, stream);
    kept.acknowledge(holds);
    if (this.#synced) return;
    this.#synced = true;
    this.#sent = Math.max(holds, kept.state.floor - 1);
    this.#pump();
  }

  /** The receiver acknowledges over the wire. [B15] */
  received(stream: number, committed: number): void {
    const { kept } = this;
    if (!this.#synced || stream !== kept.state.stream || kept.restarting) return;
    if (committed > kept.reached) return this.#wire?.violated();
    kept.acknowledge(committed);
  }

  appended(rows: OutboxRow[]): void {
    for (const row of rows) {
      const last = this.#queue.at(-1)?.sequence ?? this.#sent;
      const room = this.#queue.length < outboxPageRows && !this.#reading;
      if (this.#synced && room && row.sequence === last + 1) this.#queue.push(row);
    }
    this.#pump();
  }

  acknowledged(committed: number): void {
    this.#landed(committed);
    this.#sent = Math.max(this.#sent, committed);
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
    this.#stallMs = streamStallMs;
    this.#window = limits.streamWindowBundles;
    this.#pump();
  }

  began(): void {
    this.#rewind(0);
    const theirs = this.#theirs;
    if (this.#wire === undefined) return;
    // Begun before the receiver said so: clocks go back. Nor can it hold one that only just began: that is another's.
    if (theirs !== undefined && theirs >= this.kept.state.stream) return this.#restart(this.#wire, theirs);
    this.#synced = theirs !== undefined;
    this.#wire.stateChanged();
  }

  skipped(): void {
    const last = this.kept.state.floor - 1;
    this.#landed(last);
    if (this.#synced) this.#sent = Math.max(this.#sent, last);
    this.#wire?.stateChanged();
    this.#pump();
  }

  /** Over a connection both ends say what they have. */
  doubted(): void {}

  #pump(): void {
    const wire = this.#wire;
    if (wire === undefined || !this.#synced || this.#pumpTimer !== undefined) return;
    while (this.#inFlight.size < this.#window && this.#inFlightBytes < streamWindowBytesMax) {
      if (wire.congested) {
        this.#pumpLater(congestionRetryMs);
        return;
      }
      const row = this.#queue.shift();
      if (row === undefined) {
        if (this.#sent + 1 < this.kept.state.next) this.#background(this.#read());
        break;
      }
      if (row.sequence !== this.#sent + 1 || row.stream !== this.kept.state.stream) {
        this.#queue = [];
        continue;
      }
      const bytes = wire.send(row);
      // Sending may have ended the connection.
      if (this.#wire !== wire) return;
      this.#sent = row.sequence;
      this.kept.sent(row);
      this.#inFlight.set(row.sequence, bytes);
      this.#inFlightBytes += bytes;
    }
    this.#watch();
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const from = this.#sent + 1;
    const { stream } = this.kept.state;
    try {
      const page = await this.kept.page(from);
      const fits = this.#synced && this.#queue.length === 0 && this.#sent + 1 === from;
      if (fits && this.kept.state.stream === stream) this.#queue = page;
      if (fits && page.length === 0) return;
    } finally {
      this.#reading = false;
    }
    this.#pump();
  }

  /** While something is in flight and no acknowledgement comes, it is sent again, later and later. [B16] */
  #watch(): void {
    if (this.#inFlight.size === 0 || this.#stallTimer !== undefined) return;
    this.#stallTimer = this.#ports.clock.after(this.#stallMs, () => {
      this.#stallTimer = undefined;
      this.#stallMs = Math.min(this.#stallMs * 2, streamStallMaxMs);
      this.#window = 1;
      this.#wire?.renewSeal();
      this.#rewind(Math.max(this.kept.acked, this.kept.state.floor - 1));
      this.#pump();
    });
  }

  #rewind(sent: number): void {
    this.#sent = sent;
    this.#queue = [];
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
  }

  #landed(upTo: number): void {
    for (const [sequence, bytes] of this.#inFlight) {
      if (sequence > upTo) continue;
      this.#inFlight.delete(sequence);
      this.#inFlightBytes -= bytes;
    }
  }

  #restart(wire: Wire, theirs: number): void {
    this.#restarts += 1;
    if (this.#restarts > streamRestartsMax) return wire.violated();
    this.#synced = false;
    this.#rewind(0);
    this.kept.restart(theirs);
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#ports.failed(error);
      this.#pumpLater(streamRetryMs);
    });
  }

  #pumpLater(delayMs: number): void {
    this.#pumpTimer ??= this.#ports.clock.after(delayMs, () => {
      this.#pumpTimer = undefined;
      this.#pump();
    });
  }
}
