/**
 * The destination's side of custody, over one connection to a relay: bundles of other servers for us, opened with their
 * source's key and taken through the same streams as any. Invariants: what a relay brings is as good as its seal, and
 * the relay's word counts for nothing else; control by custody moves positions forward only; the relay is told only
 * what is on disk, and what will never be of use. [K5] to [K7]
 */
import type { Bundle, Clock, ControlItem, ServerId, ServerRecord, StreamClass } from "@fedchat/protocol";
import { bundleHash, compareServerRecord, decodeBundleBody, ProtocolError } from "@fedchat/protocol";
import {
  broughtByRelayRate,
  broughtOpenedRate,
  broughtStreamsRate,
  custodySourcesMax,
  heardRestartsRate,
  streamIdMax,
} from "../limits.ts";
import { keepNewest } from "../keep-newest.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Trust } from "../seams.ts";
import type { Connection } from "./connection.ts";
import type { Intake } from "./intake.ts";
import type { KeptStream } from "./kept-stream.ts";
import type { FederationOptions } from "./options.ts";
import type { OpeningSeals } from "./seals.ts";

type Received = Bundle & { aad: Uint8Array };

export interface ArrivalsPorts {
  options: Pick<FederationOptions, "clock" | "log" | "primitives">;
  trustOf: (server: ServerId) => Trust;
  /** The newest record that is known of a server. */
  recordOf: (server: ServerId) => ServerRecord | undefined;
  /** A server's record came with its bundles. */
  heard: (record: ServerRecord, signed: Uint8Array, relay: ServerId) => void;
  opening: OpeningSeals;
  rates: BroughtRates;
  /** The streams of a source, where anything of it was ever taken. */
  intake: (source: ServerId, streamClass: StreamClass) => Intake | undefined;
  /** The same, begun where there is none. */
  begin: (source: ServerId, streamClass: StreamClass) => Intake;
  /** What waits here for that server. */
  kept: (server: ServerId, streamClass: StreamClass) => KeptStream | undefined;
}

/** What relays may bring, over all of their connections. */
export class BroughtRates {
  readonly ofRelay: RateLimits<ServerId>;
  readonly ofSource: RateLimits<ServerId>;
  readonly streams: RateLimits<ServerId>;
  /** Streams of ours that begin because of what their destination said. */
  readonly restarts: RateLimits<ServerId>;
  readonly #claimed: RateLimits<string>;
  readonly #opened: RateLimits<ServerId>;

  constructor(clock: Pick<Clock, "now">) {
    this.ofRelay = new RateLimits(broughtByRelayRate, clock);
    this.ofSource = new RateLimits(broughtByRelayRate, clock);
    this.streams = new RateLimits(broughtStreamsRate, clock);
    this.restarts = new RateLimits(heardRestartsRate, clock);
    this.#claimed = new RateLimits(broughtByRelayRate, clock);
    this.#opened = new RateLimits(broughtOpenedRate, clock);
  }

  /**
   * Whether one more bundle that is said to be of this source may be looked at. Anybody can make such up and hand them
   * to the relay: they count neither against the source elsewhere nor against what the relay brings of others.
   */
  mayOpen(source: ServerId, relay: ServerId): boolean {
    return this.#claimed.take(`${source} ${relay}`) === 0 && this.#opened.take(relay) === 0;
  }

  /** Whether one more authentic bundle of a source that nobody here linked may come through this relay. */
  admits(source: ServerId, relay: ServerId): boolean {
    return this.ofSource.take(source) === 0 && this.ofRelay.take(relay) === 0;
  }
}

export class Arrivals {
  readonly connection: Connection;
  readonly #ports: ArrivalsPorts;
  readonly #records = new Map<ServerId, ServerRecord>();
  /** Streams of which something came: their positions are told. */
  readonly #brought = new Map<string, { source: ServerId; class: StreamClass }>();
  readonly #asked = new Set<string>();

  constructor(connection: Connection, ports: ArrivalsPorts) {
    this.connection = connection;
    this.#ports = ports;
  }

  /** What it told of a source whose bundles it brings. */
  recordOf(source: ServerId): ServerRecord | undefined {
    return this.#records.get(source);
  }

  /** Whose bundles follow. @param record verified, of these signed bytes */
  source(record: ServerRecord, signed: Uint8Array): void {
    const { options, recordOf, heard } = this.#ports;
    const known = recordOf(record.key);
    const newer = compareServerRecord(record, known, options.clock.now()) === "newer";
    if (newer) heard(record, signed, this.#relay);
    keepNewest(this.#records, record.key, newer || known === undefined ? record : known, custodySourcesMax);
  }

  /** A bundle for us that its source did not bring itself. */
  bundle(bundle: Received): void {
    const { source } = bundle.header;
    if (this.#ports.trustOf(source) === "blocked") return this.#done(bundle);
    if (bundle.header.class === "control") this.#control(bundle);
    else this.#sequenced(bundle, bundle.header.class);
  }

  batchEnd(): void {
    for (const { source, class: streamClass } of this.#brought.values())
      void this.#ports.intake(source, streamClass)?.run();
    for (const key of this.#asked) {
      const { source, class: streamClass } = this.#brought.get(key)!;
      this.#ports.intake(source, streamClass)?.acknowledge();
    }
    this.#asked.clear();
  }

  /**
   * What is on our disk of a source, for the relay that brought some of it.
   * @returns whether it did
   */
  acknowledged(
    source: ServerId,
    streamClass: StreamClass,
    { stream, committed: upTo }: { stream: number; committed: number },
  ): boolean {
    if (!this.#brought.has(`${source} ${streamClass}`)) return false;
    this.connection.send({ kind: "custodyTaken", source, class: streamClass, stream, upTo });
    return true;
  }

  /** What came early on this connection comes again on another. */
  end(): void {
    for (const { source, class: streamClass } of this.#brought.values())
      this.#ports.intake(source, streamClass)?.disconnected();
  }

  get #relay(): ServerId {
    return this.connection.server.record.key;
  }

  #sequenced(bundle: Received, streamClass: StreamClass): void {
    const { source, stream, sequence } = bundle.header;
    const { trustOf, rates } = this.#ports;
    const held = this.#ports.intake(source, streamClass);
    const standing = held?.standing(stream, sequence) ?? "expected";
    if (standing === "older-stream") {
      const older = { kind: "custodyTaken", source, class: streamClass, stream, upTo: sequence } as const;
      this.connection.send(older);
    }
    // Its source, too, is to learn what is here: it may believe in a stream that is lower. [K6]
    if (standing === "older-stream" || standing === "duplicate") {
      const key = this.#remember(source, streamClass);
      this.#asked.add(key);
      return;
    }
    if (standing !== "expected" || stream > streamIdMax) return;
    const trust = trustOf(source);
    const linked = trust === "mutual" || trust === "outgoing";
    if (!linked && !rates.mayOpen(source, this.#relay)) return;
    const body = this.#open(bundle);
    if (body === undefined) return;
    if (!linked && !rates.admits(source, this.#relay)) return;
    const newStream = held !== undefined && stream > held.state.stream;
    if (newStream && rates.streams.take(source) > 0) return;
    const key = this.#remember(source, streamClass);
    const intake = this.#ports.begin(source, streamClass);
    // What is before it may have been here, and forgotten since: its source is to say what it keeps. [K7]
    if (!intake.follows(stream, sequence)) this.#asked.add(key);
    intake.take(stream, sequence, body);
  }

  #control(bundle: Received): void {
    const body = this.#open(bundle);
    if (body === undefined) return;
    for (const item of this.#controlItems(bundle.header.source, body))
      this.#apply(bundle.header.source, item);
    this.#done(bundle);
  }

  /** What does not decode is its source's doing, as in [B11]: the relay could not know. */
  #controlItems(source: ServerId, body: Uint8Array): ControlItem[] {
    try {
      const decoded = decodeBundleBody(body);
      return decoded.kind === "control" ? decoded.items : [];
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.options.log.warn("control in custody did not decode", { server: source });
      return [];
    }
  }

  /** Forward only: a relay may bring what is older than what is known. [K7] */
  #apply(source: ServerId, item: ControlItem): void {
    const { kept, intake, begin, rates, options } = this.#ports;
    const holds = item.kind === "ack" ? item : item.receiving;
    kept(source, item.class)
      ?.heardOf(holds.stream, holds.committed, () => rates.restarts.take(source) === 0)
      .catch((error: unknown) =>
        options.log.warn("an acknowledgement was not read", { error: String(error) }),
      );
    if (item.kind === "ack") return;
    const { stream, floor, next } = item.sending;
    if (stream === 0 || stream > streamIdMax || floor < 1 || floor > next) return;
    const newStream = stream > (intake(source, item.class)?.state.stream ?? 0);
    if (newStream && rates.streams.take(source) > 0) return;
    this.#remember(source, item.class);
    begin(source, item.class).sourceHas(stream, floor);
  }

  /** Undefined where it is not authentic, and told so, or cannot be looked at now. */
  #open(bundle: Received): Uint8Array | undefined {
    const { options, opening, recordOf } = this.#ports;
    const { source } = bundle.header;
    const told = this.#records.get(source);
    const record = told ?? recordOf(source);
    if (record === undefined) return undefined;
    if (told !== undefined) keepNewest(this.#records, source, told, custodySourcesMax);
    const opened = opening.open({ server: source, noiseKey: record.noiseKey }, bundle, this.#relay);
    if (opened.ok) return opened.body;
    options.log.debug("a bundle in custody was let go", { source, relay: this.#relay, what: opened.why });
    if (opened.why === "not-authentic") this.#done(bundle);
    return undefined;
  }

  #done(bundle: Received): void {
    this.connection.send({ kind: "custodyDone", bundle: bundleHash(this.#ports.options.primitives, bundle) });
  }

  #remember(source: ServerId, streamClass: StreamClass): string {
    const key = `${source} ${streamClass}`;
    this.#brought.set(key, { source, class: streamClass });
    return key;
  }
}
