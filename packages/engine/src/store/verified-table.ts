/** Accounts whose key the person compared, and other keys that answer at a contact's address. [N9] [N11] */
import type { AccountId, ServerId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { putRow } from "./database.ts";

/** `code`: a QR code was read. `compared`: by eye or ear. `invitation`: the key came with the invitation that was used. */
export type VerifiedHow = "code" | "compared" | "invitation";

export interface VerifiedRow {
  /** The key itself: another key is another account, and not verified. */
  account: AccountId;
  at: number;
  how: VerifiedHow;
}

/** At `handle` of `server`, where the contact lived when it was last heard of, `other` answers since `at`. */
export interface KeyChangeRow {
  contact: AccountId;
  other: AccountId;
  server: ServerId;
  handle: string;
  at: number;
  /** The person said 'not now', and is not warned any more. */
  decided: 0 | 1;
}

/** Only while nothing newer says that the contact lives elsewhere. */
const changes = `SELECT keyChanges.* FROM keyChanges
  JOIN accounts ON accounts.account = contact AND accounts.server = keyChanges.server AND accounts.handle = keyChanges.handle`;

export class VerifiedTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(account: AccountId): VerifiedRow | undefined {
    return this.#db.get<VerifiedRow>("SELECT * FROM verified WHERE account = ?", account);
  }

  put(row: VerifiedRow): void {
    putRow(this.#db, "verified", row);
  }

  delete(account: AccountId): void {
    this.#db.run("DELETE FROM verified WHERE account = ?", account);
  }

  /** A contact other than `account` at this address. */
  contactAt(server: ServerId, handle: string, account: AccountId): AccountId | undefined {
    const sql = `SELECT account FROM accounts WHERE server = ? AND handle = ? AND account <> ?
      AND account IN (SELECT account FROM contacts) LIMIT 1`;
    return this.#db.get<{ account: AccountId }>(sql, server, handle, account)?.account;
  }

  putChange(row: KeyChangeRow): void {
    putRow(this.#db, "keyChanges", row);
  }

  changeOf(contact: AccountId): KeyChangeRow | undefined {
    return this.#db.get<KeyChangeRow>(`${changes} WHERE contact = ?`, contact);
  }

  /** The contact in whose place this account answers. */
  changeTo(other: AccountId): KeyChangeRow | undefined {
    return this.#db.get<KeyChangeRow>(`${changes} WHERE other = ? LIMIT 1`, other);
  }

  decide(contact: AccountId): void {
    this.#db.run("UPDATE keyChanges SET decided = 1 WHERE contact = ?", contact);
  }
}
