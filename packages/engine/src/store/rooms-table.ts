/** Rooms, and the records of their groups' MLS states. */
import type { AccountId, RoomId } from "@fedchat/protocol";
import type { GroupChanges } from "../mls/group-records.ts";
import type { Joining, RoomState } from "../room-state/room-state.ts";
import type { Database } from "./database.ts";
import { insertRow } from "./database.ts";
import { changeRecords, dropRecords, presentRecords, recordsIn } from "./group-records.ts";

export interface RoomRow {
  id: RoomId;
  kind: "notes" | "pair" | "group";
  /** Of a pair. */
  peer: AccountId | null;
  /** Of a room of many, as its members call it. */
  name: string;
  /** Of a room of many: how people come in, and who may invite. */
  joining: Joining;
  inviting: RoomState["invite"];
  /** JSON of `RoomSuccession`, of a room of many whose owners may be followed; else null. */
  succession: string | null;
  /** Who brought us into a room of many. */
  invitedBy: AccountId | null;
  createdAt: number;
  lastActivityAt: number;
  /** invited: others took us in, and the person has not said yes yet. */
  state: "invited" | "open" | "closed" | "broken";
  cause: string | null;
  /** Messages up to here are read. */
  readPosition: number;
  /** The senders of messages up to here were told that they are read. */
  reportedPosition: number;
  draft: string;
  /** How long after they were read this person's messages go; null: they stay. */
  expireAfterMs: number | null;
}

/** Who may own a room when its owners are gone, and who claims it. */
export interface RoomSuccession {
  heir: AccountId | null;
  days: number;
  claim: { by: readonly AccountId[]; dueAt: number } | null;
}

export class RoomsTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(id: RoomId): RoomRow | undefined {
    return this.#db.get<RoomRow>("SELECT * FROM rooms WHERE id = ?", id);
  }

  /** Last activity first. */
  list(): RoomRow[] {
    return this.#db.all<RoomRow>("SELECT * FROM rooms ORDER BY lastActivityAt DESC, id");
  }

  notes(): RoomRow | undefined {
    return this.#db.get<RoomRow>("SELECT * FROM rooms WHERE kind = 'notes'");
  }

  withPeer(peer: AccountId): RoomRow[] {
    return this.#db.all<RoomRow>("SELECT * FROM rooms WHERE peer = ?", peer);
  }

  insert(row: Pick<RoomRow, "id" | "kind" | "peer" | "createdAt"> & Partial<RoomRow>): void {
    insertRow(this.#db, "rooms", { lastActivityAt: row.createdAt, state: "open", ...row });
  }

  /** Of a room of many, as its group's state has it now. */
  show(
    id: RoomId,
    { name, joining, inviting, succession }: Pick<RoomRow, "name" | "joining" | "inviting" | "succession">,
  ): void {
    const sql = "UPDATE rooms SET name = ?, joining = ?, inviting = ?, succession = ? WHERE id = ?";
    this.#db.run(sql, name, joining, inviting, succession, id);
  }

  /** Somebody took us into a room again that we had left. */
  invitedAgain(id: RoomId, invitedBy: AccountId): void {
    this.#db.run(
      "UPDATE rooms SET state = 'invited', cause = NULL, invitedBy = ? WHERE id = ?",
      invitedBy,
      id,
    );
  }

  /** Known from an archive until now: another device is in it. */
  entered(id: RoomId, state: RoomRow["state"]): void {
    this.#db.run("UPDATE rooms SET state = ?, cause = NULL WHERE id = ?", state, id);
  }

  /** The person said yes. */
  opened(id: RoomId): void {
    this.#db.run("UPDATE rooms SET state = 'open' WHERE id = ? AND state = 'invited'", id);
  }

  /** One that was to be left, and cannot be. */
  stays(id: RoomId): void {
    this.#db.run("UPDATE rooms SET state = 'open', cause = NULL WHERE id = ? AND state = 'closed'", id);
  }

  close(id: RoomId, state: "closed" | "broken", cause: string): void {
    this.#db.run("UPDATE rooms SET state = ?, cause = ? WHERE id = ?", state, cause, id);
  }

  active(id: RoomId, at: number): void {
    this.#db.run("UPDATE rooms SET lastActivityAt = max(lastActivityAt, ?) WHERE id = ?", at, id);
  }

  setExpiry(id: RoomId, afterMs: number | null): void {
    this.#db.run("UPDATE rooms SET expireAfterMs = ? WHERE id = ?", afterMs, id);
  }

  setDraft(id: RoomId, draft: string): void {
    this.#db.run("UPDATE rooms SET draft = ? WHERE id = ?", draft, id);
  }

  setReadPosition(id: RoomId, position: number): void {
    this.#db.run("UPDATE rooms SET readPosition = ? WHERE id = ?", position, id);
  }

  setReportedPosition(id: RoomId, position: number): void {
    this.#db.run("UPDATE rooms SET reportedPosition = max(reportedPosition, ?) WHERE id = ?", position, id);
  }

  /** None where the room has no group. */
  groupRecords(id: RoomId): (readonly [string, Uint8Array])[] {
    return recordsIn(this.#db, presentRecords(id));
  }

  hasGroup(id: RoomId): boolean {
    return this.#db.get("SELECT 1 FROM groupRecords WHERE room = ? LIMIT 1", id) !== undefined;
  }

  roomOfGroup(groupId: Uint8Array): RoomId | undefined {
    return this.#db.get<{ room: RoomId }>("SELECT room FROM groups WHERE groupId = ?", groupId)?.room;
  }

  groupId(room: RoomId): Uint8Array | undefined {
    return this.#db.get<{ groupId: Uint8Array }>("SELECT groupId FROM groups WHERE room = ?", room)?.groupId;
  }

  insertGroup(room: RoomId, groupId: Uint8Array): void {
    insertRow(this.#db, "groups", { room, groupId });
  }

  deleteGroup(room: RoomId): void {
    dropRecords(this.#db, presentRecords(room));
    this.#db.run("DELETE FROM groups WHERE room = ?", room);
  }

  /** Within the transaction of what the step produced or received. */
  changeGroup(room: RoomId, changes: GroupChanges): void {
    changeRecords(this.#db, presentRecords(room), changes);
  }
}
