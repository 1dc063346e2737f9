/**
 * What comes over links, handed to whom it concerns: each message to its part, and to all parts when a connection ends
 * or somebody's trust changes. Invariant: people and further records are asked of a mutually linked server once a
 * connection, and nothing that a link allowed outlives it. [L13] [D5]
 */
import type { LinkControl } from "@fedchat/protocol";
import type { LocalRooms, Trust } from "../seams.ts";
import type { BeyondListing } from "./beyond-listing.ts";
import type { Circuits } from "./circuits.ts";
import type { Connection } from "./connection.ts";
import type { Domains } from "./domains.ts";
import type { Gossip } from "./gossip.ts";
import type { Link } from "./link.ts";
import type { LinkNews } from "./link-news.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { PeopleBeyond } from "./people-beyond.ts";
import type { PeopleListing } from "./people-listing.ts";
import type { People } from "./people.ts";
import type { Queries } from "./queries.ts";
import type { ServerRecords } from "./records.ts";
import type { Recalling } from "./recalling.ts";
import type { Streams } from "./streams.ts";

/** Those who hear of links. */
export interface ConversationParts {
  news: Pick<LinkNews, "trust" | "record" | "turnedAway">;
  records: Pick<ServerRecords, "get">;
  recalling: Pick<Recalling, "received">;
  streams: Pick<Streams, "custodyControl" | "closed">;
  circuits: Pick<Circuits, "control" | "closed">;
  domains: Pick<Domains, "look">;
  gossip: Gossip;
  neighbourhood: Pick<Neighbourhood, "changed" | "closed">;
  people: Pick<People, "ask" | "received" | "disconnected" | "forget">;
  listing: PeopleListing;
  beyond: Pick<PeopleBeyond, "linked" | "opened" | "received" | "closed">;
  beyondListing: Pick<BeyondListing, "watch" | "forget" | "ended" | "personal">;
  queries: Pick<Queries, "answer" | "answered" | "closed">;
  rooms: Pick<LocalRooms, "connected"> | undefined;
}

export class Conversation {
  readonly #parts: ConversationParts;
  /** Connections over which people were asked for. */
  readonly #asked = new WeakSet<Connection>();
  /** Connections that rooms were told of. */
  readonly #opened = new WeakSet<Connection>();

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  control(link: Link, message: LinkControl): void {
    const { news, streams, circuits, gossip, people, listing, beyond, beyondListing, queries } = this.#parts;
    switch (message.kind) {
      case "trust":
        void news.trust(link, message.linked).then(() => this.#askOnce(link));
        this.#openOnce(link);
        return this.#lookAtDomain(link);
      case "record":
        news.record(link, message.record);
        return this.#lookAtDomain(link);
      case "recordHeld":
        return this.#parts.recalling.received(link, message.record);
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

  closed(link: Link, connection: Connection): void {
    const parts = this.#parts;
    parts.circuits.closed(connection);
    parts.streams.closed(link.server);
    parts.queries.closed(link);
    parts.gossip.closed(link);
    parts.neighbourhood.closed(link.server, connection.via.length === 0);
    parts.listing.forget(link);
    parts.beyondListing.forget(link);
    parts.beyond.closed(link);
    parts.people.disconnected(link);
    if (connection.turnedAway) void parts.news.turnedAway(link);
  }

  trustChanged(link: Link, before: Trust): void {
    const { gossip, neighbourhood, listing, beyond, beyondListing, people } = this.#parts;
    gossip.trustChanged(link, before);
    neighbourhood.changed();
    this.#lookAtDomain(link);
    if (link.trust === "mutual") {
      if (link.connection !== undefined) this.#asked.delete(link.connection);
      this.#askOnce(link);
    } else if (before === "mutual") {
      listing.forget(link);
      beyondListing.forget(link);
      beyondListing.ended(link);
      beyond.closed(link);
      people.forget(link);
    }
  }

  /** A person decided about a mutual link that a directory had brought about. [D5] */
  personal(link: Link): void {
    const { gossip, neighbourhood, listing, beyond, beyondListing } = this.#parts;
    gossip.trustChanged(link, "incoming");
    gossip.mutual(link);
    neighbourhood.changed();
    listing.retell(link);
    beyondListing.personal(link);
    beyond.opened(link);
  }

  #askOnce(link: Link): void {
    const { connection } = link;
    if (connection === undefined || this.#asked.has(connection)) return;
    if (link.trust !== "mutual" || !link.connected) return;
    this.#asked.add(connection);
    const { gossip, neighbourhood, beyond, people } = this.#parts;
    gossip.mutual(link);
    neighbourhood.changed();
    beyond.linked(link.server);
    people.ask(link);
    beyond.opened(link);
  }

  /** What rooms' logs missed meanwhile is asked for. [O5] */
  #openOnce({ server, connection }: Link): void {
    if (connection === undefined || this.#opened.has(connection)) return;
    this.#opened.add(connection);
    this.#parts.rooms?.connected(server);
  }

  /** Of servers that somebody here linked: others are shown with a piece of their key anyway. [N4] */
  #lookAtDomain(link: Link): void {
    const name = this.#parts.records.get(link.server)?.name;
    if (link.row.linkedByUs && link.connected && name !== undefined)
      this.#parts.domains.look(link.server, name);
  }
}
