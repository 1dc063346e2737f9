/**
 * Questions between homeservers: the record of an account, a key package for a holder of its capability, a room's log.
 * Asked with a time-out and a bound on those unanswered; answered within a rate, which is lower for strangers. [L11]
 */
import type {
  AccountId,
  Clock,
  DialBackResult,
  KeyPackageClaim,
  LinkControl,
  LinkQuery,
  Primitives,
  RoomQuery,
  ServerAddress,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  dialBackResults,
  fromWireError,
  openAccountRecord,
  ProtocolError,
  toWireError,
} from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import {
  dialBackAnswerMs,
  linkedQueryRate,
  queriesInFlightMax,
  queryTimeoutMs,
  roomAnswerMs,
  roomQueriesRate,
  strangerQueryRate,
} from "../limits.ts";
import type { LocalAccounts, LocalRooms } from "../seams.ts";
import { roomsFeature } from "./link-features.ts";
import type { Link } from "./link.ts";
import type { Peer } from "./peer.ts";

interface Pending {
  server: ServerId;
  timer: Timer;
  resolve: (result: Uint8Array | undefined) => void;
  reject: (error: ProtocolError) => void;
}

export interface QueriesPorts {
  clock: Clock;
  accounts: LocalAccounts;
  rooms?: LocalRooms;
  primitives: Primitives;
  /** The encoded answer to a server that may ask for it. [L25] */
  dialBack: (link: Link, addresses: ServerAddress[]) => Promise<Uint8Array>;
}

export class Queries {
  readonly #clock: Clock;
  readonly #accounts: LocalAccounts;
  readonly #rooms: LocalRooms | undefined;
  readonly #primitives: Primitives;
  readonly #dialBack: QueriesPorts["dialBack"];
  readonly #pending = new Map<number, Pending>();
  readonly #strangers: RateLimits<ServerId>;
  readonly #linked: RateLimits<ServerId>;
  readonly #ofRooms: RateLimits<ServerId>;
  #lastId = 0;

  constructor(options: QueriesPorts) {
    this.#clock = options.clock;
    this.#accounts = options.accounts;
    this.#rooms = options.rooms;
    this.#primitives = options.primitives;
    this.#dialBack = options.dialBack;
    this.#strangers = new RateLimits(strangerQueryRate, options.clock);
    this.#linked = new RateLimits(linkedQueryRate, options.clock);
    this.#ofRooms = new RateLimits(roomQueriesRate, options.clock);
  }

  /** A verified record, undefined where the server knows no such account. */
  async lookup(link: Link, account: AccountId): Promise<Uint8Array | undefined> {
    const signed = await this.#ask(link, { ask: "account", account });
    if (signed === undefined) return undefined;
    const { record } = openAccountRecord(this.#primitives, signed);
    if (record.account !== account || record.server !== link.server) {
      throw new ProtocolError("malformed", "The other server answered with another account.");
    }
    return signed;
  }

  keyPackage(
    link: Link,
    { account, device, suite, capability }: KeyPackageClaim,
  ): Promise<Uint8Array | undefined> {
    return this.#ask(link, { ask: "keyPackage", account, device, suite, capability });
  }

  /** How the peer's dials of us went. Rejects with `not-allowed` where it has not linked us. [L25] */
  async dialBack(link: Peer, addresses: ServerAddress[]): Promise<DialBackResult[]> {
    const encoded = await this.#ask(link, { ask: "dialBack", addresses }, dialBackAnswerMs);
    try {
      return decode(dialBackResults, encoded ?? new Uint8Array(0));
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw new ProtocolError("malformed", undefined, { cause });
    }
  }

  /** The encoded answer of a directory. [D6] */
  async findPeople(directory: Peer, text: string): Promise<Uint8Array> {
    const found = await this.#ask(directory, { ask: "findPeople", text });
    if (found === undefined) throw new ProtocolError("malformed", "A directory answered with nothing.");
    return found;
  }

  /** The encoded answer of a room's hub. Rejects with `unknown-method` where it knows no rooms' logs. [O5] */
  async room(link: Link, query: RoomQuery): Promise<Uint8Array> {
    if (link.connection?.server.features.includes(roomsFeature) === false)
      throw new ProtocolError("unknown-method", "That server's FedChat knows no rooms of many yet.");
    const answer = await this.#ask(link, query, roomAnswerMs);
    if (answer === undefined) throw new ProtocolError("malformed", "A room's hub answered with nothing.");
    return answer;
  }

  /** The encoded answer of a directory. [D8] */
  async lobby(directory: Peer): Promise<Uint8Array> {
    const answer = await this.#ask(directory, { ask: "listedRooms" });
    if (answer === undefined) throw new ProtocolError("malformed", "A directory answered with nothing.");
    return answer;
  }

  /** The encoded answer of a mutually linked server. [I13] */
  async listedRooms(link: Link): Promise<Uint8Array> {
    if (link.connection?.server.features.includes(roomsFeature) === false)
      throw new ProtocolError("unknown-method");
    const answer = await this.#ask(link, { ask: "listedRooms" });
    if (answer === undefined) throw new ProtocolError("malformed", "A server answered with nothing.");
    return answer;
  }

  /** The peer's answer; one that nobody waits for is let go. */
  answered(link: Peer, answer: Extract<LinkControl, { kind: "answer" }>): void {
    const pending = this.#pending.get(answer.id);
    if (pending?.server !== link.server) return;
    this.#forget(answer.id, pending);
    if (answer.error !== undefined) pending.reject(fromWireError(answer.error));
    else pending.resolve(answer.result?.slice());
  }

  /** Answers the peer's question. */
  async answer(link: Link, id: number, query: LinkQuery): Promise<void> {
    const { connection } = link;
    try {
      const retryAfterMs = this.#rateOf(link, query).take(link.server);
      if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
      const result = (await this.#find(link, query)) ?? null;
      connection?.send({ kind: "answer", id, result });
    } catch (error) {
      const failure = error instanceof ProtocolError ? error : new ProtocolError("internal");
      connection?.send({ kind: "answer", id, error: toWireError(failure) });
    }
  }

  /** The connection is gone, and with it what was asked over it. */
  closed(link: Peer): void {
    for (const [id, pending] of this.#pending) {
      if (pending.server !== link.server) continue;
      this.#forget(id, pending);
      pending.reject(new ProtocolError("unreachable"));
    }
  }

  /** Servers of rooms of ours need no link: what lets them ask is the room. */
  #rateOf(link: Link, query: LinkQuery): RateLimits<ServerId> {
    if (isOfRooms(query) && this.#rooms?.meets(link.server) === true) return this.#ofRooms;
    return link.row.linkedByUs ? this.#linked : this.#strangers;
  }

  async #find(link: Link, query: LinkQuery): Promise<Uint8Array | undefined> {
    if (query.ask === "account") return this.#accounts.record(query.account);
    if (query.ask === "dialBack") return this.#dialBack(link, query.addresses);
    if (isOfRooms(query) && this.#rooms !== undefined) return this.#rooms.answer(link.server, query);
    if (query.ask === "listedRooms" && this.#rooms !== undefined) {
      // As people: to mutually linked servers alone. [L22]
      if (link.standing !== "mutual") throw new ProtocolError("not-allowed");
      return this.#rooms.listings();
    }
    if (query.ask !== "keyPackage") throw new ProtocolError("unknown-method");
    return this.#accounts.takeKeyPackage({ ...query, capability: query.capability.slice() });
  }

  #ask(link: Peer, query: LinkQuery, patienceMs = queryTimeoutMs): Promise<Uint8Array | undefined> {
    const { connection, server } = link;
    if (!link.connected || connection === undefined) {
      return Promise.reject(new ProtocolError("unreachable", "There is no connection to this server."));
    }
    const inFlight = [...this.#pending.values()].filter((pending) => pending.server === server).length;
    if (inFlight >= queriesInFlightMax) return Promise.reject(new ProtocolError("rate-limited"));
    return new Promise((resolve, reject) => {
      this.#lastId = (this.#lastId + 1) % 0xffff_ffff;
      const id = this.#lastId;
      const timer = this.#clock.after(patienceMs, () => {
        this.#pending.delete(id);
        reject(new ProtocolError("unreachable", "The other server did not answer in time."));
      });
      this.#pending.set(id, { server, timer, resolve, reject });
      link.send({ kind: "query", id, query });
    });
  }

  #forget(id: number, pending: Pending): void {
    pending.timer.cancel();
    this.#pending.delete(id);
  }
}

function isOfRooms(query: LinkQuery): query is RoomQuery {
  return ["roomAppend", "roomLog", "roomInfo", "roomServer"].includes(query.ask);
}
