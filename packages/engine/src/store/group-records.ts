/**
 * Records of groups' states in a table: short ones in their rows, long ones once in `groupValues`, so that a copy of a
 * state costs nothing but its short records, and a Commit in a room of hundreds no more than what it changed.
 */
import type { RoomId } from "@fedchat/protocol";
import type { GroupChanges } from "../mls/group-records.ts";
import type { Database, SqlValue } from "./database.ts";
import { insertRow } from "./database.ts";

/** Longer ones would make a row of several pages. */
const shortBytesMax = 2_048;

/** A table of records, and whose of its rows are meant: a column and its value each. */
export interface RecordsOf {
  table: "groupRecords" | "pendingRecords" | "roomSnapshotRecords" | "lostBranchRecords";
  room: RoomId;
  key: Readonly<Record<string, SqlValue>>;
}

export function recordsIn(db: Database, { table, key }: RecordsOf): (readonly [string, Uint8Array])[] {
  const sql =
    `SELECT r.name AS name, coalesce(v.value, r.value) AS value FROM ${table} r ` +
    `LEFT JOIN groupValues v ON v.id = r.long WHERE ${whereOf(key, "r.")}`;
  return db
    .all<{ name: string; value: Uint8Array }>(sql, ...Object.values(key))
    .map(({ name, value }) => [name, value]);
}

/** Within the transaction of the step. */
export function changeRecords(db: Database, of: RecordsOf, { put, remove }: GroupChanges): void {
  const { table, room, key } = of;
  // No upsert: a row that it replaces would leave its long value behind.
  const sql = `DELETE FROM ${table} WHERE ${whereOf(key)} AND name = ?`;
  for (const name of [...remove, ...put.keys()]) db.run(sql, ...Object.values(key), name);
  for (const [name, value] of put) {
    if (value.length <= shortBytesMax) insertRow(db, table, { ...key, name, value, long: null });
    else {
      insertRow(db, "groupValues", { room, bytes: value.length, value });
      const { id } = db.get<{ id: number }>("SELECT last_insert_rowid() AS id")!;
      insertRow(db, table, { ...key, name, value: new Uint8Array(), long: id });
    }
  }
}

/** As they are now, into another table or under another key, where there are none. */
export function copyRecords(db: Database, from: RecordsOf, to: RecordsOf): void {
  const columns = Object.keys(to.key);
  const sql =
    `INSERT INTO ${to.table} (${columns.join(", ")}, name, value, long) ` +
    `SELECT ${columns.map(() => "?").join(", ")}, name, value, long FROM ${from.table} WHERE ${whereOf(from.key)}`;
  db.run(sql, ...Object.values(to.key), ...Object.values(from.key));
}

export function dropRecords(db: Database, { table, key }: RecordsOf): void {
  db.run(`DELETE FROM ${table} WHERE ${whereOf(key)}`, ...Object.values(key));
}

/** Of the room's present state. */
export function presentRecords(room: RoomId): RecordsOf {
  return { table: "groupRecords", room, key: { room } };
}

function whereOf(key: RecordsOf["key"], prefix = ""): string {
  return Object.keys(key)
    .map((column) => `${prefix}${column} = ?`)
    .join(" AND ");
}
