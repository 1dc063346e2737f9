/**
 * Servers that are reached without a link: those of contacts, those that an invitation names, relays on the way to
 * others. Invariants: a blocked server is not reached; strangers' invitations cannot make us dial without end; a server
 * is let go once nothing waits for it and nothing passes it. [C8] [C11]
 */
import type { Clock, ServerAddress, ServerId } from "@fedchat/protocol";
import { ProtocolError, retryOf } from "@fedchat/protocol";
import { invitedDialRate, queryTimeoutMs } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Whereabouts } from "../seams.ts";
import { within } from "../within.ts";
import type { Circuits } from "./circuits.ts";
import type { Connection } from "./connection.ts";
import type { Link } from "./link.ts";
import type { LinkConnections } from "./link-connections.ts";
import { mergedAddresses } from "./link-decisions.ts";
import type { Links } from "./links.ts";
import type { Reaching } from "./reaching.ts";
import type { ServerRecords } from "./records.ts";
import { Unlinked } from "./unlinked.ts";

export interface UnlinkedServersPorts {
  self: ServerId;
  clock: Clock;
  links: Links;
  records: Pick<ServerRecords, "get" | "storing">;
  connections: Pick<LinkConnections, "direct">;
  reaching: Pick<Reaching, "tell">;
  circuits: Pick<Circuits, "carries">;
  /** Whether something waits for this server that somebody here sent. */
  awaited: (server: ServerId) => boolean;
}

export class UnlinkedServers {
  readonly #ports: UnlinkedServersPorts;
  readonly #invitedDials: RateLimits<"all">;
  readonly #uses: Unlinked;
  /** Servers that are dialled only to pass through them. */
  readonly #asRelay = new Set<ServerId>();

  constructor(ports: UnlinkedServersPorts) {
    this.#ports = ports;
    this.#invitedDials = new RateLimits(invitedDialRate, ports.clock);
    this.#uses = new Unlinked({
      clock: ports.clock,
      inUse: (server) => ports.awaited(server) || this.#carries(server),
      letGo: (server) => this.#letGo(server),
    });
  }

  close(): void {
    this.#uses.close();
  }

  /** Something waits for it, is asked of it, or passes it. */
  needed(server: ServerId): boolean {
    return this.#uses.needed(server);
  }

  /** A relay that is dialled for others' sake is of use only directly. [C4] */
  directOnly({ server, row }: Link): boolean {
    return this.#asRelay.has(server) && !row.linkedByUs && !this.#ports.awaited(server);
  }

  /**
   * The link to a server that somebody here writes to or asks: one without a link is reached all the same, if it is
   * known where. Throws `blocked`, `unknown-server`, `quota-exceeded`, `rate-limited`. [C11]
   * @param invited where an invitation says that it is
   */
  reach(server: ServerId, invited?: Whereabouts): Link {
    const { self, links, records, reaching } = this.#ports;
    const held = links.get(server);
    if (held?.row.blocked === true) throw new ProtocolError("blocked");
    if (held?.row.linkedByUs === true) return held;
    const known = held !== undefined || records.get(server) !== undefined;
    if (!known && (invited === undefined || server === self)) throw new ProtocolError("unknown-server");
    const retryAfterMs = known ? 0 : this.#invitedDials.take("all");
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    const isNew = this.#uses.use(server);
    const link = links.of(server);
    if (!known && invited !== undefined) {
      link.row = { ...link.row, addresses: invited.addresses };
      reaching.tell(server, invited.relays);
    }
    // It is dialled again after a restart, too, while something waits.
    if (isNew && !link.stored) links.store(records.storing(server));
    return link;
  }

  /**
   * Asks over the connection to a server; where there is none it is dialled, and awaited for the time of a query.
   * Rejects as `reach`, or with why there is no connection.
   */
  async asking<T>(server: ServerId, ask: (link: Link) => Promise<T>, invited?: Whereabouts): Promise<T> {
    const link = this.reach(server, invited);
    if (link.connected) return ask(link);
    const release = link.row.linkedByUs ? undefined : this.#uses.hold(server);
    try {
      const failure = await within(this.#ports.clock, queryTimeoutMs, link.attempt());
      if (!link.connected) throw unopened(failure);
      return await ask(link);
    } finally {
      release?.();
      this.#ports.links.dropIfForgotten(link);
    }
  }

  /** How many wait for this server is different. */
  queueChanged(server: ServerId): void {
    const { links, awaited } = this.#ports;
    const link = links.get(server) ?? this.#awaken(server);
    if (link === undefined) return;
    if (!link.row.linkedByUs && awaited(server)) this.#uses.use(server);
    link.ensure();
    // While a link is connected its queue comes and goes with every message.
    if (!link.connected) links.changed(server);
    links.dropIfForgotten(link);
  }

  /**
   * Dials a relay for the sake of a server behind it; it is kept while a circuit of ours passes it. Rejects with
   * `ProtocolError`. [C8]
   */
  async connectRelay(relay: ServerId, addresses: ServerAddress[]): Promise<Connection> {
    const { links, connections } = this.#ports;
    const release = this.#uses.hold(relay);
    const link = links.of(relay);
    if (!link.stored) link.row = { ...link.row, addresses: mergedAddresses(addresses, link.row.addresses) };
    this.#asRelay.add(relay);
    try {
      const failure = await link.attempt();
      const connection = connections.direct(relay);
      if (connection === undefined) throw failure ?? new ProtocolError("unreachable");
      return connection;
    } finally {
      this.#asRelay.delete(relay);
      release();
      links.dropIfForgotten(link);
    }
  }

  /** Something waits for a server since before we started. */
  #awaken(server: ServerId): Link | undefined {
    if (this.#ports.links.closed || !this.#ports.awaited(server)) return undefined;
    try {
      return this.reach(server);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return undefined;
    }
  }

  #carries(server: ServerId): boolean {
    const connection = this.#ports.connections.direct(server);
    return connection !== undefined && this.#ports.circuits.carries(connection);
  }

  #letGo(server: ServerId): void {
    const { links } = this.#ports;
    const link = links.get(server);
    if (link === undefined || link.trust !== "none") return;
    if (link.connection?.dialled === true) link.disconnect("closing");
    links.dropIfForgotten(link);
  }
}

/**
 * Why there is no connection, for whoever asks. What nobody proved to have said is for good nowhere; of an error that
 * crosses a wire the code alone says whether trying again helps. [L6] [E3]
 */
function unopened(failure = new ProtocolError("unreachable")): ProtocolError {
  if (failure.retry === "never" || retryOf(failure.code) !== "never") return failure;
  return new ProtocolError("unreachable", failure.message, { cause: failure });
}
