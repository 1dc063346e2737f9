/**
 * The federation of a homeserver: links to other homeservers, streams of bundles over them, and what linked servers
 * tell one another of their people. Implements the seam that client sessions see. Trusts nothing that a peer says but
 * what is signed or sealed by whom it claims to be. No I/O of its own: carriers, disk, time and chance come in.
 */
import type { ByteChannel, LinkControl } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { Federation, Trust } from "../seams.ts";
import { Answering } from "./answering.ts";
import type { Connection } from "./connection.ts";
import type { Link } from "./link.ts";
import { Links } from "./links.ts";
import type { FederationOptions, Remote } from "./options.ts";
import { People } from "./people.ts";
import { PeopleListing } from "./people-listing.ts";
import { Queries } from "./queries.ts";
import { Streams } from "./streams.ts";

export type { Dialer, FederationOptions, FederationPolicy, OwnRecord, Remote } from "./options.ts";

export interface RunningFederation extends Federation, AsyncDisposable {
  /** Begins to dial. Before this nothing is sent. */
  start(): void;
  /** Takes over a carrier that a homeserver opened to us. Settles when the link is open or refused; never rejects. */
  accept(channel: ByteChannel, remote: Remote): Promise<void>;
  /** Our own server record is newer: linked servers are told. */
  ownRecordChanged(): void;
  /** Says goodbye to all and stops. What is not acknowledged stays in the outbox. */
  close(): Promise<void>;
}

export function createFederation(options: FederationOptions): RunningFederation {
  const { accounts, clock, log } = options;
  const trustOf = (server: Parameters<Links["get"]>[0]): Trust => links.get(server)?.trust ?? "none";
  const streams = new Streams(options, {
    trustOf,
    depthChanged: (server) => {
      const link = links.get(server);
      link?.ensure();
      // While a link is connected its queue comes and goes with every message.
      if (link?.connected === false) links.changed(server);
    },
  });
  const links: Links = new Links(options, {
    queueDepth: (server) => streams.outbox.depth(server),
    listener: {
      opened: (link, connection) => streams.opened(link.server, connection),
      bundle: (link, bundle) => streams.bundle(link.server, bundle),
      batchEnd: (link) => streams.batchEnd(link.server),
      control,
      closed,
      trustChanged,
      forgotten: (server) => streams.forget(server),
    },
  });
  const people = new People({ clock, primitives: options.primitives, accounts, log });
  const listing = new PeopleListing(clock, accounts);
  const queries = new Queries({ clock, accounts, primitives: options.primitives });
  const asked = new WeakSet<Connection>();
  const answering = new Answering(options, links);

  function control(link: Link, message: LinkControl): void {
    switch (message.kind) {
      case "trust":
        void links.peerTrust(link, message.linked).then(() => askPeopleOnce(link));
        return;
      case "record":
        return links.peerRecord(link, message.record);
      case "askPeople":
        return listing.asked(link);
      case "people":
        return people.received(link, message);
      case "query":
        void queries.answer(link, message.id, message.query);
        return;
      case "answer":
        return queries.answered(link, message);
      case "ping":
      case "pong":
      case "bye":
        return; // The connection's own.
    }
  }

  function askPeopleOnce(link: Link): void {
    const { connection } = link;
    if (connection === undefined || asked.has(connection)) return;
    if (link.trust !== "mutual" || !link.connected) return;
    asked.add(connection);
    people.ask(link);
  }

  function closed(link: Link): void {
    streams.closed(link.server);
    queries.closed(link);
    listing.forget(link);
    people.disconnected(link);
  }

  function trustChanged(link: Link, before: Trust): void {
    if (link.trust === "mutual") {
      if (link.connection !== undefined) asked.delete(link.connection);
      askPeopleOnce(link);
    } else if (before === "mutual") {
      listing.forget(link);
      people.forget(link);
    }
  }

  function linked(server: Parameters<Links["get"]>[0]): Link {
    const link = links.get(server);
    if (link === undefined || link.trust === "none") throw new ProtocolError("unknown-server");
    if (link.trust === "blocked") throw new ProtocolError("blocked");
    return link;
  }

  const federation: RunningFederation = {
    async submit(destination, envelope) {
      linked(destination);
      await streams.outbox.submit(destination, envelope);
    },
    links: () => links.views(),
    addLink: (server, addresses, localName) => links.add(server, addresses, localName),
    linkBack: (server) => links.linkBack(server),
    removeLink: (server) => links.remove(server),
    blockServer: (server) => links.block(server),
    unblockServer: (server) => links.unblock(server),
    renameServer: (server, localName) => links.rename(server, localName),
    retryLink: (server) => links.retry(server),
    people: (refresh) => people.list(refresh),
    async lookup(server, account) {
      const link = linked(server);
      if (link.connected) return queries.lookup(link, account);
      const known = people.record(link, account);
      if (known === undefined) throw new ProtocolError("unreachable");
      return known;
    },
    async fetchKeyPackage(server, account, device, capability) {
      return queries.keyPackage(linked(server), account, device, capability);
    },
    reachedFromOutside: () => answering.reachedFromOutside,
    start() {
      streams.start();
      links.start();
    },
    accept: (channel, remote) => answering.accept(channel, remote),
    ownRecordChanged() {
      const { signed } = options.ownRecord();
      for (const link of links.all()) link.send({ kind: "record", record: signed });
    },
    async close() {
      links.close();
      streams.outbox.close();
    },
    [Symbol.asyncDispose]: () => federation.close(),
  };
  return federation;
}
