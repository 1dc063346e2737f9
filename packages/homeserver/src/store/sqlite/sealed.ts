/** Sealed storage in a table: small versioned records that the store cannot read, replaced by compare-and-swap. */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId } from "@fedchat/protocol";
import type { SealedRow } from "../store.ts";
import type { AccountTables } from "./accounts.ts";

export type SealedTable = ReturnType<typeof sealedTable>;

export function sealedTable(db: DatabaseSync, accounts: AccountTables) {
  const insert = db.prepare(
    "INSERT OR IGNORE INTO sealed (account, name, version, bytes) VALUES (?, ?, ?, ?)",
  );
  const replace = db.prepare(
    "UPDATE sealed SET version = ?, bytes = ? WHERE account = ? AND name = ? AND version = ?",
  );
  const one = db.prepare("SELECT name, version, bytes FROM sealed WHERE account = ? AND name = ?");
  const all = db.prepare("SELECT name, version FROM sealed WHERE account = ? ORDER BY number");

  return {
    put(account: AccountId, { name, version, bytes }: SealedRow): "stored" | "conflict" {
      const number = accounts.existing(account);
      const { changes } =
        version === 1
          ? insert.run(number, name, version, bytes)
          : replace.run(version, bytes, number, name, version - 1);
      return changes === 0 ? "conflict" : "stored";
    },

    get(account: AccountId, name: string): SealedRow | undefined {
      const number = accounts.number(account);
      const row = number === undefined ? undefined : one.get(number, name);
      return row && ({ ...row } as unknown as SealedRow);
    },

    list(account: AccountId): { name: string; version: number }[] {
      const number = accounts.number(account);
      const rows = number === undefined ? [] : all.all(number);
      return rows.map((row) => ({ name: row["name"] as string, version: row["version"] as number }));
    },
  };
}
