/**
 * How a server is reached that cannot be dialled: ways over relays that are connected, and relays that were told with
 * an invitation or in its record and are dialled for its sake. Remembers where ways failed. A way that leads elsewhere
 * counts as failed: relays can lie about everything but the handshake at its end. [C7] [C8]
 */
import type { ByteChannel, Clock, RelayHint, ServerAddress, ServerId, ServerRecord } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import { relaysDialledMax, waysPerAttemptMax } from "../limits.ts";
import type { Trust } from "../seams.ts";
import { BrokenEdges } from "./broken-edges.ts";
import type { Circuits } from "./circuits.ts";
import { WayFailed } from "./circuits.ts";
import type { Connection } from "./connection.ts";
import type { Way } from "./dial-peer.ts";
import type { KnownNetwork } from "./ways.ts";
import { findWays } from "./ways.ts";

export interface ReachingPorts extends Pick<KnownNetwork, "self" | "graph" | "connected"> {
  clock: Clock;
  circuits: Pick<Circuits, "open">;
  record: (server: ServerId) => ServerRecord | undefined;
  trust: (server: ServerId) => Trust;
  /** The confirmed direct connection to a server, if there is one. */
  connection: (server: ServerId) => Connection | undefined;
  /** Dials a relay for somebody else's sake. Rejects with `ProtocolError`. */
  connect: (relay: ServerId, addresses: ServerAddress[]) => Promise<Connection>;
}

export class Reaching {
  readonly #ports: ReachingPorts;
  readonly #edges: BrokenEdges;
  readonly #told = new Map<ServerId, RelayHint[]>();

  constructor(ports: ReachingPorts) {
    this.#ports = ports;
    this.#edges = new BrokenEdges(ports.clock, ports.record);
  }

  /** An invitation says that this server is reached through these. */
  tell(server: ServerId, relays: RelayHint[]): void {
    if (relays.length > 0) this.#told.set(server, relays);
  }

  told(server: ServerId): boolean {
    return this.#told.has(server);
  }

  forget(server: ServerId): void {
    this.#told.delete(server);
  }

  /** Ways to be tried now, the likeliest first. */
  ways(server: ServerId): Way[] {
    const relays = this.#relaysOf(server);
    const found = this.#find(server, relays);
    const direct = new Set(found.flatMap(([first, second]) => (second === undefined ? [first!] : [])));
    return [
      ...found.map((via) => this.#way(server, via, () => this.#held(via[0]!))),
      ...relays
        .filter((relay) => !direct.has(relay.server))
        .map((relay) => this.#way(server, [relay.server], () => this.#connect(relay))),
    ];
  }

  /** A connection opened over this way. */
  worked(server: ServerId, via: readonly ServerId[]): void {
    for (const [from, to] of stepsOf(server, via)) this.#edges.worked(from, to);
  }

  #find(server: ServerId, relays: RelayHint[]): ServerId[][] {
    const { self, graph, connected, trust } = this.#ports;
    const known = {
      ...{ self, graph, connected, trust },
      broken: (a: ServerId, b: ServerId) => this.#edges.broken(a, b),
    };
    const options = { atMost: waysPerAttemptMax, relays: relays.map((relay) => relay.server) };
    const sound = findWays(known, server, options);
    // Where there is no other way, what failed a moment ago is better than nothing.
    return sound.length > 0 ? sound : findWays({ ...known, broken: () => false }, server, options);
  }

  /** Relays of which only this server's being reached speaks: told ones, then those of its record that take anyone. */
  #relaysOf(server: ServerId): RelayHint[] {
    const { self, record, trust } = this.#ports;
    const recorded = (record(server)?.relays ?? []).flatMap((relay) => {
      const known = record(relay);
      return known?.relaysFor === "anyone" ? [{ server: relay, addresses: known.addresses }] : [];
    });
    const byServer = new Map<ServerId, RelayHint>();
    for (const relay of [...(this.#told.get(server) ?? []), ...recorded]) {
      const usable = relay.server !== self && relay.server !== server && trust(relay.server) !== "blocked";
      if (usable && !byServer.has(relay.server)) byServer.set(relay.server, relay);
    }
    return [...byServer.values()].slice(0, relaysDialledMax);
  }

  #way(server: ServerId, via: ServerId[], first: () => Promise<Connection>): Way {
    return {
      via,
      open: async () => this.#open(server, via, await first()),
      misled: () => this.#failed(server, via, undefined),
    };
  }

  async #held(relay: ServerId): Promise<Connection> {
    const connection = this.#ports.connection(relay);
    if (connection === undefined) throw new ProtocolError("unreachable");
    return connection;
  }

  async #connect({ server: relay, addresses }: RelayHint): Promise<Connection> {
    const connection =
      this.#ports.connection(relay) ??
      (await this.#ports.connect(relay, addresses).catch((cause: unknown) => {
        if (!(cause instanceof ProtocolError)) throw cause;
        const detail = `Its relay ${this.#nameOf(relay)} cannot be reached either. Try again later, or ask for a new invitation.`;
        throw new ProtocolError("unreachable", detail, { cause });
      }));
    const { relaysFor } = connection.server.record;
    if (relaysFor === "anyone" || (relaysFor === "linked" && this.#ports.trust(relay) === "mutual"))
      return connection;
    throw new ProtocolError("unreachable", this.#refusedBy(relay));
  }

  async #open(server: ServerId, via: ServerId[], connection: Connection): Promise<ByteChannel> {
    const { circuits, self } = this.#ports;
    try {
      return await circuits.open(connection, server, via.slice(1), ({ at }) => {
        // Without a place it was closed and nothing broke; where it broke here there is no connection any more.
        if (at !== undefined && at !== self && via.includes(at)) this.#failed(server, via, at);
      });
    } catch (error) {
      if (!(error instanceof WayFailed)) throw error;
      this.#failed(server, via, error.at);
      throw new ProtocolError("unreachable", this.#sentence(error), { cause: error });
    }
  }

  /** Where nobody says at which step it failed all but the first are suspected: that one is a connection of ours. */
  #failed(server: ServerId, via: readonly ServerId[], at: ServerId | undefined): void {
    if (at === this.#ports.self) return;
    const steps = stepsOf(server, via);
    const suspected = steps.filter(([from]) => from === at);
    for (const [from, to] of suspected.length > 0 ? suspected : steps) this.#edges.failed(from, to);
  }

  #sentence({ code, at }: WayFailed): string | undefined {
    if (at === undefined) return undefined;
    const name = this.#nameOf(at);
    if (code === "not-allowed") return this.#refusedBy(at);
    if (code === "rate-limited") return `The relay ${name} has too much to pass on now. It is tried again.`;
    return `The relay ${name} has no connection to the next server on the way. It is tried again.`;
  }

  #refusedBy(relay: ServerId): string {
    const name = this.#nameOf(relay);
    if (this.#ports.record(relay)?.relaysFor === "nobody")
      return `Its relay ${name} does not relay any more. Ask for a new invitation.`;
    return `It is reached only through ${name}, which relays for servers that it is linked with. Ask the owner of ${name} for a link.`;
  }

  #nameOf(server: ServerId): string {
    return this.#ports.record(server)?.name ?? `server-${server.slice(0, 6)}`;
  }
}

/** The steps of a way from its first relay on. */
function stepsOf(server: ServerId, via: readonly ServerId[]): [ServerId, ServerId][] {
  return via.map((relay, index) => [relay, via[index + 1] ?? server]);
}

/** Of a relay's addresses, those that an invitation has room for. [I1] */
export function relayHintOf(relay: ServerRecord): RelayHint {
  const told = relay.addresses.filter(({ kind }) => kind !== "lan");
  const addresses = (told.length > 0 ? told : relay.addresses).slice(0, limits.invitationRelayAddressesMax);
  return { server: relay.key, addresses };
}
