/**
 * The link to one other homeserver: what is stored of it, the connection if there is one, and the attempts to get one.
 * Invariants: at most one connection; while a connection is wanted and there is none, an attempt is under way or
 * scheduled; while it passes relays, direct attempts are; a relayed one never takes the place of a direct one. [L16] to
 * [L19] [C9] [C10]
 */
import type {
  CircuitPiece,
  Clock,
  LinkControl,
  RandomSource,
  ServerAddress,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { LinkRow } from "../../store/store.ts";
import { crossedDialsMs, directRetryMsMax, linkRefusedRetryMs, relayedBrieflyMs } from "../limits.ts";
import type { Trust } from "../seams.ts";
import { retryDelayMs } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { trustOf } from "./trust.ts";

/**
 * any: addresses, then ways through relays · reroute: both at once, since a way was lost a moment ago · direct:
 * addresses only, though there is a connection through relays.
 */
export type Dialling = "any" | "reroute" | "direct";

export interface LinkListener {
  /** There is a connection; nothing of the peer was heard on it yet. */
  opened(link: Link, connection: Connection): void;
  control(link: Link, control: LinkControl): void;
  bundle(link: Link, bundle: Uint8Array): void;
  batchEnd(link: Link): void;
  piece(link: Link, piece: CircuitPiece): void;
  closed(link: Link, connection: Connection): void;
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
  /**
   * Dials and adopts; resolves once a connection of this link is confirmed. Rejects with `ProtocolError`.
   */
  dial: (link: Link, how: Dialling) => Promise<void>;
  /** Something waits for this server, or is asked of it. */
  needed: (link: Link) => boolean;
  /** Its key is nobody's any more. [R9] */
  isReplaced: () => boolean;
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
  #directTimer: Timer | undefined;
  #directFailures = 0;
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

  /** What it may ask of us beyond people's lists: a link that only a directory made is a stranger's. [D4] */
  get standing(): Trust {
    return this.trust === "mutual" && this.row.origin === "directory" ? "incoming" : this.trust;
  }

  get origin(): LinkRow["origin"] {
    return this.row.origin;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The relays that the connection passes; none where it is direct, or there is none. */
  get via(): readonly ServerId[] {
    return this.#connection?.via ?? [];
  }

  get connected(): boolean {
    return this.#connection?.confirmed === true;
  }

  get state(): "connected" | "connecting" | "waiting" | "refused" | "off" {
    if (this.connected) return "connected";
    if (this.#connection !== undefined || this.#attempt !== undefined) return "connecting";
    // Whether it is another server or somebody on the way that shows another key: a person has to look.
    if (this.error?.retry === "never" || this.error?.code === "server-key-changed") return "refused";
    return this.nextTryAt === undefined ? "off" : "waiting";
  }

  /** Whether this side dials: to servers that it linked, and to others while they are needed. [L16] [C11] */
  get wanted(): boolean {
    if (this.#stopped || this.row.blocked || this.#ports.isReplaced()) return false;
    return this.row.linkedByUs || this.#ports.needed(this);
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
  attempt(how: Dialling = "any"): Promise<ProtocolError | undefined> {
    this.#cancelTimer();
    this.#attempt ??= this.#try(how);
    return this.#attempt;
  }

  /** It is not wanted any more: no further attempt is announced, and what failed before is no matter. */
  rest(): void {
    if (this.#connection !== undefined || this.#attempt !== undefined) return;
    this.#cancelTimer();
    this.error = undefined;
  }

  /** Its addresses may be others now: those are dialled at once, also in place of a connection through relays. [G5] */
  addressesChanged(): void {
    if (this.#connection === undefined) {
      if (!this.wanted || this.#attempt !== undefined) return;
      this.forgive();
      return this.ensure();
    }
    if (this.#connection.via.length > 0) this.#seekDirect(0);
  }

  /** As `attempt`, but not with what an attempt under way was given before. */
  async attemptAfresh(): Promise<ProtocolError | undefined> {
    await this.#attempt;
    return this.connected ? undefined : this.attempt();
  }

  /**
   * Takes a connection that opened, unless the one there is stands above it. Two at once are resolved alike at both
   * ends: a direct one stays; of two alike the one dialled by the lower ServerId; of one direction the newer. [L18] [C9]
   */
  adopt(connection: Connection): boolean {
    const held = this.#connection;
    if (connection.closed) return false;
    if (this.#stopped || (held !== undefined && !this.#replaces(connection, held))) {
      connection.close("replaced");
      // The peer dials through relays only where it has no connection: then the one held here may be dead.
      if (held !== undefined && this.#isOld(held)) held.probe();
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
      piece: (piece) => this.#connection === connection && listener.piece(this, piece),
      closed: (error) => this.#lost(connection, error),
    });
    if (held !== undefined) listener.closed(this, held);
    this.#directFailures = 0;
    this.#seekDirect();
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
    this.#directTimer?.cancel();
  }

  disconnect(code: "closing" | "blocked" | "name-taken" | "malformed"): void {
    this.#connection?.close(code);
  }

  /** Nothing ran here for a while: a connection may be dead, and what was put off need not wait any more. [L9] */
  woke(): void {
    if (this.#connection !== undefined) return this.#connection.probe();
    if (!this.wanted || this.#attempt !== undefined || this.error?.retry === "never") return;
    this.forgive();
    this.ensure();
  }

  /** Forgets what went wrong, so that the next attempt is made soon. */
  forgive(): void {
    this.#failures = 0;
    this.error = undefined;
    this.#cancelTimer();
  }

  /** Addresses to dial: where it was last proved, what the server's record says, then where we were told to. [G5] */
  addresses(recorded: readonly ServerAddress[], provedAt?: ServerAddress): ServerAddress[] {
    const seen = new Map<string, ServerAddress>();
    for (const address of [
      ...(provedAt === undefined ? [] : [provedAt]),
      ...recorded,
      ...this.row.addresses,
    ]) {
      const key = `${address.host} ${address.port}`;
      if (!seen.has(key)) seen.set(key, address);
    }
    return [...seen.values()];
  }

  async #try(how: Dialling): Promise<ProtocolError | undefined> {
    let failure: ProtocolError | undefined;
    try {
      this.#ports.listener.changed(this);
      await this.#ports.dial(this, how);
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

  /** While the connection passes relays, the addresses are dialled again and again, ever less often. [C9] */
  #seekDirect(delayMs?: number): void {
    this.#directTimer?.cancel();
    this.#directTimer = undefined;
    if (this.via.length === 0 || this.#stopped) return;
    const { clock, random } = this.#ports;
    const laterMs = delayMs ?? retryDelayMs(this.#directFailures, random, directRetryMsMax);
    this.#directTimer = clock.after(laterMs, () => void this.#tryDirect());
  }

  async #tryDirect(): Promise<void> {
    this.#directTimer = undefined;
    try {
      if (this.wanted && this.#attempt === undefined) await this.#ports.dial(this, "direct");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    this.#directFailures += 1;
    if (this.#directTimer === undefined) this.#seekDirect();
  }

  #isOld(held: Connection): boolean {
    return this.#ports.clock.now() - held.openedAt > crossedDialsMs;
  }

  #replaces(connection: Connection, held: Connection): boolean {
    if ((connection.via.length === 0) !== (held.via.length === 0)) return connection.via.length === 0;
    if (connection.dialled === held.dialled) return true;
    const preferred = this.#ports.self < this.server; // Then our own dials stand.
    if (connection.dialled === preferred) return true;
    // The peer dials only when it has no connection: after the time for crossing, the held one is lost to it.
    return !connection.dialled && this.#isOld(held);
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
    if (connection.heardAt !== undefined) this.row = { ...this.row, lastContactAt: connection.heardAt };
    this.#directTimer?.cancel();
    this.#ports.listener.closed(this, connection);
    // An attempt under way reports its own end.
    if (this.#attempt !== undefined) return;
    this.#failed(error);
    // There may be another way: it is tried at once, unless this one was hardly any. [C10]
    const lastedMs = this.#ports.clock.now() - connection.openedAt;
    const broke = connection.via.length > 0 && !connection.farewell;
    if (broke && lastedMs >= relayedBrieflyMs && this.wanted) void this.attempt("reroute");
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
