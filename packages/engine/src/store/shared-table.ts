/** What this account's devices share, as it lies in sealed storage: what a change here or there is measured against. */
import type { Database } from "./database.ts";
import { putRow } from "./database.ts";

export class SharedTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(name: string): Uint8Array | undefined {
    return this.#db.get<{ plaintext: Uint8Array }>("SELECT plaintext FROM shared WHERE name = ?", name)
      ?.plaintext;
  }

  delete(name: string): void {
    this.#db.run("DELETE FROM shared WHERE name = ?", name);
  }

  put(name: string, plaintext: Uint8Array): void {
    putRow(this.#db, "shared", { name, plaintext });
  }
}
