/** Rooms' logs in tables: entries are appended once and found by log and position; a log's row is small. */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId, ServerId } from "@fedchat/protocol";
import { assertContinues, assertForks } from "../memory-rooms.ts";
import type {
  FollowerRow,
  ListingRow,
  RoomEntryRow,
  RoomLogName,
  RoomLogRow,
  RoomOp,
  RoomReads,
  RoomResult,
} from "../room-store.ts";
import { upTo } from "./bound-limit.ts";
import { idBytes, idText, idsBytes, idsText } from "./ids.ts";

export type RoomTables = ReturnType<typeof roomTables>;

export function roomTables(db: DatabaseSync) {
  const find = db.prepare("SELECT number, position FROM room_logs WHERE room = ? AND hub = ?");
  const put = db.prepare(
    "INSERT INTO room_logs (room, hub, founder, term, position, hash, mls_group, access, servers, former, anchor, at, idle_since, continues_hub, continues_position, successor) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room, hub) DO UPDATE SET " +
      "founder = excluded.founder, term = excluded.term, position = excluded.position, hash = excluded.hash, " +
      "mls_group = excluded.mls_group, access = excluded.access, servers = excluded.servers, former = excluded.former, " +
      "anchor = excluded.anchor, at = excluded.at, idle_since = excluded.idle_since, " +
      "continues_hub = excluded.continues_hub, continues_position = excluded.continues_position, " +
      "successor = excluded.successor RETURNING number",
  );
  const insertEntry = db.prepare("INSERT INTO room_entries (log, position, at, signed) VALUES (?, ?, ?, ?)");
  const putInfo = db.prepare("INSERT OR REPLACE INTO room_infos (log, position, info) VALUES (?, ?, ?)");
  const deleteLog = db.prepare("DELETE FROM room_logs WHERE number = ?");
  const deleteEntries = db.prepare("DELETE FROM room_entries WHERE log = ?");
  const deleteInfo = db.prepare("DELETE FROM room_infos WHERE log = ?");
  const moveEntries = db.prepare("UPDATE room_entries SET log = ? WHERE log = ? AND position <= ?");
  const deleteBehind = db.prepare("DELETE FROM room_entries WHERE log = ? AND position > ?");
  const moveFollowers = db.prepare("UPDATE room_followers SET hub = ? WHERE room = ? AND hub = ?");
  const putFollower = db.prepare(
    "INSERT OR REPLACE INTO room_followers (account, room, hub, position) VALUES (?, ?, ?, ?)",
  );
  const deleteFollower = db.prepare("DELETE FROM room_followers WHERE account = ? AND room = ?");
  const deleteListing = db.prepare("DELETE FROM room_listings WHERE account = ? AND room = ?");
  const insertListing = db.prepare(
    "INSERT INTO room_listings (account, room, link, description, people, open) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const prunable = db.prepare(
    "SELECT e.number AS number, room, hub, length(signed) AS bytes FROM room_entries e JOIN room_logs l ON l.number = e.log " +
      `WHERE e.at < ? AND e.position < l.anchor ORDER BY e.at, e.number ${upTo}`,
  );
  const deleteEntry = db.prepare("DELETE FROM room_entries WHERE number = ?");
  const entriesAfter = db.prepare(
    "SELECT position, signed FROM room_entries WHERE log = ? AND position > ? ORDER BY position",
  );
  const partOfInfo = db.prepare(
    "SELECT position, length(info) AS total, substr(info, ? + 1, ?) AS part FROM room_infos WHERE log = ?",
  );

  function held({ room, hub }: RoomLogName): { number: number; position: number } | undefined {
    return find.get(idBytes(room), idBytes(hub)) as { number: number; position: number } | undefined;
  }

  function append(op: Extract<RoomOp, { op: "room.append" }>): void {
    const { row, entries, info } = op;
    assertContinues(held(row)?.position, op);
    const { number } = put.get(...columnsOf(row)) as { number: number };
    for (const { position, signed } of entries) insertEntry.run(number, position, row.at, signed);
    if (info !== undefined) putInfo.run(number, row.position, info);
  }

  function drop(name: RoomLogName): void {
    const log = held(name);
    if (log !== undefined) for (const gone of [deleteEntries, deleteInfo, deleteLog]) gone.run(log.number);
  }

  function fork(op: Extract<RoomOp, { op: "room.fork" }>): void {
    const { from, row, lost } = op;
    assertForks(held(from)?.position, op);
    const { number: former } = held(from)!;
    deleteInfo.run(former);
    if (row.hub === from.hub) {
      deleteBehind.run(former, row.position);
      put.get(...columnsOf(row));
      return;
    }
    drop(row);
    const { number } = put.get(...columnsOf(row)) as { number: number };
    moveEntries.run(number, former, row.position);
    put.get(...columnsOf(lost));
    moveFollowers.run(idBytes(row.hub), idBytes(from.room), idBytes(from.hub));
  }

  function prune(before: number, limit: number): RoomResult {
    const rows = prunable.all(before, limit) as unknown as (StoredName & { number: number; bytes: number })[];
    const pruned = new Map<string, RoomLogName & { bytes: number }>();
    for (const { number, room, hub, bytes } of rows) {
      deleteEntry.run(number);
      const log = { room: idText(room), hub: idText(hub) } as RoomLogName;
      const name = `${log.room} ${log.hub}`;
      pruned.set(name, { ...log, bytes: bytes + (pruned.get(name)?.bytes ?? 0) });
    }
    return { op: "room.prune", entries: rows.length, pruned: [...pruned.values()] };
  }

  return {
    apply(op: RoomOp): RoomResult | { op: "done" } {
      switch (op.op) {
        case "room.append":
          append(op);
          return { op: "done" };
        case "room.fork":
          fork(op);
          return { op: "done" };
        case "room.drop":
          drop(op);
          return { op: "done" };
        case "room.follow": {
          const { account, room, hub, position } = op.row;
          putFollower.run(idBytes(account), idBytes(room), idBytes(hub), position);
          return { op: "done" };
        }
        case "room.unfollow":
          deleteFollower.run(idBytes(op.account), idBytes(op.room));
          return { op: "done" };
        case "room.list": {
          const { account, room, listing } = op;
          deleteListing.run(idBytes(account), idBytes(room));
          if (listing === undefined) return { op: "done" };
          const { link, description, people, open } = listing;
          insertListing.run(idBytes(account), idBytes(room), link, description, people, open ? 1 : 0);
          return { op: "done" };
        }
        case "room.prune":
          return prune(op.before, op.limit);
      }
    },

    entries(log: RoomLogName, after: number, bytesMax: number): RoomEntryRow[] {
      const found = held(log);
      const page: RoomEntryRow[] = [];
      if (found === undefined) return page;
      let bytes = 0;
      for (const row of entriesAfter.iterate(found.number, after)) {
        const entry = { position: row["position"] as number, signed: row["signed"] as Uint8Array };
        bytes += entry.signed.length;
        if (page.length > 0 && bytes > bytesMax) break;
        page.push(entry);
      }
      return page;
    },

    info(log: RoomLogName, offset: number, length: number): Awaited<ReturnType<RoomReads["roomInfo"]>> {
      const found = held(log);
      const row = found && partOfInfo.get(offset, length, found.number);
      if (row === undefined) return undefined;
      return {
        position: row["position"] as number,
        total: row["total"] as number,
        part: row["part"] as Uint8Array,
      };
    },

    load(): { rooms: (RoomLogRow & { bytes: number })[]; followers: FollowerRow[]; listings: ListingRow[] } {
      const logs = db
        .prepare(
          "SELECT *, (SELECT coalesce(sum(length(signed)), 0) FROM room_entries WHERE log = room_logs.number) AS bytes FROM room_logs",
        )
        .all() as unknown as StoredLog[];
      const followers = db.prepare("SELECT account, room, hub, position FROM room_followers").all();
      return {
        rooms: logs.map((row) => ({ ...rowOf(row), bytes: row.bytes })),
        followers: followers.map((row) => ({
          account: idText<AccountId>(row["account"] as Uint8Array),
          room: idText(row["room"] as Uint8Array),
          hub: idText<ServerId>(row["hub"] as Uint8Array),
          position: row["position"] as number,
        })),
        listings: db
          .prepare("SELECT account, room, link, description, people, open FROM room_listings ORDER BY number")
          .all()
          .map((row) => ({
            account: idText<AccountId>(row["account"] as Uint8Array),
            room: idText(row["room"] as Uint8Array),
            listing: {
              link: row["link"] as Uint8Array,
              description: row["description"] as string,
              people: row["people"] as number,
              open: row["open"] === 1,
            },
          })),
      };
    },
  };
}

interface StoredName {
  room: Uint8Array;
  hub: Uint8Array;
}

interface StoredLog extends StoredName {
  founder: Uint8Array | null;
  term: number;
  position: number;
  hash: Uint8Array;
  mls_group: Uint8Array;
  access: Uint8Array;
  servers: Uint8Array;
  former: Uint8Array;
  anchor: number;
  at: number;
  idle_since: number | null;
  continues_hub: Uint8Array | null;
  continues_position: number | null;
  successor: Uint8Array | null;
  bytes: number;
}

function columnsOf(row: RoomLogRow) {
  return [
    ...[idBytes(row.room), idBytes(row.hub), row.founder === undefined ? null : idBytes(row.founder)],
    ...[row.term, row.position, row.hash, row.group, row.access, idsBytes(row.servers)],
    ...[idsBytes(row.former), row.anchor, row.at, row.idleSince ?? null],
    row.continues === undefined ? null : idBytes(row.continues.hub),
    row.continues?.position ?? null,
    row.successor === undefined ? null : idBytes(row.successor),
  ];
}

function rowOf(row: StoredLog): RoomLogRow {
  const { term, position, hash, access, anchor, at } = row;
  return {
    ...{ room: idText(row.room), hub: idText(row.hub) },
    founder: row.founder === null ? undefined : idText<AccountId>(row.founder),
    ...{ term, position, hash, group: row.mls_group, access },
    ...{ servers: idsText(row.servers), former: idsText(row.former), anchor, at },
    idleSince: row.idle_since ?? undefined,
    continues:
      row.continues_hub === null
        ? undefined
        : { hub: idText<ServerId>(row.continues_hub), position: row.continues_position! },
    successor: row.successor === null ? undefined : idText<ServerId>(row.successor),
  };
}
