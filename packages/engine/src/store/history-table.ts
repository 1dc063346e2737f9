/**
 * Messages of before, as they are read out whole and as they come back from a file or an archive. Those that come back
 * lie below all positions that were given out, so that what scripts and read markers point at stays where it is.
 */
import type { RoomId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";
import type { MessageRow, NewMessage } from "./messages-table.ts";

interface Place {
  position: number;
  at: number;
}

export class HistoryTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Where what came before everything that is here is put: below this. */
  lowest(): number {
    return this.#db.get<{ n: number }>("SELECT min(0, coalesce(min(position), 0)) AS n FROM messages")!.n;
  }

  /** How many messages stand below a position, in one room or in all. */
  count(below: number, room?: RoomId): number {
    const sql = "SELECT count(*) AS n FROM messages WHERE position < ? AND (? IS NULL OR room = ?)";
    return this.#db.get<{ n: number }>(sql, below, room ?? null, room ?? null)!.n;
  }

  /** The first position of each page of a room, oldest first. */
  pageStarts(room: RoomId, messagesPerPage: number): number[] {
    const sql = `SELECT position FROM (
        SELECT position, row_number() OVER (ORDER BY position) AS n FROM messages WHERE room = ?
      ) WHERE (n - 1) % ? = 0 ORDER BY position`;
    return this.#db.all<Place>(sql, room, messagesPerPage).map(({ position }) => position);
  }

  /** From a position on and below another, oldest first. */
  between(room: RoomId, from: number, below: number, limit: number): MessageRow[] {
    const sql = `SELECT * FROM messages WHERE room = ? AND position >= ? AND position < ? ORDER BY position ${upTo}`;
    return this.#db.all<MessageRow>(sql, room, from, below, limit);
  }

  /** Everybody of whom there is a message. */
  senders(): MessageRow["sender"][] {
    const sql = "SELECT DISTINCT sender FROM messages ORDER BY sender";
    return this.#db.all<Pick<MessageRow, "sender">>(sql).map(({ sender }) => sender);
  }

  /** The newest message that is read. */
  readMessage(room: RoomId, readPosition: number): MessageRow | undefined {
    const sql = "SELECT * FROM messages WHERE room = ? AND position <= ? ORDER BY position DESC LIMIT 1";
    return this.#db.get<MessageRow>(sql, room, readPosition);
  }

  /** A message of before, at a place of its own; its room is to be put in order when all have come. */
  insert(row: NewMessage & { position: number }): void {
    insertRow(this.#db, "messages", row);
    putRow(this.#db, "roomsToOrder", { room: row.room });
  }

  /** What another engine knew of our message, where this one does not. */
  fillIn(
    id: MessageRow["id"],
    row: Pick<MessageRow, "state" | "forwardedAt" | "deliveredAt" | "readAt">,
  ): void {
    const sql = `UPDATE messages SET state = ?, forwardedAt = coalesce(forwardedAt, ?),
      deliveredAt = coalesce(deliveredAt, ?), readAt = coalesce(readAt, ?) WHERE id = ?`;
    this.#db.run(sql, row.state, row.forwardedAt, row.deliveredAt, row.readAt, id);
  }

  /** Where a room that came back was read up to: a message that may still be to come. */
  putMarker(room: RoomId, message: MessageRow["id"]): void {
    putRow(this.#db, "markersToReach", { room, message });
  }

  /** A message came: up to it is read where that is so, unless somebody read on meanwhile. */
  reachMarker(room: RoomId, message: MessageRow["id"], position: number): void {
    const reached = "DELETE FROM markersToReach WHERE room = ? AND message = ?";
    if (this.#db.run(reached, room, message).changes === 0) return;
    const sql = "UPDATE rooms SET readPosition = ? WHERE id = ? AND readPosition = 0";
    this.#db.run(sql, position, room);
  }

  /** Another room in which the messages of this one are kept. */
  alias(room: RoomId): RoomId | undefined {
    return this.#db.get<{ kept: RoomId }>("SELECT kept FROM roomAliases WHERE room = ?", room)?.kept;
  }

  putAlias(room: RoomId, kept: RoomId): void {
    putRow(this.#db, "roomAliases", { room, kept });
  }

  roomsToOrder(): RoomId[] {
    return this.#db.all<{ room: RoomId }>("SELECT room FROM roomsToOrder").map(({ room }) => room);
  }

  /**
   * Within a transaction: gives a room's messages its positions anew, by when they were sent (by a clock that is ahead:
   * when they came). The positions themselves stay the same ones, and so do those of messages that are in order.
   * @returns whether any message moved
   */
  order(room: RoomId): boolean {
    this.#db.run("DELETE FROM roomsToOrder WHERE room = ?", room);
    const sql =
      "SELECT position, min(sentAt, receivedAt) AS at FROM messages WHERE room = ? ORDER BY position";
    const before = this.#db.all<Place>(sql, room);
    const after = before.toSorted((a, b) => a.at - b.at || a.position - b.position);
    const moved = after.flatMap(({ position }, index) =>
      position === before[index]!.position ? [] : [{ from: position, to: before[index]!.position }],
    );
    if (moved.length === 0) return false;
    const markers = this.#markers(room);
    for (const { from } of moved) this.#unsearchable(from);
    // Out of the way first: a position belongs to one message.
    for (const { from, to } of moved) this.#move(from, aside(to));
    for (const { to } of moved) {
      this.#move(aside(to), to);
      this.#searchable(to);
    }
    const places = new Map(moved.map(({ from, to }) => [from, to]));
    for (const [column, position] of markers) {
      const sql = `UPDATE rooms SET ${column} = ? WHERE id = ?`;
      this.#db.run(sql, places.get(position) ?? position, room);
    }
    return true;
  }

  /** The read markers, each at a message. */
  #markers(room: RoomId): ["readPosition" | "reportedPosition", number][] {
    const columns = ["readPosition", "reportedPosition"] as const;
    return columns.flatMap((column) => {
      const marked = this.#db.get<Place>(
        `SELECT max(position) AS position FROM messages
         WHERE room = ? AND position <= (SELECT ${column} FROM rooms WHERE id = ?)`,
        room,
        room,
      );
      return typeof marked?.position === "number" ? [[column, marked.position]] : [];
    });
  }

  #move(from: number, to: number): void {
    this.#db.run("UPDATE messages SET position = ? WHERE position = ?", to, from);
  }

  /** The index of texts lies beside the messages and is told by hand where one is. */
  #unsearchable(position: number): void {
    this.#db.run(
      `INSERT INTO messageText (messageText, rowid, text)
       SELECT 'delete', position, text FROM messages WHERE position = ? AND kind = 'text'`,
      position,
    );
  }

  #searchable(position: number): void {
    this.#db.run(
      `INSERT INTO messageText (rowid, text)
       SELECT position, text FROM messages WHERE position = ? AND kind = 'text'`,
      position,
    );
  }
}

/** Below every position that is ever given out. */
const aside = (position: number): number => position - 2 ** 52;
