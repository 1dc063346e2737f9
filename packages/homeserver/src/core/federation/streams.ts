/**
 * Streams of all peers in both directions, and the exchange that each open connection runs for its peer. Positions
 * outlive connections; exchanges do not. What is not between the two ends of a connection is custody's. [B14] [B17]
 */
import type { Bundle, Refusal, ServerId, StreamClass } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import { RateLimits } from "../rate-limits.ts";
import { refusalBundlesMax, refusalsRate, refusalsToStrangersRate } from "../limits.ts";
import type { Connection } from "./connection.ts";
import type { CustodyControl, CustodyDeskPorts } from "./custody-desk.ts";
import { CustodyDesk } from "./custody-desk.ts";
import { Exchange } from "./exchange.ts";
import { Intake } from "./intake.ts";
import type { FederationOptions } from "./options.ts";
import { Outbox, streamClasses } from "./outbox.ts";
import type { SentEnvelope } from "./kept-stream.ts";
import { OpeningSeals, SendingSeals } from "./seals.ts";

type IncomingRow = FederationOptions["state"]["incoming"][number];

export interface StreamsPorts extends Pick<
  CustodyDeskPorts,
  "trustOf" | "recordOf" | "heard" | "ways" | "connecting"
> {
  depthChanged: (server: ServerId) => void;
  /** What stores the record of this server; nothing where none is known. */
  recording: (server: ServerId) => WriteOp[];
  /** The relays that the connection to this server passes; undefined where there is none. */
  via: (server: ServerId) => readonly ServerId[] | undefined;
}

export class Streams {
  readonly outbox: Outbox;
  /** What goes through the hands of relays: ours and that of others. */
  readonly custody: CustodyDesk;
  readonly #options: FederationOptions;
  readonly #ports: StreamsPorts;
  readonly #sending: SendingSeals;
  readonly #opening: OpeningSeals;
  readonly #remembered: RateLimits<ServerId>;
  readonly #owedToStrangers: RateLimits<"all">;
  readonly #intakes = new Map<ServerId, Record<StreamClass, Intake>>();
  readonly #exchanges = new Map<ServerId, Exchange>();

  constructor(options: FederationOptions, ports: StreamsPorts) {
    this.#options = options;
    this.#ports = ports;
    const seals = { ...options, self: options.ownRecord().record.key };
    this.#sending = new SendingSeals(seals);
    this.#opening = new OpeningSeals(seals);
    this.#remembered = new RateLimits(refusalsRate, options.clock);
    this.#owedToStrangers = new RateLimits(refusalsToStrangersRate, options.clock);
    this.outbox = new Outbox(options, {
      forwarded: (server, envelopes) => this.#progress(server, envelopes, "forwarded"),
      expired: (server, envelopes) => this.#progress(server, envelopes, "expired"),
      restarted: (server) => this.#gapCheck(server),
      depthChanged: (server) => {
        // What kept a server that has gone from being forgotten may be gone now too.
        if (this.#abandoned(server)) this.forget(server);
        ports.depthChanged(server);
        if (this.outbox.depth(server) > 0) this.custody.waits(server);
      },
    });
    this.custody = new CustodyDesk(options, {
      ...ports,
      opening: this.#opening,
      sending: this.#sending,
      outbox: this.outbox,
      connected: (server) => this.#exchanges.has(server),
      intake: (source, streamClass) => this.#intakes.get(source)?.[streamClass],
      begin: (source, streamClass) => this.#intakesOf(source)[streamClass],
      forget: (source) => this.forget(source),
    });
    for (const { source } of options.state.incoming) this.#intakesOf(source, options.state.incoming);
  }

  /** Begins with what is kept; that of servers that were about to be forgotten goes. */
  start(): void {
    this.outbox.start();
    this.custody.start();
    for (const server of [...this.#intakes.keys()]) if (this.#abandoned(server)) this.forget(server);
  }

  opened(server: ServerId, connection: Connection): void {
    this.closed(server);
    const foreign = (bundle: Bundle & { aad: Uint8Array }) => this.custody.bundle(server, bundle);
    const exchange = new Exchange({
      options: this.#options,
      connection,
      sending: this.#sending,
      opening: this.#opening,
      outgoing: {
        messages: this.outbox.stream(server, "messages"),
        bulk: this.outbox.stream(server, "bulk"),
      },
      incoming: this.#intakesOf(server),
      foreign,
    });
    this.#exchanges.set(server, exchange);
    this.custody.opened(connection);
  }

  closed(server: ServerId): void {
    this.#exchanges.get(server)?.end();
    this.#exchanges.delete(server);
    this.custody.closed(server);
  }

  /** What a neighbour says about custody. Throws `ProtocolError` for what does not hold. */
  custodyControl(connection: Connection, message: CustodyControl): void {
    this.custody.control(connection, message);
  }

  close(): void {
    this.outbox.close();
    this.custody.close();
  }

  /**
   * Drops all positions of a server that nobody links any more: strangers come and go, and their keys are free to make.
   * What people here sent to it keeps them, until it has expired. [B20]
   */
  forget(server: ServerId): void {
    if (!this.outbox.forgettable(server)) return;
    const intakes = this.#intakes.get(server);
    const received = intakes !== undefined && streamClasses.some((c) => intakes[c].state.stream > 0);
    if (intakes !== undefined) for (const c of streamClasses) intakes[c].forget();
    this.#intakes.delete(server);
    this.custody.forget(server);
    this.outbox.forget(server, received);
  }

  bundle(server: ServerId, bundle: Uint8Array): void {
    this.#exchanges.get(server)?.receive(bundle);
  }

  batchEnd(server: ServerId): void {
    this.#exchanges.get(server)?.batchEnd();
    this.custody.batchEnd(server);
  }

  #abandoned(server: ServerId): boolean {
    const known = this.#exchanges.has(server) || this.custody.brings(server);
    return this.#ports.trustOf(server) === "none" && !known;
  }

  /** @param stored what the disk held at start; a source that comes later has nothing there */
  #intakesOf(source: ServerId, stored: IncomingRow[] = []): Record<StreamClass, Intake> {
    const held = this.#intakes.get(source);
    if (held !== undefined) return held;
    const [messages, bulk] = streamClasses.map((streamClass) =>
      this.#intake(
        source,
        streamClass,
        stored.find((row) => row.source === source && row.class === streamClass),
      ),
    );
    const both = { messages: messages!, bulk: bulk! };
    this.#intakes.set(source, both);
    return both;
  }

  #intake(source: ServerId, streamClass: StreamClass, stored: IncomingRow | undefined): Intake {
    const ports = {
      source,
      class: streamClass,
      options: this.#options,
      trust: () => this.#ports.trustOf(source),
      mayRemember: () => this.#remembered.take(source) === 0,
      recording: () => this.#ports.recording(source),
      mayRefuse: () =>
        this.outbox.depth(source) < refusalBundlesMax || this.#ports.trustOf(source) === "mutual",
      refuse: (refusals: Parameters<Outbox["refuse"]>[2]) =>
        this.outbox.refuse(source, streamClass, this.#owed(source, refusals)),
      withdraw: (refusals: Refusal[]) => this.outbox.withdraw(source, streamClass, refusals),
      acknowledge: (position: { stream: number; committed: number }) => {
        this.#exchanges.get(source)?.acknowledge(streamClass, position);
        this.custody.acknowledged(source, streamClass, position);
      },
      restarted: () => this.#gapCheck(source),
    };
    return new Intake(ports, stored);
  }

  /** Whoever is linked from here is told of every refusal; strangers, whose keys are free to make, of so many. */
  #owed(source: ServerId, refusals: Refusal[]): Refusal[] {
    const trust = this.#ports.trustOf(source);
    if (trust === "mutual" || trust === "outgoing") return refusals;
    return refusals.filter(() => this.#owedToStrangers.take("all") === 0);
  }

  #progress(server: ServerId, envelopes: SentEnvelope[], state: "forwarded" | "expired"): void {
    const via = state === "forwarded" ? this.#ports.via(server) : undefined;
    const path = via && [...via];
    for (const { id, from } of envelopes) {
      this.#options.accounts.notify(
        { account: from },
        { kind: "progress", envelope: id, server, state, ...(path === undefined ? {} : { path }) },
      );
    }
  }

  #gapCheck(server: ServerId): void {
    this.#options.accounts.notify("everybody", { kind: "gapCheck", server });
  }
}
