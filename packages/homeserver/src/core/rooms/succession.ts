/**
 * Goes over to the hub that goes on with a room's log. Who heard of one asks for its log from where both are the same,
 * and takes it where every entry is signed and in its place, every takeover is proved by the access key in force, and
 * its term is ahead of what is here. What the own branch had behind that stays apart. A server that was the hub steps
 * down so, and one whose own log is behind what others have of it takes that back. [O10] [O11] [O12]
 */
import type { Clock, Primitives, RoomEntry, RoomId, RoomLogItem, ServerId, Timer } from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  decodeRoomLogItem,
  ProtocolError,
  roomEntry,
  roomEntryHash,
  roomLogPage,
} from "@fedchat/protocol";
import type { RoomEntryRow, RoomLogName, RoomLogRow, WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import {
  roomBranchBytesMax,
  roomBranchSearchMax,
  roomCatchUpPagesMax,
  roomHeardRetryMs,
  roomLogBytesMax,
  roomsHeardMax,
} from "../limits.ts";
import type { Log } from "../log.ts";
import { sameBytes } from "../same-bytes.ts";
import type { RoomLinks } from "../seams.ts";
import { bytesBehind, entryAt, logAt, type LogHistoryPorts } from "./log-history.ts";
import { followedBy, isAhead, isAmong, nameOf } from "./log-state.ts";
import type { RoomLog, RoomLogs } from "./room-logs.ts";
import type { Turns } from "./turns.ts";

export interface SuccessionOptions extends LogHistoryPorts {
  self: ServerId;
  logs: RoomLogs;
  commit: GroupCommit;
  clock: Clock;
  primitives: Primitives;
  links: () => Pick<RoomLinks, "ask" | "heir">;
  log: Log;
  /** What the hub here appends, and what changes copies of a hub, by turns: always the room's turn first. */
  turns: { rooms: Turns<RoomId>; copies: Turns<ServerId> };
  /** A log is further than it was, or goes on elsewhere. */
  moved: (row: RoomLogRow) => void;
}

/** What another server has behind an entry that is here, too. */
interface Branch {
  /** The log here as it was there. */
  base: RoomLogRow;
  row: RoomLogRow;
  entries: RoomEntryRow[];
  bytes: number;
}

export class Succession {
  readonly #options: SuccessionOptions;
  /** What is to be asked of each server; it stays until it could be asked. */
  readonly #heard = new Map<ServerId, Map<string, RoomLogName>>();
  readonly #asking = new Set<ServerId>();
  readonly #pauses = new Map<ServerId, Timer>();
  /** Servers that were asked for all rooms that they are in since the start: what they told before may be lost. */
  readonly #met = new Set<ServerId>();
  #closed = false;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** A server says that this log goes on otherwise than it does here. */
  hear({ room, hub }: RoomLogName, source: ServerId): void {
    if (source === this.#options.self) return;
    const heard = this.#heard.get(source) ?? new Map<string, RoomLogName>();
    const key = nameOf({ room, hub });
    if (!heard.has(key) && heard.size >= roomsHeardMax) return;
    this.#heard.set(source, heard.set(key, { room, hub }));
    void this.#askAll(source);
  }

  /** There is a connection with this server. */
  connected(server: ServerId): void {
    if (!this.#met.has(server)) {
      this.#met.add(server);
      for (const { row, followers } of this.#options.logs.all()) {
        const isOurs = followers.size > 0 || row.hub === this.#options.self;
        if (isOurs && row.successor === undefined && isAmong(row.servers, server, this.#options.links().heir))
          this.hear(row, server);
      }
    }
    void this.#askAll(server);
  }

  /**
   * Takes what a server has of this log, as far as it goes beyond or is ahead of what is here; true where anything is
   * different now. Rejects with `ProtocolError` where the server cannot be asked.
   */
  async catchUp(name: RoomLogName, source: ServerId): Promise<boolean> {
    let isNew = false;
    for (let pages = 0; pages < roomCatchUpPagesMax && !this.#closed; pages += 1) {
      const log = this.#options.logs.current(name);
      if (log === undefined || log.row.anchor === 0) return isNew;
      const branch = await this.#branch(log.row, source);
      if (branch === undefined) return isNew;
      if (await this.#take(log, branch)) isNew = true;
    }
    return isNew;
  }

  close(): void {
    this.#closed = true;
    for (const pause of this.#pauses.values()) pause.cancel();
  }

  /** One after the other; what cannot be asked now is asked with the next connection. Never rejects. */
  async #askAll(source: ServerId): Promise<void> {
    const { log, clock } = this.#options;
    const heard = this.#heard.get(source);
    if (heard === undefined || this.#asking.has(source) || this.#pauses.has(source)) return;
    this.#asking.add(source);
    let asked: RoomLogName | undefined;
    try {
      for (asked = heard.values().next().value; asked && !this.#closed; asked = heard.values().next().value) {
        heard.delete(nameOf(asked));
        try {
          await this.catchUp(asked, source);
        } catch (error) {
          if (!(error instanceof ProtocolError) || error.retry !== "never") throw error;
        }
      }
      this.#heard.delete(source);
    } catch (error) {
      if (asked !== undefined) heard.set(nameOf(asked), asked);
      if (error instanceof ProtocolError)
        log.debug("a room's successor was not asked", { server: source, code: error.code });
      else log.warn("what a room's successor has was not stored", { server: source, error: String(error) });
      if (this.#closed) return;
      const retryMs = (error instanceof ProtocolError && error.retryAfterMs) || roomHeardRetryMs;
      const again = clock.after(Math.min(retryMs, roomHeardRetryMs), () => {
        this.#pauses.delete(source);
        void this.#askAll(source);
      });
      this.#pauses.set(source, again);
    } finally {
      this.#asking.delete(source);
    }
  }

  /** What is there and not here, a page of it or as much as is needed to be ahead; undefined: nothing that counts. */
  async #branch(row: RoomLogRow, source: ServerId): Promise<Branch | undefined> {
    const found = await this.#common(row, source);
    if (found === undefined) return undefined;
    const { base } = found;
    const branch: Branch = { base, row: base, entries: [], bytes: 0 };
    for (let { page } = found; ;) {
      const before = branch.row.position;
      if (!this.#grow(branch, page.entries)) return undefined;
      const isLonger = base.position === row.position && branch.row.position > before;
      if (isLonger || isAhead(branch.row, row)) return branch;
      const isAll = branch.row.position >= page.head.position || branch.row.position === before;
      if (isAll || branch.bytes > roomBranchBytesMax) return undefined;
      page = await this.#page(row.room, source, branch.row.position);
    }
  }

  /** The newest entry that both are known to have, and what is behind it there. */
  async #common(row: RoomLogRow, source: ServerId) {
    const { store, primitives: p } = this.#options;
    let after = row.position;
    for (let step = 1, tried = 0; tried < roomBranchSearchMax; step *= 2, tried += 1) {
      const page = await this.#page(row.room, source, after);
      const [first] = page.entries;
      const held = await entryAt(store, row, after);
      // Below what is kept here nothing can be compared.
      if (held === undefined) return undefined;
      const value = first && entryIn(first)?.value;
      const hash = after === row.position ? row.hash : roomEntryHash(p, held.signed);
      if (value?.position === after + 1 && sameBytes(value.previous, hash)) {
        const same = await this.#same(row, page.entries, after);
        const base = await logAt(this.#options, row, same);
        return base && { base, page: { ...page, entries: page.entries.slice(same - after) } };
      }
      // The same end: there is nothing to take.
      if (page.head.position === after && sameBytes(page.head.hash, hash)) return undefined;
      const [oldest] = await store.roomEntries(row, 0, 1);
      const earlier = Math.max(oldest?.position ?? 1, Math.min(after, page.head.position) - step, 1);
      if (earlier >= after) return undefined;
      after = earlier;
    }
    return undefined;
  }

  /** The position up to which these entries are what is here behind a position. */
  async #same(row: RoomLogRow, entries: readonly Uint8Array[], after: number): Promise<number> {
    let position = after;
    for (const signed of entries) {
      const held = await entryAt(this.#options.store, row, position + 1);
      if (held === undefined || !sameBytes(held.signed, signed)) break;
      position += 1;
    }
    return position;
  }

  /** False where something of it may not stand there. */
  #grow(branch: Branch, page: readonly Uint8Array[]): boolean {
    const { primitives: p, clock, links } = this.#options;
    const { heir } = links();
    for (const signed of page) {
      const entry = entryIn(signed);
      if (entry === undefined) return false;
      const next = followedBy(p, branch.row, { ...entry, signed }, clock.now(), heir);
      if (next === undefined || !isSigned(p, entry.verify)) return false;
      branch.row = next;
      branch.entries.push({ position: next.position, signed: signed.slice() });
      branch.bytes += signed.length;
    }
    return true;
  }

  /** False where the log went on meanwhile. */
  async #take(log: RoomLog, { base, row, entries, bytes }: Branch): Promise<boolean> {
    const { self, logs, commit, clock, store, turns, moved } = this.#options;
    const before = log.row;
    const lostBytes = await bytesBehind(store, before, base.position);
    const done = await allTurns(turns, row.room, [before.hub, row.hub]);
    try {
      if (logs.get(before)?.row !== before) return false;
      if (log.bytes - lostBytes + bytes > roomLogBytesMax) throw new ProtocolError("quota-exceeded");
      const isFollowed = log.followers.size > 0 || (logs.get(row)?.followers.size ?? 0) > 0;
      const idleSince = isFollowed || row.hub === self ? undefined : (before.idleSince ?? clock.now());
      const next = { ...row, idleSince, at: Math.max(before.at, clock.now()) };
      const isFork = row.hub !== before.hub || row.term !== before.term || base.position < before.position;
      const kept = { ...base, hub: row.hub, idleSince };
      const lost = { ...before, successor: row.hub, idleSince: clock.now() };
      const forked: WriteOp[] = isFork ? [{ op: "room.fork", from: before, row: kept, lost }] : [];
      await commit.add([...forked, { op: "room.append", row: next, entries, info: undefined }]);
      if (isFork) logs.fork(log, kept, lost, lostBytes);
      logs.set(next, bytes);
      moved(next);
      return true;
    } finally {
      done();
    }
  }

  async #page(room: RoomId, source: ServerId, after: number) {
    const answer = await this.#options.links().ask(source, { ask: "roomLog", room, after });
    try {
      return decode(roomLogPage, answer);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw new ProtocolError("malformed", undefined, { cause });
    }
  }
}

/** The room's turn, and then those of its hubs, always in the same order: so nobody waits for somebody who waits. */
export async function allTurns(
  turns: SuccessionOptions["turns"],
  room: RoomId,
  hubs: ServerId[],
): Promise<() => void> {
  const ends = [await turns.rooms.take(room)];
  for (const hub of [...new Set(hubs)].toSorted()) ends.push(await turns.copies.take(hub));
  return () => {
    for (const end of ends) end();
  };
}

/** Undefined for what is no entry. */
export function entryIn(
  signed: Uint8Array,
): { value: RoomEntry; item: RoomLogItem; verify: (p: Primitives) => void } | undefined {
  try {
    const { value, verify } = roomEntry.read(signed);
    return { value, verify, item: decodeRoomLogItem(value.item) };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

export function isSigned(p: Primitives, verify: (p: Primitives) => void): boolean {
  try {
    verify(p);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}
