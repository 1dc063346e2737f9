/**
 * The logs of rooms that this server is the hub of, or becomes it by a takeover. Engines append by compare-and-swap: of
 * two that build on one head one wins, and the other is told where the log is, and under whom. Invariants: what is
 * answered as appended is on disk, together with what is to be sent to member servers; who is not on the room's servers,
 * or does not prove the access key, changes nothing. It trusts a server for which of its accounts asks, and nothing else.
 * [O3] [O4] [O10]
 */
import type {
  AccountId,
  Clock,
  Primitives,
  RoomAppend,
  RoomAppendOutcome,
  RoomEntry,
  RoomId,
  RoomInfoPart,
  RoomLogItem,
  RoomLogPage,
  RoomTakeover,
  ServerId,
} from "@fedchat/protocol";
import {
  decodeRoomLogItem,
  isRoomAppendProved,
  isTakeoverProved,
  limits,
  ProtocolError,
  readMlsHead,
  roomEntry,
  roomEntryHash,
} from "@fedchat/protocol";
import type { HomeserverStore, RoomLogRow, WriteOp } from "../../store/store.ts";
import type { FullDisk } from "../accounts/full-disk.ts";
import type { GroupCommit } from "../group-commit.ts";
import {
  roomAppendsWaitingMax,
  roomAttemptsRate,
  roomEntriesOfAccountRate,
  roomFanOutPieceBytes,
  roomFanOutRate,
  roomLogBytesMax,
  roomsFoundedMax,
  roomTakeoverBackMs,
  roomTakeoversRate,
} from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { RoomLinks } from "../seams.ts";
import { farewellPage } from "./farewell.ts";
import { bytesBehind, entryAt, logAt } from "./log-history.ts";
import { advanced, continues, emptyLog, headOf, isAmong } from "./log-state.ts";
import { pageOf } from "./pages.ts";
import type { RoomLog, RoomLogs } from "./room-logs.ts";
import type { Succession, SuccessionOptions } from "./succession.ts";

export interface HubOptions {
  self: ServerId;
  logs: RoomLogs;
  store: Pick<HomeserverStore, "roomEntries" | "roomInfo">;
  commit: GroupCommit;
  disk: FullDisk;
  clock: Pick<Clock, "now">;
  primitives: Primitives;
  sign: (entry: RoomEntry) => Uint8Array;
  links: () => Pick<RoomLinks, "reachable" | "tell" | "heir">;
  turns: SuccessionOptions["turns"];
  /** What others have of a log may be taken first. */
  succession: Pick<Succession, "catchUp">;
  /** A log is further than it was. */
  moved: (row: RoomLogRow) => void;
}

/** Who appends: an account, and the server that says so. */
export interface Appender {
  account: AccountId;
  server: ServerId;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #attempts: RateLimits<string>;
  readonly #entries: RateLimits<string>;
  readonly #fanOut: RateLimits<string>;
  readonly #takeovers: RateLimits<string>;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#attempts = new RateLimits(roomAttemptsRate, options.clock);
    this.#entries = new RateLimits(roomEntriesOfAccountRate, options.clock);
    this.#fanOut = new RateLimits(roomFanOutRate, options.clock);
    this.#takeovers = new RateLimits(roomTakeoversRate, options.clock);
  }

  /** Rejects with `ProtocolError`, or `StoreFullError`; then nothing was changed. */
  async append(by: Appender, append: RoomAppend): Promise<RoomAppendOutcome> {
    const { disk, turns } = this.#options;
    disk.admitNewWork();
    limited(this.#attempts.take(nameOf(by)));
    if (turns.rooms.waiting(append.room) >= roomAppendsWaitingMax) throw new ProtocolError("rate-limited");
    const item = decodeRoomLogItem(append.item);
    await this.#catchUp(by, append, item);
    const done = await turns.rooms.take(append.room);
    try {
      if (item.kind === "takeover") return await this.#takeOver(by, append, item);
      return await this.#append(by, append, item);
    } finally {
      done();
    }
  }

  /** Who builds on more than is here has seen it: it is taken from their server, or where they live here from another. */
  async #catchUp(by: Appender, { room, term, position }: RoomAppend, item: RoomLogItem): Promise<void> {
    const { self, logs, succession } = this.#options;
    const hub = item.kind === "takeover" ? item.from : self;
    const log = logs.current({ room, hub });
    if (log === undefined || !this.#isMember(by.server, log.row)) return;
    const isBehind = log.row.term < term || (log.row.term === term && log.row.position < position);
    if (!isBehind) return;
    const sources = by.server === self ? log.row.servers.filter((server) => server !== self) : [by.server];
    for (const source of sources.slice(0, catchUpSourcesMax)) {
      const isDone = await succession.catchUp(log.row, source).catch((error: unknown) => {
        if (error instanceof ProtocolError) return false;
        throw error;
      });
      if (isDone) return;
    }
  }

  /** What is behind a position, for a member server, or one that was. Rejects with `unknown-room`, `not-allowed`. */
  async log(server: ServerId, room: RoomId, after: number): Promise<RoomLogPage> {
    const { store, logs } = this.#options;
    const held = logs.told(room);
    const isFormer = held?.row.former.includes(server) === true;
    const farewell = isFormer ? await farewellPage(this.#options, held.row, server, after) : undefined;
    if (farewell !== undefined) return farewell;
    const log = this.#toldTo(server, room);
    const entries = await pageOf(store, log.row, after);
    return { entries, head: headOf(log.row) };
  }

  /** A piece of the newest info, for a member server. Rejects as `log`, and with `malformed` beyond its end. */
  async info(server: ServerId, room: RoomId, offset: number): Promise<RoomInfoPart> {
    const { row } = this.#toldTo(server, room);
    if (row.hub !== this.#options.self) throw new ProtocolError("unknown-room");
    const found = await this.#options.store.roomInfo(row, offset, limits.roomInfoPartBytesMax);
    // It came from others, who have no info.
    if (found === undefined) throw new ProtocolError("unreachable", "The room's info is not here yet.");
    const { position, total, part } = found;
    if (offset > total) throw new ProtocolError("malformed", "beyond the info's end");
    return { info: part, total, position };
  }

  /** The log of a room, for a server that may read it. */
  #toldTo(server: ServerId, room: RoomId) {
    const log = this.#options.logs.told(room);
    if (log === undefined) throw new ProtocolError("unknown-room");
    if (!this.#isMember(server, log.row)) throw new ProtocolError("not-allowed");
    return log;
  }

  #isMember(server: ServerId, { servers, continues: continued }: RoomLogRow): boolean {
    return isAmong(servers, server, this.#options.links().heir) || continued?.hub === server;
  }

  async #append(by: Appender, append: RoomAppend, item: RoomLogItem): Promise<RoomAppendOutcome> {
    const { self, logs, clock } = this.#options;
    const { room } = append;
    const begins = item.kind === "begin";
    if (begins && by.server !== self) throw new ProtocolError("not-allowed", "A room begins at its own hub.");
    if (begins && logs.current({ room, hub: self }) === undefined) {
      if (!item.servers.includes(self)) throw new ProtocolError("malformed", "the hub is not on the list");
      if (logs.foundedBy(by.account) >= roomsFoundedMax) throw new ProtocolError("quota-exceeded");
      const empty = { ...emptyLog({ room, hub: self }, 0, clock.now()), founder: by.account };
      if (!isAt(empty, append)) throw new ProtocolError("malformed", "nothing to build on");
      return this.#write(by, append, item, empty, item.access);
    }
    const row = logs.told(room)?.row;
    if (row === undefined) throw new ProtocolError("unknown-room");
    const isMember = this.#isMember(by.server, row) || logs.wasLostFor(room, by.server);
    const isComing = item.kind === "commit" && item.servers.includes(by.server) && isAt(row, append);
    if (!isMember && !(isComing && row.hub === self)) {
      // Of what it appended while it was on the list it may have missed the answer, and what came behind is on its way.
      const repeated = await this.#repeated(by, append);
      if (repeated === undefined) throw new ProtocolError("not-allowed");
      return repeated;
    }
    // Before the proof: that of somebody behind is of an access key that is in force no more.
    if (row.hub !== self) return { outcome: "behind", ...headOf(row) };
    if (!isAt(row, append))
      return (await this.#repeated(by, append)) ?? { outcome: "behind", ...headOf(row) };
    if (begins) throw new ProtocolError("malformed", "a log begins once");
    return this.#write(by, append, item, row, row.access);
  }

  /** The answer to somebody whose first answer was lost: the item stands behind that head already. */
  async #repeated(by: Appender, { room, term, position, head, item }: RoomAppend) {
    const { self, store, primitives: p } = this.#options;
    const held = await entryAt(store, { room, hub: self }, position + 1);
    if (held === undefined) return undefined;
    const entry = roomEntry.read(held.signed).value;
    const same =
      entry.hub === self &&
      (entry.term === term || entry.term === term + 1) &&
      entry.by.account === by.account &&
      entry.by.server === by.server &&
      sameBytes(entry.previous, head) &&
      sameBytes(entry.item, item);
    if (!same) return undefined;
    return { outcome: "appended" as const, position: held.position, hash: roomEntryHash(p, held.signed) };
  }

  /** This server becomes the hub of a log that it has a copy of, or goes on with its own in another term. [O10] */
  async #takeOver(by: Appender, append: RoomAppend, item: RoomTakeover): Promise<RoomAppendOutcome> {
    const { self, logs, turns, primitives: p } = this.#options;
    const { room } = append;
    const log = logs.current({ room, hub: item.from });
    if (log === undefined) throw new ProtocolError("unknown-room");
    const { row } = log;
    if (!this.#isMember(by.server, row)) throw new ProtocolError("not-allowed");
    const repeated = await this.#repeated(by, append);
    if (repeated !== undefined) return repeated;
    const base = await this.#continued(by, append, row);
    if (base === undefined) return { outcome: "behind", ...headOf(row) };
    const place = { room, hub: self, term: base.term + 1, position: base.position + 1, previous: base.hash };
    if (!continues(base, place, item, this.#options.links().heir) || !isTakeoverProved(p, place, item))
      throw new ProtocolError("not-allowed", "The proof of the takeover is wrong.");
    limited(this.#takeovers.take(nameOf(by)));
    const lostBytes = await bytesBehind(this.#options.store, row, base.position);
    const ends: (() => void)[] = [];
    for (const hub of [...new Set([self, row.hub])].toSorted()) ends.push(await turns.copies.take(hub));
    try {
      if (logs.get(row)?.row !== row) return { outcome: "behind", ...headOf(logs.current(row)?.row ?? row) };
      return await this.#write(by, append, item, base, base.access, { log, lostBytes });
    } finally {
      for (const end of ends) end();
    }
  }

  /**
   * The log as it was where the takeover continues it: at its end, or, for somebody who lives here, a little before: what
   * is behind may be a Commit that nobody can follow, which named an access key that nobody has.
   */
  async #continued(by: Appender, append: RoomAppend, row: RoomLogRow): Promise<RoomLogRow | undefined> {
    const { self, store, clock } = this.#options;
    if (isAt(row, append)) return row;
    if (by.server !== self || row.term !== append.term || row.position <= append.position) return undefined;
    if (!this.#options.logs.followedBy(by.account).has(append.room)) return undefined;
    const base = await logAt(this.#options, row, append.position);
    const next = await entryAt(store, row, append.position + 1);
    if (base === undefined || next === undefined || !isAt(base, append)) return undefined;
    const { at, by: locking } = roomEntry.read(next.signed).value;
    if (at < clock.now() - roomTakeoverBackMs) return undefined;
    // Whoever appended behind an entry has its access key: nobody is locked out by it.
    const behind = await pageOf(store, row, append.position);
    const isOfOne = (signed: Uint8Array) => roomEntry.read(signed).value.by.account === locking.account;
    const isAll = append.position + behind.length === row.position;
    return isAll && behind.every(isOfOne) ? base : undefined;
  }

  async #write(
    by: Appender,
    append: RoomAppend,
    item: RoomLogItem,
    row: RoomLogRow,
    access: Uint8Array,
    over?: { log: RoomLog; lostBytes: number },
  ): Promise<RoomAppendOutcome> {
    const { self, logs, commit, disk, clock, primitives: p, sign, links, moved } = this.#options;
    assertFits(row, append, item);
    if (!isRoomAppendProved(p, access, append)) throw new ProtocolError("not-allowed", "The proof is wrong.");
    const position = row.position + 1;
    const term = over === undefined ? row.term : row.term + 1;
    const entry = { room: row.room, hub: self, term, position, previous: row.hash };
    const signed = sign({ ...entry, at: clock.now(), by, item: append.item });
    const held = logs.get(row)?.bytes ?? 0;
    if (held + signed.length > roomLogBytesMax) throw new ProtocolError("quota-exceeded");
    const hash = roomEntryHash(p, signed);
    const next = { ...advanced(row, entry, item, hash, clock.now()), idleSince: undefined };
    const former = over === undefined ? [] : [row.hub];
    const listed = [...row.servers, ...next.servers, ...former].map((server) => links().heir(server));
    const members = new Set(listed.filter((server) => server !== self));
    const told = await links().reachable([...members]);
    limited(this.#entries.take(nameOf(by)));
    limited(this.#fanOut.take(nameOf(by), fanOutPieces(signed, told)));
    // From here to the commit nothing waits: entry, info and what is to be sent are one transaction.
    const withdraw = links().tell(told, signed);
    const info = append.info ?? undefined;
    const kept = { ...row, hub: self };
    const lost = over && { ...over.log.row, successor: self, idleSince: clock.now() };
    const forked: WriteOp[] = over && lost ? [{ op: "room.fork", from: over.log.row, row: kept, lost }] : [];
    try {
      await commit.add([...forked, { op: "room.append", row: next, entries: [{ position, signed }], info }]);
    } catch (error) {
      withdraw();
      disk.saw(error);
      throw error;
    }
    if (over && lost) logs.fork(over.log, kept, lost, over.lostBytes);
    logs.set(next, signed.length);
    moved(next);
    return { outcome: "appended", position, hash };
  }
}

/** Servers that are asked for what is missing of the own log, before an append is answered. */
const catchUpSourcesMax = 3;

const nameOf = ({ account, server }: Appender): string => `${account} ${server}`;

function limited(retryAfterMs: number): void {
  if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
}

/** What goes to all servers together, in pieces. */
function fanOutPieces(signed: Uint8Array, told: ServerId[]): number {
  return Math.ceil((signed.length * told.length) / roomFanOutPieceBytes);
}

/** Whether it builds on where the log is. */
function isAt({ term, position, hash }: RoomLogRow, append: RoomAppend): boolean {
  return term === append.term && position === append.position && sameBytes(hash, append.head);
}

/** Throws `malformed` where the item says otherwise than what stands around it. [O2] [O3] */
function assertFits({ group }: RoomLogRow, { info }: RoomAppend, item: RoomLogItem): void {
  if ((info === null) !== (item.kind === "proposal")) throw new ProtocolError("malformed", "info");
  if (item.kind === "begin" || item.kind === "takeover") return;
  if (!sameBytes(item.group, group)) throw new ProtocolError("malformed", "another group");
  if (item.kind === "commit" && item.external) return;
  const head = readMlsHead(item.message);
  const fits =
    head !== undefined &&
    head.content === item.kind &&
    head.epoch === item.epoch &&
    sameBytes(head.group, item.group);
  if (!fits) throw new ProtocolError("malformed", "a message of another kind, group or epoch");
}
