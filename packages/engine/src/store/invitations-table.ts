/** Invitations made here with who used them, and notices that the person has not dismissed. */
import type { AccountId, ServerId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow, putRow } from "./database.ts";

export interface InvitationRow {
  /** 16 bytes, base32. */
  id: string;
  secret: Uint8Array;
  label: string;
  createdAt: number;
  expiresAt: number;
  usesMax: number;
  usesLeft: number;
  revoked: 0 | 1;
}

export interface InvitationUse {
  account: AccountId;
  displayName: string;
  at: number;
}

export interface NoticeRow {
  id: number;
  level: "info" | "warning" | "danger";
  cause: string;
  at: number;
}

export class InvitationsTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(id: string): InvitationRow | undefined {
    return this.#db.get<InvitationRow>("SELECT * FROM invitations WHERE id = ?", id);
  }

  list(): InvitationRow[] {
    return this.#db.all<InvitationRow>("SELECT * FROM invitations ORDER BY createdAt DESC, rowid DESC");
  }

  insert(row: InvitationRow): void {
    insertRow(this.#db, "invitations", row);
  }

  revoke(id: string): void {
    this.#db.run("UPDATE invitations SET revoked = 1 WHERE id = ?", id);
  }

  /** Takes one use, if one is left at `use.at`. Atomic with whatever else the transaction does. */
  consume(id: string, use: InvitationUse): boolean {
    const taken = this.#db.run(
      "UPDATE invitations SET usesLeft = usesLeft - 1 WHERE id = ? AND usesLeft > 0 AND revoked = 0 AND expiresAt > ?",
      id,
      use.at,
    );
    if (taken.changes === 0) return false;
    putRow(this.#db, "invitationUses", { invitation: id, ...use });
    return true;
  }

  /** A server to be linked back, since when. */
  oweLinkBack(server: ServerId, at: number): void {
    this.#db.run("INSERT OR IGNORE INTO linksBack (server, at) VALUES (?, ?)", server, at);
  }

  linksBackOwed(): { server: ServerId; at: number }[] {
    return this.#db.all<{ server: ServerId; at: number }>("SELECT server, at FROM linksBack ORDER BY at");
  }

  linkedBack(server: ServerId): void {
    this.#db.run("DELETE FROM linksBack WHERE server = ?", server);
  }

  uses(id: string): InvitationUse[] {
    return this.#db.all<InvitationUse>(
      "SELECT account, displayName, at FROM invitationUses WHERE invitation = ? ORDER BY at",
      id,
    );
  }
}

export class NoticesTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  list(): NoticeRow[] {
    return this.#db.all<NoticeRow>("SELECT * FROM notices ORDER BY id");
  }

  get(id: number): NoticeRow | undefined {
    return this.#db.get<NoticeRow>("SELECT * FROM notices WHERE id = ?", id);
  }

  add(row: Omit<NoticeRow, "id">): number {
    insertRow(this.#db, "notices", row);
    return this.#db.get<{ id: number }>("SELECT last_insert_rowid() AS id")!.id;
  }

  dismiss(id: number): void {
    this.#db.run("DELETE FROM notices WHERE id = ?", id);
  }

  /** Keeps the newest ones only. */
  keepNewest(count: number): void {
    this.#db.run(
      "DELETE FROM notices WHERE id <= (SELECT id FROM notices ORDER BY id DESC LIMIT 1 OFFSET ?)",
      count,
    );
  }
}
