/**
 * Rooms' logs at this homeserver: those that it is the hub of, copies of those that people here follow, and what sessions
 * and other servers ask of either. It knows rooms by id, group and servers; what is said in them it cannot read. [O1] to [O7]
 */
import type {
  AccountId,
  ClientParams,
  ClientResult,
  Clock,
  Codec,
  Primitives,
  RoomAppend,
  RoomEntry,
  RoomId,
  RoomLogHead,
  RoomLogPage,
  RoomQuery,
  ServerId,
} from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  encode,
  ProtocolError,
  roomAppendOutcome,
  roomInfoPart,
  roomLogPage,
} from "@fedchat/protocol";
import type { HomeserverStore, RoomLogRow, StoredState } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import type { FullDisk } from "../accounts/full-disk.ts";
import { storageFull } from "../accounts/full-disk.ts";
import type { GroupCommit } from "../group-commit.ts";
import { roomLogLifetimeMs, roomPrunedAtOnce, roomReplicaIdleMs } from "../limits.ts";
import type { Log } from "../log.ts";
import type { EntriesPlan, LocalAccounts, LocalRooms, RoomLinks, RoomStanding } from "../seams.ts";
import { Following } from "./following.ts";
import { Hub } from "./hub.ts";
import { Listings } from "./listings.ts";
import { headOf, isAmong } from "./log-state.ts";
import { pageOf } from "./pages.ts";
import { Replicas } from "./replicas.ts";
import { RoomLogs } from "./room-logs.ts";
import { Succession } from "./succession.ts";
import { Turns } from "./turns.ts";

export interface RoomsOptions {
  self: ServerId;
  state: Pick<StoredState, "rooms" | "followers" | "listings">;
  store: Pick<HomeserverStore, "roomEntries" | "roomInfo">;
  commit: GroupCommit;
  disk: FullDisk;
  clock: Clock;
  primitives: Primitives;
  /** Signs in this server's name. [O1] */
  sign: (entry: RoomEntry) => Uint8Array;
  notify: LocalAccounts["notify"];
  /** Called when it is needed, which is after the start. */
  links: () => RoomLinks;
  log: Log;
}

export class Rooms implements LocalRooms {
  readonly #options: RoomsOptions;
  readonly #logs: RoomLogs;
  readonly #hub: Hub;
  readonly #replicas: Replicas;
  readonly #following: Following;
  readonly #succession: Succession;
  readonly #turns = { rooms: new Turns<RoomId>(), copies: new Turns<ServerId>() };
  readonly #listings: Listings;

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.#logs = new RoomLogs(options.self, options.state);
    const parts = { ...options, logs: this.#logs, moved: (row: RoomLogRow) => this.#moved(row) };
    this.#succession = new Succession({ ...parts, turns: this.#turns });
    const others = { ...parts, succession: this.#succession };
    this.#hub = new Hub({ ...others, turns: this.#turns });
    this.#replicas = new Replicas({ ...others, turns: this.#turns.copies });
    this.#following = new Following({ ...parts, replicas: this.#replicas, turns: this.#turns.copies });
    this.#listings = new Listings(parts);
  }

  async append(
    account: AccountId,
    params: ClientParams<"rooms.append">,
  ): Promise<ClientResult<"rooms.append">> {
    const { self, links } = this.#options;
    const { hub, ...append } = params;
    if (hub === self) return this.#hub.append({ account, server: self }, append);
    const answer = await links().ask(hub, { ask: "roomAppend", account, ...append });
    const outcome = decoded(roomAppendOutcome, answer);
    if (outcome.outcome === "behind") this.#heard(account, append.room, hub, outcome);
    return outcome;
  }

  /** Somebody whom the room was asked of knows of another hub than is known here. */
  #heard(account: AccountId, room: RoomId, asked: ServerId, head: RoomLogHead): void {
    const row = this.#logs.followed(account, room)?.row;
    if (row !== undefined && (row.hub !== head.hub || row.term < head.term))
      this.#succession.hear(row, asked);
  }

  /** Rejects with `unknown-room` where the account does not follow it. */
  async log(
    account: AccountId,
    { room, after, of }: ClientParams<"rooms.log">,
  ): Promise<ClientResult<"rooms.log">> {
    const log = this.#logs.followed(account, room);
    if (log === undefined) throw new ProtocolError("unknown-room");
    if (of !== undefined && of !== this.#options.self) return this.#logAt(log.row, of, after);
    const entries = await pageOf(this.#options.store, log.row, after);
    return { entries, head: headOf(log.row) };
  }

  /** As another server of the room has it. What the hub kept from here comes from there. [O6] [O12] */
  async #logAt(row: RoomLogRow, server: ServerId, after: number): Promise<RoomLogPage> {
    if (!isAmong(row.servers, server, this.#options.links().heir)) throw new ProtocolError("not-allowed");
    const { room } = row;
    const page = decoded(
      roomLogPage,
      await this.#options.links().ask(server, { ask: "roomLog", room, after }),
    );
    const { term, position } = page.head;
    if (term > row.term || (term === row.term && position > row.position)) this.#succession.hear(row, server);
    return page;
  }

  heads(account: AccountId): ClientResult<"rooms.heads"> {
    return { rooms: this.#following.heads(account) };
  }

  async info({ room, hub, offset }: ClientParams<"rooms.info">): Promise<ClientResult<"rooms.info">> {
    const { self, links } = this.#options;
    if (hub === self) return this.#hub.info(self, room, offset);
    return decoded(roomInfoPart, await links().ask(hub, { ask: "roomInfo", room, offset }));
  }

  follow(account: AccountId, { room, hub, position, hash }: ClientParams<"rooms.follow">): Promise<void> {
    return this.#following.follow({ account, room, hub, position }, hash);
  }

  /** Whoever is out of a room shows it to nobody. */
  async unfollow(account: AccountId, { room }: ClientParams<"rooms.unfollow">): Promise<void> {
    await this.#listings.publish(account, room, null);
    await this.#following.unfollow(account, room);
  }

  publish(account: AccountId, { room, listing }: ClientParams<"rooms.publish">): Promise<void> {
    return this.#listings.publish(account, room, listing);
  }

  async listed(): Promise<ClientResult<"rooms.listed">> {
    return { rooms: await this.#listings.all() };
  }

  /** As a mutually linked server is told. [I13] */
  listings(): Uint8Array {
    return this.#listings.answer();
  }

  /** [O7] */
  standing(account: AccountId, group: Uint8Array, server: ServerId): RoomStanding {
    return this.#following.standing(account, group, server);
  }

  meets(server: ServerId): boolean {
    const formers = this.#options.links().formersOf(server);
    return [server, ...formers].some((one) => this.#logs.meets(one));
  }

  arrived(hub: ServerId, linked: boolean, entries: readonly Uint8Array[]): Promise<EntriesPlan> {
    return this.#replicas.arrived(hub, linked, entries);
  }

  connected(server: ServerId): void {
    this.#replicas.connected(server);
    this.#succession.connected(server);
  }

  /** The encoded answer to another server. Rejects with `ProtocolError`. */
  async answer(server: ServerId, query: RoomQuery): Promise<Uint8Array> {
    try {
      return await this.#answer(server, query);
    } catch (error) {
      throw error instanceof StoreFullError ? storageFull(error) : error;
    }
  }

  /** Now and then: what is past its time goes, and hubs that could not be asked are asked again. [O3] [O5] */
  async expire(): Promise<void> {
    const { clock } = this.#options;
    await this.#dropIdle(clock.now() - roomReplicaIdleMs);
    await this.#prune(clock.now() - roomLogLifetimeMs);
    this.#replicas.retry();
    for (const { row } of this.#logs.all())
      if (row.hub !== this.#options.self) void this.#options.links().meet(row.hub, row.room, row.servers);
  }

  close(): void {
    this.#replicas.close();
    this.#succession.close();
  }

  async #answer(server: ServerId, query: RoomQuery): Promise<Uint8Array> {
    switch (query.ask) {
      case "roomAppend": {
        const append: RoomAppend = query;
        return encode(roomAppendOutcome, await this.#hub.append({ account: query.account, server }, append));
      }
      case "roomLog":
        return encode(roomLogPage, await this.#hub.log(server, query.room, query.after));
      case "roomServer":
        return this.#serverOf(server, query.room, query.server);
      case "roomInfo":
        return encode(roomInfoPart, await this.#hub.info(server, query.room, query.offset));
    }
  }

  /** Where another server of a room is whose hub this one is. [O8] */
  #serverOf(asking: ServerId, room: RoomId, server: ServerId): Uint8Array {
    const { self, links } = this.#options;
    const servers = this.#logs.get({ room, hub: self })?.row.servers;
    if (servers === undefined) throw new ProtocolError("unknown-room");
    if (![asking, server].every((one) => isAmong(servers, one, links().heir)))
      throw new ProtocolError("not-allowed");
    const record = links().record(server);
    if (record === undefined) throw new ProtocolError("unknown-server");
    return record;
  }

  async #dropIdle(before: number): Promise<void> {
    const isIdle = (name: RoomLogRow) => (this.#logs.get(name)?.row.idleSince ?? Infinity) < before;
    for (const { row } of [...this.#logs.all()].filter((log) => isIdle(log.row))) {
      const { room, hub } = row;
      const done = await this.#turns.copies.take(hub);
      try {
        if (!isIdle(row)) continue;
        await this.#options.commit.add([{ op: "room.drop", room, hub }]);
        this.#logs.drop(row);
      } finally {
        done();
      }
    }
  }

  async #prune(before: number): Promise<void> {
    for (let more = true; more;) {
      const [result] = await this.#options.commit.add([
        { op: "room.prune", before, limit: roomPrunedAtOnce },
      ]);
      if (result?.op !== "room.prune") throw new Error("the store answered another operation");
      for (const { bytes, ...name } of result.pruned) {
        const log = this.#logs.get(name);
        if (log !== undefined) log.bytes -= bytes;
      }
      more = result.entries === roomPrunedAtOnce;
    }
  }

  /** Sessions are told once it is known where the room's servers are, so that what they write finds its way. */
  #moved(row: RoomLogRow): void {
    const { self, links } = this.#options;
    if (row.hub === self) return this.#tell(row);
    void links()
      .meet(row.hub, row.room, row.servers)
      .then(() => this.#tell(this.#logs.get(row)?.row ?? row));
  }

  #tell({ room, hub, term, position }: RoomLogRow): void {
    for (const account of this.#logs.get({ room, hub })?.followers ?? [])
      this.#options.notify({ account }, { kind: "roomHead", room, term, position });
  }
}

function decoded<T>(codec: Codec<T>, answer: Uint8Array): T {
  try {
    return decode(codec, answer);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new ProtocolError("malformed", "The hub's answer is none.", { cause });
  }
}
