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
    this.#meet(log);
    return log;
  }

  drop(name: RoomLogName): void {
    const log = this.get(name);
    if (log === undefined) return;
    this.#logs.delete(nameOf(name));
    this.#byHub.get(name.hub)?.delete(log);
    if (this.#byHub.get(name.hub)?.size === 0) this.#byHub.delete(name.hub);
    log.followers.clear();
    this.#meet(log);
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
    const { hub, servers } = log.row;
    const ofUse = this.#logs.has(nameOf(log.row)) && (log.followers.size > 0 || hub === this.#self);
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
