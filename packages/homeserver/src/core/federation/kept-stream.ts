/**
 * What is kept of one outgoing stream, and what it adds to transactions: envelopes become bundles with sequences, what
 * was acknowledged or has expired goes, a new stream begins. What is kept lies in the store; in memory are only the
 * positions and what waits for the next transaction. How bundles reach their destination is its followers' business.
 * Invariants: sequences are given out without holes, in the transaction that stores them, and in streams of this run only;
 * nothing goes before it was acknowledged or has expired. [B9] [B14] [B15] [B18] to [B21]
 */
import type {
  AccountId,
  Clock,
  Envelope,
  EnvelopeId,
  RandomSource,
  Refusal,
  ServerId,
  StreamClass,
  Timer,
} from "@fedchat/protocol";
import { encodeBundleBody, envelopeSize, limits, ProtocolError } from "@fedchat/protocol";
import type { HomeserverStore, OutboxRow, RefusalRow, WriteOp } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import {
  outboxBundlesMax,
  outboxPageRows,
  outboxPendingBytesMax,
  streamIdMax,
  streamRetryMs,
} from "../limits.ts";
import { packEntries, packEnvelopes, packRefusals } from "./packing.ts";

export type SentEnvelope = OutboxRow["envelopes"][number];

export interface KeptStreamPorts {
  destination: ServerId;
  class: StreamClass;
  clock: Clock;
  random: RandomSource;
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

/** A way in which bundles go to their destination. */
export interface StreamFollower {
  /** These were committed, behind all others. */
  appended(rows: OutboxRow[]): void;
  /** Everything up to `committed` is on the receiver's disk. */
  acknowledged(committed: number): void;
  /** What is left was numbered anew from 1. */
  began(): void;
  /** What is below the floor has expired. */
  skipped(): void;
  /** The receiver seems not to know the floor. */
  doubted(): void;
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

export class KeptStream {
  readonly #ports: KeptStreamPorts;
  readonly #followers: StreamFollower[] = [];
  /** As committed. Stream 0: nothing was ever sent. */
  #stream: number;
  #next: number;
  #floor: number;
  /** The highest sequence that the receiver is known to have committed. */
  #acked = 0;
  /** No bundle above this holds anything but refusals. */
  #envelopesUpTo: number;
  /**
   * The highest sequence that the receiver can have: sent since start, or stored before. Whatever was stored since and
   * not sent cannot be at the receiver.
   */
  #reached: number;
  /** An earlier run began the stream. A later one, lost to a restored backup, may have given any further number. [B21] */
  #inherited: boolean;
  #ready: Promise<void> | undefined;
  #loaded: boolean;

  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #refusals = new Map<string, Refusal>();
  /** Signed entries of rooms' logs, in order. */
  #entries: Uint8Array[] = [];
  #entriesBytes = 0;
  /** Which envelopes are in the bundles that were sent and not settled. */
  readonly #contents = new Map<number, SentEnvelope[]>();
  #settleTo = 0;
  #expireTo = 0;
  #restartTo: number | undefined;
  #planned = false;
  #retry: Timer | undefined;
  #settleRetry: Timer | undefined;
  #settling = false;
  #expiring = false;
  #closed = false;

  constructor(ports: KeptStreamPorts, stored: { stream: number; next: number } | undefined) {
    this.#ports = ports;
    this.#stream = stored?.stream ?? 0;
    this.#next = stored?.next ?? 1;
    this.#floor = this.#next;
    this.#reached = this.#next - 1;
    this.#inherited = stored !== undefined;
    this.#envelopesUpTo = this.#next - 1;
    this.#loaded = stored === undefined;
  }

  follow(follower: StreamFollower): void {
    this.#followers.push(follower);
  }

  /** Bundles not yet acknowledged, and those being packed. */
  get depth(): number {
    return this.#next - this.#floor + (this.#waiting.length + this.#entries.length > 0 ? 1 : 0);
  }

  /** Whether anything was ever sent or waits to be. */
  get used(): boolean {
    return this.#stream !== 0 || this.#planned || this.#hasMore;
  }

  /** Nothing waits, or only refusals: nobody here would miss it. */
  get forgettable(): boolean {
    if (!this.#loaded || this.#planned || this.#waiting.length + this.#entries.length > 0) return false;
    return this.#envelopesUpTo < this.#floor;
  }

  /** Something is known to wait that somebody here sent. */
  get awaited(): boolean {
    const waits = this.#waiting.length + this.#entries.length > 0;
    return this.#loaded && (waits || this.#envelopesUpTo >= this.#floor);
  }

  get state(): { stream: number; floor: number; next: number } {
    return { stream: this.#stream, floor: this.#floor, next: this.#next };
  }

  get acked(): number {
    return this.#acked;
  }

  get reached(): number {
    return this.#reached;
  }

  /** A new stream is being begun: the numbers of the present one are not to be used any more. */
  get restarting(): boolean {
    return this.#restartTo !== undefined;
  }

  /** Whether it is known which bundles are still kept: before, no floor is true. */
  get loaded(): boolean {
    return this.#loaded;
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

  /**
   * An entry of a room's log, for the next transaction. Where too much waits it is let go: the destination asks for what
   * it missed. [O4] [O5]
   */
  tell(entry: Uint8Array): void {
    const full = this.#entriesBytes + entry.length > outboxPendingBytesMax;
    if (this.depth >= outboxBundlesMax || full || this.#closed) return;
    this.#entries.push(entry);
    this.#entriesBytes += entry.length;
    this.#ports.request();
  }

  /** The entry was not committed. */
  untell(entry: Uint8Array): void {
    this.#setEntries(this.#entries.filter((one) => one !== entry));
  }

  /** What this stream adds to the transaction that is about to be closed. */
  plan(): StreamPlan | undefined {
    if (this.#planned || this.#closed) return undefined;
    if (this.#inherited && this.#waiting.length + this.#refusals.size + this.#entries.length > 0) {
      if (!this.#loaded) return this.#planOnceLoaded();
      this.#restartTo ??= this.#streamAbove(this.#stream);
    }
    const { destination } = this.#ports;
    const ops: WriteOp[] = [];
    const place = { destination, class: this.#ports.class, stream: this.#stream };
    const settleTo = Math.max(this.#settleTo, this.#floor - 1);
    const expireTo = Math.max(this.#expireTo, settleTo);
    if (settleTo >= this.#floor) ops.push({ op: "outbox.acknowledged", ...place, sequence: settleTo });
    if (expireTo > settleTo) ops.push({ op: "outbox.expire", ...place, sequence: expireTo });
    // An engine that is away now asks later what became of it. [H12]
    for (let sequence = settleTo + 1; sequence <= expireTo; sequence += 1)
      for (const { id: envelope, from: account } of this.#contents.get(sequence) ?? [])
        ops.push({ op: "refusal.put", row: this.#expiredRow(account, envelope) });
    const settledFrom = this.#floor;
    let floor = expireTo + 1;
    let next = this.#next;
    const restart = this.#restartTo;
    if (restart !== undefined) {
      ops.push({ op: "outbox.restart", ...place, stream: restart });
      [floor, next] = [1, next - floor + 1];
    }
    const now = this.#ports.clock.now();
    const stream = restart ?? (this.#stream === 0 ? this.#streamAbove(0) : this.#stream);
    const waiting = this.#waiting;
    const refusals = [...this.#refusals];
    // Its own: what is told while this is written belongs to the next transaction.
    const entries = [...this.#entries];
    const rows = this.#pack(waiting, refusals, entries, { stream, next, now });
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
        for (const { sequence, envelopes } of rows)
          if (envelopes.length > 0 || entries.length > 0) this.#envelopesUpTo = sequence;
        this.#setEntries(this.#entries.filter((entry) => !entries.includes(entry)));
        for (const [key, refusal] of refusals)
          if (this.#refusals.get(key) === refusal) this.#refusals.delete(key);
        if (restart !== undefined) this.#began();
        for (const follower of this.#followers) follower.appended(rows);
        for (const { resolve } of waiting) resolve();
        if (settled.length > 0) this.#ports.forwarded(settled);
        if (expired.length > 0) this.#ports.expired(expired);
        if (expireTo > settleTo && restart === undefined) this.#skipped();
        this.#ports.depthChanged();
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

  /** Kept bundles from this sequence on, in order, a bounded number; none where there are no more. */
  page(fromSequence: number): Promise<OutboxRow[]> {
    const { store, destination } = this.#ports;
    return store.outboxPage(destination, this.#ports.class, fromSequence, outboxPageRows);
  }

  /** This bundle is on its way: from now on it may be at the receiver. */
  sent(row: OutboxRow): void {
    this.#reached = Math.max(this.#reached, row.sequence);
    this.#contents.set(row.sequence, row.envelopes);
  }

  /** Everything up to `committed` is on the receiver's disk; the caller knows that it was sent. [B15] */
  acknowledge(committed: number): void {
    if (committed <= this.#acked) return;
    this.#acked = committed;
    for (const follower of this.#followers) follower.acknowledged(committed);
    this.#settleSoon();
  }

  /**
   * What the receiver holds, as it said some time ago: taken where it moves forward, and only then. In a stream that is
   * lower than the one it holds it would take nothing: a new one begins. What else cannot be true of the present stream
   * is left to the next connection. [K7]
   * @param mayRestart whether one more stream may begin because of what it said
   */
  async heardOf(stream: number, committed: number, mayRestart: () => boolean): Promise<void> {
    await this.ready();
    if (this.restarting || this.#closed || stream > streamIdMax) return;
    if (stream > this.#stream && mayRestart()) return this.restart(stream);
    if (stream !== this.#stream || committed > this.#reached) return;
    // Older word than what it said since, or it forgot: then it waits for what is kept here no more.
    if (committed < this.#floor - 1) for (const follower of this.#followers) follower.doubted();
    this.acknowledge(committed);
  }

  /** Begins a new stream, above both sides', with what is still kept. [B18] */
  restart(theirs: number): void {
    if (this.#restartTo !== undefined) return;
    this.#restartTo = this.#streamAbove(Math.max(this.#stream, theirs));
    this.#ports.request();
  }

  /** Gives up what has waited for too long; the receiver learns the new floor. [B19] */
  async expire(): Promise<void> {
    if (this.#expiring || this.#closed) return;
    this.#expiring = true;
    try {
      await this.ready();
      const now = this.#ports.clock.now();
      const page = await this.page(this.#floor);
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
    this.#retry?.cancel();
    this.#settleRetry?.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(new ProtocolError("internal", "Closing."));
  }

  get #hasMore(): boolean {
    return (
      this.#waiting.length > 0 ||
      this.#entries.length > 0 ||
      this.#refusals.size > 0 ||
      this.#settleTo >= this.#floor ||
      this.#expireTo >= this.#floor ||
      this.#restartTo !== undefined
    );
  }

  /**
   * Where the clock stands behind (it goes back, or once stood ahead), it does not tell a run from one that was lost to a
   * restored backup and that began where this one did: chance does. [B6] [B21]
   */
  #streamAbove(previous: number): number {
    const { clock, random } = this.#ports;
    const now = clock.now();
    if (now > previous) return now;
    const bytes = random.bytes(4);
    return previous + 1 + (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) >>> 1);
  }

  /** Only then is it known how the bundles that are kept are to be numbered. */
  #planOnceLoaded(): undefined {
    this.ready().then(this.#ports.request, (error: unknown) => {
      this.#ports.failed(error);
      this.#requestLater();
    });
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

  #pack(
    waiting: Waiting[],
    refusals: [string, Refusal][],
    entries: Uint8Array[],
    from: { stream: number; next: number; now: number },
  ): OutboxRow[] {
    const packed = [
      ...packRefusals(refusals.map(([, refusal]) => refusal)).map((body) => ({ body, envelopes: [] })),
      // Ahead of the envelopes: what is encrypted in a new epoch comes behind what began it.
      ...packEntries(entries).map((body) => ({ body, envelopes: [] })),
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

  #expiredRow(account: AccountId, envelope: EnvelopeId): RefusalRow {
    const { destination: server, clock } = this.#ports;
    return { account, envelope, server, code: "expired", at: clock.now() };
  }

  #settleSoon(): void {
    this.#settle().catch((error: unknown) => {
      this.#ports.failed(error);
      if (this.#closed) return;
      this.#settleRetry ??= this.#ports.clock.after(streamRetryMs, () => {
        this.#settleRetry = undefined;
        this.#settleSoon();
      });
    });
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
        const page = await this.page(upTo + 1);
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

  #setEntries(entries: Uint8Array[]): void {
    this.#entries = entries;
    this.#entriesBytes = entries.reduce((sum, { length }) => sum + length, 0);
  }

  /** The new stream is on disk. */
  #began(): void {
    this.#restartTo = undefined;
    this.#settleTo = 0;
    this.#expireTo = 0;
    this.#acked = 0;
    this.#contents.clear();
    this.#reached = 0;
    this.#inherited = false;
    this.#ports.restarted();
    for (const follower of this.#followers) follower.began();
  }

  #skipped(): void {
    for (const follower of this.#followers) follower.skipped();
    this.expire().catch((error: unknown) => this.#ports.failed(error));
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
