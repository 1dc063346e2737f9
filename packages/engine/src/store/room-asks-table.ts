/** Links into rooms of many, made here or told by their makers, and who asks to come in: others here, or we elsewhere. */
import type { AccountId, RequestId, RoomId, ServerId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow, putRow } from "./database.ts";

export interface RoomLinkRow {
  /** 16 bytes, base32. */
  id: string;
  room: RoomId;
  maker: AccountId;
  secret: Uint8Array;
  label: string;
  createdAt: number;
  expiresAt: number;
  /** Null: without a bound, and answered by others, too. */
  usesMax: number | null;
  usesLeft: number | null;
  revoked: 0 | 1;
}

export interface RoomAskRow {
  id: RequestId;
  direction: "incoming" | "outgoing";
  room: RoomId;
  /** As the room was called in the link or the list. */
  roomName: string;
  /** Incoming: who asks. Outgoing: whose link it is. */
  account: AccountId;
  server: ServerId;
  createdAt: number;
  state: "pending" | "admitted" | "declined" | "withdrawn" | "failed";
  /** JSON. */
  cause: string | null;
  /** The link by which it was asked. */
  link: string | null;
  /** Incoming, until they are in: CBOR, an array of what they are taken in with. */
  keyPackages: Uint8Array | null;
  /** Outgoing: that we have the link; sent again with it. */
  proof: Uint8Array | null;
  /** Outgoing: how often it was sent again by itself. */
  sentAgain: number;
}

/** How an ask fared with one of those asked: not known yet, at their homeserver, refused for now, refused for good. */
export type AskedOutcome = "arrived" | "later" | "never" | null;

/** A room of ours that others see in lists. */
export interface RoomListingRow {
  room: RoomId;
  /** By which they ask. */
  link: string;
  description: string;
  /** 0: the homeserver is still to be told that nobody sees it any more. */
  wanted: 0 | 1;
}

export class RoomAsksTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  link(id: string): RoomLinkRow | undefined {
    return this.#db.get<RoomLinkRow>("SELECT * FROM roomLinks WHERE id = ?", id);
  }

  /** Newest first. */
  links(room: RoomId): RoomLinkRow[] {
    const sql = "SELECT * FROM roomLinks WHERE room = ? ORDER BY createdAt DESC, rowid DESC";
    return this.#db.all<RoomLinkRow>(sql, room);
  }

  putLink(row: RoomLinkRow): void {
    putRow(this.#db, "roomLinks", row);
  }

  revokeLink(id: string): void {
    this.#db.run("UPDATE roomLinks SET revoked = 1 WHERE id = ?", id);
  }

  /** Links that others told keep their newest only: an evil maker fills no disk. */
  keepNewestOf(room: RoomId, maker: AccountId, count: number): void {
    this.#db.run(
      `DELETE FROM roomLinks WHERE room = ? AND maker = ? AND id NOT IN (
         SELECT id FROM roomLinks WHERE room = ? AND maker = ? ORDER BY createdAt DESC, rowid DESC LIMIT 0 + ?)`,
      ...[room, maker, room, maker, count],
    );
  }

  /** Takes one use where they are bounded; false where none is left. */
  useLink(id: string): boolean {
    const sql = `UPDATE roomLinks SET usesLeft = usesLeft - 1 WHERE id = ? AND (usesLeft IS NULL OR usesLeft > 0)`;
    return this.#db.run(sql, id).changes > 0;
  }

  get(id: RequestId): RoomAskRow | undefined {
    return this.#db.get<RoomAskRow>("SELECT * FROM roomAsks WHERE id = ?", id);
  }

  insert(row: RoomAskRow): void {
    insertRow(this.#db, "roomAsks", row);
  }

  /** Newest first. */
  list(): RoomAskRow[] {
    return this.#db.all<RoomAskRow>("SELECT * FROM roomAsks ORDER BY createdAt DESC, rowid DESC LIMIT 1000");
  }

  /** What waits for a person here, or for somebody elsewhere. */
  pending(direction: RoomAskRow["direction"], room: RoomId, account?: AccountId): RoomAskRow | undefined {
    const sql = `SELECT * FROM roomAsks WHERE direction = ? AND room = ? AND state = 'pending' AND (?3 IS NULL OR account = ?3)
      ORDER BY createdAt DESC LIMIT 1`;
    return this.#db.get<RoomAskRow>(sql, direction, room, account ?? null);
  }

  pendingIncoming(room?: RoomId): number {
    const sql = `SELECT count(*) AS n FROM roomAsks
      WHERE direction = 'incoming' AND state = 'pending' AND (?1 IS NULL OR room = ?1)`;
    return this.#db.get<{ n: number }>(sql, room ?? null)!.n;
  }

  /** Pending incoming ones beyond the newest `keep`. */
  pendingIncomingBeyond(keep: number): RoomAskRow[] {
    const sql = `SELECT * FROM roomAsks WHERE direction = 'incoming' AND state = 'pending'
      ORDER BY createdAt DESC, rowid DESC LIMIT -1 OFFSET ?`;
    return this.#db.all<RoomAskRow>(sql, keep);
  }

  /** Those who were admitted keep their key packages until they are in. */
  settle(id: RequestId, state: RoomAskRow["state"], cause: string | null = null): void {
    this.#db.run(
      `UPDATE roomAsks SET state = ?2, cause = ?3, keyPackages = CASE ?2 WHEN 'admitted' THEN keyPackages END
       WHERE id = ?1`,
      ...[id, state, cause],
    );
  }

  setCause(id: RequestId, cause: string | null): void {
    this.#db.run("UPDATE roomAsks SET cause = ? WHERE id = ?", cause, id);
  }

  /** With what somebody is taken in who asked for it. */
  keyPackagesOf(room: RoomId, account: AccountId): Uint8Array | undefined {
    const sql = `SELECT keyPackages FROM roomAsks
      WHERE direction = 'incoming' AND room = ? AND account = ? AND keyPackages IS NOT NULL ORDER BY createdAt DESC`;
    return this.#db.get<{ keyPackages: Uint8Array }>(sql, room, account)?.keyPackages;
  }

  /** Whoever takes part now does not ask any more, whoever let them in. */
  settleParticipants(room: RoomId): RequestId[] {
    const sql = `UPDATE roomAsks SET state = 'admitted', keyPackages = NULL
      WHERE room = ? AND direction = 'incoming' AND keyPackages IS NOT NULL
        AND account IN (SELECT account FROM roomPeople WHERE roomPeople.room = roomAsks.room) RETURNING id`;
    return this.#db.all<{ id: RequestId }>(sql, room).map(({ id }) => id);
  }

  forgetSettledBefore(time: number): void {
    this.#db.run("DELETE FROM roomAsks WHERE state <> 'pending' AND createdAt < ?", time);
  }

  listing(room: RoomId): RoomListingRow | undefined {
    return this.#db.get<RoomListingRow>("SELECT * FROM roomListings WHERE room = ?", room);
  }

  listings(): RoomListingRow[] {
    return this.#db.all<RoomListingRow>("SELECT * FROM roomListings");
  }

  putListing(row: RoomListingRow): void {
    putRow(this.#db, "roomListings", row);
  }

  unwantListing(room: RoomId): void {
    this.#db.run("UPDATE roomListings SET wanted = 0 WHERE room = ?", room);
  }

  deleteListing(room: RoomId): void {
    this.#db.run("DELETE FROM roomListings WHERE room = ? AND wanted = 0", room);
  }

  /** Whom we asked: only they may take us in. */
  addAsked(ask: RequestId, account: AccountId): void {
    const outcome: AskedOutcome = null;
    putRow(this.#db, "roomAsked", { ask, account, outcome });
  }

  setAsked(ask: RequestId, account: AccountId, outcome: AskedOutcome): void {
    this.#db.run("UPDATE roomAsked SET outcome = ? WHERE ask = ? AND account = ?", outcome, ask, account);
  }

  /** Asks of ours that reached nobody, that somebody's server refused for now, and of which nothing is under way. */
  refusedForNow(): RoomAskRow[] {
    return this.#db.all<RoomAskRow>(
      `SELECT * FROM roomAsks WHERE direction = 'outgoing' AND state = 'pending' AND proof IS NOT NULL
         AND EXISTS (SELECT 1 FROM roomAsked WHERE ask = id AND outcome = 'later')
         AND NOT EXISTS (SELECT 1 FROM roomAsked WHERE ask = id AND outcome = 'arrived')
         AND NOT EXISTS (SELECT 1 FROM outgoing WHERE subject = id)`,
    );
  }

  refusedBy(ask: RequestId): AccountId[] {
    const sql = "SELECT account FROM roomAsked WHERE ask = ? AND outcome = 'later'";
    return this.#db.all<{ account: AccountId }>(sql, ask).map(({ account }) => account);
  }

  /** It goes on by this link. */
  askBy(ask: RequestId, { link, proof }: { link: string; proof: Uint8Array }): void {
    this.#db.run("UPDATE roomAsks SET link = ?, proof = ? WHERE id = ?", link, proof, ask);
  }

  countAgain(ask: RequestId): void {
    this.#db.run("UPDATE roomAsks SET sentAgain = sentAgain + 1 WHERE id = ?", ask);
  }

  asked(ask: RequestId): AccountId[] {
    const sql = "SELECT account FROM roomAsked WHERE ask = ?";
    return this.#db.all<{ account: AccountId }>(sql, ask).map(({ account }) => account);
  }
}
