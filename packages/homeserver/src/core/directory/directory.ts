/**
 * A directory: homeservers register with it, and it tells each of them the signed records of all, changes as they come,
 * and who of their people may be found. It has no accounts, opens no links and carries nothing; it can withhold what it
 * was told, and forge nothing. Bounded in servers, people and attempts. [D1] to [D3] [D6]
 */
import type {
  AccountId,
  ByteChannel,
  Clock,
  LinkControl,
  LinkQuery,
  Primitives,
  ProvedServer,
  RandomSource,
  RoomListing,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import {
  answerChannel,
  encode,
  encodeOpening,
  linkOfListing,
  ProtocolError,
  roomListings,
  toWireError,
} from "@fedchat/protocol";
import type { StoredState, WriteOp } from "../../store/store.ts";
import { DialBack } from "../federation/dial-back.ts";
import { NewerRecords } from "../federation/newer-records.ts";
import type { Dialer, OwnRecord, Remote } from "../federation/options.ts";
import { isFoundBy, searchForm } from "../federation/person-search.ts";
import { RecordsTelling } from "../federation/records-telling.ts";
import { ServerRecords } from "../federation/records.ts";
import { Roster } from "../federation/roster.ts";
import type { GroupCommit } from "../group-commit.ts";
import {
  directoryAskRate,
  directoryExpiryEveryMs,
  directoryFindAddressRate,
  directoryFindRate,
  directoryNewServersRate,
  directoryServersMax,
  foundPeopleMax,
  openingRate,
  openingsMax,
  peopleVerifiedRate,
} from "../limits.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import { DirectoryRoom } from "./directory-room.ts";
import type { FoundPerson } from "./found-people.ts";
import { encodeFoundPeople } from "./found-people.ts";
import { Registration } from "./registration.ts";

/** What is offered in the handshake by a directory. [D1] */
export const directoryFeature = "directory";

const incarnationKey = "records.incarnation";

export interface DirectoryOptions {
  state: Pick<StoredState, "meta" | "records">;
  commit: GroupCommit;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  /** X25519: the private part of our record's `noiseKey`. */
  noisePrivateKey: Uint8Array;
  ownRecord: () => OwnRecord;
  dialer: Dialer;
  /** Who has it may register; undefined: everybody may. */
  token: Uint8Array | undefined;
  /** The room that everybody is shown, by a link into it, encoded. [D8] */
  lobby?: Uint8Array | undefined;
  log: Log;
}

export class Directory implements AsyncDisposable {
  readonly #options: DirectoryOptions;
  /** Of the servers that registered. */
  readonly #records: ServerRecords;
  readonly #telling: RecordsTelling;
  readonly #registrations = new Map<ServerId, Registration>();
  readonly #rosters = new Map<ServerId, Roster>();
  readonly #openingRate: RateLimits<string>;
  readonly #askRate: RateLimits<ServerId>;
  readonly #findRate: RateLimits<"all">;
  readonly #findAddressRate: RateLimits<string>;
  readonly #newServersRate: RateLimits<string>;
  readonly #verified: RateLimits<ServerId>;
  readonly #newerRecords: NewerRecords;
  readonly #room = new DirectoryRoom();
  readonly #dialBack: DialBack;
  #openings = 0;
  #expiry: Timer;
  #closed = false;

  constructor(options: DirectoryOptions) {
    const { clock, primitives, state } = options;
    this.#options = options;
    this.#records = new ServerRecords({
      stored: state.records,
      primitives,
      keeps: (server) => (this.#records.get(server)?.expires ?? 0) > clock.now(),
      onChange: () => this.#telling.changed(),
    });
    this.#telling = new RecordsTelling({
      clock,
      records: this.#records,
      trustOf: () => "mutual",
      incarnation: this.#incarnation(),
    });
    this.#openingRate = new RateLimits(openingRate, clock);
    this.#askRate = new RateLimits(directoryAskRate, clock);
    this.#findRate = new RateLimits(directoryFindRate, clock);
    this.#findAddressRate = new RateLimits(directoryFindAddressRate, clock);
    this.#newServersRate = new RateLimits(directoryNewServersRate, clock);
    this.#verified = new RateLimits(peopleVerifiedRate, clock);
    this.#newerRecords = new NewerRecords(clock);
    this.#dialBack = new DialBack(options);
    this.#expiry = this.#expireLater();
  }

  stats() {
    return {
      servers: this.#records.size,
      connected: this.#registrations.size,
      people: this.#room.people,
    };
  }

  /** Takes over a carrier that a homeserver opened. Settles when it is open or refused; never rejects. */
  async accept(channel: ByteChannel, remote: Remote): Promise<void> {
    const retryAfterMs = this.#openings < openingsMax ? this.#openingRate.take(remote.address) : 1_000;
    if (retryAfterMs > 0 || this.#closed) {
      const refused = toWireError(new ProtocolError("rate-limited", undefined, { retryAfterMs }));
      channel.send(encodeOpening({ refused }));
      return channel.close("rate-limited");
    }
    this.#openings += 1;
    try {
      await this.#open(channel, remote);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("a server that connected was refused", { code: error.code });
    } finally {
      this.#openings -= 1;
    }
  }

  /** Says goodbye to all. What is announced is on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#expiry.cancel();
    this.#telling.stop();
    this.#newerRecords.stop();
    for (const { connection } of [...this.#registrations.values()]) connection.close("closing");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(channel: ByteChannel, remote: Remote): Promise<void> {
    const { clock, random, primitives, noisePrivateKey, ownRecord } = this.#options;
    const opened = await answerChannel({
      channel,
      protocol: "fedchat-link",
      self: ownRecord().record.key,
      staticKey: noisePrivateKey,
      record: () => ownRecord().signed,
      features: [directoryFeature],
      primitives,
      random,
      clock,
    });
    const { server } = opened;
    if (server === undefined || server.record.key === ownRecord().record.key || this.#closed) {
      return opened.close("malformed");
    }
    Registration.begin(Object.assign(opened, { server }), {
      clock,
      admit: (token) => this.#admit(server, token, remote),
      registered: (registration) => this.#registered(registration),
      asksRecords: (registration, { incarnation, since }) =>
        this.#telling.asked(registration, incarnation, since),
      record: (registration, signed) => this.#newRecord(registration, signed),
      people: (registration, page) => this.#people(registration, page, remote),
      answer: (registration, query) => this.#answer(registration, query, remote),
      closed: (registration) => this.#left(registration),
    });
  }

  #admit({ record }: ProvedServer, token: Uint8Array | undefined, { address }: Remote): void {
    const wanted = this.#options.token;
    if (wanted !== undefined && (token === undefined || !sameBytes(token, wanted)))
      throw new ProtocolError("not-allowed", "This directory wants another token.");
    if (this.#records.get(record.key) !== undefined) return;
    if (this.#records.size >= directoryServersMax) throw new ProtocolError("quota-exceeded");
    if (this.#newServersRate.take(address) > 0) throw new ProtocolError("rate-limited");
  }

  #registered(registration: Registration): void {
    const { server, proved } = registration;
    this.#registrations.get(server)?.connection.close("replaced");
    this.#registrations.set(server, registration);
    if (this.#records.admitProved(proved, this.#options.clock.now()))
      this.#store(this.#records.storing(server));
  }

  /** What comes too fast waits for its turn. [R5] */
  #newRecord({ server, connection }: Registration, signed: Uint8Array): void {
    const { clock } = this.#options;
    const own = signed.slice();
    this.#newerRecords.take(server, clock.now(), () => {
      try {
        if (this.#records.admitSent(server, own, clock.now(), () => undefined))
          this.#store(this.#records.storing(server));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        connection.fault();
      }
    });
  }

  #left(registration: Registration): void {
    const { server } = registration;
    if (this.#registrations.get(server) !== registration) return;
    this.#registrations.delete(server);
    this.#rosters.get(server)?.interrupted();
  }

  #people(
    registration: Registration,
    page: Extract<LinkControl, { kind: "people" }>,
    { address }: Remote,
  ): void {
    const { server } = registration;
    const roster = this.#rosters.get(server) ?? this.#roster(registration, address);
    this.#rosters.set(server, roster);
    // Whoever did not choose it is not for a directory, whatever their server says. [D5]
    const people = page.people.filter(({ visibility }) => visibility === "directory");
    if (!roster.received({ ...page, people })) registration.connection.close("malformed");
  }

  #roster({ server }: Registration, address: string): Roster {
    const { clock, primitives } = this.#options;
    return new Roster({
      server,
      clock,
      primitives,
      changed: () => undefined,
      fault: () => this.#registrations.get(server)?.connection.fault(),
      verifies: () => this.#verified.take(server),
      room: this.#room.of(address),
    });
  }

  async #answer({ server, proved }: Registration, query: LinkQuery, remote: Remote): Promise<Uint8Array> {
    const retryAfterMs = this.#askRate.take(server);
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    if (query.ask === "findPeople") {
      const findRetryMs = this.#findAddressRate.take(remote.address) || this.#findRate.take("all");
      if (findRetryMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs: findRetryMs });
      return encodeFoundPeople(this.#find(query.text, query.after, server));
    }
    if (query.ask === "dialBack") {
      const { addresses } = this.#records.get(server) ?? proved.record;
      return this.#dialBack.answer({ server, addresses, remote }, query.addresses);
    }
    if (query.ask === "listedRooms") return this.#lobby();
    throw new ProtocolError("unknown-method");
  }

  /** One listing at most; how many people are in the room is not known here. [D8] */
  #lobby(): Uint8Array {
    const { lobby: link, clock } = this.#options;
    if (link === undefined) return encode(roomListings, []);
    const listing: RoomListing = { link, description: "", people: 0, open: true };
    return encode(roomListings, linkOfListing(listing).expires > clock.now() ? [listing] : []);
  }

  /** In the order of accounts, so that the next question can go on behind the last one told. */
  #find(text: string, after: AccountId | undefined, asker: ServerId): FoundPerson[] {
    const form = searchForm(text);
    return [...this.#rosters]
      .filter(([server]) => server !== asker && this.#records.signed(server) !== undefined)
      .flatMap(([server, roster]) =>
        roster
          .all()
          .filter((person) => isFoundBy(person.searchedBy, form))
          .map(({ opened, presence, visibility }) => ({
            account: opened.record.account,
            found: {
              server: this.#records.signed(server)!,
              person: {
                record: opened.signed,
                presence: this.#registrations.has(server) ? presence : ("offline" as const),
                visibility,
              },
            },
          })),
      )
      .filter(({ account }) => after === undefined || account > after)
      .sort((a, b) => (a.account < b.account ? -1 : 1))
      .slice(0, foundPeopleMax)
      .map(({ found }) => found);
  }

  /** Servers whose record expired did not connect for as long as a record lasts. [D3] */
  #expireLater(): Timer {
    return this.#options.clock.after(directoryExpiryEveryMs, () => {
      const gone = this.#records.sweep(this.#options.clock.now());
      for (const op of gone) {
        if (op.op !== "record.delete") continue;
        this.#rosters.get(op.server)?.close();
        this.#rosters.delete(op.server);
      }
      this.#store(gone);
      this.#expiry = this.#expireLater();
    });
  }

  /** Kept over restarts, so that nobody need hear everything again. */
  #incarnation(): Uint8Array {
    const { state, random } = this.#options;
    const kept = state.meta.get(incarnationKey);
    if (kept !== undefined) return kept;
    const value = random.bytes(8);
    this.#store([{ op: "meta.put", key: incarnationKey, value }]);
    return value;
  }

  #store(ops: WriteOp[]): void {
    const { commit, log } = this.#options;
    if (ops.length === 0) return;
    commit
      .add(ops)
      .catch((error: unknown) => log.warn("server records were not stored", { error: String(error) }));
  }
}
