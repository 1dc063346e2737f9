/**
 * The source's side of custody, for one destination: while no connection to it can be had, what waits is handed to one
 * relay at a time, in order, a window ahead of the relay's receipts. Invariants: the outbox keeps everything until the
 * destination itself acknowledges it, so that a relay can lose or lie and nothing is lost. [K1] [K7] to [K9]
 */
import type {
  BundleClass,
  ControlItem,
  CustodyReceipt,
  LinkControl,
  ServerId,
  StreamClass,
  Timer,
} from "@fedchat/protocol";
import {
  bundleHash,
  encodeBundleBody,
  encodeBundleParts,
  fromWireError,
  limits,
  ProtocolError,
} from "@fedchat/protocol";
import type { OutboxRow, ReceiptRow } from "../../store/store.ts";
import {
  congestionRetryMs,
  custodyAckDelayMs,
  custodyAnswerMs,
  custodyAwaitsConnectionMs,
  custodyConnectingMs,
  custodyDeferredMs,
  custodyNoWayMs,
  custodyPatienceMaxMs,
  custodyPatienceMs,
  custodyRefusedMs,
  custodyUnansweredMs,
  custodyWindowBundles,
  custodyWindowBytesMax,
  streamRetryMs,
} from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Connection } from "./connection.ts";
import type { KeptStream, SentEnvelope, StreamFollower } from "./kept-stream.ts";
import type { FederationOptions } from "./options.ts";

type Refused = Extract<LinkControl, { kind: "custodyRefused" }>;

export interface SealedParts {
  aad: Uint8Array;
  sealed: Uint8Array;
}

export interface CustodySourcePorts {
  destination: ServerId;
  options: Pick<FederationOptions, "clock" | "log" | "primitives" | "commit" | "store">;
  kept: Record<StreamClass, KeptStream>;
  /** What we hold of the destination's streams. */
  receiving: (streamClass: StreamClass) => { stream: number; committed: number };
  /** no: there is a connection, or nothing is to go there. soon: an attempt to connect is under way. */
  wanted: () => "yes" | "soon" | "no";
  /** Relays in order from here, best first. */
  ways: () => ServerId[][];
  connectionTo: (server: ServerId) => Connection | undefined;
  /** Undefined where the destination's key is not known, or cannot be sealed to. */
  seal: (
    header: {
      class: BundleClass;
      stream: number;
      sequence: number;
      created: number;
      lifetimeMs: number;
    },
    body: Uint8Array,
  ) => SealedParts | undefined;
  /** A relay signed for these, which were handed over on this way. */
  inCustody: (envelopes: SentEnvelope[], receipt: CustodyReceipt, path: ServerId[]) => void;
}

interface Handed {
  sequence: number;
  hash: Uint8Array;
  way: ServerId[];
  at: number;
  bytes: number;
  envelopes: SentEnvelope[];
}

interface Lane {
  readonly class: StreamClass;
  readonly kept: KeptStream;
  /** The sequence handed over last, or found to be in custody already. */
  sent: number;
  readonly unanswered: Map<number, Handed>;
  /** Unanswered on a way that was left since: its relay's word may still be under way, behind a refusal of what came after. */
  left: Handed[];
  bytes: number;
  /** Receipts from before this are not relied on any more. */
  since: number;
  reading: boolean;
}

export class CustodySource {
  readonly #ports: CustodySourcePorts;
  readonly #lanes: Lane[];
  readonly #failed = new Map<string, number>();
  #way: ServerId[] | undefined;
  #avoid = "";
  /** To which bundles were handed since start. */
  readonly #relays = new Set<ServerId>();
  /** Receipts on their way to the disk. */
  readonly #writing = new Set<string>();
  /** Rises whenever what is under way is of no account any more. */
  #turn = 0;
  #error: ProtocolError | undefined;
  #passes = 0;
  #passAt: number | undefined;
  /** State and acknowledgements are to be told. [K7] [K8] */
  #controlDue = false;
  #controlNotBefore = 0;
  #control: Handed | undefined;
  #created = 0;
  /** Since when something waits for a connection that is being sought. */
  #awaitedSince: number | undefined;
  #due = false;
  #loading = false;
  #timer: Timer | undefined;
  #timerAt = 0;
  #closed = false;

  constructor(ports: CustodySourcePorts) {
    this.#ports = ports;
    const since = this.#now - custodyPatienceMs;
    this.#lanes = (["messages", "bulk"] as const).map((streamClass) => {
      const lane: Lane = {
        ...{ class: streamClass, kept: ports.kept[streamClass], sent: 0, unanswered: new Map() },
        left: [],
        ...{ bytes: 0, since, reading: false },
      };
      lane.kept.follow(this.#follower(lane));
      return lane;
    });
  }

  /** How things stand, for the message X-ray. */
  get view(): { path: ServerId[]; error: ProtocolError | undefined; nextTryAt: number | undefined } {
    const waiting = this.#way === undefined && this.#timer !== undefined;
    return { path: this.#way ?? [], error: this.#error, nextTryAt: waiting ? this.#timerAt : undefined };
  }

  /** Something changed: what waits, who is connected, what is known. */
  poke(): void {
    if (this.#due || this.#closed) return;
    this.#due = true;
    this.#ports.options.clock.soon(() => {
      this.#due = false;
      if (!this.#closed) this.#runSafely();
    });
  }

  /** The destination's streams have come further here: it is to learn so. */
  owesAcknowledgement(): void {
    if (!this.#controlDue) this.#controlNotBefore = this.#now + custodyAckDelayMs;
    this.#controlDue = true;
    this.poke();
  }

  /** There is a relay more: it may lead there. */
  relayOpened(): void {
    if (this.#way === undefined) this.poke();
  }

  relayClosed(relay: ServerId): void {
    if (this.#way?.[0] !== relay) return;
    this.#leave();
    this.poke();
  }

  /** A verified receipt for a bundle of ours. */
  async receipt(receipt: CustodyReceipt): Promise<void> {
    if (receipt.class === "control") {
      if (this.#control === undefined || !sameBytes(this.#control.hash, receipt.bundle)) return;
      this.#control = undefined;
      return this.poke();
    }
    const lane = this.#lanes.find((one) => one.class === receipt.class)!;
    const handed = lane.unanswered.get(receipt.sequence);
    const fresh = handed !== undefined && sameBytes(handed.hash, receipt.bundle);
    if (receipt.stream !== lane.kept.state.stream || receipt.until <= this.#now) return;
    const given = fresh ? handed : lane.left.find(({ hash }) => sameBytes(hash, receipt.bundle));
    if (given?.way.includes(receipt.relay) === false) return;
    const first = fresh && receipt.relay === handed.way[0];
    if (first) this.#answered(lane, receipt.sequence);
    // What came after it on a way that was left had been refused: that stands.
    if (fresh) this.#error = undefined;
    else lane.left = lane.left.filter((one) => one !== given);
    const word = `${receipt.relay} ${lane.class} ${receipt.bundle.join(" ")}`;
    if (this.#writing.has(word)) return;
    this.#writing.add(word);
    try {
      // The first word of the first relay is none that is known.
      await this.#keepReceipt(lane, receipt, given, first ? [] : await this.#receiptsFor(lane, receipt));
    } finally {
      this.#writing.delete(word);
    }
  }

  /** One that is relied upon already costs no disk, and tells nobody anything. */
  async #keepReceipt(
    lane: Lane,
    receipt: CustodyReceipt,
    given: Handed | undefined,
    known: ReceiptRow[],
  ): Promise<void> {
    const path = given?.way ?? known[0]?.path;
    if (path?.includes(receipt.relay) !== true) return;
    if (known.some(({ relay, at }) => relay === receipt.relay && at > lane.since)) return;
    const { destination, options } = this.#ports;
    const { stream, sequence, relay, bundle: hash, taken, until } = receipt;
    const place = { destination, class: lane.class, stream, sequence };
    const row: ReceiptRow = { ...place, relay, hash: hash.slice(), taken, until, at: this.#now, path };
    await options.commit.add([{ op: "receipt.put", row }]);
    const envelopes = given?.envelopes ?? (await this.#envelopesOf(lane, sequence));
    this.#ports.inCustody(envelopes, receipt, path);
    this.poke();
  }

  /** The relay does not take a bundle: the next way, or later. */
  refused(relay: ServerId, message: Refused): void {
    const error = fromWireError(message.error);
    const lane = this.#lanes.find((one) => one.class === message.class);
    if (lane !== undefined && message.stream !== lane.kept.state.stream) return;
    // It had signed, and the next one on the way refused: what lies on this way leads nowhere.
    const signed = lane !== undefined && !this.#takeBack(lane, relay, message.sequence);
    if (signed && this.#relays.has(relay)) this.#distrust(lane);
    if (this.#way?.[0] !== relay) return;
    const restMs = error.retry === "never" ? custodyRefusedMs : (error.retryAfterMs ?? custodyDeferredMs);
    this.#fail(error, restMs);
  }

  close(): void {
    this.#closed = true;
    this.#sleep();
    this.#leave();
  }

  get #now(): number {
    return this.#ports.options.clock.now();
  }

  get #idle(): boolean {
    return !this.#controlDue && this.#lanes.every(({ kept }) => kept.depth === 0);
  }

  #follower(lane: Lane): StreamFollower {
    return {
      appended: (rows) => rows.length > 0 && this.poke(),
      acknowledged: (committed) => {
        for (const sequence of lane.unanswered.keys())
          if (sequence <= committed) this.#answered(lane, sequence);
        lane.sent = Math.max(lane.sent, committed);
        [this.#passes, this.#passAt] = [0, undefined];
        this.poke();
      },
      began: () => {
        lane.unanswered.clear();
        [lane.bytes, lane.sent, lane.left] = [0, 0, []];
        this.#turn += 1;
        this.#stateChanged();
      },
      skipped: () => this.#stateChanged(),
      doubted: () => this.#stateChanged(),
    };
  }

  /** What the destination may have been told of our streams is not true any more. [K8] */
  #stateChanged(): void {
    if (this.#way === undefined) return;
    this.#controlDue = true;
    this.poke();
  }

  /** Whatever one destination brings about, the others go on. */
  #runSafely(): void {
    try {
      this.#run();
    } catch (error) {
      this.#ports.options.log.error(
        "custody could not be handed over",
        { server: this.#ports.destination },
        error,
      );
      this.#wakeAt(this.#now + streamRetryMs);
    }
  }

  #run(): void {
    const wanted = this.#ports.wanted();
    if (wanted === "no") return this.#rest();
    if (this.#idle) return this.#sleep();
    if (this.#lanes.some(({ kept }) => !kept.loaded)) return this.#load();
    if (wanted === "soon" && this.#way === undefined && this.#awaitsConnection())
      return this.#wakeAt(this.#now + custodyConnectingMs);
    if (!this.#choose()) return;
    if (this.#lanes.some(({ kept }) => kept.restarting)) return;
    this.#handControl();
    for (const lane of this.#lanes) this.#hand(lane);
    this.#watch();
  }

  /** A floor told before the outbox was read would have the destination skip what waits there. [K8] */
  #load(): void {
    if (this.#loading) return;
    this.#loading = true;
    Promise.all(this.#lanes.map(({ kept }) => kept.ready()))
      .then(
        () => this.poke(),
        (error: unknown) => {
          this.#ports.options.log.warn("custody could not be read", { error: String(error) });
          if (!this.#closed) this.#wakeAt(this.#now + streamRetryMs);
        },
      )
      .finally(() => (this.#loading = false));
  }

  /** Attempts follow one another, and one that nothing answers takes long: custody waits for the first moments only. */
  #awaitsConnection(): boolean {
    this.#awaitedSince ??= this.#now;
    return this.#now - this.#awaitedSince < custodyAwaitsConnectionMs;
  }

  /** There is a connection: the stream goes on from what the destination holds, and custody is of no account. [K9] */
  #rest(): void {
    this.#leave();
    this.#sleep();
    this.#failed.clear();
    [this.#controlDue, this.#error, this.#passAt] = [false, undefined, undefined];
    this.#awaitedSince = undefined;
  }

  #leave(): void {
    this.#turn += 1;
    this.#way = undefined;
    this.#control = undefined;
    for (const lane of this.#lanes) {
      const [first] = lane.unanswered.keys();
      if (first !== undefined) lane.sent = Math.min(lane.sent, first - 1);
      lane.left = [...lane.left, ...lane.unanswered.values()].slice(-custodyWindowBundles);
      lane.unanswered.clear();
      lane.bytes = 0;
    }
  }

  /** Keeps the present way, or takes the best of those that are open. */
  #choose(): boolean {
    const { ways, connectionTo } = this.#ports;
    if (this.#way !== undefined && connectionTo(this.#way[0]!) !== undefined) return true;
    this.#leave();
    for (const [key, until] of this.#failed) if (until <= this.#now) this.#failed.delete(key);
    const all = ways();
    const open = all.filter((way) => connectionTo(way[0]!) !== undefined && !this.#failed.has(keyOf(way)));
    const way = open.find((one) => keyOf(one) !== this.#avoid) ?? open[0];
    if (way === undefined) {
      this.#error ??= new ProtocolError("unreachable");
      const soonest = Math.min(this.#now + custodyNoWayMs, ...this.#failed.values());
      this.#wakeAt(Math.max(soonest, this.#now + custodyConnectingMs));
      return false;
    }
    this.#way = way;
    this.#relays.add(way[0]!);
    // Whoever takes what follows on another way may lack what went on this one. [K8]
    this.#controlDue ||= this.#lanes.some(({ kept }) => kept.depth > 0);
    return true;
  }

  #handControl(): void {
    if (!this.#controlDue || this.#control !== undefined) return;
    if (this.#now < this.#controlNotBefore) return this.#wakeAt(this.#controlNotBefore);
    const items = this.#lanes.flatMap(({ class: streamClass, kept }): ControlItem[] => {
      const receiving = this.#ports.receiving(streamClass);
      if (kept.state.stream === 0 && receiving.stream === 0) return [];
      return [{ kind: "state", class: streamClass, sending: kept.state, receiving }];
    });
    this.#controlDue = false;
    if (items.length === 0) return;
    this.#created = Math.max(this.#created + 1, this.#now);
    const header = { class: "control" as const, stream: 0, sequence: 0, created: this.#created };
    const body = encodeBundleBody({ kind: "control", items });
    const handed = this.#give({ ...header, lifetimeMs: limits.bundleLifetimeMs }, body);
    if (handed !== undefined) this.#control = { ...handed, envelopes: [] };
  }

  #hand(lane: Lane): void {
    if (lane.reading) return;
    lane.reading = true;
    this.#handPages(lane).then(
      () => (lane.reading = false),
      (error: unknown) => {
        lane.reading = false;
        this.#ports.options.log.warn("custody could not be read", { error: String(error) });
        this.#wakeAt(this.#now + streamRetryMs);
      },
    );
  }

  async #handPages(lane: Lane): Promise<void> {
    const { kept } = lane;
    const turn = this.#turn;
    await kept.ready();
    while (turn === this.#turn && this.#hasRoom(lane)) {
      const from = Math.max(lane.sent, kept.acked, kept.state.floor - 1) + 1;
      if (from >= kept.state.next) return;
      const page = await kept.page(from);
      const last = page.at(-1);
      if (last === undefined) return;
      const { destination, options } = this.#ports;
      const receipts = await options.store.receipts(destination, lane.class, from, last.sequence);
      if (turn !== this.#turn || kept.restarting) return;
      for (const row of page) if (!this.#handRow(lane, row, receipts)) return;
    }
  }

  /** @returns whether the next one may follow */
  #handRow(lane: Lane, row: OutboxRow, receipts: ReceiptRow[]): boolean {
    if (!this.#hasRoom(lane) || row.stream !== lane.kept.state.stream) return false;
    const { class: bundleClass, stream, sequence, created, expiresAt } = row;
    const now = this.#now;
    const relied = receipts.filter((one) => one.sequence === sequence && one.stream === stream);
    const inCustody = relied.some(({ at, until }) => at > lane.since && until > now);
    if (!inCustody && expiresAt > now) {
      const header = { class: bundleClass, stream, sequence, created, lifetimeMs: expiresAt - created };
      const handed = this.#give(header, row.body);
      if (handed === undefined) return false;
      lane.kept.sent(row);
      lane.unanswered.set(sequence, { ...handed, envelopes: row.envelopes });
      lane.bytes += handed.bytes;
    }
    lane.sent = sequence;
    this.#passAt ??= now;
    return true;
  }

  #hasRoom(lane: Lane): boolean {
    const connection = this.#way && this.#ports.connectionTo(this.#way[0]!);
    if (connection === undefined || lane.unanswered.size >= custodyWindowBundles) return false;
    if (lane.bytes >= custodyWindowBytesMax) return false;
    if (connection.congested) this.#wakeAt(this.#now + congestionRetryMs);
    return !connection.congested;
  }

  #give(
    header: Parameters<CustodySourcePorts["seal"]>[0],
    body: Uint8Array,
  ): Omit<Handed, "envelopes"> | undefined {
    const { seal, connectionTo, options } = this.#ports;
    const [relay, ...path] = this.#way!;
    const parts = seal(header, body);
    if (parts === undefined) {
      this.#fail(new ProtocolError("unknown-server"), custodyNoWayMs);
      return undefined;
    }
    const bundle = encodeBundleParts(parts.aad, { hopLimit: limits.bundleHopsMax, path }, parts.sealed);
    connectionTo(relay!)?.sendBundle(bundle);
    const hash = bundleHash(options.primitives, parts);
    return { sequence: header.sequence, hash, way: this.#way!, at: this.#now, bytes: bundle.length };
  }

  #answered(lane: Lane, sequence: number): void {
    lane.bytes -= lane.unanswered.get(sequence)?.bytes ?? 0;
    lane.unanswered.delete(sequence);
  }

  /** @returns whether the relay was yet to answer for this one, which is to be handed over again */
  #takeBack(lane: Lane, relay: ServerId, sequence: number): boolean {
    const refused = [...lane.unanswered.values(), ...lane.left].find(
      (one) => one.sequence === sequence && one.way[0] === relay,
    );
    if (refused === undefined) return false;
    if (lane.unanswered.get(sequence) === refused) this.#answered(lane, sequence);
    lane.left = lane.left.filter((one) => one !== refused);
    lane.sent = Math.min(lane.sent, sequence - 1);
    return true;
  }

  #fail(error: ProtocolError, restMs: number): void {
    if (this.#way !== undefined) this.#failed.set(keyOf(this.#way), this.#now + restMs);
    this.#error = error;
    this.#controlDue ||= this.#control !== undefined;
    this.#leave();
    this.poke();
  }

  /** Hands everything over again, whoever signed for it. */
  #distrust(lane: Lane): void {
    lane.since = this.#now;
    lane.sent = 0;
  }

  /** Sets the time of whatever comes first: a relay that does not answer, or one that has had its time. [K9] */
  #watch(): void {
    const handed = [...this.#lanes.flatMap(({ unanswered }) => [...unanswered.values()])];
    if (this.#control !== undefined) handed.push(this.#control);
    const oldest = handed.reduce((first, { at }) => Math.min(first, at), Infinity);
    if (oldest + custodyAnswerMs <= this.#now)
      return this.#fail(new ProtocolError("unreachable"), custodyUnansweredMs);
    if (this.#passAt !== undefined && this.#passEnds <= this.#now) {
      this.#avoid = keyOf(this.#way!);
      this.#passes += 1;
      this.#passAt = undefined;
      for (const lane of this.#lanes) this.#distrust(lane);
      this.#leave();
      return this.poke();
    }
    const next = Math.min(oldest + custodyAnswerMs, this.#passAt === undefined ? Infinity : this.#passEnds);
    if (next !== Infinity) this.#wakeAt(next);
  }

  get #passEnds(): number {
    const patience = Math.min(custodyPatienceMs * 2 ** this.#passes, custodyPatienceMaxMs);
    return (this.#passAt ?? this.#now) + patience;
  }

  #sleep(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wakeAt(at: number): void {
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const timer = this.#ports.options.clock.after(Math.max(0, at - this.#now), () => {
      if (this.#timer === timer) this.#timer = undefined;
      this.poke();
    });
    this.#timer = timer;
  }

  /** Those that were kept for this bundle: where several relays sign for it they pass back one after the other. */
  async #receiptsFor(lane: Lane, { sequence, bundle }: CustodyReceipt): Promise<ReceiptRow[]> {
    const { destination, options } = this.#ports;
    const known = await options.store.receipts(destination, lane.class, sequence, sequence);
    return known.filter(({ hash }) => sameBytes(hash, bundle));
  }

  async #envelopesOf(lane: Lane, sequence: number): Promise<SentEnvelope[]> {
    const [row] = await lane.kept.page(sequence);
    return row?.sequence === sequence ? row.envelopes : [];
  }
}

const keyOf = (way: ServerId[]): string => way.join(" ");
