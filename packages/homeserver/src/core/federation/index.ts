/**
 * The federation of a homeserver: links to other homeservers, streams of bundles over them, and what linked servers
 * tell one another of their people. Implements the seam that client sessions see. Trusts nothing that a peer says but
 * what is signed or sealed by whom it claims to be. No I/O of its own: carriers, disk, time and chance come in.
 */
import type { ByteChannel, ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { sameBytes } from "../same-bytes.ts";
import type { Federation, Trust } from "../seams.ts";
import { Answering } from "./answering.ts";
import { askDialBack } from "./asking-dial-back.ts";
import { BeyondListing } from "./beyond-listing.ts";
import { Circuits } from "./circuits.ts";
import { Conversation } from "./conversation.ts";
import { custodyWays } from "./custody-ways.ts";
import { DialBack } from "./dial-back.ts";
import { Domains } from "./domains.ts";
import { Directories } from "./directories.ts";
import { Gossip } from "./gossip.ts";
import { invitationRelays } from "./invitation-relays.ts";
import { introduce } from "./introducing.ts";
import type { Linking } from "./linking.ts";
import { createLinking } from "./linking.ts";
import { LookingUp } from "./looking-up.ts";
import type { Standing } from "./neighbourhood.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { networkMap } from "./network-map.ts";
import type { FederationOptions, Remote } from "./options.ts";
import { People } from "./people.ts";
import { PeopleBeyond } from "./people-beyond.ts";
import { PeopleListing } from "./people-listing.ts";
import { Queries } from "./queries.ts";
import { Recalling } from "./recalling.ts";
import { roomLinks } from "./room-links.ts";
import { Streams } from "./streams.ts";
import { traceEnvelope } from "./trace.ts";

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
  const { accounts, clock, log, primitives } = options;
  const self = options.ownRecord().record.key;
  const streams = new Streams(options, {
    trustOf,
    depthChanged: (server) => unlinked.queueChanged(server),
    via: (server) => links.get(server)?.connection?.via,
    recordOf: (server) => records.get(server),
    recording: (server) => records.storing(server),
    heard(record, signed, relay) {
      const link = links.get(relay);
      if (link?.trust === "mutual") gossip.receivedWithPeople(link, record, signed);
    },
    ways: (server) => custodyWays(links, records, self, server),
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
  const linking: Linking = createLinking(options, {
    queueDepth: (server) => streams.outbox.depth(server),
    nameProved: (server, name) => domains.isProved(server, name),
    awaited: (server) => streams.outbox.awaited(server),
    circuits,
    announced: (server) => directories.knows(server),
    listener: {
      opened(link, connection) {
        recalling.opened(link, connection);
        streams.opened(link.server, connection);
      },
      bundle: (link, bundle) => streams.bundle(link.server, bundle),
      batchEnd: (link) => streams.batchEnd(link.server),
      piece: (link, piece) => link.connection && circuits.piece(link.connection, piece),
      control: (link, message) => conversation.control(link, message),
      closed: (link, connection) => conversation.closed(link, connection),
      trustChanged: (link, before) => conversation.trustChanged(link, before),
      personal: (link) => conversation.personal(link),
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
  const { links, records, decisions, connections, news, unlinked, replaced, seen } = linking;
  const recalling = new Recalling({
    ...{ self, clock, primitives, records },
    heldOfUs: (record) => options.heldOfUs?.(record),
  });
  const isReplaced = (server: ServerId) => replaced.has(server);
  const allLinks = () => links.all();
  const gossip: Gossip = new Gossip({
    ...options,
    ...{ self, records, trustOf, seen, isReplaced },
    mayBeCalled: (server, name) => linking.names.mayBeCalled(server, name),
    heard: (server, before) => news.heard(server, before),
  });
  const neighbourhood: Neighbourhood = new Neighbourhood({
    clock,
    links: allLinks,
    record: (server) => records.get(server),
    reachedFromOutside: () => answering.reachedFromOutside,
    standing: options.ownRecord().record,
    onChange: () => options.standingChanged?.(),
  });
  const people: People = new People({
    ...{ clock, primitives, accounts, log },
    changed: (link, change) => beyondListing.changed(link, change),
  });
  const beyondListing = new BeyondListing({
    links: allLinks,
    people,
    record: (server) => records.signed(server),
  });
  const beyond = new PeopleBeyond({
    ...{ clock, primitives, accounts, log, self },
    links: allLinks,
    speaksForItself: (server) => links.get(server)?.trust === "mutual",
    heard: (link, record, signed) => gossip.receivedWithPeople(link, record, signed),
  });
  const listing = new PeopleListing(clock, accounts);
  const dialBack = new DialBack(options);
  const queries = new Queries({
    ...{ clock, accounts, primitives },
    ...(options.rooms === undefined ? {} : { rooms: options.rooms }),
    async dialBack({ server, row, connection }, addresses) {
      if (!row.linkedByUs || connection === undefined) throw new ProtocolError("not-allowed");
      const known = records.get(server)?.addresses ?? [];
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
      const known = records.signed(server);
      return known !== undefined && sameBytes(known, signed);
    },
    announced: (server) => decisions.announced(server),
  });
  const answering = new Answering(options, links, connections, replaced);
  const conversation = new Conversation({
    ...{ recalling, news, records, streams, circuits, domains, gossip, neighbourhood },
    ...{ people, listing, beyond, beyondListing, queries, rooms: options.rooms },
  });
  const lookingUp = new LookingUp({ links, unlinked, people, beyond, directories, queries });

  function trustOf(server: ServerId): Trust {
    if (isReplaced(server)) return "blocked";
    return links.get(server)?.standing ?? "none";
  }

  /** Somebody here writes to it. */
  function reach(destination: ServerId): void {
    const { row } = unlinked.reach(destination);
    if (!row.linkedByUs && directories.knows(destination)) decisions.announced(destination);
  }

  /** Where a server of a room is is soon told by the room's hub: what goes there waits. [O8] */
  function reachOfRoom(destination: ServerId): void {
    try {
      reach(destination);
    } catch (error) {
      const isUnknown = error instanceof ProtocolError && error.code === "unknown-server";
      if (!isUnknown || options.rooms?.meets(destination) !== true) throw error;
      throw new ProtocolError("unreachable", "It is not known yet where this server is.", { cause: error });
    }
  }

  const federation: RunningFederation = {
    heir: (server) => replaced.heir(server),
    async submit(named, envelope) {
      const destination = replaced.heir(named);
      reachOfRoom(destination);
      await streams.outbox.submit(destination, envelope);
    },
    links: () => links.views(),
    unlinked: (servers) => links.unlinkedViews(servers),
    addLink: (server, addresses, localName, relays) => decisions.add(server, addresses, localName, relays),
    linkBack: (server) => decisions.linkBack(server),
    removeLink: (server) => decisions.remove(server),
    blockServer: (server) => decisions.block(server),
    unblockServer: (server) => decisions.unblock(server),
    setServerAddresses: (server, addresses) => decisions.setAddresses(server, addresses),
    renameServer: (server, localName) => decisions.rename(server, localName),
    retryLink: (server) => decisions.retry(server),
    woke: () => links.woke(),
    people: (refresh) => lookingUp.people(refresh),
    watchBeyond: (looks) => beyond.watch(looks),
    searchPeople: (text) => lookingUp.search(text),
    lookup: (server, account, invited) => lookingUp.record(replaced.heir(server), account, invited),
    introduce: (told) =>
      introduce(
        {
          ...{ self, records, unlinked, primitives, clock, seen, isReplaced, commit: options.commit },
          mayBeCalled: (server, name) => linking.names.mayBeCalled(server, name),
          heard: (server, before) => news.heard(server, before),
        },
        told,
      ),
    fetchKeyPackage: (server, claim) => lookingUp.keyPackage(replaced.heir(server), claim),
    trace: (account, envelope) =>
      traceEnvelope(
        { store: options.store, links, custody: streams.custody, self, records, connections },
        account,
        envelope,
      ),
    custody: () => streams.custody.held,
    relayedCircuits: () => circuits.relay.size,
    relayHints: () => invitationRelays(neighbourhood.relays, (relay) => records.get(relay)),
    reachedFromOutside: () => answering.reachedFromOutside,
    networkMap: () =>
      networkMap(options.ownRecord().record, records, (server) => links.get(server)?.trust ?? "none"),
    standing: () => neighbourhood.standing,
    dialBack: () =>
      askDialBack({ links, directories, queries, records }, options.ownRecord().record.addresses),
    directories: () => directories.views(),
    rooms: roomLinks({
      ...{ outbox: streams.outbox, reach, unlinked, queries, directories, links, records, self, replaced },
      primitives: options.primitives,
      heard: (hub, record, signed) => gossip.receivedWithPeople(hub, record, signed),
    }),
    start() {
      streams.start();
      linking.begin();
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
      linking.close();
      streams.close();
    },
    [Symbol.asyncDispose]: () => federation.close(),
  };
  return federation;
}
