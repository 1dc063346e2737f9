/**
 * What rooms of many keep for the case that their log goes on otherwise than it was followed here: the group's states at
 * the entries that changed it, each as it was when it was left; the states of branches that were lost, which open what
 * was written there; and whom such a branch took out, until they are out here too. [W10] to [W13]
 */
import type { AccountId, DeviceId, MessageId, RoomId, ServerId } from "@fedchat/protocol";
import type { GroupChanges } from "../mls/group-records.ts";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";
import {
  changeRecords,
  copyRecords,
  dropRecords,
  presentRecords,
  recordsIn,
  type RecordsOf,
} from "./group-records.ts";

/** An entry of a room's log, and whose it is. */
export interface LogPlace {
  hub: ServerId;
  term: number;
  position: number;
  /** Hash of that entry. */
  head: Uint8Array;
}

/** One of our messages, and its place among those of this device. */
export interface Resend {
  message: MessageId;
  counter: number;
  previous: MessageId | null;
}

/** A record by which a lost branch revoked devices of its account. */
export interface HeldRevocation {
  account: AccountId;
  sequence: number;
  /** Signed, in base32. */
  record: string;
}

export interface SnapshotRow extends LogPlace {
  /** When the state was left, by this engine's clock. */
  at: number;
  /** JSON: what this person wanted and the entry that ended the state did. */
  wanted: string;
  /** JSON: everything that it changed. */
  changes: string;
}

const place = "hub, term, position, head";

export class BranchesTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Where the present state of a room's group began. */
  place(room: RoomId): LogPlace | undefined {
    return this.#db.get<LogPlace>(`SELECT ${place} FROM roomPlaces WHERE room = ?`, room);
  }

  begin(room: RoomId, { hub, term, position, head }: LogPlace): void {
    putRow(this.#db, "roomPlaces", { room, hub, term, position, head, locked: 0 });
  }

  /** Within the transaction that leaves the group's state as it is now, before anything else of it. */
  leave(room: RoomId, { hub, term, position, head, at, wanted, changes }: SnapshotRow): void {
    this.#drop(room, position);
    insertRow(this.#db, "roomSnapshots", { room, hub, term, position, head, at, wanted, changes });
    copyRecords(this.#db, presentRecords(room), snapshotRecords(room, position));
  }

  /** The newest first. */
  snapshots(room: RoomId): SnapshotRow[] {
    const sql = `SELECT ${place}, at, wanted, changes FROM roomSnapshots WHERE room = ? ORDER BY position DESC`;
    return this.#db.all<SnapshotRow>(sql, room);
  }

  snapshotRecords(room: RoomId, position: number): (readonly [string, Uint8Array])[] {
    return recordsIn(this.#db, snapshotRecords(room, position));
  }

  /** Those from a position on. */
  dropSnapshots(room: RoomId, from: number): void {
    for (const { position } of this.snapshots(room)) if (position >= from) this.#drop(room, position);
  }

  /** The newest stay, and no more than such that all states of the room together take so many bytes; one at least. */
  pruneSnapshots(room: RoomId, bounds: { count: number; bytes: number }): void {
    const positions = this.snapshots(room).map(({ position }) => position);
    while (positions.length > 1 && (positions.length > bounds.count || this.#bytes(room) > bounds.bytes))
      this.#drop(room, positions.pop()!);
  }

  #bytes(room: RoomId): number {
    const sql =
      "SELECT (SELECT total(bytes) FROM groupValues WHERE room = ?) + " +
      "(SELECT total(length(value)) FROM roomSnapshotRecords WHERE room = ?) AS bytes";
    return this.#db.get<{ bytes: number }>(sql, room, room)!.bytes;
  }

  /** What is from before that time goes, in all rooms. */
  prune(before: number): void {
    const lost = "SELECT id FROM lostBranches WHERE at < ?";
    const old = this.#db.all<{ room: RoomId; position: number }>(
      "SELECT room, position FROM roomSnapshots WHERE at < ?",
      before,
    );
    for (const { room, position } of old) this.#drop(room, position);
    this.#db.run(`DELETE FROM lostBranchRecords WHERE branch IN (${lost})`, before);
    this.#db.run("DELETE FROM lostBranches WHERE at < ?", before);
  }

  #drop(room: RoomId, position: number): void {
    this.#db.run("DELETE FROM roomSnapshots WHERE room = ? AND position = ?", room, position);
    dropRecords(this.#db, snapshotRecords(room, position));
  }

  /** Keeps the group's state as it is now to read by; of each room the newest `keep`. */
  lose(room: RoomId, at: number, keep: number): void {
    insertRow(this.#db, "lostBranches", { room, at });
    const [newest, ...others] = this.lost(room);
    copyRecords(this.#db, presentRecords(room), lostRecords(room, newest!));
    for (const branch of others.slice(keep - 1)) this.#dropLost(branch);
  }

  /** Ids, the newest first. */
  lost(room: RoomId): number[] {
    const sql = `SELECT id FROM lostBranches WHERE room = ? ORDER BY id DESC ${upTo}`;
    return this.#db.all<{ id: number }>(sql, room, 100).map(({ id }) => id);
  }

  lostRecords(room: RoomId, branch: number): (readonly [string, Uint8Array])[] {
    return recordsIn(this.#db, lostRecords(room, branch));
  }

  changeLost(room: RoomId, branch: number, changes: GroupChanges): void {
    changeRecords(this.#db, lostRecords(room, branch), changes);
  }

  #dropLost(branch: number): void {
    this.#db.run("DELETE FROM lostBranches WHERE id = ?", branch);
    this.#db.run("DELETE FROM lostBranchRecords WHERE branch = ?", branch);
  }

  hold(room: RoomId, account: AccountId, at: number): void {
    putRow(this.#db, "roomHolds", { room, account, at });
  }

  /** Whom a lost branch took out, and who is in here still. */
  held(room: RoomId): AccountId[] {
    const sql = "SELECT account FROM roomHolds WHERE room = ? ORDER BY account";
    return this.#db.all<{ account: AccountId }>(sql, room).map(({ account }) => account);
  }

  release(room: RoomId, account: AccountId): void {
    this.#db.run("DELETE FROM roomHolds WHERE room = ? AND account = ?", room, account);
  }

  holdRevoked(room: RoomId, { account, sequence, record }: HeldRevocation, at: number): void {
    putRow(this.#db, "roomRevocations", { room, account, sequence, record, at });
  }

  /** Records by which a lost branch revoked devices that may be in here still. */
  revoked(room: RoomId): HeldRevocation[] {
    const sql = "SELECT account, sequence, record FROM roomRevocations WHERE room = ? ORDER BY account";
    return this.#db.all<HeldRevocation>(sql, room);
  }

  releaseRevoked(room: RoomId, account: AccountId): void {
    this.#db.run("DELETE FROM roomRevocations WHERE room = ? AND account = ?", room, account);
  }

  /** Whoever's account or device a lost branch took out, and is in here still: nothing is written before they are out. */
  holding(room: RoomId): AccountId | undefined {
    return this.held(room)[0] ?? this.revoked(room)[0]?.account;
  }

  /**
   * What this device wrote from that epoch of the group on is written again; with the counters by which it can be handed
   * on. Not by its time: a clock that was set back would leave some of it out.
   */
  resend(room: RoomId, device: DeviceId, { groupId, epoch }: { groupId: Uint8Array; epoch: number }): void {
    this.#db.run(
      "INSERT OR IGNORE INTO roomResends SELECT m.room, m.id, p.counter, p.previous FROM messages m " +
        "JOIN messageProofs p ON p.room = m.room AND p.message = m.id AND p.device = ? " +
        "WHERE m.room = ? AND m.mine = 1 AND m.kind = 'text' AND p.groupId = ? AND p.epoch >= ?",
      device,
      room,
      groupId,
      epoch,
    );
  }

  /** In the order in which it was written. */
  resends(room: RoomId): Resend[] {
    const sql = "SELECT message, counter, previous FROM roomResends WHERE room = ? ORDER BY counter";
    return this.#db.all<Resend>(sql, room);
  }

  resent(room: RoomId, message: MessageId): void {
    this.#db.run("DELETE FROM roomResends WHERE room = ? AND message = ?", room, message);
  }

  /** Its newest Commit, which nobody can follow, named an access key that nobody has. */
  lock(room: RoomId): void {
    this.#db.run("UPDATE roomPlaces SET locked = 1 WHERE room = ?", room);
  }

  /** Where the log was before that; undefined: it is not so. */
  lockedBehind(room: RoomId): LogPlace | undefined {
    return this.#db.get<LogPlace>(`SELECT ${place} FROM roomPlaces WHERE room = ? AND locked = 1`, room);
  }

  /** The room's group begins anew, if at all. What is to be written again stays: it is written once this device is in. */
  end(room: RoomId): void {
    for (const branch of this.lost(room)) this.#dropLost(branch);
    const tables = ["roomPlaces", "roomSnapshots", "roomSnapshotRecords", "roomHolds", "roomRevocations"];
    for (const table of tables) this.#db.run(`DELETE FROM ${table} WHERE room = ?`, room);
  }
}

function snapshotRecords(room: RoomId, position: number): RecordsOf {
  return { table: "roomSnapshotRecords", room, key: { room, position } };
}

function lostRecords(room: RoomId, branch: number): RecordsOf {
  return { table: "lostBranchRecords", room, key: { branch } };
}
