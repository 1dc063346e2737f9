/**
 * The logs of rooms that this server is the hub of. Engines append by compare-and-swap: of two that build on one head one
 * wins, and the other is told where the log is. Invariants: what is answered as appended is on disk, together with what
 * is to be sent to member servers; who is not on the room's servers, or does not prove the access key, changes nothing.
 * It trusts a server for which of its accounts asks, and nothing else. [O3] [O4]
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
  ServerId,
} from "@fedchat/protocol";
import {
  decodeRoomLogItem,
  isRoomAppendProved,
  limits,
  ProtocolError,
  readMlsHead,
  roomEntry,
  roomEntryHash,
} from "@fedchat/protocol";
import type { HomeserverStore, RoomLogRow } from "../../store/store.ts";
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
} from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { RoomLinks } from "../seams.ts";
import { farewellPage } from "./farewell.ts";
import { advanced, emptyLog, headOf } from "./log-state.ts";
import { pageOf } from "./pages.ts";
import type { RoomLogs } from "./room-logs.ts";
import { Turns } from "./turns.ts";

export interface HubOptions {
  self: ServerId;
  logs: RoomLogs;
  store: Pick<HomeserverStore, "roomEntries" | "roomInfo">;
  commit: GroupCommit;
  disk: FullDisk;
  clock: Pick<Clock, "now">;
  primitives: Primitives;
  sign: (entry: RoomEntry) => Uint8Array;
  links: () => Pick<RoomLinks, "reachable" | "tell">;
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
  readonly #turns = new Turns<RoomId>();
  readonly #attempts: RateLimits<string>;
  readonly #entries: RateLimits<string>;
  readonly #fanOut: RateLimits<string>;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#attempts = new RateLimits(roomAttemptsRate, options.clock);
    this.#entries = new RateLimits(roomEntriesOfAccountRate, options.clock);
    this.#fanOut = new RateLimits(roomFanOutRate, options.clock);
  }

  /** Rejects with `ProtocolError`, or `StoreFullError`; then nothing was changed. */
  async append(by: Appender, append: RoomAppend): Promise<RoomAppendOutcome> {
    this.#options.disk.admitNewWork();
    limited(this.#attempts.take(nameOf(by)));
    if (this.#turns.waiting(append.room) >= roomAppendsWaitingMax) throw new ProtocolError("rate-limited");
    const item = decodeRoomLogItem(append.item);
    const done = await this.#turns.take(append.room);
    try {
      return await this.#append(by, append, item);
    } finally {
      done();
    }
  }

  /** What is behind a position, for a member server, or one that was. Rejects with `unknown-room`, `not-allowed`. */
  async log(server: ServerId, room: RoomId, after: number): Promise<RoomLogPage> {
    const { store, logs, self } = this.#options;
    const held = logs.get({ room, hub: self });
    const isFormer = held?.row.former.includes(server) === true;
    const farewell = isFormer ? await farewellPage(this.#options, held.row, server, after) : undefined;
    if (farewell !== undefined) return farewell;
    const log = this.#logFor(server, room);
    const entries = await pageOf(store, log.row, after);
    return { entries, head: headOf(log.row) };
  }

  /** A piece of the newest info, for a member server. Rejects as `log`, and with `malformed` beyond its end. */
  async info(server: ServerId, room: RoomId, offset: number): Promise<RoomInfoPart> {
    const { row } = this.#logFor(server, room);
    const found = await this.#options.store.roomInfo(row, offset, limits.roomInfoPartBytesMax);
    if (found === undefined) throw new Error("a log without its info");
    const { position, total, part } = found;
    if (offset > total) throw new ProtocolError("malformed", "beyond the info's end");
    return { info: part, total, position };
  }

  #logFor(server: ServerId, room: RoomId) {
    const log = this.#options.logs.get({ room, hub: this.#options.self });
    if (log === undefined) throw new ProtocolError("unknown-room");
    if (!log.row.servers.includes(server)) throw new ProtocolError("not-allowed");
    return log;
  }

  async #append(by: Appender, append: RoomAppend, item: RoomLogItem): Promise<RoomAppendOutcome> {
    const { self, logs, clock } = this.#options;
    const { room } = append;
    const begins = item.kind === "begin";
    if (begins && by.server !== self) throw new ProtocolError("not-allowed", "A room begins at its own hub.");
    if (begins && logs.get({ room, hub: self }) === undefined) {
      if (!item.servers.includes(self)) throw new ProtocolError("malformed", "the hub is not on the list");
      if (logs.foundedBy(by.account) >= roomsFoundedMax) throw new ProtocolError("quota-exceeded");
      const empty = { ...emptyLog({ room, hub: self }, 0, clock.now()), founder: by.account };
      if (!isAt(empty, append)) throw new ProtocolError("malformed", "nothing to build on");
      return this.#write(by, append, item, empty, item.access);
    }
    const { row } = this.#logFor(by.server, room);
    // Before the proof: that of somebody behind is of an access key that is in force no more.
    if (!isAt(row, append))
      return (await this.#repeated(by, append)) ?? { outcome: "behind", ...headOf(row) };
    if (begins) throw new ProtocolError("malformed", "a log begins once");
    return this.#write(by, append, item, row, row.access);
  }

  /** The answer to somebody whose first answer was lost: the item stands behind that head already. */
  async #repeated(by: Appender, { room, term, position, head, item }: RoomAppend) {
    const { self, store, primitives: p } = this.#options;
    const [held] = await store.roomEntries({ room, hub: self }, position, 1);
    if (held === undefined || held.position !== position + 1) return undefined;
    const entry = roomEntry.read(held.signed).value;
    const same =
      entry.term === term &&
      entry.by.account === by.account &&
      entry.by.server === by.server &&
      sameBytes(entry.previous, head) &&
      sameBytes(entry.item, item);
    if (!same) return undefined;
    return { outcome: "appended" as const, position: held.position, hash: roomEntryHash(p, held.signed) };
  }

  async #write(
    by: Appender,
    append: RoomAppend,
    item: RoomLogItem,
    row: RoomLogRow,
    access: Uint8Array,
  ): Promise<RoomAppendOutcome> {
    const { self, logs, commit, disk, clock, primitives: p, sign, links, moved } = this.#options;
    assertFits(row, append, item);
    if (!isRoomAppendProved(p, access, append)) throw new ProtocolError("not-allowed", "The proof is wrong.");
    const position = row.position + 1;
    const entry = { room: row.room, hub: self, term: row.term, position, previous: row.hash };
    const signed = sign({ ...entry, at: clock.now(), by, item: append.item });
    const held = logs.get(row)?.bytes ?? 0;
    if (held + signed.length > roomLogBytesMax) throw new ProtocolError("quota-exceeded");
    const hash = roomEntryHash(p, signed);
    const next = advanced(row, entry, item, hash, clock.now());
    const members = new Set([...row.servers, ...next.servers].filter((server) => server !== self));
    const told = await links().reachable([...members]);
    limited(this.#entries.take(nameOf(by)));
    limited(this.#fanOut.take(nameOf(by), fanOutPieces(signed, told)));
    // From here to the commit nothing waits: entry, info and what is to be sent are one transaction.
    const withdraw = links().tell(told, signed);
    const info = append.info ?? undefined;
    try {
      await commit.add([{ op: "room.append", row: next, entries: [{ position, signed }], info }]);
    } catch (error) {
      withdraw();
      disk.saw(error);
      throw error;
    }
    logs.set(next, signed.length);
    moved(next);
    return { outcome: "appended", position, hash };
  }
}

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
  if (item.kind === "begin") return;
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
