/**
 * What of this store stands in which segment of its archive, what is still to be archived, and what is to be read of
 * other devices' archives. Triggers note what changes, so that nothing that writes a message, a room or a contact needs
 * to know of archives. [F9]
 */
import type { DeviceId } from "@fedchat/protocol";
import type { HeadSegment } from "../archive/records.ts";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";

/** A message by its id, a room by its id, a contact or a blocked account by its key. */
export type ItemKind = "message" | "room" | "contact" | "blocked";
export interface Item {
  kind: ItemKind;
  key: string;
}

export interface SegmentRow extends HeadSegment {
  /** Something that it holds is no more: it is written anew without that. */
  stale: 0 | 1;
  /** Sealed, until it is whole at the homeserver and the head names it. */
  upload: Uint8Array | null;
}

export interface WantedSegment extends HeadSegment {
  device: DeviceId;
  state: "wanted" | "read" | "missing";
}

const segment = "number, holds, hash, bytes, lines, newest, stale, upload";

export class ArchiveTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Rooms, contacts and blocks before messages, these in their order. */
  dirty(people: boolean, limit: number): Item[] {
    return people
      ? this.#db.all<Item>(
          `SELECT kind, key FROM archiveDirty WHERE kind <> 'message' ORDER BY kind, key ${upTo}`,
          limit,
        )
      : this.#db.all<Item>(
          `SELECT item.kind, item.key FROM archiveDirty AS item LEFT JOIN messages ON messages.id = item.key
           WHERE item.kind = 'message' ORDER BY messages.position ${upTo}`,
          limit,
        );
  }

  dirtyCount(): number {
    return this.#db.get<{ n: number }>("SELECT count(*) AS n FROM archiveDirty")!.n;
  }

  /** What is no more, or nobody keeps: it is in no segment. */
  drop({ kind, key }: Item): void {
    this.#db.run(
      `UPDATE archiveSegments SET stale = 1
       WHERE number = (SELECT segment FROM archived WHERE kind = ? AND key = ?)`,
      kind,
      key,
    );
    this.#db.run("DELETE FROM archived WHERE kind = ? AND key = ?", kind, key);
    this.#db.run("DELETE FROM archiveDirty WHERE kind = ? AND key = ?", kind, key);
  }

  /** Within a transaction: these stand in this segment now, and in no other. */
  add(row: SegmentRow, items: Item[]): void {
    insertRow(this.#db, "archiveSegments", row);
    for (const { kind, key } of items) {
      putRow(this.#db, "archived", { kind, key, segment: row.number });
      this.#db.run("DELETE FROM archiveDirty WHERE kind = ? AND key = ?", kind, key);
    }
  }

  /** The segment that is on its way. */
  upload(): SegmentRow | undefined {
    return this.#db.get<SegmentRow>(
      `SELECT ${segment} FROM archiveSegments WHERE upload IS NOT NULL LIMIT 1`,
    );
  }

  uploaded(number: number): void {
    this.#db.run("UPDATE archiveSegments SET upload = NULL WHERE number = ?", number);
  }

  /** With how many of its lines are still what it is there for. */
  segments(): (Omit<SegmentRow, "upload"> & { live: number })[] {
    return this.#db.all(
      `SELECT number, holds, hash, bytes, lines, newest, stale,
         (SELECT count(*) FROM archived WHERE segment = number) AS live
       FROM archiveSegments ORDER BY number`,
    );
  }

  /** The highest that was ever given: a number is never given again, whatever it was for. */
  highestNumber(): number {
    return this.#db.get<{ n: number }>("SELECT coalesce(max(number), 0) AS n FROM archiveSegments")!.n;
  }

  /** What it holds is to be archived again, elsewhere. */
  rewrite(number: number): void {
    this.#db.run(
      "INSERT OR IGNORE INTO archiveDirty (kind, key) SELECT kind, key FROM archived WHERE segment = ?",
      number,
    );
  }

  forget(number: number): void {
    this.#db.run("DELETE FROM archived WHERE segment = ?", number);
    this.#db.run(
      "DELETE FROM archiveSegments WHERE number = ? AND number < (SELECT max(number) FROM archiveSegments)",
      number,
    );
    this.#db.run("UPDATE archiveSegments SET bytes = 0, lines = 0, upload = NULL WHERE number = ?", number);
  }

  /** Within a transaction: what another device's archive holds is to be read. */
  want(device: DeviceId, segments: HeadSegment[]): void {
    for (const one of segments) putRow(this.#db, "archiveToRead", { device, ...one, state: "wanted" });
  }

  /** People before messages, the newest first. */
  nextWanted(): WantedSegment | undefined {
    return this.#db.get<WantedSegment>(
      `SELECT * FROM archiveToRead WHERE state = 'wanted'
       ORDER BY holds = 'messages', newest DESC, number DESC LIMIT 1`,
    );
  }

  settle({ device, number }: WantedSegment, state: "read" | "missing"): void {
    const sql = "UPDATE archiveToRead SET state = ? WHERE device = ? AND number = ?";
    this.#db.run(sql, state, device, number);
  }

  /** How far reading is, in lines of messages; `missing` in segments. */
  reading(): { done: number; total: number; missing: number; newest: number } {
    return this.#db.get(
      `SELECT coalesce(sum(iif(state = 'wanted', 0, lines)), 0) AS done, coalesce(sum(lines), 0) AS total,
         coalesce(sum(state = 'missing'), 0) AS missing,
         coalesce(max(iif(holds = 'messages', newest, 0)), 0) AS newest
       FROM archiveToRead`,
    )!;
  }

  /** Devices whose archives were read to their end. */
  readDevices(): DeviceId[] {
    const sql = `SELECT DISTINCT device FROM archiveToRead
      WHERE device NOT IN (SELECT device FROM archiveToRead WHERE state <> 'read')`;
    return this.#db.all<{ device: DeviceId }>(sql).map(({ device }) => device);
  }

  forgetRead(device: DeviceId): void {
    this.#db.run("DELETE FROM archiveToRead WHERE device = ?", device);
  }
}
