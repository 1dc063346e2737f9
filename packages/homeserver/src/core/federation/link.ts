/**
 * The link to one other homeserver: what is stored of it, the connection if there is one, and the attempts to get one.
 * Invariants: at most one connection; while a connection is wanted and there is none, an attempt is under way or
 * scheduled. [L16] to [L19]
 */
import type { Clock, LinkControl, RandomSource, ServerAddress, ServerId, Timer } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { LinkRow } from "../../store/store.ts";
import { crossedDialsMs, linkRefusedRetryMs } from "../limits.ts";
import type { Trust } from "../seams.ts";
import { retryDelayMs } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { trustOf } from "./trust.ts";

export interface LinkListener {
  /** There is a connection; nothing of the peer was heard on it yet. */
  opened(link: Link, connection: Connection): void;
  control(link: Link, control: LinkControl): void;
  bundle(link: Link, bundle: Uint8Array): void;
  batchEnd(link: Link): void;
  closed(link: Link): void;
  /** An attempt failed, or a connection was ended by the peer, for this reason. */
  failed(link: Link, error: ProtocolError): void;
  /** Something that a view of the link shows is different. */
  changed(link: Link): void;
}

export interface LinkPorts {
  self: ServerId;
  clock: Clock;
  random: RandomSource;
  listener: LinkListener;
  /** Dials and adopts; resolves once a connection of this link is confirmed. Rejects with `ProtocolError`. */
  dial: (link: Link) => Promise<void>;
  /** Bundles wait for this server. */
  backlog: (server: ServerId) => boolean;
}

export class Link {
  readonly server: ServerId;
  row: LinkRow;
  /** Whether the row is in the store; strangers that claim no link are not. */
  stored: boolean;
  error: ProtocolError | undefined;
  nextTryAt: number | undefined;
  readonly #ports: LinkPorts;
  #connection: Connection | undefined;
  #attempt: Promise<ProtocolError | undefined> | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #stopped = false;

  constructor(row: LinkRow, stored: boolean, ports: LinkPorts) {
    this.server = row.server;
    this.row = row;
    this.stored = stored;
    this.#ports = ports;
  }

  get trust(): Trust {
    return trustOf(this.row);
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  get connected(): boolean {
    return this.#connection?.confirmed === true;
  }

  get state(): "connected" | "connecting" | "waiting" | "refused" | "off" {
    if (this.connected) return "connected";
    if (this.#connection !== undefined || this.#attempt !== undefined) return "connecting";
    if (this.error?.retry === "never") return "refused";
    return this.nextTryAt === undefined ? "off" : "waiting";
  }

  /** Whether this side dials: to servers that it linked, and to others while something waits for them. [L16] */
  get wanted(): boolean {
    if (this.#stopped || this.row.blocked) return false;
    return this.row.linkedByUs || (this.row.linkedByThem && this.#ports.backlog(this.server));
  }

  send(control: LinkControl): void {
    this.#connection?.send(control);
  }

  sendTrust(): void {
    this.send({ kind: "trust", linked: this.row.linkedByUs && !this.row.blocked });
  }

  /** Dials unless there is a connection, an attempt, or a time that was set for one. */
  ensure(): void {
    if (!this.wanted || this.#connection !== undefined || this.#timer !== undefined) return;
    void this.attempt();
  }

  /** Tries now. Resolves with undefined once connected, or with why not; then it is tried again later. */
  attempt(): Promise<ProtocolError | undefined> {
    this.#cancelTimer();
    this.#attempt ??= this.#try();
    return this.#attempt;
  }

  /** As `attempt`, but not with what an attempt under way was given before. */
  async attemptAfresh(): Promise<ProtocolError | undefined> {
    await this.#attempt;
    return this.connected ? undefined : this.attempt();
  }

  /**
   * Takes a connection that opened, unless the one there is stands above it. Two at once are resolved alike at both
   * ends: the one dialled by the lower ServerId stays; of one direction the newer stays. [L18]
   */
  adopt(connection: Connection): boolean {
    const held = this.#connection;
    if (connection.closed) return false;
    if (this.#stopped || (held !== undefined && !this.#replaces(connection, held))) {
      connection.close("replaced");
      return false;
    }
    this.#connection = connection;
    held?.close("replaced");
    this.#cancelTimer();
    const { listener } = this.#ports;
    connection.listen({
      control: (control) => {
        if (control.kind === "trust") this.#confirmed();
        if (this.#connection === connection) listener.control(this, control);
      },
      bundle: (bundle) => this.#connection === connection && listener.bundle(this, bundle),
      batchEnd: () => this.#connection === connection && listener.batchEnd(this),
      closed: (error) => this.#lost(connection, error),
    });
    if (held !== undefined) listener.closed(this);
    this.sendTrust();
    listener.opened(this, connection);
    listener.changed(this);
    return true;
  }

  /** Ends the connection and all attempts for good. */
  stop(code: "closing" | "blocked"): void {
    this.#stopped = true;
    this.disconnect(code);
    this.#cancelTimer();
  }

  disconnect(code: "closing" | "blocked" | "name-taken" | "malformed"): void {
    this.#connection?.close(code);
  }

  /** Forgets what went wrong, so that the next attempt is made soon. */
  forgive(): void {
    this.#failures = 0;
    this.error = undefined;
    this.#cancelTimer();
  }

  /** Addresses to dial: where we were told to, then what the server's record says. */
  addresses(recorded: readonly ServerAddress[]): ServerAddress[] {
    const seen = new Map<string, ServerAddress>();
    for (const address of [...this.row.addresses, ...recorded]) {
      const key = `${address.host} ${address.port}`;
      if (!seen.has(key)) seen.set(key, address);
    }
    return [...seen.values()];
  }

  async #try(): Promise<ProtocolError | undefined> {
    let failure: ProtocolError | undefined;
    try {
      this.#ports.listener.changed(this);
      await this.#ports.dial(this);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      failure = error;
    } finally {
      this.#attempt = undefined;
    }
    if (this.connected) return undefined;
    failure ??= new ProtocolError("unreachable");
    this.#failed(failure);
    return failure;
  }

  #replaces(connection: Connection, held: Connection): boolean {
    if (connection.dialled === held.dialled) return true;
    const preferred = this.#ports.self < this.server; // Then our own dials stand.
    if (connection.dialled === preferred) return true;
    // The peer dials only when it has no connection: after the time for crossing, the held one is lost to it.
    return !connection.dialled && this.#ports.clock.now() - held.openedAt > crossedDialsMs;
  }

  #confirmed(): void {
    this.#failures = 0;
    this.error = undefined;
    // Connected from this word on, and not from the handshake.
    this.#ports.listener.changed(this);
  }

  #lost(connection: Connection, error: ProtocolError): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#ports.listener.closed(this);
    // An attempt under way reports its own end.
    if (this.#attempt === undefined) this.#failed(error);
  }

  #failed(error: ProtocolError): void {
    if (this.#connection !== undefined) return;
    this.error = error;
    this.#ports.listener.failed(this, error);
    if (this.wanted && this.#timer === undefined) {
      const { clock, random } = this.#ports;
      const refused = error.retry === "never";
      const delayMs = refused ? linkRefusedRetryMs : retryDelayMs(this.#failures, random);
      this.#failures += 1;
      this.nextTryAt = clock.now() + delayMs;
      this.#timer = clock.after(delayMs, () => {
        this.#cancelTimer();
        this.ensure();
      });
    }
    this.#ports.listener.changed(this);
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.nextTryAt = undefined;
  }
}
