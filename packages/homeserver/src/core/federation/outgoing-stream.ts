/**
 * The sending side of one stream. What is kept lies in the store; in memory are only the positions, the bundles in
 * flight and what waits for the next transaction. Invariants: a bundle is sent only after it was committed, in order,
 * at most a window ahead of the acknowledgements; sequences are given out without holes, in the transaction that stores
 * them; nothing goes before it was acknowledged or has expired. [B14] to [B20]
 */
import type { Clock, Envelope, Refusal, ServerId, StreamClass, Timer } from "@fedchat/protocol";
import { encodeBundleBody, envelopeSize, limits, nextSequence, ProtocolError } from "@fedchat/protocol";
import type { HomeserverStore, OutboxRow, WriteOp } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import {
  congestionRetryMs,
  outboxBundlesMax,
  outboxPageRows,
  outboxPendingBytesMax,
  streamRestartsMax,
  streamRetryMs,
  streamStallMaxMs,
  streamStallMs,
  streamWindowBytesMax,
} from "../limits.ts";
import { packEnvelopes, packRefusals } from "./packing.ts";

export type SentEnvelope = OutboxRow["envelopes"][number];

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
  destination: ServerId;
  class: StreamClass;
  clock: Clock;
  store: Pick<HomeserverStore, "outboxPage">;
  /** This stream has something for the next transaction. */
  request: () => void;
  forwarded: (envelopes: SentEnvelope[]) => void;
  expired: (envelopes: SentEnvelope[]) => void;
  /** A new stream began, with those bundles that were left. */
  restarted: () => void;
  /** How many bundles wait is different. */
  depthChanged: () => void;
  /** The store could not be read; it is tried again. */
  failed: (error: unknown) => void;
}

/** What a stream adds to a transaction, and what follows from how that ends. */
export interface StreamPlan {
  ops: WriteOp[];
  committed(): void;
  failed(error: unknown): void;
}

interface Waiting {
  envelope: Envelope;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class OutgoingStream {
  readonly #ports: OutgoingStreamPorts;
  /** As committed. Stream 0: nothing was ever sent. */
  #stream: number;
  #next: number;
  #floor: number;
  /** The highest sequence that the receiver is known to have committed. */
  #acked = 0;
  /** No bundle above this holds anything but refusals. */
  #envelopesUpTo: number;
  #ready: Promise<void> | undefined;
  #loaded: boolean;

  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #refusals = new Map<string, Refusal>();
  #settleTo = 0;
  #expireTo = 0;
  #restartTo: number | undefined;
  #planned = false;
  #retry: Timer | undefined;
  #settling = false;
  #expiring = false;
  #closed = false;

  #wire: Wire | undefined;
  #synced = false;
  #restarts = 0;
  /** The sequence sent last. */
  #sent = 0;
  /**
   * The highest sequence that the receiver can have: sent since start, or stored before. Whatever was stored since and
   * not sent cannot be at the receiver, so that a restored backup shows even after new bundles were added to it.
   */
  #reached: number;
  #inFlightBytes = 0;
  readonly #inFlight = new Map<number, number>();
  /** Which envelopes are in the bundles that were sent and not settled. */
  readonly #contents = new Map<number, SentEnvelope[]>();
  /** Committed bundles to be sent next, in order. */
  #queue: OutboxRow[] = [];
  #reading = false;
  #pumpTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #stallMs = streamStallMs;
  #window: number = limits.streamWindowBundles;

  constructor(ports: OutgoingStreamPorts, stored: { stream: number; next: number } | undefined) {
    this.#ports = ports;
    this.#stream = stored?.stream ?? 0;
    this.#next = stored?.next ?? 1;
    this.#floor = this.#next;
    this.#reached = this.#next - 1;
    this.#envelopesUpTo = this.#next - 1;
    this.#loaded = stored === undefined;
  }

  /** Bundles not yet acknowledged, and those being packed. */
  get depth(): number {
    return this.#next - this.#floor + (this.#waiting.length > 0 ? 1 : 0);
  }

  /** Whether anything was ever sent or waits to be. */
  get used(): boolean {
    return this.#stream !== 0 || this.#planned || this.#hasMore;
  }

  /** Nothing waits, or only refusals: nobody here would miss it. */
  get forgettable(): boolean {
    if (!this.#loaded || this.#planned || this.#waiting.length > 0) return false;
    return this.#envelopesUpTo < this.#floor;
  }

  get state(): { stream: number; floor: number; next: number } {
    return { stream: this.#stream, floor: this.#floor, next: this.#next };
  }

  /** Resolves once it is known which bundles are still kept. */
  ready(): Promise<void> {
    if (this.#loaded) return Promise.resolve();
    return (this.#ready ??= this.#load().finally(() => (this.#ready = undefined)));
  }

  submit(envelope: Envelope): Promise<void> {
    const size = envelopeSize(envelope);
    if (this.depth >= outboxBundlesMax || this.#waitingBytes + size > outboxPendingBytesMax) {
      return Promise.reject(new ProtocolError("quota-exceeded"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ envelope, resolve, reject });
      this.#waitingBytes += size;
      this.#ports.request();
    });
  }

  /** Tells the other side durably, in the next transaction, what was not taken. [B12] */
  refuse(refusals: Refusal[]): void {
    for (const refusal of refusals) this.#refusals.set(refusalKey(refusal), refusal);
    if (refusals.length > 0) this.#ports.request();
  }

  /** What brought these about was not committed: they are not told. */
  withdraw(refusals: Refusal[]): void {
    for (const refusal of refusals) {
      const key = refusalKey(refusal);
      if (this.#refusals.get(key) === refusal) this.#refusals.delete(key);
    }
  }

  /** What this stream adds to the transaction that is about to be closed. */
  plan(): StreamPlan | undefined {
    if (this.#planned || this.#closed) return undefined;
    const { destination } = this.#ports;
    const ops: WriteOp[] = [];
    const place = { destination, class: this.#ports.class, stream: this.#stream };
    const settleTo = Math.max(this.#settleTo, this.#floor - 1);
    const expireTo = Math.max(this.#expireTo, settleTo);
    if (settleTo >= this.#floor) ops.push({ op: "outbox.acknowledged", ...place, sequence: settleTo });
    if (expireTo > settleTo) ops.push({ op: "outbox.expire", ...place, sequence: expireTo });
    const settledFrom = this.#floor;
    let floor = expireTo + 1;
    let next = this.#next;
    const restart = this.#restartTo;
    if (restart !== undefined) {
      ops.push({ op: "outbox.restart", ...place, stream: restart });
      [floor, next] = [1, next - floor + 1];
    }
    const now = this.#ports.clock.now();
    const stream = restart ?? (this.#stream === 0 ? nextSequence(0, now) : this.#stream);
    const waiting = this.#waiting;
    const refusals = [...this.#refusals];
    const rows = this.#pack(waiting, refusals, { stream, next, now });
    if (rows.length > 0) ops.push({ op: "outbox.append", rows });
    if (ops.length === 0) return undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#planned = true;
    return {
      ops,
      committed: () => {
        this.#planned = false;
        const settled = this.#take(settledFrom, settleTo);
        const expired = this.#take(settleTo + 1, expireTo);
        this.#stream = rows.length > 0 ? stream : (restart ?? this.#stream);
        if (restart !== undefined || expireTo >= settledFrom) this.#floor = floor;
        this.#next = next + rows.length;
        if (restart !== undefined) this.#envelopesUpTo = next - 1;
        for (const { sequence, envelopes } of rows) if (envelopes.length > 0) this.#envelopesUpTo = sequence;
        for (const [key, refusal] of refusals)
          if (this.#refusals.get(key) === refusal) this.#refusals.delete(key);
        if (restart !== undefined) this.#began();
        this.#append(rows);
        for (const { resolve } of waiting) resolve();
        if (settled.length > 0) this.#ports.forwarded(settled);
        if (expired.length > 0) this.#ports.expired(expired);
        if (expireTo > settleTo && restart === undefined) this.#skipped();
        this.#ports.depthChanged();
        this.#pump();
        if (this.#hasMore) this.#ports.request();
      },
      failed: (error) => {
        this.#planned = false;
        // What was submitted meanwhile would overtake what comes again. [H10]
        for (const { reject } of [...waiting, ...this.#waiting.splice(0)]) reject(submitError(error));
        this.#waitingBytes = 0;
        if (this.#hasMore) this.#requestLater();
      },
    };
  }

  /** A connection opened: nothing is sent before the receiver said what it holds. */
  connect(wire: Wire): void {
    this.disconnect();
    this.#wire = wire;
  }

  disconnect(): void {
    this.#wire = undefined;
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
    await this.ready();
    if (wire === undefined || wire !== this.#wire || this.#restartTo !== undefined) return;
    const holds = stream === this.#stream ? committed : 0;
    if (stream > this.#stream || holds > this.#reached || holds < this.#acked) {
      return this.#restart(wire, stream);
    }
    this.#acknowledge(holds);
    if (this.#synced) return;
    this.#synced = true;
    this.#sent = Math.max(holds, this.#floor - 1);
    this.#pump();
  }

  /** Everything up to `committed` is on the receiver's disk. [B15] */
  acknowledged(stream: number, committed: number): void {
    if (!this.#synced || stream !== this.#stream || this.#restartTo !== undefined) return;
    if (committed > this.#reached) return this.#wire?.violated();
    this.#acknowledge(committed);
  }

  /** Gives up what has waited for too long; the receiver learns the new floor. [B19] */
  async expire(): Promise<void> {
    if (this.#expiring || this.#closed) return;
    this.#expiring = true;
    try {
      await this.ready();
      const now = this.#ports.clock.now();
      const page = await this.#page(this.#floor);
      const keptFrom = page.findIndex((row) => row.expiresAt > now);
      const expired = keptFrom === -1 ? page : page.slice(0, keptFrom);
      const last = expired.at(-1);
      if (last === undefined || this.#restartTo !== undefined || last.stream !== this.#stream) return;
      for (const row of expired) this.#contents.set(row.sequence, row.envelopes);
      this.#expireTo = last.sequence;
      this.#ports.request();
    } finally {
      this.#expiring = false;
    }
  }

  close(): void {
    this.#closed = true;
    this.disconnect();
    this.#retry?.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(new ProtocolError("internal", "Closing."));
  }

  get #hasMore(): boolean {
    return (
      this.#waiting.length > 0 ||
      this.#refusals.size > 0 ||
      this.#settleTo >= this.#floor ||
      this.#expireTo >= this.#floor ||
      this.#restartTo !== undefined
    );
  }

  async #load(): Promise<void> {
    const next = this.#next;
    const { store, destination } = this.#ports;
    const [first] = await store.outboxPage(destination, this.#ports.class, 0, 1);
    this.#floor = first?.sequence ?? next;
    this.#acked = this.#floor - 1;
    this.#loaded = true;
    this.#ports.depthChanged();
  }

  #page(fromSequence: number): Promise<OutboxRow[]> {
    const { store, destination } = this.#ports;
    return store.outboxPage(destination, this.#ports.class, fromSequence, outboxPageRows);
  }

  #pack(
    waiting: Waiting[],
    refusals: [string, Refusal][],
    from: { stream: number; next: number; now: number },
  ): OutboxRow[] {
    const packed = [
      ...packRefusals(refusals.map(([, refusal]) => refusal)).map((body) => ({ body, envelopes: [] })),
      ...packEnvelopes(waiting.map(({ envelope }) => envelope)).map((envelopes) => ({
        body: encodeBundleBody({ kind: "envelopes", envelopes }),
        envelopes: envelopes.map(({ id, from: sender }) => ({ id, from: sender })),
      })),
    ];
    return packed.map(({ body, envelopes }, index) => ({
      destination: this.#ports.destination,
      class: this.#ports.class,
      stream: from.stream,
      sequence: from.next + index,
      created: from.now,
      expiresAt: from.now + limits.bundleLifetimeMs,
      body,
      envelopes,
    }));
  }

  /** Bundles that were just committed go out directly where all before them are out or queued. */
  #append(rows: OutboxRow[]): void {
    for (const row of rows) {
      const last = this.#queue.at(-1)?.sequence ?? this.#sent;
      const room = this.#queue.length < outboxPageRows && !this.#reading;
      if (this.#synced && room && row.sequence === last + 1) this.#queue.push(row);
    }
  }

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
        if (this.#sent + 1 < this.#next) this.#background(this.#read());
        break;
      }
      if (row.sequence !== this.#sent + 1 || row.stream !== this.#stream) {
        this.#queue = [];
        continue;
      }
      const bytes = wire.send(row);
      // Sending may have ended the connection.
      if (this.#wire !== wire) return;
      this.#sent = row.sequence;
      this.#reached = Math.max(this.#reached, row.sequence);
      this.#inFlight.set(row.sequence, bytes);
      this.#inFlightBytes += bytes;
      this.#contents.set(row.sequence, row.envelopes);
    }
    this.#watch();
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const from = this.#sent + 1;
    const stream = this.#stream;
    try {
      const page = await this.#page(from);
      const fits = this.#synced && this.#queue.length === 0 && this.#sent + 1 === from;
      if (fits && this.#stream === stream) this.#queue = page;
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
      this.#rewind(Math.max(this.#acked, this.#floor - 1));
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

  #acknowledge(committed: number): void {
    if (committed <= this.#acked) return;
    this.#acked = committed;
    for (const [sequence, bytes] of this.#inFlight) {
      if (sequence > committed) break;
      this.#inFlight.delete(sequence);
      this.#inFlightBytes -= bytes;
    }
    this.#sent = Math.max(this.#sent, committed);
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
    this.#stallMs = streamStallMs;
    this.#window = limits.streamWindowBundles;
    this.#background(this.#settle());
    this.#pump();
  }

  /** Has acknowledged bundles removed. What was sent by an earlier run is read again, to know whose it was. */
  async #settle(): Promise<void> {
    if (this.#settling) return;
    this.#settling = true;
    try {
      const stream = this.#stream;
      let upTo = Math.max(this.#floor - 1, this.#settleTo);
      while (upTo < this.#acked && this.#stream === stream) {
        if (this.#contents.has(upTo + 1)) {
          upTo += 1;
          continue;
        }
        const page = await this.#page(upTo + 1);
        // What is not kept any more (it expired meanwhile) is settled.
        upTo = page[0] === undefined ? this.#acked : Math.max(upTo, page[0].sequence - 1);
        for (const row of page) {
          if (row.stream === stream && row.sequence <= this.#acked)
            this.#contents.set(row.sequence, row.envelopes);
        }
      }
      if (this.#stream !== stream || this.#restartTo !== undefined) return;
      this.#settleTo = Math.min(upTo, this.#acked);
      this.#ports.request();
    } finally {
      this.#settling = false;
    }
  }

  #take(from: number, to: number): SentEnvelope[] {
    const taken: SentEnvelope[] = [];
    for (let sequence = from; sequence <= to; sequence += 1) {
      taken.push(...(this.#contents.get(sequence) ?? []));
      this.#contents.delete(sequence);
    }
    return taken;
  }

  #restart(wire: Wire, theirs: number): void {
    this.#restarts += 1;
    if (this.#restarts > streamRestartsMax) return wire.violated();
    this.#synced = false;
    this.#rewind(0);
    this.#restartTo = nextSequence(Math.max(this.#stream, theirs), this.#ports.clock.now());
    this.#ports.request();
  }

  /** The new stream is on disk. */
  #began(): void {
    this.#restartTo = undefined;
    this.#settleTo = 0;
    this.#expireTo = 0;
    this.#acked = 0;
    this.#contents.clear();
    this.#rewind(0);
    this.#reached = 0;
    this.#ports.restarted();
    if (this.#wire === undefined) return;
    this.#synced = true;
    this.#wire.stateChanged();
  }

  #skipped(): void {
    for (const [sequence, bytes] of this.#inFlight) {
      if (sequence >= this.#floor) continue;
      this.#inFlight.delete(sequence);
      this.#inFlightBytes -= bytes;
    }
    if (this.#synced) this.#sent = Math.max(this.#sent, this.#floor - 1);
    this.#wire?.stateChanged();
    this.#background(this.expire());
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
      if (this.#acked > this.#settleTo) this.#background(this.#settle());
      this.#pump();
    });
  }

  #requestLater(): void {
    if (this.#closed) return;
    this.#retry ??= this.#ports.clock.after(streamRetryMs, () => {
      this.#retry = undefined;
      this.#ports.request();
    });
  }
}

const refusalKey = ({ envelope, to }: Refusal): string => `${envelope} ${to}`;

function submitError(error: unknown): unknown {
  if (!(error instanceof StoreFullError)) return error;
  return new ProtocolError("storage-full", undefined, { cause: error, retryAfterMs: streamRetryMs });
}
