/**
 * Who is connected: dialling a server, and taking over a connection that it opened. Invariants: a blocked server stays
 * out; a connection is adopted only by the key that its handshake proved, its record not older and its name not
 * another's; a changed key is told, once. [L14] [L15] [L19] [L20] [R4]
 */
import type { ProvedServer, ServerAddress, ServerId, ServerRecord } from "@fedchat/protocol";
import { otherServerOf, ProtocolError, toWireError } from "@fedchat/protocol";
import { dialAddressesMax } from "../limits.ts";
import type { Log } from "../log.ts";
import type { LocalAccounts } from "../seams.ts";
import { Connection } from "./connection.ts";
import type { DialPorts, OpenedLink } from "./dial-peer.ts";
import { dialPeer } from "./dial-peer.ts";
import type { Dialling, Link } from "./link.ts";
import type { LinkNames } from "./link-names.ts";
import type { Links } from "./links.ts";
import type { Reaching } from "./reaching.ts";
import type { ServerRecords } from "./records.ts";

export interface LinkConnectionsPorts extends DialPorts {
  accounts: Pick<LocalAccounts, "notify">;
  log: Log;
  links: Links;
  names: Pick<LinkNames, "mayTake">;
  records: Pick<ServerRecords, "get" | "admitProved">;
  reaching: Pick<Reaching, "ways" | "worked">;
  /** A record that was proved, or that a proved server showed: it may say that another key is replaced. [R9] */
  seen: (record: ServerRecord) => void;
  /** Whether a key is nobody's any more. */
  isReplaced: (server: ServerId) => boolean;
  /** Whether it is dialled only for others' sake: then no way through relays is of use. [C4] */
  directOnly: (link: Link) => boolean;
}

export class LinkConnections {
  readonly #ports: LinkConnectionsPorts;
  /** Where each server last proved its key to us, since we started. */
  readonly #provedAt = new Map<ServerId, ServerAddress>();
  /** Servers whose changed key was already told. */
  readonly #warned = new Set<ServerId>();

  constructor(ports: LinkConnectionsPorts) {
    this.#ports = ports;
  }

  /** The direct connection to a server, once it has said its first word. */
  direct(server: ServerId): Connection | undefined {
    const connection = this.#ports.links.get(server)?.connection;
    return connection?.confirmed === true && connection.via.length === 0 ? connection : undefined;
  }

  *allDirect(): Generator<ServerId> {
    for (const { server } of this.#ports.links.all()) {
      if (this.direct(server) !== undefined) yield server;
    }
  }

  /** Dials and adopts; resolves once a connection of this link is confirmed. Rejects with `ProtocolError`. */
  async dial(link: Link, how: Dialling): Promise<void> {
    const { records, reaching, directOnly, isReplaced } = this.#ports;
    const { server } = link;
    if (isReplaced(server)) throw new ProtocolError("server-key-replaced");
    const known = records.get(server);
    const target = {
      server,
      addresses: link
        .addresses(known?.addresses ?? [], this.#provedAt.get(server))
        .slice(0, dialAddressesMax),
      noiseKey: known?.noiseKey,
      ways: () => (how === "direct" || directOnly(link) ? [] : reaching.ways(server)),
      ...(how === "reroute" ? { silenceMs: 0 } : {}),
      superseded: () => link.connection !== undefined && (how !== "direct" || link.via.length === 0),
    };
    const foreign: string[] = [];
    try {
      const dialled = await dialPeer(this.#ports, target, {
        opened: (channel, { address, via }) => {
          const connection = this.#adopt(link, channel, { dialled: true, via });
          if (address !== undefined) this.#provedAt.set(server, address);
          else reaching.worked(server, via);
          return connection;
        },
        failed: (address, error) => {
          const other = otherServerOf(error);
          if (other !== undefined) this.#answeredInItsPlace(server, other);
          if (error.code === "wrong-server-key") foreign.push(placeOf(address));
        },
      });
      await (link.connection ?? dialled)?.confirmation;
    } catch (error) {
      if (isReplaced(server)) throw new ProtocolError("server-key-replaced", undefined, { cause: error });
      const pinned = link.row.lastContactAt !== undefined;
      if (!(error instanceof ProtocolError) || error.code !== "wrong-server-key" || !pinned) throw error;
      throw this.#keyFault(link, foreign, target.addresses.length, error);
    }
  }

  /** A server that connected, proved. Throws, after telling it, where it may not. [L20] */
  admit(
    opened: OpenedLink,
    via: readonly ServerId[],
    mayConnect: (link: Link | undefined) => ProtocolError | undefined,
  ): void {
    const { links, clock } = this.#ports;
    const server = opened.server.record.key;
    this.#ports.seen(opened.server.record);
    const refused = links.closed
      ? new ProtocolError("unreachable")
      : (this.#refused(server) ?? mayConnect(links.get(server)));
    if (refused !== undefined) {
      const connection = new Connection(opened, opened.server, { dialled: false, via }, clock);
      connection.close(refused.code);
      throw refused;
    }
    const link = links.of(server);
    try {
      this.#adopt(link, opened, { dialled: false, via });
    } finally {
      links.dropIfForgotten(link);
    }
  }

  /** An attempt failed, or a connection was ended by the peer: of a changed key the administrators hear, once. */
  failed(link: Link, error: ProtocolError): void {
    const { log, accounts } = this.#ports;
    log.debug("a link has no connection", { server: link.server, code: error.code });
    if (error.code !== "server-key-changed") {
      if (error.code === "unreachable") this.#warned.delete(link.server);
      return;
    }
    if (this.#warned.has(link.server)) return;
    this.#warned.add(link.server);
    log.warn("a server's key is not the pinned one", { server: link.server });
    accounts.notify("administrators", { kind: "warning", error: toWireError(error), server: link.server });
  }

  forget(server: ServerId): void {
    this.#provedAt.delete(server);
  }

  #adopt(link: Link, channel: OpenedLink, how: { dialled: boolean; via: readonly ServerId[] }): Connection {
    const { clock, names, records, links } = this.#ports;
    const connection = new Connection(channel, channel.server, how, clock);
    try {
      this.#ports.seen(channel.server.record);
      const refused = this.#refused(link.server);
      if (refused !== undefined) throw refused;
      // It may have been blocked while it was dialled. [L19]
      if (link.row.blocked) throw new ProtocolError("blocked");
      names.mayTake(link, channel.server.record.name);
      if (records.admitProved(channel.server, clock.now())) links.storeRecord(link);
    } catch (error) {
      if (error instanceof ProtocolError) connection.close(error.code);
      throw error;
    }
    link.adopt(connection);
    return connection;
  }

  /** Another key was proved where this server was: it may be its own new one. */
  #answeredInItsPlace(server: ServerId, other: ProvedServer): void {
    const { links, records, clock, seen, isReplaced } = this.#ports;
    const { key } = other.record;
    seen(other.record);
    const link = links.get(key);
    if (!isReplaced(server) || isReplaced(key) || link === undefined) return;
    records.admitProved(other, clock.now());
    links.storeRecord(link);
    link.addressesChanged();
  }

  #refused(server: ServerId): ProtocolError | undefined {
    return this.#ports.isReplaced(server) ? new ProtocolError("server-key-replaced") : undefined;
  }

  /**
   * Another key answers. Where this server itself was last proved, or where no address is left that merely does not
   * answer, that is a changed key. Elsewhere it is somebody else's FedChat: a mistyped port, or the same private address
   * in another home, while the server is away. [L14]
   */
  #keyFault(link: Link, foreign: string[], dialled: number, cause: ProtocolError): ProtocolError {
    const provedAt = this.#provedAt.get(link.server);
    const changed = provedAt === undefined ? foreign.length === dialled : foreign.includes(placeOf(provedAt));
    if (changed) return new ProtocolError("server-key-changed", undefined, { cause, retry: cause.retry });
    const detail = `It does not answer; at ${foreign.join(", ")} there is another server.`;
    return new ProtocolError("unreachable", detail, { cause });
  }
}

function placeOf({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}
