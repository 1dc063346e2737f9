/**
 * Copies of logs that other servers are the hubs of. Entries come in bundles, in their order; what is missing is asked
 * from the hub. Invariants: an entry is taken if its hub signed it and it stands directly behind what is here; changes of
 * one hub's copies take turns; of a hub that was not linked from here nothing is kept that nobody follows. What is in
 * memory of an entry goes with its transaction. [O5]
 */
import type { Clock, Primitives, RoomEntry, RoomLogItem, ServerId, Timer } from "@fedchat/protocol";
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
  roomCatchUpPagesMax,
  roomEntriesOfHubRate,
  roomLogBytesMax,
  roomPauseMsMax,
  roomQuietMs,
  roomReplicasUnfollowedBytesMax,
  roomReplicasUnfollowedMax,
} from "../limits.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { EntriesPlan, RoomLinks } from "../seams.ts";
import { advanced, emptyLog, followedBy, nameOf } from "./log-state.ts";
import type { RoomLog, RoomLogs } from "./room-logs.ts";
import type { Succession } from "./succession.ts";
import { entryIn, isSigned } from "./succession.ts";
import type { Turns } from "./turns.ts";

export interface ReplicasOptions {
  self: ServerId;
  logs: RoomLogs;
  commit: GroupCommit;
  clock: Clock;
  primitives: Primitives;
  links: () => Pick<RoomLinks, "ask" | "heir">;
  /** One change at a time to the copies of a hub. */
  turns: Turns<ServerId>;
  succession: Pick<Succession, "hear">;
  log: Log;
  /** A log is further than it was. */
  moved: (row: RoomLogRow) => void;
}

/** A copy with what was taken and is not committed yet. */
interface Growing {
  row: RoomLogRow;
  added: RoomEntryRow[];
  addedBytes: number;
  /** What was here goes: the hub has it no more, nor what follows it. */
  anew: boolean;
}

export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #rate: RateLimits<ServerId>;
  /** What is to be asked of each hub; a hub that is being asked is there, even with nothing left. */
  readonly #missing = new Map<ServerId, Map<string, RoomLogName>>();
  /** Hubs that asked for a pause. */
  readonly #pauses = new Map<ServerId, { timer: Timer; end: () => void }>();
  #closed = false;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#rate = new RateLimits(roomEntriesOfHubRate, options.clock);
  }

  /**
   * What of these entries is taken, as changes for the caller's transaction; until that is settled nothing else changes
   * this hub's copies.
   * @param linked whether the hub was linked from here
   */
  async arrived(hub: ServerId, linked: boolean, entries: readonly Uint8Array[]): Promise<EntriesPlan> {
    const done = await this.#options.turns.take(hub);
    const growing = new Map<string, Growing>();
    const holes = new Map<string, RoomLogName>();
    const overtaken: RoomLogName[] = [];
    for (const signed of entries) {
      const entry = this.#read(hub, signed);
      if (entry === undefined) continue;
      const logs = this.#overtaken(entry);
      overtaken.push(...logs);
      if (logs.length > 0) continue;
      const outcome = this.#grow(growing, entry, linked ? "unfollowed too" : "followed");
      if (outcome === "hole") holes.set(nameOf(entry.value), { room: entry.value.room, hub });
    }
    return {
      ops: [...growing.values()].map(opOf),
      committed: () => {
        this.#commit(growing);
        done();
        for (const name of holes.values()) this.catchUp(name);
        for (const name of overtaken) this.#options.succession.hear(name, hub);
      },
      failed: done,
    };
  }

  /** Asks the hub for what is missing; now, and again where it is asked for meanwhile. Never rejects. */
  catchUp(name: RoomLogName): void {
    if (this.#closed) return;
    const missing = this.#missing.get(name.hub);
    if (missing !== undefined) {
      missing.set(nameOf(name), name);
      return;
    }
    this.#missing.set(name.hub, new Map([[nameOf(name), name]]));
    void this.#askAll(name.hub);
  }

  /** There is a connection with this server: it may have gone on with what people here follow. */
  connected(hub: ServerId): void {
    for (const { row, followers } of this.#options.logs.of(hub))
      if (followers.size > 0) this.catchUp({ room: row.room, hub });
  }

  /**
   * Asks the hubs of logs that people here follow and of which nothing came yet, or nothing for long: a hub that does not
   * know where this server is tells it nothing.
   */
  retry(): void {
    const { self, logs, clock } = this.#options;
    const quietSince = clock.now() - roomQuietMs;
    for (const { row, followers, askedAt } of logs.all()) {
      if (followers.size === 0 || row.hub === self) continue;
      if (row.anchor === 0 || Math.max(row.at, askedAt) < quietSince)
        this.catchUp({ room: row.room, hub: row.hub });
    }
  }

  close(): void {
    this.#closed = true;
    for (const { timer, end } of this.#pauses.values()) {
      timer.cancel();
      end();
    }
  }

  async #askAll(hub: ServerId): Promise<void> {
    const missing = this.#missing.get(hub)!;
    try {
      for (let next = first(missing); next !== undefined && !this.#closed; next = first(missing)) {
        missing.delete(nameOf(next));
        const waitMs = await this.#fill(next);
        if (waitMs === undefined) continue;
        missing.set(nameOf(next), next);
        await this.#pause(hub, Math.min(waitMs, roomPauseMsMax));
      }
    } catch (error) {
      // With the next connection it is asked again.
      const { log } = this.#options;
      if (error instanceof ProtocolError)
        log.debug("a room's hub was not asked", { server: hub, code: error.code });
      else log.warn("what a room's hub answered was not stored", { server: hub, error: String(error) });
    } finally {
      this.#missing.delete(hub);
    }
  }

  async #pause(hub: ServerId, ms: number): Promise<void> {
    const { promise, resolve: end } = Promise.withResolvers<void>();
    this.#pauses.set(hub, { timer: this.#options.clock.after(ms, end), end });
    await promise;
    this.#pauses.delete(hub);
  }

  /** Page by page until it is here. Resolves with the time to wait where the hub asks for one. */
  async #fill(name: RoomLogName): Promise<number | undefined> {
    const { logs, links } = this.#options;
    for (let pages = 0; pages < roomCatchUpPagesMax; pages += 1) {
      const log = logs.get(name);
      if (log === undefined || log.followers.size === 0) return undefined;
      if (log.row.successor !== undefined) return undefined;
      const after = log.row.position;
      log.askedAt = this.#options.clock.now();
      try {
        const answer = await links().ask(name.hub, { ask: "roomLog", room: name.room, after });
        const { entries, head } = pageIn(answer);
        if (head.hub !== name.hub || (log.row.anchor > 0 && head.term !== log.row.term)) {
          this.#options.succession.hear(name, name.hub);
          if (log.row.anchor > 0) return undefined;
        }
        const isNew = log.row.anchor === 0 && (await this.#begin(name, entries));
        if (head.position <= after || !(isNew || (await this.#take(name.hub, entries)))) return undefined;
        if (log.row.position >= head.position) return undefined;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        if (error.code === "rate-limited") return error.retryAfterMs ?? 1_000;
        // It let this server go, or lost the log: the others' logs are another matter.
        if (error.retry === "never") return undefined;
        throw error;
      }
    }
    return undefined;
  }

  /**
   * A copy that is still empty may begin under a former hub: whoever follows it came from a server that is gone, and was
   * in the room before the present hub took it over. False where this page does not lead to that one. [A17]
   */
  async #begin({ room, hub }: RoomLogName, entries: readonly Uint8Array[]): Promise<boolean> {
    const { logs, turns, commit, clock, primitives: p, moved, links } = this.#options;
    const done = await turns.take(hub);
    try {
      const log = logs.get({ room, hub });
      if (log?.row.anchor !== 0 || this.#rate.take(hub) > 0) return false;
      let row: RoomLogRow | undefined;
      const added: RoomEntryRow[] = [];
      for (const signed of entries) {
        const entry = entryIn(signed);
        if (entry?.value.room !== room || !isSigned(p, entry.verify)) return false;
        const { value, item } = entry;
        const hash = roomEntryHash(p, signed);
        if (row === undefined && item.kind === "proposal") continue;
        row =
          row === undefined
            ? advanced(
                emptyLog({ room, hub }, value.position - 1, clock.now()),
                value,
                item,
                hash,
                clock.now(),
              )
            : followedBy(p, row, { ...entry, signed }, clock.now(), links().heir);
        if (row === undefined) return false;
        added.push({ position: value.position, signed: signed.slice() });
      }
      if (row?.hub !== hub) return false;
      const bytes = added.reduce((sum, { signed }) => sum + signed.length, 0);
      await commit.add([{ op: "room.append", row, entries: added, info: undefined }]);
      logs.set(row, bytes);
      moved(row);
      return true;
    } finally {
      done();
    }
  }

  /** True where anything of it was new. */
  async #take(hub: ServerId, entries: readonly Uint8Array[]): Promise<boolean> {
    const done = await this.#options.turns.take(hub);
    try {
      const growing = new Map<string, Growing>();
      for (const signed of entries) {
        const entry = this.#read(hub, signed);
        if (entry !== undefined) this.#grow(growing, entry, "answer");
      }
      if (growing.size === 0) return false;
      await this.#options.commit.add([...growing.values()].flatMap(opsOf));
      this.#commit(growing);
      return true;
    } finally {
      done();
    }
  }

  #read(hub: ServerId, signed: Uint8Array): ReadEntry | undefined {
    try {
      const { value, verify } = roomEntry.read(signed);
      const known = value.hub === hub;
      return known ? { value, verify, item: decodeRoomLogItem(value.item), signed } : undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("an entry of a room's log does not decode", { server: hub });
      return undefined;
    }
  }

  /** The logs of its room here that may go on with this entry under another hub, or in another term: who says so is asked. */
  #overtaken({ value, item }: ReadEntry): RoomLogName[] {
    const held = this.#options.logs.ofRoom(value.room).filter(({ row }) => row.anchor > 0);
    if (held.some(({ row }) => row.hub === value.hub && row.term >= value.term)) return [];
    const isNews = ({ row }: RoomLog) => item.kind === "takeover" || value.term > row.term;
    return held.filter(isNews).map(({ row }) => row);
  }

  /** Takes an entry that stands behind what is here. Only what may be taken is verified. */
  #grow(
    growing: Map<string, Growing>,
    entry: ReadEntry,
    from: "unfollowed too" | "followed" | "answer",
  ): "taken" | "hole" | "let go" {
    const { logs, clock, primitives: p } = this.#options;
    const { value, item } = entry;
    const name = nameOf(value);
    const log = logs.get(value);
    const held = growing.get(name) ?? (log && { row: log.row, added: [], addedBytes: 0, anew: false });
    let grown = held;
    if (held === undefined) {
      if (from !== "unfollowed too" || item.kind === "proposal") return "let go";
      const row = { ...emptyLog(value, value.position - 1, clock.now()), idleSince: clock.now() };
      grown = { row, added: [], addedBytes: 0, anew: false };
    } else if (value.position <= held.row.position) return "let go";
    else if (value.position > held.row.position + 1) {
      // What the hub itself answers with a hole it has no more: whoever follows sees the hole.
      if (from !== "answer" || item.kind === "proposal") return "hole";
      grown = { row: anew(held.row, value.position - 1), added: [], addedBytes: 0, anew: true };
    }
    const { row, added, addedBytes } = grown!;
    const follows =
      sameBytes(row.hash, value.previous) && row.term === value.term && item.kind !== "takeover";
    if (row.anchor === 0 ? item.kind === "proposal" : !follows) return "let go";
    if (!this.#hasRoom(growing, entry) || this.#rate.take(value.hub) > 0) return "let go";
    try {
      entry.verify(p);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return "let go";
    }
    growing.set(name, {
      row: advanced(row, value, item, roomEntryHash(p, entry.signed), clock.now()),
      // A view into its bundle: copied, so that it does not keep the whole of it.
      added: [...added, { position: value.position, signed: entry.signed.slice() }],
      addedBytes: addedBytes + entry.signed.length,
      anew: grown!.anew,
    });
    return "taken";
  }

  /** One log has its bound; what nobody follows, one of all of a hub's together. */
  #hasRoom(growing: ReadonlyMap<string, Growing>, { value, signed }: ReadEntry): boolean {
    const { logs } = this.#options;
    const isFollowed = (name: RoomLogName) => (logs.get(name)?.followers.size ?? 0) > 0;
    const held = growing.get(nameOf(value));
    if (isFollowed(value)) {
      const before = held?.anew === true ? 0 : (logs.get(value)?.bytes ?? 0);
      return before + (held?.addedBytes ?? 0) + signed.length <= roomLogBytesMax;
    }
    const kept = [...logs.of(value.hub)].filter(({ followers }) => followers.size === 0);
    const coming = [...growing.values()].filter(({ row }) => !isFollowed(row));
    const names = new Set([...kept, ...coming].map(({ row }) => nameOf(row))).add(nameOf(value));
    const bytes =
      kept.reduce((sum, log) => sum + log.bytes, signed.length) +
      coming.reduce((sum, { addedBytes }) => sum + addedBytes, 0);
    return names.size <= roomReplicasUnfollowedMax && bytes <= roomReplicasUnfollowedBytesMax;
  }

  #commit(growing: ReadonlyMap<string, Growing>): void {
    const { logs, moved } = this.#options;
    for (const { row, addedBytes, anew: replaced } of growing.values()) {
      const before = replaced ? (logs.get(row)?.bytes ?? 0) : 0;
      logs.set(row, addedBytes - before);
      moved(row);
    }
  }
}

interface ReadEntry {
  value: RoomEntry;
  item: RoomLogItem;
  signed: Uint8Array;
  verify: ReturnType<typeof roomEntry.read>["verify"];
}

const first = <T>(map: ReadonlyMap<string, T>): T | undefined => map.values().next().value;

function pageIn(answer: Uint8Array) {
  try {
    return decode(roomLogPage, answer);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new ProtocolError("malformed", undefined, { cause });
  }
}

/** The log as if it began here, behind this position. */
function anew(row: RoomLogRow, position: number): RoomLogRow {
  return {
    ...emptyLog(row, position, row.at),
    former: row.former,
    servers: row.servers,
    idleSince: row.idleSince,
  };
}

function opOf({ row, added }: Growing): WriteOp {
  return { op: "room.append", row, entries: added, info: undefined };
}

function opsOf(growing: Growing): WriteOp[] {
  const { room, hub } = growing.row;
  return [...(growing.anew ? [{ op: "room.drop" as const, room, hub }] : []), opOf(growing)];
}
