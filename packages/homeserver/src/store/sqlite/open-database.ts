/**
 * Opens the store's file: owner-only, locked against other processes, checked before anything is written. Invariant: a
 * file that is damaged, foreign or of a newer version is left byte for byte as it was.
 */
import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeOwnerOnlyFolder, syncFolder } from "../../node/owner-only.ts";
import {
  cacheKibibytes,
  checkedAtStartBytesMax,
  lockWaitMs,
  walBytesKept,
  walPagesBeforeCheckpoint,
} from "../limits.ts";
import { StoreUnusableError } from "../store.ts";
import { applicationId, migrations } from "./schema.ts";
import { cannotOpen, damaged, explained, isSharedMemoryError } from "./sqlite-errors.ts";
import { inTransaction } from "./transaction.ts";

/** Throws `StoreUnusableError` or `StoreFullError`. `bytesMax`: the file's size limit, at which the store is full. */
export function openDatabase(path: string, bytesMax?: number): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    makeOwnerOnlyFolder(dirname(path));
    createOwnerOnly(path);
    const checked = checkReadOnly(path);
    db = new DatabaseSync(path, { timeout: lockWaitMs });
    // Before the log is first touched: the lock is then held until we end, and no shared memory file is needed.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA temp_store = MEMORY");
    db.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
    db.exec(`PRAGMA wal_autocheckpoint = ${walPagesBeforeCheckpoint}`);
    db.exec(`PRAGMA journal_size_limit = ${walBytesKept}`);
    if (bytesMax !== undefined) db.exec(`PRAGMA max_page_count = ${Math.floor(bytesMax / 4_096)}`);
    migrate(db, checked ?? checkedVersion(db, path), migrations);
    return db;
  } catch (error) {
    db?.close();
    throw explained(error, path);
  }
}

/** Brings a store from `version` up to the last of `steps`, all in one transaction; which also takes the lock. */
export function migrate(db: DatabaseSync, version: number, steps: readonly string[]): void {
  inTransaction(db, () => {
    if (version === steps.length) return;
    for (const step of steps.slice(version)) db.exec(step);
    db.exec(`PRAGMA application_id = ${applicationId}`);
    db.exec(`PRAGMA user_version = ${steps.length}`);
  });
}

function createOwnerOnly(path: string): void {
  if (!existsSync(path)) {
    closeSync(openSync(path, "ax", 0o600));
    syncFolder(dirname(path));
  }
  if (!statSync(path).isFile()) throw cannotOpen(path, "not a file");
  chmodSync(path, 0o600);
}

/**
 * Checks without write access, since even closing a store that was opened for writing changes its files. Undefined where
 * a full disk has no room for the small file that this needs beside the log.
 */
function checkReadOnly(path: string): number | undefined {
  const db = new DatabaseSync(path, { readOnly: true, timeout: lockWaitMs });
  try {
    return checkedVersion(db, path);
  } catch (error) {
    if (isSharedMemoryError(error)) return undefined;
    throw error;
  } finally {
    db.close();
  }
}

/** The version of a store that may be opened; 0 for one that is still empty. */
function checkedVersion(db: DatabaseSync, path: string): number {
  const application = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  if (application === 0 && version === 0 && tables(db) === 0) return 0;
  if (application !== applicationId) {
    throw new StoreUnusableError(
      `${path} is a database of another program. Nothing was changed. Give FedChat a folder of its own.`,
    );
  }
  if (version > migrations.length) {
    throw new StoreUnusableError(
      `${path} was written by a newer FedChat (store version ${version}, this one knows ${migrations.length}). ` +
        "Nothing was changed. Install that version again or a newer one.",
    );
  }
  if (statSync(path).size <= checkedAtStartBytesMax) {
    const found = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (found.quick_check !== "ok") throw damaged(path, found.quick_check);
  }
  return version;
}

function pragma(db: DatabaseSync, name: "application_id" | "user_version"): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0] as number;
}

function tables(db: DatabaseSync): number {
  return db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()!["n"] as number;
}
