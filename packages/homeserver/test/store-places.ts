/** Where stores live in tests: in memory, or in a temporary folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqliteStoreOptions } from "../src/store/index.ts";
import { MemoryStore, openSqliteStore, SqliteStore } from "../src/store/index.ts";
import type { StorePlace } from "./store-contract.ts";

/** A folder of its own that goes with the test. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "fedchat-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function memoryPlace(): StorePlace {
  let kept = new MemoryStore();
  let crashed = false;
  const disk = {
    commit: async () => {
      if (crashed) throw new Error("crashed");
    },
  };
  return {
    open: async () => {
      crashed = false;
      kept = kept.snapshot(disk);
      return kept;
    },
    crash: async () => void (crashed = true),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export function sqlitePlace(options: Partial<SqliteStoreOptions> = {}): StorePlace & { folder: string } {
  const folder = temporaryFolder();
  const opened: SqliteStore[] = [];
  return {
    folder: folder.path,
    open: async () => {
      const store = await openSqliteStore({ folder: folder.path, ...options });
      opened.push(store);
      return store;
    },
    crash: async (store) => {
      if (store instanceof SqliteStore) await store.terminate();
    },
    [Symbol.asyncDispose]: async () => {
      for (const store of opened) await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
