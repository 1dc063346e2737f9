/**
 * The federation of a homeserver: links to other homeservers, streams of bundles over them, and what linked servers
 * tell one another of their people. Implements the seam that client sessions see. Trusts nothing that a peer says but
 * what is signed or sealed by whom it claims to be. No I/O of its own: carriers, disk, time and chance come in.
 */
import type { ByteChannel, LinkControl, ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { custodyWaysMax, dialBackAskedMax } from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Federation, Trust } from "../seams.ts";
import { Answering } from "./answering.ts";
import { BeyondListing } from "./beyond-listing.ts";
import { Circuits } from "./circuits.ts";
import type { Connection } from "./connection.ts";
import { DialBack } from "./dial-back.ts";
import { Domains } from "./domains.ts";
import { Directories } from "./directories.ts";
import type { Link } from "./link.ts";
import { Links } from "./links.ts";
import { Gossip } from "./gossip.ts";
import type { Standing } from "./neighbourhood.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { networkMap } from "./network-map.ts";
import type { FederationOptions, Remote } from "./options.ts";
import { People } from "./people.ts";
import { searchForm } from "./person-search.ts";
import { PeopleBeyond } from "./people-beyond.ts";
import { PeopleListing } from "./people-listing.ts";
import { Queries } from "./queries.ts";
import { Streams } from "./streams.ts";
import { traceEnvelope } from "./trace.ts";
import { findWays } from "./ways.ts";

export type { Standing } from "./neighbourhood.ts";
export type { Dialer, FederationOptions, FederationPolicy, OwnRecord, Relaying, Remote } from "./options.ts";

export interface RunningFederation extends Federation, AsyncDisposable {
  /** Begins to dial. Before this nothing is sent. */
  start(): void;
  /** Takes over a carrier that a homeserver opened to us. Settles when the link is open or refused; never rejects. */
  accept(channel: ByteChannel, remote: Remote): Promise<void>;
  /** Nothing ran here for a while: connections are tested, and where there is none it is dialled. [L9] */
  woke(): void;
  /** Our own server record is newer: linked servers are told. */
  ownRecordChanged(): void;
  /** The relays and neighbours that our record should list. [G6] */
  standing(): Standing;
  /** Says goodbye to all and stops. What is not acknowledged stays in the outbox. */
  close(): Promise<void>;
}

export function createFederation(options: FederationOptions): RunningFederation {
  const { accounts, clock, log } = options;
  const trustOf = (server: Parameters<Links["get"]>[0]): Trust => links.get(server)?.standing ?? "none";
  const streams = new Streams(options, {
    trustOf,
    depthChanged: (server) => links.queueChanged(server),
    via: (server) => links.get(server)?.connection?.via,
    recordOf: (server) => links.records.get(server),
    heard(record, signed, relay) {
      const link = links.get(relay);
      if (link?.trust === "mutual") gossip.receivedWithPeople(link, record, signed);
    },
    ways: (server) => custodyWays(links, server, options.ownRecord().record.key),
    connecting: (server) => links.get(server)?.state === "connecting",
  });
  const circuits: Circuits = new Circuits({
    options,
    link: (server) => links.get(server),
    accept: (channel, remote) => void answering.accept(channel, remote),
  });
  const domains = new Domains({
    ...options,
    checker: options.domains,
    proved: (server) => links.changed(server),
  });
  const links: Links = new Links(options, {
    queueDepth: (server) => streams.outbox.depth(server),
    nameProved: (server, name) => domains.isProved(server, name),
    awaited: (server) => streams.outbox.awaited(server),
    circuits,
    announced: (server) => directories.knows(server),
    listener: {
      opened: (link, connection) => streams.opened(link.server, connection),
      bundle: (link, bundle) => streams.bundle(link.server, bundle),
      batchEnd: (link) => streams.batchEnd(link.server),
      piece: (link, piece) => link.connection && circuits.piece(link.connection, piece),
      control,
      closed,
      trustChanged,
      personal,
      forgotten(server) {
        streams.forget(server);
        domains.forget(server);
      },
    },
    recordsChanged() {
      gossip.changed();
      neighbourhood.changed();
    },
  });
  const gossip: Gossip = new Gossip({
    ...options,
    self: options.ownRecord().record.key,
    records: links.records,
    trustOf,
    mayBeCalled: (server, name) => links.mayBeCalled(server, name),
    heard: (server, before) => links.recordHeard(server, before),
  });
  const neighbourhood: Neighbourhood = new Neighbourhood({
    clock,
    links: () => links.all(),
    record: (server) => links.records.get(server),
    reachedFromOutside: () => answering.reachedFromOutside,
    standing: options.ownRecord().record,
    onChange: () => options.standingChanged?.(),
  });
  const people: People = new People({
    clock,
    primitives: options.primitives,
    accounts,
    log,
    changed: (link, change) => beyondListing.changed(link, change),
  });
  const beyondListing = new BeyondListing({
    links: () => links.all(),
    people,
    record: (server) => links.records.signed(server),
  });
  const beyond = new PeopleBeyond({
    clock,
    primitives: options.primitives,
    accounts,
    log,
    self: options.ownRecord().record.key,
    links: () => links.all(),
    speaksForItself: (server) => links.get(server)?.trust === "mutual",
    heard: (link, record, signed) => gossip.receivedWithPeople(link, record, signed),
  });
  const listing = new PeopleListing(clock, accounts);
  const dialBack = new DialBack(options);
  const queries = new Queries({
    clock,
    accounts,
    primitives: options.primitives,
    async dialBack(link, addresses) {
      const { server, connection } = link;
      if (!link.row.linkedByUs || connection === undefined) throw new ProtocolError("not-allowed");
      const known = links.records.get(server)?.addresses ?? [];
      const remote = answering.remoteOf(connection.server);
      return dialBack.answer({ server, addresses: known, remote }, addresses);
    },
  });
  const directories = new Directories({
    places: [],
    token: undefined,
    identify: () => Promise.reject(new ProtocolError("unreachable")),
    ...options.directories,
    ...options,
    gossip: () => gossip,
    listing: () => listing,
    queries: () => queries,
    isKnown(server, signed) {
      const known = links.records.signed(server);
      return known !== undefined && sameBytes(known, signed);
    },
    announced,
  });
  const asked = new WeakSet<Connection>();
  const answering = new Answering(options, links);

  /** Linked in the background: what is sent there meanwhile waits in the outbox. */
  function announced(server: ServerId): void {
    links
      .linkAnnounced(server)
      .catch((error: unknown) =>
        log.info("an announced server was not linked", { server, error: String(error) }),
      );
  }

  function control(link: Link, message: LinkControl): void {
    switch (message.kind) {
      case "trust":
        void links.peerTrust(link, message.linked).then(() => askPeopleOnce(link));
        return lookAtDomain(link);
      case "record":
        links.peerRecord(link, message.record);
        return lookAtDomain(link);
      case "askRecords":
        return gossip.asked(link, message);
      case "records":
        gossip.received(link, message);
        return;
      case "circuitOpen":
      case "circuitOpened":
      case "circuitCredit":
      case "circuitClose":
        return link.connection && circuits.control(link.connection, message);
      case "askPeople":
        return listing.asked(link);
      case "people":
        return people.received(link, message);
      case "watchBeyond":
        return beyondListing.watch(link, message.watching);
      case "peopleBeyond":
        return beyond.received(link, message);
      case "query":
        void queries.answer(link, message.id, message.query);
        return;
      case "answer":
        return queries.answered(link, message);
      case "custodySource":
      case "custodyReceipt":
      case "custodyRefused":
      case "custodyTaken":
      case "custodyDone":
        return link.connection && streams.custodyControl(link.connection, message);
      case "register":
      case "registered":
        return link.connection?.fault(); // A directory's business.
      case "ping":
      case "pong":
      case "bye":
        return; // The connection's own.
    }
  }

  /** Of servers that somebody here linked: others are shown with a piece of their key anyway. [N4] */
  function lookAtDomain(link: Link): void {
    const name = links.records.get(link.server)?.name;
    if (link.row.linkedByUs && link.connected && name !== undefined) domains.look(link.server, name);
  }

  function askPeopleOnce(link: Link): void {
    const { connection } = link;
    if (connection === undefined || asked.has(connection)) return;
    if (link.trust !== "mutual" || !link.connected) return;
    asked.add(connection);
    gossip.mutual(link);
    neighbourhood.changed();
    beyond.linked(link.server);
    people.ask(link);
    beyond.opened(link);
  }

  function closed(link: Link, connection: Connection): void {
    circuits.closed(connection);
    streams.closed(link.server);
    queries.closed(link);
    gossip.closed(link);
    neighbourhood.closed(link.server, connection.via.length === 0);
    listing.forget(link);
    beyondListing.forget(link);
    beyond.closed(link);
    people.disconnected(link);
  }

  function trustChanged(link: Link, before: Trust): void {
    gossip.trustChanged(link, before);
    neighbourhood.changed();
    lookAtDomain(link);
    if (link.trust === "mutual") {
      if (link.connection !== undefined) asked.delete(link.connection);
      askPeopleOnce(link);
    } else if (before === "mutual") {
      listing.forget(link);
      beyondListing.forget(link);
      beyondListing.ended(link);
      beyond.closed(link);
      people.forget(link);
    }
  }

  /** [D5] */
  function personal(link: Link): void {
    gossip.trustChanged(link, "incoming");
    gossip.mutual(link);
    neighbourhood.changed();
    listing.retell(link);
    beyondListing.personal(link);
    beyond.opened(link);
  }

  const federation: RunningFederation = {
    async submit(destination, envelope) {
      const { row } = links.reach(destination);
      if (!row.linkedByUs && directories.knows(destination)) announced(destination);
      await streams.outbox.submit(destination, envelope);
    },
    links: () => links.views(),
    addLink: (server, addresses, localName, relays) => links.add(server, addresses, localName, relays),
    linkBack: (server) => links.linkBack(server),
    removeLink: (server) => links.remove(server),
    blockServer: (server) => links.block(server),
    unblockServer: (server) => links.unblock(server),
    renameServer: (server, localName) => links.rename(server, localName),
    retryLink: (server) => links.retry(server),
    woke: () => links.woke(),
    async people(refresh) {
      return [...(await people.list(refresh)), ...beyond.list()];
    },
    watchBeyond: (looks) => beyond.watch(looks),
    async searchPeople(text) {
      const form = searchForm(text);
      const [further, found] = await Promise.all([beyond.search(form), directories.search(text)]);
      return [...people.search(form), ...further, ...found];
    },
    async lookup(server, account, invited) {
      const shown = beyond.record(server, account);
      if (shown !== undefined && !links.get(server)?.connected) return shown;
      const link = links.get(server);
      const known = link?.connected === false ? people.record(link, account) : undefined;
      return known ?? links.asking(server, (open) => queries.lookup(open, account), invited);
    },
    async fetchKeyPackage(server, account, device, capability) {
      return links.asking(server, (open) => queries.keyPackage(open, account, device, capability));
    },
    trace: (account, envelope) =>
      traceEnvelope({ store: options.store, links, custody: streams.custody }, account, envelope),
    custody: () => streams.custody.held,
    relayedCircuits: () => circuits.relay.size,
    relayHints: () => links.relayHints(),
    reachedFromOutside: () => answering.reachedFromOutside,
    networkMap() {
      const own = options.ownRecord().record;
      return networkMap(own, links.records, (server) => links.get(server)?.trust ?? "none");
    },
    standing: () => neighbourhood.standing,
    async dialBack() {
      const { addresses } = options.ownRecord().record;
      if (addresses.length === 0) return [];
      const linked = [...links.all()].filter((link) => link.connected && link.row.linkedByThem);
      const asked = new Map(
        [...directories.connected(), ...linked].map((neighbour) => [neighbour.server, neighbour]),
      );
      return Promise.all(
        [...asked.values()].slice(0, dialBackAskedMax).map(async (neighbour) => {
          const { server } = neighbour;
          const name = links.records.get(server)?.name ?? "";
          try {
            return { server, name, results: await queries.dialBack(neighbour, addresses) };
          } catch (error) {
            if (!(error instanceof ProtocolError)) throw error;
            return { server, name, results: [], error };
          }
        }),
      );
    },
    directories: () => directories.views(),
    start() {
      streams.start();
      links.start();
      directories.start();
    },
    accept: (channel, remote) => answering.accept(channel, remote),
    ownRecordChanged() {
      const { signed } = options.ownRecord();
      for (const link of links.all()) link.send({ kind: "record", record: signed });
      directories.ownRecordChanged(signed);
    },
    async close() {
      gossip.stop();
      directories.stop();
      neighbourhood.stop();
      links.close();
      streams.close();
    },
    [Symbol.asyncDispose]: () => federation.close(),
  };
  return federation;
}

/** Ways on which a server's bundles can be left with relays: only the first of these must be connected. [K1] */
function custodyWays(links: Links, server: ServerId, self: ServerId): ServerId[][] {
  const known = {
    ...{ self, graph: links.records.graph },
    connected: () => [...links.all()].filter((link) => link.connected).map((link) => link.server),
    trust: (other: ServerId) => links.get(other)?.trust ?? "none",
    broken: () => false,
  };
  return findWays(known, server, { atMost: custodyWaysMax });
}
