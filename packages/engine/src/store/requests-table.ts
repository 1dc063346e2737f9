/** Chat requests, theirs and ours, and the private parts of key packages that wait to be used. */
import type { AccountId, KeyPackageSuite, RequestId, RoomId, ServerId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow } from "./database.ts";

export type RequestState = "pending" | "accepted" | "declined" | "withdrawn" | "failed";

export interface RequestRow {
  id: RequestId;
  direction: "incoming" | "outgoing";
  account: AccountId;
  server: ServerId;
  text: string;
  why: string;
  createdAt: number;
  state: RequestState;
  /** JSON. */
  cause: string | null;
  room: RoomId | null;
  /** Incoming: what the room will be made from. */
  keyPackage: Uint8Array | null;
}

export interface KeyPackageRow {
  reference: Uint8Array;
  keyPackage: Uint8Array;
  privatePart: Uint8Array;
  /** The kind of room that it is for. */
  suite: KeyPackageSuite;
  purpose: "request" | "stock" | "last-resort";
  request: RequestId | null;
  createdAt: number;
}

export class RequestsTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(id: RequestId): RequestRow | undefined {
    return this.#db.get<RequestRow>("SELECT * FROM requests WHERE id = ?", id);
  }

  /** Newest first. */
  list(): RequestRow[] {
    return this.#db.all<RequestRow>("SELECT * FROM requests ORDER BY createdAt DESC, rowid DESC LIMIT 1000");
  }

  /** The newest one that still waits for an answer. */
  pending(direction: RequestRow["direction"], account: AccountId): RequestRow | undefined {
    return this.#db.get<RequestRow>(
      "SELECT * FROM requests WHERE account = ? AND state = 'pending' AND direction = ? ORDER BY createdAt DESC",
      account,
      direction,
    );
  }

  pendingIncomingCount(): number {
    const sql = "SELECT count(*) AS n FROM requests WHERE direction = 'incoming' AND state = 'pending'";
    return this.#db.get<{ n: number }>(sql)!.n;
  }

  /** Pending incoming ones beyond the newest `keep`, oldest first. */
  pendingIncomingBeyond(keep: number): RequestRow[] {
    return this.#db.all<RequestRow>(
      `SELECT * FROM requests WHERE direction = 'incoming' AND state = 'pending'
       ORDER BY createdAt DESC, rowid DESC LIMIT -1 OFFSET ?`,
      keep,
    );
  }

  insert(row: RequestRow): void {
    insertRow(this.#db, "requests", row);
  }

  /** Ends or answers a request; its key package has served. */
  settle(id: RequestId, state: RequestState, more: { cause?: string | null; room?: RoomId } = {}): void {
    this.#db.run(
      "UPDATE requests SET state = ?, cause = ?, room = coalesce(?, room), keyPackage = NULL WHERE id = ?",
      state,
      more.cause ?? null,
      more.room ?? null,
      id,
    );
  }

  setCause(id: RequestId, cause: string | null): void {
    this.#db.run("UPDATE requests SET cause = ? WHERE id = ?", cause, id);
  }

  /** Answered incoming requests from before `time`: kept only so long as a replay could come. */
  forgetSettledBefore(time: number): void {
    this.#db.run(
      "DELETE FROM requests WHERE direction = 'incoming' AND state IN ('declined', 'withdrawn', 'failed') AND createdAt < ?",
      time,
    );
  }

  insertKeyPackage(row: KeyPackageRow): void {
    insertRow(this.#db, "keyPackages", row);
  }

  keyPackage(reference: Uint8Array): KeyPackageRow | undefined {
    return this.#db.get<KeyPackageRow>("SELECT * FROM keyPackages WHERE reference = ?", reference);
  }

  keyPackagesOf(request: RequestId): Uint8Array[] {
    const sql = "SELECT keyPackage FROM keyPackages WHERE request = ?";
    return this.#db.all<{ keyPackage: Uint8Array }>(sql, request).map(({ keyPackage }) => keyPackage);
  }

  /** Nothing of it is kept but that it was used. */
  spendKeyPackage(reference: Uint8Array): void {
    const sql = "UPDATE keyPackages SET keyPackage = x'', privatePart = x'' WHERE reference = ?";
    this.#db.run(sql, reference);
  }

  deleteKeyPackagesOf(request: RequestId): void {
    this.#db.run("DELETE FROM keyPackages WHERE request = ?", request);
  }

  /** The newest. */
  lastResort(suite: KeyPackageSuite): KeyPackageRow | undefined {
    const sql =
      "SELECT * FROM keyPackages WHERE purpose = 'last-resort' AND suite = ? ORDER BY rowid DESC LIMIT 1";
    return this.#db.get<KeyPackageRow>(sql, suite);
  }

  deleteKeyPackagesBefore(time: number): void {
    this.#db.run("DELETE FROM keyPackages WHERE createdAt < ?", time);
  }
}
