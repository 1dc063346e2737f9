/**
 * The relay's side of custody: bundles of other servers, taken by consent and within quotas, kept until the next server
 * on their path has them. Invariants: a receipt is sent only for what is on disk; what is kept is bounded by whoever
 * handed it over; nobody can put another's bundle in the place of one that somebody else handed over. Trusts nothing
 * about a bundle's source, which it cannot check: the destination does. [K1] to [K4]
 */
import type {
  Bundle,
  BundleHeader,
  CustodyReceipt,
  ErrorCode,
  LinkControl,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import { bundleHash, encodeBundleParts, limits, ProtocolError, toWireError } from "@fedchat/protocol";
import type { CustodyEntry, CustodyRow, WriteOp, WriteResult } from "../../store/store.ts";
import {
  custodyDeferredMs,
  custodyExpiryEveryMs,
  custodyLinkedRate,
  custodyOwedPage,
  custodyPassedRememberedMax,
  custodySourcesMax,
  custodyStrangerRate,
  custodyTakingBytesMax,
  custodyTakingMax,
  custodyTraceMs,
} from "../limits.ts";
import { keepNewest } from "../keep-newest.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Trust } from "../seams.ts";
import type { Connection } from "./connection.ts";
import { CustodyTotals } from "./custody-totals.ts";
import { Onward } from "./custody-onward.ts";
import type { FederationOptions } from "./options.ts";

type Received = Bundle & { aad: Uint8Array };
type Message<K extends LinkControl["kind"]> = Extract<LinkControl, { kind: K }>;

export interface CustodyPorts {
  trustOf: (server: ServerId) => Trust;
  /** The confirmed connection to a server. */
  connectionTo: (server: ServerId) => Connection | undefined;
}

/** What one neighbour is handing over at this moment. */
interface Handing {
  bundles: number;
  bytes: number;
  /** Records of sources that it told: what follows is theirs. */
  sources: Map<ServerId, { sequence: number; signed: Uint8Array }>;
  /** Some came too fast to be looked at. */
  sourcesLetGo: boolean;
}

export class Custody {
  readonly #options: FederationOptions;
  readonly #ports: CustodyPorts;
  readonly #totals: CustodyTotals;
  readonly #linked: RateLimits<ServerId>;
  readonly #strangers: RateLimits<ServerId>;
  readonly #handing = new WeakMap<Connection, Handing>();
  readonly #onward = new Map<ServerId, Onward>();
  /** Sources of which something may lie here, by the server that it goes to next. */
  readonly #sourcesFor = new Map<ServerId, Set<ServerId>>();
  /** Receipts that were passed back, by bundle and relay: a repetition says nothing new. */
  readonly #passed = new Map<string, true>();
  /** Those that are being passed back. */
  readonly #passing = new Set<string>();
  #closed = false;

  constructor(options: FederationOptions, ports: CustodyPorts) {
    this.#options = options;
    this.#ports = ports;
    const mutual = (server: ServerId) => ports.trustOf(server) === "mutual";
    this.#totals = new CustodyTotals(
      () => options.relaying.storageBytesMax,
      ({ from, source }) => !mutual(from) || !mutual(source),
    );
    this.#linked = new RateLimits(custodyLinkedRate, options.clock);
    this.#strangers = new RateLimits(custodyStrangerRate, options.clock);
  }

  /** What lies here for others. */
  get held(): { bundles: number; bytes: number } {
    return { bundles: this.#totals.bundles, bytes: this.#totals.bytes };
  }

  /** Counts what was kept, and from now on drops what has expired. */
  start(): void {
    const { custody } = this.#options.state;
    this.#totals.load(custody);
    for (const { next, source, bundles } of custody) if (bundles > 0) this.#mark(next, source);
    this.#expireLater(0);
  }

  close(): void {
    this.#closed = true;
    for (const onward of this.#onward.values()) onward.end();
    this.#onward.clear();
  }

  /** This server is connected and has said its first word: what waits for it goes on. */
  opened(connection: Connection): void {
    const server = connection.server.record.key;
    this.#onward.get(server)?.end();
    const onward = new Onward(connection, {
      options: this.#options,
      write: (ops) => this.#write(ops),
      emptied: (source) => this.#unmark(server, source),
    });
    this.#onward.set(server, onward);
    for (const source of this.#sourcesFor.get(server) ?? []) onward.wake(source);
    this.#background(this.#payReceipts(connection));
  }

  ended(connection: Connection): void {
    const onward = this.#onward.get(connection.server.record.key);
    if (onward?.connection !== connection) return;
    onward.end();
    this.#onward.delete(connection.server.record.key);
  }

  /** The neighbour tells whose bundles follow. @param record verified, of these signed bytes */
  source(connection: Connection, record: ServerRecord, signed: Uint8Array): void {
    const { sources } = this.#handingOf(connection);
    const held = sources.get(record.key);
    const newer = held === undefined || held.sequence < record.sequence;
    const best = newer ? { sequence: record.sequence, signed } : held;
    keepNewest(sources, record.key, best, custodySourcesMax);
  }

  /** Whether the neighbour told this very record on this connection. */
  wasTold(connection: Connection, source: ServerId, signed: Uint8Array): boolean {
    const held = this.#handingOf(connection).sources.get(source);
    return held !== undefined && sameBytes(held.signed, signed);
  }

  /** The neighbour told records too fast: what it hands over of a source that is not known may come again. */
  sourceLetGo(connection: Connection): void {
    this.#handingOf(connection).sourcesLetGo = true;
  }

  /** A bundle for another server: taken into custody, or refused with the reason. */
  receive(connection: Connection, bundle: Received): void {
    this.#background(this.#take(connection, bundle));
  }

  /** The destination has everything of this stream up to and with this. */
  taken(connection: Connection, message: Message<"custodyTaken">): void {
    this.#onward.get(connection.server.record.key)?.taken(message);
  }

  /** The destination is done with this very bundle. */
  done(connection: Connection, { bundle }: Message<"custodyDone">): void {
    this.#onward.get(connection.server.record.key)?.done(bundle.slice());
  }

  /** The next relay has a bundle, or passes back what one beyond it signed. */
  receipt(connection: Connection, receipt: CustodyReceipt, signed: Uint8Array): void {
    this.#background(this.#passBack(connection, receipt, signed.slice()));
  }

  /** The next relay does not take a bundle: for now it is kept and tried again; else it is nobody's here. */
  refused(connection: Connection, message: Message<"custodyRefused">): void {
    const onward = this.#onward.get(connection.server.record.key);
    const hash = onward?.refused(message);
    if (hash === undefined || message.error.retry !== "never") return;
    this.#background(this.#giveBack(connection, hash, message));
  }

  async #take(connection: Connection, bundle: Received): Promise<void> {
    const { header, route } = bundle;
    const { clock, primitives, store } = this.#options;
    const from = connection.server.record.key;
    const handing = this.#handingOf(connection);
    const now = clock.now();
    const until = Math.min(header.created + header.lifetimeMs, now + limits.custodyLifetimeMs);
    const refusal = this.#refusal(from, bundle) ?? (until <= now ? "expired" : this.#tooFast(from, handing));
    if (refusal !== undefined) return this.#refuse(connection, header, refusal);
    const source = this.#recordOf(connection, handing, header.source);
    if (source === undefined)
      return this.#refuse(connection, header, handing.sourcesLetGo ? "rate-limited" : "unknown-server");
    const [next = header.destination, ...path] = route.path;
    const row: CustodyRow = {
      ...{ from, next, source: header.source, destination: header.destination, class: header.class },
      ...{ stream: header.stream, sequence: header.sequence, created: header.created, taken: now, until },
      hash: bundleHash(primitives, bundle),
      passed: 0,
      bundle: encodeBundleParts(bundle.aad, { hopLimit: route.hopLimit - 1, path }, bundle.sealed),
    };
    handing.bundles += 1;
    handing.bytes += row.bundle.length;
    try {
      const held = await store.custodyFind(row);
      if (held !== undefined && sameBytes(held.hash, row.hash)) return this.#sign(connection, held);
      if (held?.class === "control" && held.created > row.created)
        return this.#refuse(connection, header, "expired");
      const outdated = outdatedBy(row);
      if (outdated.length > 0 && this.#totals.full(row, row.bundle.length)) await this.#write(outdated);
      if (this.#totals.full(row, row.bundle.length))
        return this.#refuse(connection, header, "quota-exceeded");
      const record = { server: header.source, sequence: source.sequence, record: source.signed };
      this.#totals.add(row, row.bundle.length);
      try {
        await this.#write([...outdated, { op: "custody.put", row }, { op: "custody.source", ...record }]);
      } catch (error) {
        this.#totals.remove({ ...row, bytes: row.bundle.length, left: "none" });
        this.#options.log.warn("a bundle was not taken into custody", { error: String(error) });
        return this.#refuse(connection, header, "storage-full");
      }
      this.#sign(connection, row);
      this.#mark(next, header.source);
      this.#onward.get(next)?.wake(header.source);
    } finally {
      handing.bundles -= 1;
      handing.bytes -= row.bundle.length;
    }
  }

  /** Consent, and a path that makes sense. */
  #refusal(from: ServerId, { header, route }: Received): ErrorCode | undefined {
    const { relaysFor } = this.#options.relaying;
    const { trustOf } = this.#ports;
    const self = this.#options.ownRecord().record.key;
    const next = route.path[0] ?? header.destination;
    const places = new Set([self, header.source, header.destination, ...route.path]);
    const crossed = places.size !== 3 + route.path.length || from === header.destination;
    if (crossed || route.path.includes(from)) return "malformed";
    if (route.hopLimit < route.path.length + 1) return "not-allowed";
    if (relaysFor === "nobody" || trustOf(next) !== "mutual") return "not-allowed";
    if (relaysFor === "linked" && trustOf(from) !== "mutual") return "not-allowed";
    return trustOf(header.source) === "blocked" ? "not-allowed" : undefined;
  }

  #tooFast(from: ServerId, handing: Handing): ErrorCode | undefined {
    const busy = handing.bundles >= custodyTakingMax || handing.bytes >= custodyTakingBytesMax;
    const rate = this.#ports.trustOf(from) === "mutual" ? this.#linked : this.#strangers;
    return busy || rate.take(from) > 0 ? "rate-limited" : undefined;
  }

  #recordOf(
    { server }: Connection,
    { sources }: Handing,
    source: ServerId,
  ): { sequence: number; signed: Uint8Array } | undefined {
    if (server.record.key === source) return { sequence: server.record.sequence, signed: server.signed };
    const told = sources.get(source);
    if (told !== undefined) keepNewest(sources, source, told, custodySourcesMax);
    return told;
  }

  #sign(connection: Connection, row: CustodyEntry | CustodyRow): void {
    const { source, destination, class: bundleClass, stream, sequence, hash, taken, until } = row;
    const relay = this.#options.ownRecord().record.key;
    const receipt = this.#options.signReceipt({
      ...{ relay, source, destination, class: bundleClass, stream, sequence, bundle: hash, taken, until },
    });
    connection.send({ kind: "custodyReceipt", receipt });
  }

  #refuse(connection: Connection, header: BundleHeader, code: ErrorCode): void {
    const { source, destination, class: bundleClass, stream, sequence } = header;
    const retryAfterMs = code === "quota-exceeded" || code === "storage-full" ? custodyDeferredMs : undefined;
    const error = toWireError(
      new ProtocolError(code, undefined, retryAfterMs === undefined ? {} : { retryAfterMs }),
    );
    const bundle = { source, destination, class: bundleClass, stream, sequence };
    connection.send({ kind: "custodyRefused", ...bundle, error });
  }

  /** Each relay's word on a bundle is passed back once: said again it costs no disk. [K4] */
  async #passBack(connection: Connection, receipt: CustodyReceipt, signed: Uint8Array): Promise<void> {
    const word = `${connection.server.record.key} ${receipt.relay} ${receipt.bundle.join(" ")}`;
    if (this.#passing.has(word)) return;
    this.#passing.add(word);
    try {
      if (await this.#passOnce(connection, receipt, signed, this.#passed.has(word)))
        keepNewest(this.#passed, word, true, custodyPassedRememberedMax);
    } finally {
      this.#passing.delete(word);
    }
  }

  /**
   * Drops what the next relay signed for, and lets those who handed it over know.
   * @returns whether this receipt counted
   */
  async #passOnce(
    connection: Connection,
    receipt: CustodyReceipt,
    signed: Uint8Array,
    said: boolean,
  ): Promise<boolean> {
    const next = connection.server.record.key;
    const now = this.#options.clock.now();
    const hash = receipt.bundle.slice();
    const rows = (await this.#options.store.custodyOfHash(next, hash)).filter((row) => fits(row, receipt));
    if (rows.length === 0) {
      // A newer bundle may have taken its place here while the receipt was on its way: that is nobody's fault.
      this.#onward.get(next)?.landed(hash);
      return false;
    }
    const ops: WriteOp[] = [];
    if (rows.some(({ bytes }) => bytes > 0)) {
      // Only its own word lets us drop a bundle: others are further along.
      if (receipt.relay !== next) return false;
      ops.push({ op: "custody.handedOn", next, hash, until: now + custodyTraceMs });
    } else if (said || receipt.relay === next) return false;
    if (rows.some(({ passed }) => passed >= limits.bundleHopsMax)) return false;
    ops.push({ op: "custody.passed", next, hash });
    const absent = rows.filter(({ from }) => this.#ports.connectionTo(from) === undefined);
    const until = Math.min(receipt.until, now + limits.custodyLifetimeMs);
    for (const { from } of absent) ops.push({ op: "custody.owe", to: from, receipt: signed, until });
    await this.#write(ops);
    this.#onward.get(next)?.landed(hash);
    for (const { from } of rows)
      this.#ports.connectionTo(from)?.send({ kind: "custodyReceipt", receipt: signed });
    return true;
  }

  async #giveBack(
    connection: Connection,
    hash: Uint8Array,
    message: Message<"custodyRefused">,
  ): Promise<void> {
    const next = connection.server.record.key;
    const rows = await this.#options.store.custodyOfHash(next, hash);
    await this.#write([{ op: "custody.drop", next, hash }]);
    this.#onward.get(next)?.landed(hash);
    for (const { from } of rows) this.#ports.connectionTo(from)?.send(message);
  }

  async #payReceipts(connection: Connection): Promise<void> {
    const to = connection.server.record.key;
    for (;;) {
      const owed = await this.#options.store.custodyOwed(to, custodyOwedPage);
      const last = owed.at(-1);
      if (last === undefined || connection.closed || this.#closed) return;
      for (const { receipt } of owed) connection.send({ kind: "custodyReceipt", receipt });
      await this.#write([{ op: "custody.paid", to, upTo: last.number }]);
    }
  }

  /** Writes, and counts what went. */
  async #write(ops: WriteOp[]): Promise<void> {
    const results: WriteResult[] = await this.#options.commit.add(ops);
    for (const result of results)
      if (result.op === "custody") for (const gone of result.gone) this.#totals.remove(gone);
  }

  #handingOf(connection: Connection): Handing {
    const held = this.#handing.get(connection);
    if (held !== undefined) return held;
    const fresh: Handing = { bundles: 0, bytes: 0, sources: new Map(), sourcesLetGo: false };
    this.#handing.set(connection, fresh);
    return fresh;
  }

  #mark(next: ServerId, source: ServerId): void {
    const sources = this.#sourcesFor.get(next) ?? new Set();
    this.#sourcesFor.set(next, sources.add(source));
  }

  #unmark(next: ServerId, source: ServerId): void {
    const sources = this.#sourcesFor.get(next);
    if (sources?.delete(source) === true && sources.size === 0) this.#sourcesFor.delete(next);
  }

  #expireLater(delayMs: number): void {
    this.#options.clock.after(delayMs, () => {
      if (this.#closed) return;
      this.#background(this.#write([{ op: "custody.expire", now: this.#options.clock.now() }]));
      this.#expireLater(custodyExpiryEveryMs);
    });
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#options.log.warn("custody could not be read or written", { error: String(error) }),
    );
  }
}

/** Its source numbers anew what it keeps: copies under its older numbers would pile up while a destination is away. [K2] */
function outdatedBy({ from, source, destination, class: bundleClass, stream }: CustodyRow): WriteOp[] {
  if (from !== source || bundleClass === "control") return [];
  return [{ op: "custody.outdated", source, destination, class: bundleClass, stream }];
}

/** Whether a receipt that holds by itself is for this row. */
function fits(row: CustodyEntry, receipt: CustodyReceipt): boolean {
  return (
    row.source === receipt.source &&
    row.destination === receipt.destination &&
    row.class === receipt.class &&
    row.stream === receipt.stream &&
    row.sequence === receipt.sequence
  );
}
