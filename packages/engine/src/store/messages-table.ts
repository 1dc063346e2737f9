/** Decrypted messages in the order in which this engine committed them, and the receipts that it owes for them. */
import type { AccountId, DeviceId, MessageId, RoomId, ServerId } from "@fedchat/protocol";
import type { MessageState } from "../interface/index.ts";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";

export interface MessageRow {
  position: number;
  id: MessageId;
  room: RoomId;
  kind: "text" | "notice";
  sender: AccountId;
  mine: 0 | 1;
  sentAt: number;
  receivedAt: number;
  text: string;
  inReplyTo: MessageId | null;
  /** MIMI content as it came; null for notices. */
  content: Uint8Array | null;
  /** Null for others' messages. */
  state: MessageState | null;
  submittedAt: number | null;
  forwardedAt: number | null;
  deliveredAt: number | null;
  readAt: number | null;
  cause: string | null;
  clientId: string | null;
  /** Who handed it on, where it was missing first. */
  lateFrom: AccountId | null;
  /** When it goes; null: never, or not known yet. */
  expiresAt: number | null;
  /** How long after it was read it goes. */
  expireAfterMs: number | null;
}

/** A relay's word that it keeps a message for a server that is away. */
export interface MessageCustody {
  relay: ServerId;
  taken: number;
  until: number;
  /** The relays of the way on which it was handed over. */
  path: ServerId[];
}

export type NewMessage = Pick<
  MessageRow,
  "id" | "room" | "kind" | "sender" | "mine" | "sentAt" | "receivedAt" | "text"
> &
  Partial<MessageRow>;

/** Missing messages between two others of all rooms, and 2^37 messages in all. */
const positionStride = 65_536;
/** Late ones of other devices stand between. */
const latePositionStep = 16;

/** How far each state is; a state only rises. `failed` may still turn out to have arrived. */
export const messageRanks: Record<MessageState, number> = {
  waiting: 0,
  failed: 1,
  submitted: 2,
  forwarded: 3,
  delivered: 4,
  read: 5,
};
type Confirmed = "submitted" | "forwarded" | "delivered" | "read";

export class MessagesTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(id: MessageId): MessageRow | undefined {
    return this.#db.get<MessageRow>("SELECT * FROM messages WHERE id = ?", id);
  }

  byClientId(clientId: string): MessageRow | undefined {
    return this.#db.get<MessageRow>("SELECT * FROM messages WHERE clientId = ?", clientId);
  }

  /** Behind all others, unless its position is named. */
  insert(row: NewMessage): void {
    insertRow(this.#db, "messages", { position: this.nextPosition(), ...row });
  }

  /** Where the next message stands: far enough from the last one for those that turn out to be missing between them. */
  nextPosition(): number {
    const sql = "SELECT seq FROM sqlite_sequence WHERE name = 'messages'";
    return (this.#db.get<{ seq: number }>(sql)?.seq ?? 0) + positionStride;
  }

  /**
   * A free position for a message that comes late: before `before`, and in its device's order: whatever of it came late
   * already may stand elsewhere. Behind all others where there is no room.
   */
  latePosition(
    room: RoomId,
    device: DeviceId,
    { counter, before }: { counter: number; before: number },
  ): number {
    const [last, next] = (["<", ">"] as const).map((side) => this.#beside(room, device, counter, side));
    let [start, end] = [Math.max(0, before - positionStride), before];
    if (last !== undefined && last.position >= end)
      [start, end] = [last.position - 1, last.position + positionStride];
    else if (next !== undefined && next.position <= start)
      [start, end] = [Math.max(0, next.position - positionStride), next.position + 1];
    const [below, above] = [last, next].map((one) =>
      one !== undefined && one.position > start && one.position < end ? one : undefined,
    );
    const [low, high] = [below?.position ?? start, above?.position ?? end];
    const middle = low + Math.floor((high - low) / 2);
    let wanted = middle;
    if (below !== undefined) wanted = Math.min(middle, low + (counter - below.counter) * latePositionStep);
    else if (above !== undefined)
      wanted = Math.max(middle, high - (above.counter - counter) * latePositionStep);
    for (let free = wanted; free < high; free++) if (free > low && this.#isFree(free)) return free;
    for (let free = wanted - 1; free > low; free--) if (this.#isFree(free)) return free;
    return this.nextPosition();
  }

  #isFree(position: number): boolean {
    return this.#db.get("SELECT 1 FROM messages WHERE position = ?", position) === undefined;
  }

  /** The nearest one of a device's messages in its own order. */
  #beside(room: RoomId, device: DeviceId, counter: number, side: "<" | ">") {
    const order = side === "<" ? "DESC" : "ASC";
    return this.#db.get<{ position: number; counter: number }>(
      `SELECT m.position, p.counter FROM messageProofs p JOIN messages m ON m.id = p.message
       WHERE p.room = ? AND p.device = ? AND p.counter ${side} ? ORDER BY p.counter ${order} ${upTo}`,
      room,
      device,
      counter,
      1,
    );
  }

  /** Raises a state and notes when it was confirmed. False where nothing changed. */
  confirm(id: MessageId, state: Confirmed, at: number): boolean {
    const row = this.get(id);
    if (row === undefined || row.state === null || row[`${state}At`] !== null) return false;
    const isHigher = messageRanks[state] > messageRanks[row.state];
    // How far the former writing gets is of no use to those whom it was not for.
    const risen = isHigher && !this.#isUndelivered(id) ? state : row.state;
    const cause = risen === state ? null : row.cause;
    this.#db.run(
      `UPDATE messages SET state = ?, cause = ?, ${state}At = ? WHERE id = ?`,
      risen,
      cause,
      at,
      id,
    );
    // Its writer has read it: for them the time runs from when it left.
    this.#db.run(
      "UPDATE messages SET expiresAt = ? + expireAfterMs WHERE id = ? AND expiresAt IS NULL",
      at,
      id,
    );
    return true;
  }

  /** Why a message waits (null: it does not any more). Only where nothing was confirmed yet. */
  setWaiting(id: MessageId, cause: string | null): boolean {
    const sql =
      "UPDATE messages SET state = 'waiting', cause = ? WHERE id = ? AND state IN ('waiting', 'failed')";
    if (this.#isUndelivered(id)) return false;
    return this.#db.run(sql, cause, id).changes > 0;
  }

  /** `undeliver` said so, and it was not written again yet. */
  #isUndelivered(id: MessageId): boolean {
    const sql =
      "SELECT 1 AS found FROM messages m JOIN roomResends r ON r.room = m.room AND r.message = m.id WHERE m.id = ? AND m.state = 'failed'";
    return this.#db.get(sql, id) !== undefined;
  }

  /** Not everybody to whom it should go can read it, whoever said that they have it. */
  undeliver(id: MessageId, cause: string): boolean {
    const sql = "UPDATE messages SET state = 'failed', cause = ? WHERE id = ? AND state IS NOT NULL";
    return this.#db.run(sql, cause, id).changes > 0;
  }

  /** It was written again: it stands as before `undeliver` with this cause. */
  redeliver(id: MessageId, cause: string): boolean {
    const sql = `UPDATE messages SET cause = NULL, state = CASE WHEN readAt IS NOT NULL THEN 'read'
      WHEN deliveredAt IS NOT NULL THEN 'delivered' WHEN forwardedAt IS NOT NULL THEN 'forwarded'
      WHEN submittedAt IS NOT NULL THEN 'submitted' ELSE 'waiting' END WHERE id = ? AND state = 'failed' AND cause = ?`;
    return this.#db.run(sql, id, cause).changes > 0;
  }

  setFailed(id: MessageId, cause: string): boolean {
    if (this.#isUndelivered(id)) return false;
    const sql =
      "UPDATE messages SET state = 'failed', cause = ? WHERE id = ? AND state IN ('waiting', 'failed', 'submitted')";
    return this.#db.run(sql, cause, id).changes > 0;
  }

  /** Kept with the message, also after it has arrived. */
  addCustody(id: MessageId, { relay, taken, until, path }: MessageCustody): void {
    putRow(this.#db, "messageCustody", { message: id, relay, taken, until, path: JSON.stringify(path) });
  }

  /** The relays that it passed on a connection, in order; none: it went directly. */
  setPassed(id: MessageId, path: ServerId[]): void {
    putRow(this.#db, "messageWays", { message: id, path: JSON.stringify(path) });
  }

  /** Undefined where it is not known, or not there yet. */
  passedBy(id: MessageId): ServerId[] | undefined {
    const row = this.#db.get<{ path: string }>("SELECT path FROM messageWays WHERE message = ?", id);
    return row && (JSON.parse(row.path) as ServerId[]);
  }

  /** In the order in which they signed. */
  custodyOf(id: MessageId): MessageCustody[] {
    const sql =
      "SELECT relay, taken, until, path FROM messageCustody WHERE message = ? ORDER BY taken, relay";
    return this.#db
      .all<Omit<MessageCustody, "path"> & { path: string }>(sql, id)
      .map((row) => ({ ...row, path: JSON.parse(row.path) as ServerId[] }));
  }

  /** Newest position over all rooms; 0 for none. */
  newestPosition(): number {
    return this.#db.get<{ n: number }>("SELECT coalesce(max(position), 0) AS n FROM messages")!.n;
  }

  /** The last message up to a position, lines of the room's own left out. */
  lastUpTo(room: RoomId, position: number): MessageId | undefined {
    const sql =
      "SELECT id FROM messages WHERE room = ? AND position <= ? AND kind = 'text' ORDER BY position DESC LIMIT 1";
    return this.#db.get<{ id: MessageId }>(sql, room, position)?.id;
  }

  last(room: RoomId): MessageRow | undefined {
    return this.#db.get<MessageRow>(
      "SELECT * FROM messages WHERE room = ? ORDER BY position DESC LIMIT 1",
      room,
    );
  }

  /** Below `position`, newest first. */
  before(room: RoomId, position: number, limit: number): MessageRow[] {
    const sql = `SELECT * FROM messages WHERE room = ? AND position < ? ORDER BY position DESC ${upTo}`;
    return this.#db.all<MessageRow>(sql, room, position, limit);
  }

  /** Above `position`, oldest first. */
  after(room: RoomId, position: number, limit: number): MessageRow[] {
    const sql = `SELECT * FROM messages WHERE room = ? AND position > ? ORDER BY position ${upTo}`;
    return this.#db.all<MessageRow>(sql, room, position, limit);
  }

  /** Of all rooms above `position`, oldest first. */
  since(position: number, limit: number): MessageRow[] {
    return this.#db.all<MessageRow>(
      `SELECT * FROM messages WHERE position > ? ORDER BY position ${upTo}`,
      position,
      limit,
    );
  }

  unread(room: RoomId, readPosition: number): { count: number; first: MessageId | null } {
    const where = "room = ? AND position > ? AND mine = 0 AND kind = 'text'";
    const { n } = this.#db.get<{ n: number }>(
      `SELECT count(*) AS n FROM messages WHERE ${where}`,
      room,
      readPosition,
    )!;
    if (n === 0) return { count: 0, first: null };
    const first = this.#db.get<{ id: MessageId }>(
      `SELECT id FROM messages WHERE ${where} ORDER BY position LIMIT 1`,
      room,
      readPosition,
    );
    return { count: n, first: first?.id ?? null };
  }

  unreadInAllRooms(): number {
    const sql = `SELECT coalesce(sum((
        SELECT count(*) FROM messages
        WHERE room = rooms.id AND position > rooms.readPosition AND mine = 0 AND kind = 'text'
      )), 0) AS n FROM rooms`;
    return this.#db.get<{ n: number }>(sql)!.n;
  }

  /** Others' messages with positions in (after, upTo]. */
  othersBetween(room: RoomId, after: number, upTo: number): MessageId[] {
    return this.#db
      .all<{ id: MessageId }>(
        `SELECT id FROM messages
         WHERE room = ? AND position > ? AND position <= ? AND mine = 0 AND kind = 'text' ORDER BY position`,
        room,
        after,
        upTo,
      )
      .map(({ id }) => id);
  }

  /** The time of others' messages up to here runs from now on. */
  startExpiry(room: RoomId, upTo: number, now: number): void {
    const sql = `UPDATE messages SET expiresAt = ? + expireAfterMs
      WHERE room = ? AND position <= ? AND mine = 0 AND expireAfterMs IS NOT NULL AND expiresAt IS NULL`;
    this.#db.run(sql, now, room, upTo);
  }

  expired(now: number, limit: number): { id: MessageId; room: RoomId }[] {
    return this.#db.all(
      `SELECT id, room FROM messages WHERE expiresAt <= ? ORDER BY expiresAt ${upTo}`,
      now,
      limit,
    );
  }

  nextExpiryAt(): number | null {
    const sql = "SELECT min(expiresAt) AS at FROM messages WHERE expiresAt IS NOT NULL";
    return this.#db.get<{ at: number | null }>(sql)!.at;
  }

  /** Nothing of it stays here. */
  erase(id: MessageId): void {
    for (const table of ["messageCustody", "messageWays", "messageReceipts", "receipts"])
      this.#db.run(`DELETE FROM ${table} WHERE message = ?`, id);
    this.#db.run("DELETE FROM messages WHERE id = ?", id);
  }

  clear(room: RoomId): void {
    const ofRoom = "SELECT id FROM messages WHERE room = ?";
    this.#db.run(`DELETE FROM messageCustody WHERE message IN (${ofRoom})`, room);
    this.#db.run(`DELETE FROM messageWays WHERE message IN (${ofRoom})`, room);
    this.#db.run("DELETE FROM messages WHERE room = ?", room);
  }

  /** Newest first. `match` is an FTS5 query; hits in the snippet stand between the marks. */
  search(
    match: string,
    filter: { room: RoomId | undefined; before: number; limit: number },
    marks: { open: string; close: string },
  ): (MessageRow & { snippet: string })[] {
    return this.#db.all<MessageRow & { snippet: string }>(
      `SELECT messages.*, snippet(messageText, 0, ?, ?, '…', 24) AS snippet
       FROM messageText JOIN messages ON messages.position = messageText.rowid
       WHERE messageText MATCH ? AND messages.position < ? AND (? IS NULL OR messages.room = ?)
       ORDER BY messageText.rowid DESC LIMIT ?`,
      marks.open,
      marks.close,
      match,
      filter.before,
      filter.room ?? null,
      filter.room ?? null,
      filter.limit,
    );
  }

  /** Owes a receipt; a higher status takes a lower one's place. */
  oweReceipt(room: RoomId, message: MessageId, status: number): void {
    this.#db.run(
      `INSERT INTO receipts (room, message, status) VALUES (?, ?, ?)
       ON CONFLICT (room, message) DO UPDATE SET status = max(status, excluded.status)`,
      room,
      message,
      status,
    );
  }

  roomsOwedReceipts(): RoomId[] {
    return this.#db.all<{ room: RoomId }>("SELECT DISTINCT room FROM receipts").map(({ room }) => room);
  }

  owedReceipts(room: RoomId, limit: number): { message: MessageId; status: number }[] {
    return this.#db.all(`SELECT message, status FROM receipts WHERE room = ? ${upTo}`, room, limit);
  }

  /** What was sent is no longer owed, unless more became due meanwhile. */
  receiptSent(room: RoomId, message: MessageId, status: number): void {
    this.#db.run(
      "DELETE FROM receipts WHERE room = ? AND message = ? AND status <= ?",
      room,
      message,
      status,
    );
  }

  forgetReceipts(room: RoomId): void {
    this.#db.run("DELETE FROM receipts WHERE room = ?", room);
  }
}
