/** Rooms' logs in memory, for simulations: the same semantics as their tables on disk. */
import type {
  ListingRow,
  FollowerRow,
  RoomEntryRow,
  RoomLogName,
  RoomLogRow,
  RoomOp,
  RoomResult,
} from "./room-store.ts";
import { assert } from "./assert.ts";

interface HeldEntry extends RoomEntryRow {
  log: string;
  at: number;
}

export interface MemoryRooms {
  logs: Map<string, RoomLogRow>;
  /** Of all logs, as they came. */
  entries: HeldEntry[];
  infos: Map<string, { position: number; info: Uint8Array }>;
  followers: Map<string, FollowerRow>;
  /** The last to be listed goes last. */
  listings: Map<string, ListingRow>;
}

export const emptyRooms = (): MemoryRooms => ({
  logs: new Map(),
  entries: [],
  infos: new Map(),
  followers: new Map(),
  listings: new Map(),
});

const nameOf = ({ room, hub }: RoomLogName): string => `${room} ${hub}`;

/** Before anything is applied. `ends`: where the logs of this write end so far; undefined: there is none. */
export function assertRoomPossible(t: MemoryRooms, op: RoomOp, ends: Map<string, number | undefined>): void {
  const endOf = (log: string) => (ends.has(log) ? ends.get(log) : t.logs.get(log)?.position);
  if (op.op === "room.drop") ends.set(nameOf(op), undefined);
  if (op.op === "room.fork") {
    assertForks(endOf(nameOf(op.from)), op);
    ends.set(nameOf(op.row), op.row.position);
  }
  if (op.op !== "room.append") return;
  const name = nameOf(op.row);
  assertContinues(endOf(name), op);
  ends.set(name, op.row.position);
}

/** Entries without holes behind the log's end, up to its row's position. */
export function assertContinues(
  end: number | undefined,
  { row, entries }: Extract<RoomOp, { op: "room.append" }>,
): void {
  const first = row.position - entries.length + 1;
  assert(end === undefined || first === end + 1, "entries continue their log");
  assert(
    entries.every(({ position }, index) => position === first + index),
    "entries follow each other",
  );
}

/** Behind an entry of a log that is there. */
export function assertForks(end: number | undefined, { row }: Extract<RoomOp, { op: "room.fork" }>): void {
  assert(end !== undefined && row.position <= end, "a fork is behind what is there");
}

export function applyRoom(t: MemoryRooms, op: RoomOp): RoomResult | { op: "done" } {
  switch (op.op) {
    case "room.append": {
      const log = nameOf(op.row);
      t.logs.set(log, op.row);
      for (const entry of op.entries) t.entries.push({ ...entry, log, at: op.row.at });
      if (op.info !== undefined) t.infos.set(log, { position: op.row.position, info: op.info });
      return { op: "done" };
    }
    case "room.fork":
      fork(t, op);
      return { op: "done" };
    case "room.drop": {
      const log = nameOf(op);
      t.logs.delete(log);
      t.infos.delete(log);
      t.entries = t.entries.filter((entry) => entry.log !== log);
      return { op: "done" };
    }
    case "room.follow":
      t.followers.set(`${op.row.account} ${op.row.room}`, op.row);
      return { op: "done" };
    case "room.unfollow":
      t.followers.delete(`${op.account} ${op.room}`);
      return { op: "done" };
    case "room.list": {
      const { account, room, listing } = op;
      t.listings.delete(`${account} ${room}`);
      if (listing !== undefined) t.listings.set(`${account} ${room}`, { account, room, listing });
      return { op: "done" };
    }
    case "room.prune":
      return prune(t, op.before, op.limit);
  }
}

function fork(t: MemoryRooms, { from, row, lost }: Extract<RoomOp, { op: "room.fork" }>): void {
  const [former, now] = [nameOf(from), nameOf(row)];
  const isSame = former === now;
  t.entries = t.entries
    .filter(({ log, position }) => log !== now || (isSame && position <= row.position))
    .map((entry) =>
      entry.log === former && entry.position <= row.position ? { ...entry, log: now } : entry,
    );
  for (const log of [former, now]) t.infos.delete(log);
  if (!isSame) t.logs.set(former, lost);
  t.logs.set(now, row);
  for (const [key, follower] of t.followers)
    if (nameOf(follower) === former) t.followers.set(key, { ...follower, hub: row.hub });
}

function prune(t: MemoryRooms, before: number, limit: number): RoomResult {
  const gone = new Set(
    t.entries
      .filter(({ log, at, position }) => at < before && position < t.logs.get(log)!.anchor)
      .toSorted((a, b) => a.at - b.at)
      .slice(0, limit),
  );
  const freed = new Map<string, number>();
  for (const { log, signed } of gone) freed.set(log, (freed.get(log) ?? 0) + signed.length);
  t.entries = t.entries.filter((entry) => !gone.has(entry));
  const pruned = [...freed].map(([log, bytes]) => {
    const { room, hub } = t.logs.get(log)!;
    return { room, hub, bytes };
  });
  return { op: "room.prune", entries: gone.size, pruned };
}

export function loadRooms(t: MemoryRooms): (RoomLogRow & { bytes: number })[] {
  const bytes = new Map<string, number>();
  for (const { log, signed } of t.entries) bytes.set(log, (bytes.get(log) ?? 0) + signed.length);
  return [...t.logs].map(([log, row]) => ({ ...row, bytes: bytes.get(log) ?? 0 }));
}

export function roomEntries(
  t: MemoryRooms,
  name: RoomLogName,
  after: number,
  bytesMax: number,
): RoomEntryRow[] {
  const log = nameOf(name);
  const page: RoomEntryRow[] = [];
  let bytes = 0;
  for (const { position, signed } of t.entries.filter((one) => one.log === log && one.position > after)) {
    bytes += signed.length;
    if (page.length > 0 && bytes > bytesMax) break;
    page.push({ position, signed });
  }
  return page;
}

export function roomInfo(t: MemoryRooms, name: RoomLogName, offset: number, length: number) {
  const held = t.infos.get(nameOf(name));
  if (held === undefined) return undefined;
  const { position, info } = held;
  return { position, total: info.length, part: info.slice(offset, offset + length) };
}
