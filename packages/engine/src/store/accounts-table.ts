/** Accounts that we have to do with (records, contacts, blocks) and the homeservers that were linked when we last saw. */
import type { AccountId, RoomId, ServerId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { putRow } from "./database.ts";

export interface AccountRow {
  account: AccountId;
  server: ServerId;
  handle: string;
  displayName: string;
  sequence: number;
  /** Signed; verified before it was stored. */
  record: Uint8Array;
}

export interface ContactRow {
  account: AccountId;
  nickname: string | null;
  room: RoomId;
  since: number;
  /** Lets us fetch key packages of this contact's devices; null before they told. */
  capability: Uint8Array | null;
  /** Whether we told them ours. */
  capabilityTold: 0 | 1;
}

export interface BlockedRow {
  account: AccountId;
  at: number;
  /** 0: unblocked here, and the homeserver may not know yet. */
  wanted: 0 | 1;
  /** Whether the homeserver has been told. */
  told: 0 | 1;
}

export class AccountsTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(account: AccountId): AccountRow | undefined {
    return this.#db.get<AccountRow>("SELECT * FROM accounts WHERE account = ?", account);
  }

  put(row: AccountRow): void {
    putRow(this.#db, "accounts", row);
  }

  contact(account: AccountId): ContactRow | undefined {
    return this.#db.get<ContactRow>("SELECT * FROM contacts WHERE account = ?", account);
  }

  contacts(): ContactRow[] {
    return this.#db.all<ContactRow>("SELECT * FROM contacts ORDER BY since");
  }

  putContact(row: ContactRow): void {
    putRow(this.#db, "contacts", row);
  }

  setCapability(account: AccountId, capability: Uint8Array): void {
    this.#db.run("UPDATE contacts SET capability = ? WHERE account = ?", capability, account);
  }

  capabilityTold(account: AccountId): void {
    this.#db.run("UPDATE contacts SET capabilityTold = 1 WHERE account = ?", account);
  }

  /** Contacts who do not know yet how to fetch our key packages. */
  capabilityUntold(): ContactRow[] {
    return this.#db.all<ContactRow>("SELECT * FROM contacts WHERE capabilityTold = 0");
  }

  isBlocked(account: AccountId): boolean {
    return (
      this.#db.get("SELECT 1 AS one FROM blocked WHERE account = ? AND wanted = 1", account) !== undefined
    );
  }

  blocked(): BlockedRow[] {
    return this.#db.all<BlockedRow>("SELECT * FROM blocked WHERE wanted = 1 ORDER BY at DESC");
  }

  blocksToTell(): BlockedRow[] {
    return this.#db.all<BlockedRow>("SELECT * FROM blocked WHERE told = 0");
  }

  putBlocked(row: BlockedRow): void {
    putRow(this.#db, "blocked", row);
  }

  /** The homeserver knows this very wish; a finished unblocking needs no row any more. */
  blockTold(account: AccountId, wanted: 0 | 1): void {
    this.#db.run("UPDATE blocked SET told = 1 WHERE account = ? AND wanted = ?", account, wanted);
    this.#db.run("DELETE FROM blocked WHERE account = ? AND wanted = 0 AND told = 1", account);
  }

  /** This engine belongs to another homeserver now, which knows of no blocks, and has links of its own. */
  leaveHome(): void {
    this.#db.run("DELETE FROM blocked WHERE wanted = 0");
    this.#db.run("UPDATE blocked SET told = 0");
    this.#db.run("DELETE FROM servers");
  }

  servers(): { server: ServerId; view: Uint8Array }[] {
    return this.#db.all("SELECT * FROM servers");
  }

  putServer(server: ServerId, view: Uint8Array): void {
    putRow(this.#db, "servers", { server, view });
  }

  deleteServer(server: ServerId): void {
    this.#db.run("DELETE FROM servers WHERE server = ?", server);
  }
}
