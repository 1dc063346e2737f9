/**
 * What rooms of many keep beside their group: how far the hub's log was followed, who takes part, what is to be changed
 * and not committed yet, our own Commit on its way, and messages of epochs that are not here yet.
 */
import type { AccountId, EnvelopeId, MessageId, RoomId, ServerId } from "@fedchat/protocol";
import { encodeBase32 } from "@fedchat/protocol";
import type { Role } from "../room-state/room-state.ts";
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

export interface RoomLogRow {
  room: RoomId;
  hub: ServerId;
  term: number;
  /** Of the last entry that was taken into the group; 0: the log is not begun yet. */
  position: number;
  /** Hash of that entry. */
  head: Uint8Array;
  /** Our homeserver is to know that we follow, knows it, or is to know that we do not any more. */
  following: "wanted" | "told" | "over";
  /** When this device's keys in the group were made. */
  renewedAt: number;
}

/** What only those keep who are in a room. */
const ofMembers = ["roomChanges", "waitingMessages", "receipts", "roomPlaces"];

export interface RoomPersonRow {
  account: AccountId;
  server: ServerId;
  handle: string;
  displayName: string;
  role: Role;
}

export interface RoomChangeRow {
  id: number;
  room: RoomId;
  /** JSON. */
  change: string;
  createdAt: number;
}

/** Our Commit that is not known to be in the log; the group after it lies in `pendingRecords`. */
export interface PendingCommitRow {
  room: RoomId;
  item: Uint8Array;
  info: Uint8Array | null;
  welcome: Uint8Array | null;
  /** Seed of the access key that it is appended by, where our group does not have it. */
  access: Uint8Array | null;
  /** JSON: the changes that it does. */
  changes: string;
  createdAt: number;
}

/** An inbox item whose epoch is not here yet. */
export interface WaitingMessageRow {
  seq: number;
  room: RoomId;
  epoch: number;
  envelope: EnvelopeId;
  sender: AccountId;
  server: ServerId;
  created: number;
  payload: Uint8Array;
}

const person = "account, server, handle, displayName, role";

export class GroupRoomsTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  log(room: RoomId): RoomLogRow | undefined {
    return this.#db.get<RoomLogRow>("SELECT * FROM roomLogs WHERE room = ?", room);
  }

  logs(): RoomLogRow[] {
    return this.#db.all<RoomLogRow>("SELECT * FROM roomLogs ORDER BY room");
  }

  /** No upsert: SQLite applies its conflict policy within triggers, too, and what a trigger passes over would fail. */
  putLog(row: RoomLogRow): void {
    const { room, hub, term, position, head, following, renewedAt } = row;
    const sql =
      "UPDATE roomLogs SET hub = ?, term = ?, position = ?, head = ?, following = ?, renewedAt = ? WHERE room = ?";
    const { changes } = this.#db.run(sql, hub, term, position, head, following, renewedAt, room);
    if (changes === 0) insertRow(this.#db, "roomLogs", row);
  }

  /** This engine belongs to another homeserver now, which follows nothing yet. */
  followAnew(): void {
    this.#db.run("DELETE FROM roomLogs WHERE following = 'over'");
    this.#db.run("UPDATE roomLogs SET following = 'wanted'");
  }

  deleteLog(room: RoomId): void {
    this.#db.run("DELETE FROM roomLogs WHERE room = ?", room);
  }

  people(room: RoomId): RoomPersonRow[] {
    const sql = `SELECT ${person} FROM roomPeople WHERE room = ? ORDER BY account`;
    return this.#db.all<RoomPersonRow>(sql, room);
  }

  person(room: RoomId, account: AccountId): RoomPersonRow | undefined {
    const sql = `SELECT ${person} FROM roomPeople WHERE room = ? AND account = ?`;
    return this.#db.get<RoomPersonRow>(sql, room, account);
  }

  /** Whoever says or does something in a room has joined it. */
  hear(room: RoomId, account: AccountId): void {
    putRow(this.#db, "roomHeard", { room, account });
  }

  heard(room: RoomId): Set<AccountId> {
    const rows = this.#db.all<{ account: AccountId }>("SELECT account FROM roomHeard WHERE room = ?", room);
    return new Set(rows.map(({ account }) => account));
  }

  /** As some room had them last: what somebody wrote keeps their name when they are gone. */
  named(account: AccountId): Omit<RoomPersonRow, "role"> | undefined {
    const sql = "SELECT account, server, handle, displayName FROM roomNames WHERE account = ?";
    return this.#db.get<Omit<RoomPersonRow, "role">>(sql, account);
  }

  /** Of somebody of whom nothing else is known. */
  putName({ account, server, handle, displayName }: Omit<RoomPersonRow, "role">): void {
    putRow(this.#db, "roomNames", { account, server, handle, displayName });
  }

  /** Writes what changed: most changes of a room of hundreds leave nearly everybody as they are. */
  putPeople(room: RoomId, people: readonly RoomPersonRow[]): void {
    const before = new Map(this.people(room).map((person) => [person.account, person]));
    for (const { account, server, handle, displayName, role } of people) {
      const held = before.get(account);
      before.delete(account);
      const isNamed = held?.server === server && held.handle === handle && held.displayName === displayName;
      if (isNamed && held.role === role) continue;
      putRow(this.#db, "roomPeople", { room, account, server, handle, displayName, role });
      if (!isNamed) putRow(this.#db, "roomNames", { account, server, handle, displayName });
    }
    for (const account of before.keys())
      this.#db.run("DELETE FROM roomPeople WHERE room = ? AND account = ?", room, account);
  }

  /** Rooms of many in which this account takes part. */
  roomsWith(account: AccountId): RoomId[] {
    const sql = "SELECT room FROM roomPeople WHERE account = ?";
    return this.#db.all<{ room: RoomId }>(sql, account).map(({ room }) => room);
  }

  addChange(room: RoomId, change: string, createdAt: number): void {
    insertRow(this.#db, "roomChanges", { room, change, createdAt });
  }

  /** In the order in which they were wanted. */
  changes(room: RoomId): RoomChangeRow[] {
    return this.#db.all<RoomChangeRow>("SELECT * FROM roomChanges WHERE room = ? ORDER BY id", room);
  }

  deleteChange(id: number): void {
    this.#db.run("DELETE FROM roomChanges WHERE id = ?", id);
  }

  pending(room: RoomId): PendingCommitRow | undefined {
    return this.#db.get<PendingCommitRow>("SELECT * FROM pendingCommits WHERE room = ?", room);
  }

  /** @param next the group as it is after the Commit, and from what it follows: the present state, or nothing */
  putPending(row: PendingCommitRow, next?: { from: "present" | "nothing"; changes: GroupChanges }): void {
    this.deletePending(row.room);
    insertRow(this.#db, "pendingCommits", row);
    if (next === undefined) return;
    const pending = pendingRecords(row.room);
    if (next.from === "present") copyRecords(this.#db, presentRecords(row.room), pending);
    changeRecords(this.#db, pending, next.changes);
  }

  pendingRecords(room: RoomId): (readonly [string, Uint8Array])[] {
    return recordsIn(this.#db, pendingRecords(room));
  }

  deletePending(room: RoomId): void {
    this.#db.run("DELETE FROM pendingCommits WHERE room = ?", room);
    dropRecords(this.#db, pendingRecords(room));
  }

  addWaiting(row: Omit<WaitingMessageRow, "seq">): void {
    insertRow(this.#db, "waitingMessages", row);
  }

  /** Of a group that is not known here: a Welcome may still come. The newest `keep` of all groups stay. */
  addStray(row: Omit<WaitingMessageRow, "seq" | "room">, groupId: Uint8Array, keep: number): void {
    insertRow(this.#db, "waitingMessages", { ...row, room: strayRoom(groupId) });
    this.#db.run(
      `DELETE FROM waitingMessages WHERE room LIKE '${strayPrefix}%' AND seq NOT IN (
         SELECT seq FROM waitingMessages WHERE room LIKE '${strayPrefix}%' ORDER BY seq DESC ${upTo})`,
      keep,
    );
  }

  /** The Welcome came: what waited for its group is this room's. */
  claimStrays(groupId: Uint8Array, room: RoomId): void {
    this.#db.run("UPDATE waitingMessages SET room = ? WHERE room = ?", room, strayRoom(groupId));
  }

  /** Nothing here opens it: maybe a branch of the log that is not followed (yet). The newest `keep` of the room stay. */
  strand(row: Omit<WaitingMessageRow, "seq">, keep: number): void {
    const room = strandedRoom(row.room);
    insertRow(this.#db, "waitingMessages", { ...row, room });
    const newest = `SELECT seq FROM waitingMessages WHERE room = ? ORDER BY seq DESC ${upTo}`;
    this.#db.run(`DELETE FROM waitingMessages WHERE room = ? AND seq NOT IN (${newest})`, room, room, keep);
  }

  /** Another branch is followed: it is tried again. */
  unstrand(room: RoomId): void {
    this.#db.run("UPDATE waitingMessages SET room = ? WHERE room = ?", room, strandedRoom(room));
  }

  /** In the order in which they came. */
  waiting(room: RoomId, epochMax: number): WaitingMessageRow[] {
    const sql = "SELECT * FROM waitingMessages WHERE room = ? AND epoch <= ? ORDER BY seq";
    return this.#db.all<WaitingMessageRow>(sql, room, epochMax);
  }

  waitingCount(room: RoomId): number {
    const sql = "SELECT count(*) AS n FROM waitingMessages WHERE room = ?";
    return this.#db.get<{ n: number }>(sql, room)!.n;
  }

  /** The `seq` of what waits for the farthest epoch, where that is beyond `epoch`: the newest of them. */
  waitingFarther(room: RoomId, epoch: number): number | undefined {
    const sql =
      "SELECT seq FROM waitingMessages WHERE room = ? AND epoch > ? ORDER BY epoch DESC, seq DESC LIMIT 1";
    return this.#db.get<{ seq: number }>(sql, room, epoch)?.seq;
  }

  /** Whether something of the room could not be opened so far, on this branch or on any. */
  hasUnopened(room: RoomId): boolean {
    const sql = "SELECT 1 AS one FROM waitingMessages WHERE room IN (?, ?)";
    return this.#db.get(sql, room, strandedRoom(room)) !== undefined;
  }

  deleteWaiting(seq: number): void {
    this.#db.run("DELETE FROM waitingMessages WHERE seq = ?", seq);
  }

  /** The room is over: nothing of it is followed, wanted, waited for or owed any more. */
  end(room: RoomId): void {
    this.#db.run("DELETE FROM roomLogs WHERE room = ? AND following = 'wanted'", room);
    this.#db.run("UPDATE roomLogs SET following = 'over' WHERE room = ?", room);
    this.#deleteAll(room, [...ofMembers, "roomSnapshots", "roomSnapshotRecords"]);
  }

  /** This person left; the log is followed, and states are kept, for as long as it may go on from before that. */
  leftBehind(log: RoomLogRow): void {
    this.putLog(log);
    this.#deleteAll(log.room, ofMembers);
  }

  #deleteAll(room: RoomId, tables: readonly string[]): void {
    for (const table of tables) this.#db.run(`DELETE FROM ${table} WHERE room = ?`, room);
    this.#db.run("DELETE FROM waitingMessages WHERE room = ?", strandedRoom(room));
    this.deletePending(room);
  }

  /** Somebody's engine has, or they have read, a message of ours. False where that was known. */
  confirm(message: MessageId, account: AccountId, status: "deliveredAt" | "readAt", at: number): boolean {
    insertOrIgnoreReceipt(this.#db, message, account);
    const sql = `UPDATE messageReceipts SET ${status} = ? WHERE message = ? AND account = ? AND ${status} IS NULL`;
    return this.#db.run(sql, at, message, account).changes > 0;
  }

  receipts(message: MessageId): { account: AccountId; deliveredAt: number | null; readAt: number | null }[] {
    const sql = `SELECT account, deliveredAt, readAt FROM messageReceipts WHERE message = ? ORDER BY account ${upTo}`;
    return this.#db.all(sql, message, 1_000);
  }
}

function pendingRecords(room: RoomId): RecordsOf {
  return { table: "pendingRecords", room, key: { room } };
}

const strandedRoom = (room: RoomId): string => `stranded ${room}`;

/** No room is called so. */
const strayPrefix = "group ";
const strayRoom = (groupId: Uint8Array): string => strayPrefix + encodeBase32(groupId);

function insertOrIgnoreReceipt(db: Database, message: MessageId, account: AccountId): void {
  db.run("INSERT OR IGNORE INTO messageReceipts (message, account) VALUES (?, ?)", message, account);
}
