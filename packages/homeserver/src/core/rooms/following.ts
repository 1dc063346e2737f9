/**
 * Which rooms' logs the accounts here follow. Invariants: whoever follows a log that is here has seen an entry of it; a
 * copy that nobody follows any more goes in the transaction in which the last one leaves. [O6] [O7]
 */
import type { AccountId, Clock, FollowedRoom, RoomId, ServerId } from "@fedchat/protocol";
import { limits, ProtocolError, roomEntryHash } from "@fedchat/protocol";
import type { Primitives } from "@fedchat/protocol";
import type { FollowerRow, HomeserverStore, RoomLogRow, WriteOp } from "../../store/store.ts";
import type { FullDisk } from "../accounts/full-disk.ts";
import type { GroupCommit } from "../group-commit.ts";
import { sameBytes } from "../same-bytes.ts";
import type { RoomLinks, RoomStanding } from "../seams.ts";
import { emptyLog, headOf, isAmong, zeros } from "./log-state.ts";
import type { Replicas } from "./replicas.ts";
import type { RoomLog, RoomLogs } from "./room-logs.ts";
import type { Turns } from "./turns.ts";

export interface FollowingOptions {
  self: ServerId;
  logs: RoomLogs;
  turns: Turns<ServerId>;
  links: () => Pick<RoomLinks, "heir">;
  replicas: Pick<Replicas, "catchUp">;
  store: Pick<HomeserverStore, "roomEntries">;
  commit: GroupCommit;
  disk: FullDisk;
  clock: Pick<Clock, "now">;
  primitives: Primitives;
}

export class Following {
  readonly #options: FollowingOptions;

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  heads(account: AccountId): FollowedRoom[] {
    const { logs } = this.#options;
    return [...logs.followedBy(account).values()].flatMap((follower) => {
      const log = logs.get(follower);
      return log === undefined ? [] : [{ room: follower.room, ...headOf(log.row) }];
    });
  }

  /** On disk when it resolves; what is missing comes later. Rejects with `ProtocolError`. */
  async follow(asked: FollowerRow, hash: Uint8Array): Promise<void> {
    const { self, logs, turns, replicas, disk } = this.#options;
    disk.admitNewWork();
    // The one who goes on with it.
    const row = { ...asked, hub: logs.current(asked)?.row.hub ?? asked.hub };
    const done = await turns.take(row.hub);
    try {
      if (logs.get(row)?.row.successor !== undefined) throw new ProtocolError("conflict");
      const held = logs.followedBy(row.account);
      const hub = held.get(row.room)?.hub;
      if (hub !== undefined && hub !== row.hub)
        throw new ProtocolError("conflict", "Its hub is another one.");
      if (hub === undefined) {
        if (held.size >= limits.roomsFollowedMax) throw new ProtocolError("quota-exceeded");
        await this.#begin(row, hash);
      }
    } finally {
      done();
    }
    if (row.hub !== self) replicas.catchUp({ room: row.room, hub: row.hub });
  }

  async unfollow(account: AccountId, room: RoomId): Promise<void> {
    const { logs, turns } = this.#options;
    const held = logs.followedBy(account).get(room);
    if (held === undefined) return;
    const done = await turns.take(held.hub);
    try {
      const still = logs.followedBy(account).get(room);
      if (still?.hub !== held.hub) return;
      const left = this.#leftBehind(still);
      await this.#write([{ op: "room.unfollow", account, room }, ...left]);
      logs.unfollow(account, room);
      if (left.length > 0) logs.drop(held);
    } finally {
      done();
    }
  }

  /** What the log that has this group, of those that the recipient follows, says of the sender's server. [O7] */
  standing(account: AccountId, group: Uint8Array, server: ServerId): RoomStanding {
    const { logs, links } = this.#options;
    for (const follower of logs.followedBy(account).values()) {
      const row = logs.get(follower)?.row;
      if (row === undefined || row.anchor === 0 || !sameBytes(row.group, group)) continue;
      if (isAmong(row.servers, server, links().heir)) return "listed";
      return row.former.includes(server) ? "former" : "unlisted";
    }
    return "no room";
  }

  async #begin(row: FollowerRow, hash: Uint8Array): Promise<void> {
    const { logs, clock } = this.#options;
    const log = logs.get(row);
    await this.#assertSeen(row, hash, log);
    const isAnew = log !== undefined && (await this.#beginsLater(row, log));
    const now: RoomLogRow | undefined =
      log === undefined || isAnew
        ? emptyLog(row, Math.max(0, row.position - 1), clock.now())
        : log.row.idleSince === undefined
          ? undefined
          : { ...log.row, idleSince: undefined };
    const grown: WriteOp[] =
      now === undefined ? [] : [{ op: "room.append", row: now, entries: [], info: undefined }];
    const gone: WriteOp[] = isAnew ? [{ op: "room.drop", room: row.room, hub: row.hub }] : [];
    await this.#write([{ op: "room.follow", row }, ...gone, ...grown]);
    if (isAnew) logs.drop(row);
    if (now !== undefined) logs.set(now, 0);
    logs.follow(row);
  }

  /** Where the log is here, only who knows the entry by which it came in has seen it. */
  async #assertSeen({ room, hub, position }: FollowerRow, hash: Uint8Array, log: RoomLog | undefined) {
    const { self, store, primitives: p } = this.#options;
    if (log === undefined) {
      if (hub === self) throw new ProtocolError("unknown-room");
      return;
    }
    // Whoever follows from the beginning came in before there was an entry. [O6]
    if (position === 0 && sameBytes(hash, zeros())) return;
    const [entry] = await store.roomEntries({ room, hub }, position - 1, 1);
    const isHere = entry?.position === position;
    const seen = isHere ? sameBytes(roomEntryHash(p, entry.signed), hash) : hub !== self;
    if (!seen) throw new ProtocolError("not-allowed", "This is no entry of the room.");
  }

  /** A copy that began behind where this account came in, before anybody here followed it: the hub is asked for all. [O5] */
  async #beginsLater({ room, hub, position }: FollowerRow, log: RoomLog): Promise<boolean> {
    const { self, store } = this.#options;
    if (hub === self || log.followers.size > 0 || position === 0) return false;
    const [next] = await store.roomEntries({ room, hub }, position - 1, 1);
    return next !== undefined && next.position > position;
  }

  /** A copy whose last follower goes, goes with it. */
  #leftBehind(follower: FollowerRow): WriteOp[] {
    const { self, logs } = this.#options;
    const { room, hub } = follower;
    if (hub === self || logs.get(follower)?.followers.size !== 1) return [];
    return [{ op: "room.drop", room, hub }];
  }

  async #write(ops: WriteOp[]): Promise<void> {
    try {
      await this.#options.commit.add(ops);
    } catch (error) {
      this.#options.disk.saw(error);
      throw error;
    }
  }
}
