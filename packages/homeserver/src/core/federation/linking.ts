/**
 * Links put together: the links themselves, what people decide about them, who is connected, what peers say, and
 * servers without a link. Behaviour is in the parts; here stands only which of them sees which.
 */
import type { ServerId } from "@fedchat/protocol";
import type { Circuits } from "./circuits.ts";
import { Declined } from "./declined.ts";
import { LinkConnections } from "./link-connections.ts";
import { LinkDecisions } from "./link-decisions.ts";
import { LinkNames } from "./link-names.ts";
import { LinkNews } from "./link-news.ts";
import type { LinksListener } from "./links.ts";
import { Links } from "./links.ts";
import type { FederationOptions } from "./options.ts";
import { Reaching } from "./reaching.ts";
import { ServerRecords } from "./records.ts";
import { UnlinkedServers } from "./unlinked-servers.ts";

export interface LinkingPorts {
  listener: Omit<LinksListener, "failed">;
  queueDepth: (server: ServerId) => number;
  /** Whether this name is a domain that has confirmed this server. [N4] */
  nameProved: (server: ServerId, name: string) => boolean;
  /** Whether something waits for this server that somebody here sent. */
  awaited: (server: ServerId) => boolean;
  circuits: Circuits;
  /** Whether a directory announced this server. [D4] */
  announced: (server: ServerId) => boolean;
  /** Some server's record is newer, or more may be told of it. */
  recordsChanged: () => void;
}

export interface Linking {
  readonly links: Links;
  readonly records: ServerRecords;
  readonly names: LinkNames;
  readonly decisions: LinkDecisions;
  readonly connections: LinkConnections;
  readonly news: LinkNews;
  readonly unlinked: UnlinkedServers;
  close(): void;
}

export function createLinking(options: FederationOptions, ports: LinkingPorts): Linking {
  const { clock, accounts, log, policy } = options;
  const { queueDepth, awaited, circuits, listener } = ports;
  const self = options.ownRecord().record.key;
  const declined = new Declined(options.state.meta);
  const records = new ServerRecords({
    stored: options.state.records,
    primitives: options.primitives,
    keeps: (server) =>
      links.has(server) || accounts.hasGrantAt(server) || accounts.wasAskedFrom(server) || awaited(server),
    onChange: ports.recordsChanged,
  });
  const links: Links = new Links({
    ...{ self, clock, random: options.random, commit: options.commit, accounts, log, records, queueDepth },
    nameProved: ports.nameProved,
    used: (server) => unlinked.needed(server),
    dial: (link, how) => connections.dial(link, how),
    listener: {
      ...listener,
      failed: (link, error) => connections.failed(link, error),
      forgotten(server) {
        connections.forget(server);
        reaching.forget(server);
        listener.forgotten(server);
      },
    },
  });
  const names = new LinkNames({
    links,
    records,
    ours: () => ({ server: self, name: options.ownRecord().record.name }),
  });
  const reaching: Reaching = new Reaching({
    ...{ self, clock, graph: records.graph, circuits },
    record: (server) => records.get(server),
    trust: (server) => links.get(server)?.standing ?? "none",
    connected: () => connections.allDirect(),
    connection: (server) => connections.direct(server),
    connect: (relay, addresses) => unlinked.connectRelay(relay, addresses),
  });
  const connections: LinkConnections = new LinkConnections({
    ...options,
    ...{ links, names, records, reaching },
    directOnly: (link) => unlinked.directOnly(link),
  });
  const unlinked: UnlinkedServers = new UnlinkedServers({
    ...{ self, clock, links, records, connections, reaching, circuits, awaited },
  });
  const decisions = new LinkDecisions({ self, clock, log, links, names, records, declined, reaching });
  const { announced } = ports;
  const news = new LinkNews({
    ...{ clock, log, policy, accounts, links, names, records, declined, queueDepth, announced },
  });
  links.restore(options.state.links);
  return {
    ...{ links, records, names, decisions, connections, news, unlinked },
    close() {
      unlinked.close();
      news.stop();
      links.close();
    },
  };
}
