/**
 * The logs that are kept here and who follows them, as committed. Of each only its head, its servers and its followers
 * are in memory; entries lie in the store. [O5] [O6]
 */
import type { AccountId, RoomId, ServerId } from "@fedchat/protocol";
import type { FollowerRow, RoomLogName, RoomLogRow, StoredState } from "../../store/store.ts";
import { nameOf } from "./log-state.ts";

export interface RoomLog {
  row: RoomLogRow;
  /** Of its signed entries that are kept. */
  bytes: number;
  readonly followers: Set<AccountId>;
  /** When its hub was last asked for what is missing; 0: not since the start. */
  askedAt: number;
  /** Servers that count as met because of it. */
  met: ServerId[];
}

export class RoomLogs {
  readonly #self: ServerId;
  readonly #logs = new Map<string, RoomLog>();
  readonly #byHub = new Map<ServerId, Set<RoomLog>>();
  readonly #byRoom = new Map<RoomId, Set<RoomLog>>();
  readonly #followed = new Map<AccountId, Map<RoomId, FollowerRow>>();
  /** In how many logs that are of use here a server is. */
  readonly #met = new Map<ServerId, number>();

  constructor(self: ServerId, { rooms, followers }: Pick<StoredState, "rooms" | "followers">) {
    this.#self = self;
    for (const { bytes, ...row } of rooms) this.set(row, bytes);
    for (const row of followers) this.follow(row);
  }

  get(name: RoomLogName): RoomLog | undefined {
    return this.#logs.get(nameOf(name));
  }

  /** The log that goes on with it: itself, or its successor's successor. What its term lost is not it. [O11] */
  current(name: RoomLogName): RoomLog | undefined {
    let log = this.get(name);
    for (const seen = new Set<RoomLog>(); log?.row.successor !== undefined;) {
      if (seen.has(log)) return undefined;
      seen.add(log);
      log = this.get({ room: name.room, hub: log.row.successor });
    }
    return log;
  }

  /** All that may go on; without what terms lost. */
  ofRoom(room: RoomId): RoomLog[] {
    return [...(this.#byRoom.get(room) ?? [])].filter(({ row }) => row.successor === undefined);
  }

  /** The log of a room that others are told of: that which this server is or was the hub of, else one that people here follow. */
  told(room: RoomId): RoomLog | undefined {
    const followed = this.ofRoom(room).filter(({ followers }) => followers.size > 0);
    return (
      this.current({ room, hub: this.#self }) ??
      followed.toSorted((a, b) => b.row.term - a.row.term || b.row.position - a.row.position)[0]
    );
  }

  /** Whether what a term of this room lost was for this server, too. */
  wasLostFor(room: RoomId, server: ServerId): boolean {
    const all = [...(this.#byRoom.get(room) ?? [])];
    return all.some(({ row }) => row.successor !== undefined && row.servers.includes(server));
  }

  of(hub: ServerId): ReadonlySet<RoomLog> {
    return this.#byHub.get(hub) ?? new Set();
  }

  all(): IterableIterator<RoomLog> {
    return this.#logs.values();
  }

  /** It is there now, and this much larger. */
  set(row: RoomLogRow, addedBytes: number): RoomLog {
    const log = this.get(row) ?? { row, bytes: 0, followers: new Set<AccountId>(), askedAt: 0, met: [] };
    log.row = row;
    log.bytes += addedBytes;
    this.#logs.set(nameOf(row), log);
    const ofHub = this.#byHub.get(row.hub) ?? new Set();
    this.#byHub.set(row.hub, ofHub.add(log));
    const ofRoom = this.#byRoom.get(row.room) ?? new Set();
    this.#byRoom.set(row.room, ofRoom.add(log));
    this.#meet(log);
    return log;
  }

  drop(name: RoomLogName): void {
    const log = this.get(name);
    if (log === undefined) return;
    this.#logs.delete(nameOf(name));
    this.#byHub.get(name.hub)?.delete(log);
    if (this.#byHub.get(name.hub)?.size === 0) this.#byHub.delete(name.hub);
    this.#byRoom.get(name.room)?.delete(log);
    if (this.#byRoom.get(name.room)?.size === 0) this.#byRoom.delete(name.room);
    log.followers.clear();
    this.#meet(log);
  }

  /**
   * Another hub goes on with a log, and its followers with it.
   * @param lostBytes of what its own term lost
   */
  fork(from: RoomLog, row: RoomLogRow, lost: RoomLogRow, lostBytes: number): void {
    const bytes = from.bytes - lostBytes;
    if (row.hub === from.row.hub) return void this.set(row, -lostBytes);
    const before = [...(this.get(row)?.followers ?? [])];
    this.drop(row);
    const now = this.set(row, bytes);
    for (const account of before) now.followers.add(account);
    for (const account of from.followers) {
      const follower = this.#followed.get(account)?.get(row.room);
      if (follower !== undefined) this.#followed.get(account)?.set(row.room, { ...follower, hub: row.hub });
      now.followers.add(account);
    }
    from.followers.clear();
    this.set(lost, -bytes);
    this.#meet(now);
  }

  /** In place of what the account followed of this room before. */
  follow(row: FollowerRow): void {
    this.unfollow(row.account, row.room);
    const rooms = this.#followed.get(row.account) ?? new Map<RoomId, FollowerRow>();
    this.#followed.set(row.account, rooms.set(row.room, row));
    const log = this.get(row);
    if (log === undefined) return;
    log.followers.add(row.account);
    this.#meet(log);
  }

  unfollow(account: AccountId, room: RoomId): void {
    const held = this.#followed.get(account)?.get(room);
    if (held === undefined) return;
    this.#followed.get(account)?.delete(room);
    const log = this.get(held);
    log?.followers.delete(account);
    if (log !== undefined) this.#meet(log);
  }

  followedBy(account: AccountId): ReadonlyMap<RoomId, FollowerRow> {
    return this.#followed.get(account) ?? new Map();
  }

  /** The log of a room that this account follows. */
  followed(account: AccountId, room: RoomId): RoomLog | undefined {
    const held = this.#followed.get(account)?.get(room);
    return held && this.get(held);
  }

  /** How many logs that this server is the hub of this account began. */
  foundedBy(account: AccountId): number {
    let count = 0;
    for (const { row } of this.of(this.#self)) if (row.founder === account) count += 1;
    return count;
  }

  /** Whether this server is a hub or a member of a room that somebody here follows, or that this server is the hub of. */
  meets(server: ServerId): boolean {
    return this.#met.has(server);
  }

  #meet(log: RoomLog): void {
    const { hub, servers, successor } = log.row;
    const isHub = hub === this.#self && successor === undefined;
    const ofUse = this.#logs.has(nameOf(log.row)) && (log.followers.size > 0 || isHub);
    const met = ofUse ? [...new Set([hub, ...servers])] : [];
    for (const server of met) this.#count(server, 1);
    for (const server of log.met) this.#count(server, -1);
    log.met = met;
  }

  #count(server: ServerId, change: number): void {
    const count = (this.#met.get(server) ?? 0) + change;
    if (count === 0) this.#met.delete(server);
    else this.#met.set(server, count);
  }
}
