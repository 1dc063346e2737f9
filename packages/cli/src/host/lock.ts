/**
 * A lock that the operating system lets go when its holder dies, however it dies: SQLite's own file lock on an empty
 * database. One program at a time per data folder.
 */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { CommandError, exitCodes } from "../exit-codes.ts";

/** Undefined while another process holds it. */
export function tryLock(path: string): Disposable | undefined {
  closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** Tries until the holder lets go. Rejects with `CommandError` (timed out) after `withinMs`. */
export async function waitForLock(path: string, withinMs: number): Promise<Disposable> {
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += tryEveryMs) {
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    await new Promise((resolve) => setTimeout(resolve, tryEveryMs));
  }
  throw new CommandError(exitCodes.timedOut, `Another process holds ${path}.`, "End it, then try again.");
}

const sqliteBusy = 5;
const tryEveryMs = 100;
