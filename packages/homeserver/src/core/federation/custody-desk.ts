/**
 * Where custody meets the streams: bundles that go through relays' hands are given to whom they concern. What others
 * hand over for others goes into custody here; what relays bring for us goes to our streams; what waits here for a
 * server that is away is handed to relays. [K1] to [K9]
 */
import type {
  Bundle,
  CustodyReceipt,
  LinkControl,
  ServerId,
  ServerRecord,
  StreamClass,
} from "@fedchat/protocol";
import { custodyReceipt, serverRecord } from "@fedchat/protocol";
import { broughtSourcesMax, custodyReceiptsRate, custodySourceRecordsRate } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Trust } from "../seams.ts";
import type { Connection } from "./connection.ts";
import { Custody } from "./custody.ts";
import { Arrivals, BroughtRates } from "./custody-arrivals.ts";
import { CustodySource } from "./custody-source.ts";
import type { Intake } from "./intake.ts";
import type { SentEnvelope } from "./kept-stream.ts";
import type { FederationOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import type { OpeningSeals, SendingSeals } from "./seals.ts";

export type CustodyControl = Extract<LinkControl, { kind: `custody${string}` }>;
type Position = { stream: number; committed: number };

export interface CustodyDeskPorts {
  trustOf: (server: ServerId) => Trust;
  /** The newest record that is known of a server. */
  recordOf: (server: ServerId) => ServerRecord | undefined;
  /** A relay told the record of a server whose bundles it brings. */
  heard: (record: ServerRecord, signed: Uint8Array, relay: ServerId) => void;
  /** Ways to a server through relays that are connected here, best first. */
  ways: (server: ServerId) => ServerId[][];
  /** Whether an attempt to connect to it is under way. */
  connecting: (server: ServerId) => boolean;
  /** Whether there is a connection to it. */
  connected: (server: ServerId) => boolean;
  opening: OpeningSeals;
  sending: SendingSeals;
  outbox: Outbox;
  intake: (source: ServerId, streamClass: StreamClass) => Intake | undefined;
  begin: (source: ServerId, streamClass: StreamClass) => Intake;
  /** Drops a source's positions: what comes again is known by its envelope ids. */
  forget: (source: ServerId) => void;
}

export class CustodyDesk {
  readonly #options: FederationOptions;
  readonly #ports: CustodyDeskPorts;
  readonly #custody: Custody;
  readonly #rates: BroughtRates;
  readonly #receipts: RateLimits<ServerId>;
  readonly #sourceRecords: RateLimits<ServerId>;
  /** By connected server: what it brings of others. */
  readonly #arrivals = new Map<ServerId, Arrivals>();
  /** By destination: what waits here for it. */
  readonly #sources = new Map<ServerId, CustodySource>();
  /** Sources that nobody here linked, known by custody alone; the longest silent first. */
  readonly #brought = new Set<ServerId>();

  constructor(options: FederationOptions, ports: CustodyDeskPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#rates = new BroughtRates(options.clock);
    this.#receipts = new RateLimits(custodyReceiptsRate, options.clock);
    this.#sourceRecords = new RateLimits(custodySourceRecordsRate, options.clock);
    this.#custody = new Custody(options, {
      trustOf: ports.trustOf,
      connectionTo: (server) => this.#connectionTo(server),
    });
  }

  /** What lies here for others. */
  get held(): { bundles: number; bytes: number } {
    return this.#custody.held;
  }

  start(): void {
    this.#custody.start();
  }

  close(): void {
    this.#custody.close();
    for (const source of this.#sources.values()) source.close();
  }

  /** A connection, which may not have said its first word yet. */
  opened(connection: Connection): void {
    const server = connection.server.record.key;
    const arrivals = new Arrivals(connection, this.#arrivalsPorts());
    this.#arrivals.set(server, arrivals);
    this.#brought.delete(server);
    this.#sources.get(server)?.poke();
    connection.confirmation.then(
      () => {
        if (this.#arrivals.get(server) !== arrivals) return;
        this.#custody.opened(connection);
        for (const source of this.#sources.values()) source.relayOpened();
      },
      () => undefined,
    );
  }

  closed(server: ServerId): void {
    const arrivals = this.#arrivals.get(server);
    if (arrivals === undefined) return;
    this.#arrivals.delete(server);
    arrivals.end();
    this.#custody.ended(arrivals.connection);
    for (const source of this.#sources.values()) source.relayClosed(server);
    if (this.#ports.outbox.depth(server) > 0) this.waits(server);
  }

  /** Something waits for a server: where there is no connection, custody is its way. */
  waits(server: ServerId): void {
    if (!this.#ports.connected(server)) this.#source(server).poke();
  }

  /** The positions of a server go. */
  forget(server: ServerId): void {
    this.#brought.delete(server);
    this.#sources.get(server)?.close();
    this.#sources.delete(server);
  }

  /** Whether relays bring what this server sends, though nobody here linked it. */
  brings(server: ServerId): boolean {
    return this.#brought.has(server);
  }

  /** A bundle that is not from this peer to us. */
  bundle(peer: ServerId, bundle: Bundle & { aad: Uint8Array }): void {
    const arrivals = this.#arrivals.get(peer);
    if (arrivals === undefined) return;
    if (bundle.header.destination === this.#self) arrivals.bundle(bundle);
    else this.#custody.receive(arrivals.connection, bundle);
  }

  batchEnd(peer: ServerId): void {
    this.#arrivals.get(peer)?.batchEnd();
  }

  /** What is on disk of a source here: relays hear of what they brought, and the source where nothing else tells it. */
  acknowledged(source: ServerId, streamClass: StreamClass, position: Position): void {
    let brought = false;
    for (const arrivals of this.#arrivals.values())
      brought = arrivals.acknowledged(source, streamClass, position) || brought;
    if (brought && !this.#ports.connected(source)) this.#source(source).owesAcknowledgement();
  }

  /** Throws `ProtocolError` for what does not hold. */
  control(connection: Connection, message: CustodyControl): void {
    const server = connection.server.record.key;
    switch (message.kind) {
      case "custodySource":
        return this.#sourceTold(connection, message.record);
      case "custodyReceipt":
        return this.#receipt(connection, message.receipt);
      case "custodyRefused":
        if (message.source !== this.#self) return this.#custody.refused(connection, message);
        return this.#sources.get(message.destination)?.refused(server, message);
      case "custodyTaken":
        return this.#custody.taken(connection, message);
      case "custodyDone":
        return this.#custody.done(connection, message);
    }
  }

  /** How it stands with what waits for a server; undefined where there is a connection, or nothing waits. */
  view(server: ServerId): CustodySource["view"] | undefined {
    return this.#ports.connected(server) ? undefined : this.#sources.get(server)?.view;
  }

  get #self(): ServerId {
    return this.#options.ownRecord().record.key;
  }

  #connectionTo(server: ServerId): Connection | undefined {
    const connection = this.#arrivals.get(server)?.connection;
    return connection?.confirmed === true ? connection : undefined;
  }

  /**
   * Whose bundles follow. What was told before on this connection costs nothing; beyond the rate nothing is verified,
   * and what follows of a source that is not known comes again. Throws `ProtocolError` where the record does not hold.
   */
  #sourceTold(connection: Connection, signed: Uint8Array): void {
    const server = connection.server.record.key;
    const arrivals = this.#arrivals.get(server);
    if (arrivals === undefined) return;
    const own = signed.slice();
    const { value: record, verify } = serverRecord.read(own);
    if (this.#custody.wasTold(connection, record.key, own) && arrivals.recordOf(record.key) !== undefined)
      return;
    if (this.#sourceRecords.take(server) > 0) return this.#custody.sourceLetGo(connection);
    verify(this.#options.primitives);
    this.#custody.source(connection, record, own);
    arrivals.source(record, own);
  }

  /** Beyond the rate nothing is verified: what a receipt would have told, the next one for the same bundle does. */
  #receipt(connection: Connection, signed: Uint8Array): void {
    if (this.#receipts.take(connection.server.record.key) > 0) return;
    const receipt = custodyReceipt.open(this.#options.primitives, signed);
    if (receipt.source !== this.#self) return this.#custody.receipt(connection, receipt, signed);
    this.#sources
      .get(receipt.destination)
      ?.receipt(receipt)
      .catch((error: unknown) =>
        this.#options.log.warn("a custody receipt was not kept", { error: String(error) }),
      );
  }

  #arrivalsPorts(): ConstructorParameters<typeof Arrivals>[1] {
    const { trustOf, recordOf, heard, opening, intake, begin, outbox } = this.#ports;
    return {
      ...{ options: this.#options, rates: this.#rates, trustOf, recordOf, heard, opening, intake },
      begin: (source, streamClass) => {
        this.#remember(source);
        return begin(source, streamClass);
      },
      kept: (server, streamClass) =>
        outbox.depth(server) > 0 ? outbox.stream(server, streamClass).kept : undefined,
    };
  }

  /** Sources that nobody links are held in a bounded number. */
  #remember(source: ServerId): void {
    if (this.#ports.trustOf(source) !== "none" || this.#ports.connected(source)) return;
    this.#brought.delete(source);
    this.#brought.add(source);
    const [oldest] = this.#brought;
    if (this.#brought.size > broughtSourcesMax && oldest !== undefined) this.#ports.forget(oldest);
  }

  #source(destination: ServerId): CustodySource {
    const held = this.#sources.get(destination);
    if (held !== undefined) return held;
    const { trustOf, connecting, connected, recordOf, ways, outbox, intake, sending } = this.#ports;
    const source = new CustodySource({
      destination,
      options: this.#options,
      kept: {
        messages: outbox.stream(destination, "messages").kept,
        bulk: outbox.stream(destination, "bulk").kept,
      },
      receiving: (streamClass) => intake(destination, streamClass)?.state ?? { stream: 0, committed: 0 },
      wanted: () => {
        if (connected(destination) || trustOf(destination) === "blocked") return "no";
        return connecting(destination) ? "soon" : "yes";
      },
      ways: () => this.#withBringers(destination, ways(destination)),
      connectionTo: (server) => this.#connectionTo(server),
      seal: (header, body) => {
        const noiseKey = (recordOf(destination) ?? this.#recordBrought(destination))?.noiseKey;
        if (noiseKey === undefined) return undefined;
        return sending.sealParts({ server: destination, noiseKey }, header, body);
      },
      inCustody: (envelopes, receipt, path) => this.#tell(destination, envelopes, receipt, path),
    });
    this.#sources.set(destination, source);
    return source;
  }

  #recordBrought(server: ServerId): ServerRecord | undefined {
    return [...this.#arrivals.values()].map((one) => one.recordOf(server)).find((one) => one !== undefined);
  }

  /** Who brought something of a server may know it well enough to take something back. */
  #withBringers(destination: ServerId, ways: ServerId[][]): ServerId[][] {
    const known = new Set(ways.filter((way) => way.length === 1).flat());
    const bringers = [...this.#arrivals].filter(
      ([relay, one]) => one.recordOf(destination) !== undefined && !known.has(relay),
    );
    return [...ways, ...bringers.map(([relay]) => [relay])];
  }

  #tell(
    server: ServerId,
    envelopes: SentEnvelope[],
    { relay, taken, until }: CustodyReceipt,
    path: ServerId[],
  ): void {
    for (const { id: envelope, from } of envelopes) {
      const custody = { relay, taken, until };
      const event = { kind: "progress", envelope, server, state: "custody", path, custody } as const;
      this.#options.accounts.notify({ account: from }, event);
    }
  }
}
