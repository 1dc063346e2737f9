/**
 * The directories that this homeserver registered with: what they announce is heard as from linked servers, and servers
 * that one of them announces may be linked without a person. Invariant: a directory undoes nothing that a person did,
 * and nothing here depends on one. [D2] to [D7]
 */
import type { DirectoryView, LinkControl, PersonView, Primitives, ServerId, Timer } from "@fedchat/protocol";
import { openAccountRecord, ProtocolError, serverId, serverRecord, toWireError } from "@fedchat/protocol";
import type { StoredState } from "../../store/store.ts";
import { decodeFoundPeople } from "../directory/found-people.ts";
import type { GroupCommit } from "../group-commit.ts";
import { announcedServersMax, directoryLinkAllMax, directorySettleMs } from "../limits.ts";
import type { Log } from "../log.ts";
import type { DialPorts } from "./dial-peer.ts";
import type { DirectoriesConfig, DirectoryPlace } from "./directory-config.ts";
import { DirectoryLink } from "./directory-link.ts";
import type { Gossip } from "./gossip.ts";
import type { PeopleListing } from "./people-listing.ts";
import type { Queries } from "./queries.ts";

export interface DirectoriesOptions extends DialPorts, DirectoriesConfig {
  state: Pick<StoredState, "meta">;
  commit: GroupCommit;
  primitives: Primitives;
  log: Log;
  gossip: () => Pick<Gossip, "mutual" | "received" | "receivedWithPeople" | "closed">;
  listing: () => Pick<PeopleListing, "asked" | "forget">;
  queries: () => Pick<Queries, "findPeople" | "lobby" | "answered" | "closed">;
  /** Whether this is the very record that is known of a server, which was verified then. */
  isKnown: (server: ServerId, signed: Uint8Array) => boolean;
  /** A directory announces this server, and few enough others: it is linked, unless a person decided otherwise. [D4] */
  announced: (server: ServerId) => void;
}

/** What one directory told of others since we started. */
interface Announcing {
  link: DirectoryLink;
  servers: Set<ServerId>;
  /** Set while more may come: how many there are is not known yet. */
  settling: Timer | undefined;
}

const pinKey = ({ address }: DirectoryPlace): string => `directory.pin ${address.host}:${address.port}`;

export class Directories {
  readonly #options: DirectoriesOptions;
  readonly #directories: Announcing[];
  /** Servers of people whom a directory found for us. */
  readonly #found = new Set<ServerId>();

  constructor(options: DirectoriesOptions) {
    this.#options = options;
    this.#directories = options.places.map((place) => ({
      link: this.#link(place),
      servers: new Set(),
      settling: undefined,
    }));
  }

  start(): void {
    for (const { link } of this.#directories) link.start();
  }

  stop(): void {
    for (const { link, settling } of this.#directories) {
      link.stop();
      settling?.cancel();
    }
  }

  /** Our own record is newer. */
  ownRecordChanged(signed: Uint8Array): void {
    for (const { link } of this.#directories)
      if (link.connected) link.send({ kind: "record", record: signed });
  }

  /** Whether this server may be linked without a person, on first use. */
  knows(server: ServerId): boolean {
    return this.#found.has(server) || this.#directories.some(({ servers }) => servers.has(server));
  }

  /** Connected ones, for questions that linked servers answer too. */
  connected(): DirectoryLink[] {
    return this.#directories.flatMap(({ link }) => (link.connected ? [link] : []));
  }

  views(): DirectoryView[] {
    return this.#directories.map(({ link, servers }) => ({
      address: link.place.address,
      server: link.isKnown ? link.server : null,
      name: link.name,
      state: link.connected ? "connected" : link.nextTryAt === undefined ? "connecting" : "waiting",
      error: link.error === undefined ? null : toWireError(link.error),
      nextTryAt: link.nextTryAt ?? null,
      servers: servers.size,
    }));
  }

  /** People whom directories find. Those that do not answer in time find nobody. [D6] */
  async search(text: string): Promise<PersonView[]> {
    const answers = await Promise.all(this.connected().map((link) => this.#searchAt(link, text)));
    return answers.flat();
  }

  /** What directories say of their lobbies, encoded. Those that do not answer in time have none. [D8] */
  async lobbies(): Promise<{ name: string; answer: Uint8Array }[]> {
    const answers = await Promise.all(
      this.connected().map(async (link) => {
        try {
          const answer = await this.#options.queries().lobby(link);
          return [{ name: link.name ?? link.place.address.host, answer }];
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          return [];
        }
      }),
    );
    return answers.flat();
  }

  async #searchAt(link: DirectoryLink, text: string): Promise<PersonView[]> {
    try {
      const found = decodeFoundPeople(await this.#options.queries().findPeople(link, text));
      return found.flatMap((one) => this.#verified(link, one) ?? []);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("a directory did not answer", { server: link.server, code: error.code });
      return [];
    }
  }

  #verified(
    link: DirectoryLink,
    { server: signed, person }: ReturnType<typeof decodeFoundPeople>[number],
  ): PersonView | undefined {
    const { primitives, ownRecord } = this.#options;
    try {
      const record = serverRecord.open(primitives, signed.slice());
      const account = person.record.slice();
      const opened = openAccountRecord(primitives, account);
      if (opened.record.server !== record.key || record.key === ownRecord().record.key) return undefined;
      this.#options.gossip().receivedWithPeople(link, record, signed.slice());
      remember(this.#found, record.key);
      return {
        server: record.key,
        record: account,
        presence: person.presence,
        serverName: record.name,
        shownBy: link.server,
      };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      link.connection?.fault();
      return undefined;
    }
  }

  #link(place: DirectoryPlace): DirectoryLink {
    const { state, commit } = this.#options;
    const pinned = state.meta.get(pinKey(place));
    return new DirectoryLink({
      ...this.#options,
      place,
      pinned: pinned && serverId.fromBytes(pinned),
      listener: {
        opened: (link) => this.#options.gossip().mutual(link),
        control: (link, control) => this.#control(link, control),
        closed: (link) => {
          this.#options.gossip().closed(link);
          this.#options.listing().forget(link);
          this.#options.queries().closed(link);
        },
        pin: async (at, server) => {
          await commit.add([{ op: "meta.put", key: pinKey(at), value: serverId.toBytes(server) }]);
        },
      },
    });
  }

  #control(link: DirectoryLink, control: LinkControl): void {
    const { gossip, listing, queries } = this.#options;
    if (control.kind === "records") {
      if (gossip().received(link, control)) this.#announce(link, control.records);
      return;
    }
    if (control.kind === "askPeople") return listing().asked(link);
    if (control.kind === "answer") return queries().answered(link, control);
    // What we heard elsewhere is not a directory's business, whatever it asks.
    if (control.kind !== "askRecords") link.connection?.fault();
  }

  /** Those whom it told of directly: few are linked at once, of many only those that are used. [D4] */
  #announce(link: DirectoryLink, records: Extract<LinkControl, { kind: "records" }>["records"]): void {
    const announcing = this.#directories.find((one) => one.link === link);
    if (announcing === undefined) return;
    const self = this.#options.ownRecord().record.key;
    for (const { record, hops } of records) {
      const server = hops === 0 ? this.#signedBy(record) : undefined;
      if (server !== undefined && server !== self) remember(announcing.servers, server);
    }
    announcing.settling?.cancel();
    announcing.settling = this.#options.clock.after(directorySettleMs, () => {
      if (announcing.servers.size > directoryLinkAllMax) return;
      for (const server of announcing.servers) this.#options.announced(server);
    });
  }

  /** Whose record this is; undefined where it does not hold, which hearing counts. */
  #signedBy(signed: Uint8Array): ServerId | undefined {
    try {
      const { value, verify } = serverRecord.read(signed);
      if (!this.#options.isKnown(value.key, signed)) verify(this.#options.primitives);
      return value.key;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return undefined;
    }
  }
}

/** What came last stays where there are too many. */
function remember(servers: Set<ServerId>, server: ServerId): void {
  servers.delete(server);
  servers.add(server);
  const [oldest] = servers;
  if (servers.size > announcedServersMax && oldest !== undefined) servers.delete(oldest);
}
