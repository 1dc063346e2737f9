/**
 * Links put together: the links themselves, what people decide about them, who is connected, what peers say, and
 * servers without a link. Behaviour is in the parts; here stands only which of them sees which.
 */
import type { ServerId, ServerRecord } from "@fedchat/protocol";
import { fingerprint, ProtocolError, toWireError } from "@fedchat/protocol";
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
import type { Replacement } from "./replaced-servers.ts";
import { ReplacedServers } from "./replaced-servers.ts";
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
  readonly replaced: ReplacedServers;
  /** A record that holds: it may say that another key is replaced. [R9] */
  seen(record: ServerRecord): void;
  /** Begins to dial. */
  begin(): void;
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
  const replaced = new ReplacedServers({
    ...{ meta: options.state.meta, primitives: options.primitives, own: options.ownRecord().record },
    record: (server) => records.get(server),
    keeps: (server) => links.has(server) || accounts.hasGrantAt(server),
  });
  const seen = (record: ServerRecord) => {
    const learned = replaced.learn(record);
    for (const one of learned) tell(one);
    // Together: of a key whose record is gone nothing could be learned anew.
    const ops = learned.flatMap(({ former }) => records.drop(former));
    if (learned.length > 0) links.store([...replaced.storing(), ...ops]);
    // Those known before, too: their links may not have been stored then.
    const formers = new Set([...learned.map(({ former }) => former), ...replaced.formersOf(record.key)]);
    for (const former of formers)
      links
        .succeed(former, replaced.heir(former))
        .catch((error: unknown) => log.warn("a link was not stored", { error: String(error) }));
  };
  function tell({ former, successor }: Replacement): void {
    const isLinked = links.get(former)?.row.linkedByUs === true;
    const name = links.get(former)?.row.localName ?? records.get(former)?.name ?? former.slice(0, 8);
    log.warn("a server's owner replaced its key, which was lost or stolen", { former, server: successor });
    if (!isLinked) return;
    const detail = `${name} has another one now. Ask them whether its fingerprint is: ${fingerprint(successor)}`;
    const error = toWireError(new ProtocolError("server-key-replaced", detail));
    accounts.notify("administrators", { kind: "warning", error, server: successor });
  }
  const links: Links = new Links({
    ...{
      replaced,
      self,
      clock,
      random: options.random,
      commit: options.commit,
      accounts,
      log,
      records,
      queueDepth,
    },
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
    ...{ links, names, records, reaching, seen },
    isReplaced: (server) => replaced.has(server),
    directOnly: (link) => unlinked.directOnly(link),
  });
  const unlinked: UnlinkedServers = new UnlinkedServers({
    ...{ self, clock, links, records, connections, reaching, circuits, awaited },
  });
  const decisions = new LinkDecisions({
    self,
    clock,
    log,
    links,
    names,
    records,
    declined,
    reaching,
    replaced,
  });
  const { announced } = ports;
  const news = new LinkNews({
    ...{ clock, log, policy, accounts, links, names, records, declined, queueDepth, announced },
  });
  links.restore(options.state.links);
  return {
    ...{ links, records, names, decisions, connections, news, unlinked, replaced, seen },
    begin() {
      for (const { record } of [...records.all()]) seen(record);
      links.start();
    },
    close() {
      unlinked.close();
      news.stop();
      links.close();
    },
  };
}
