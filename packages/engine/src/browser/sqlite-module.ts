/**
 * SQLite's official WebAssembly build with its pool of files in the origin's private file system, which needs no
 * cross-origin isolation. Each file is held by an exclusive handle: a second engine of this origin cannot open the pool
 * while the first one lives. Trusts the library; names it nowhere else.
 */
import type { Database as Connection, SAHPoolUtil, Sqlite3Static } from "@sqlite.org/sqlite-wasm";
import sqlite3InitModule from "@sqlite.org/sqlite-wasm";
import { StoreUnusableError } from "../store/database.ts";

export interface StorePool {
  sqlite3: Sqlite3Static;
  open(name: string): Connection;
  /** Whether a write failed last because there was no room; asking forgets it. */
  takeWasFull(): boolean;
}

/** Database, its log, and what SQLite may open beside them. */
const files = 6;

/** A tab that was just closed may hold its handles for some moments more. */
const tries = 50;
const tryEveryMs = 200;

let loaded: Promise<Sqlite3Static> | undefined;
/** What the file system said to the library last; SQLite itself hears only that it failed. */
let fault: unknown;

/** Read by the library when it starts: other file systems of it need what we do not serve, and would complain. */
Object.assign(globalThis, {
  sqlite3ApiConfig: {
    disable: { vfs: { kvvfs: true, opfs: true, "opfs-wl": true, "opfs-vfs": true } },
    error: (...said: unknown[]) => {
      fault = said.at(-1);
    },
    warn: () => undefined,
    log: () => undefined,
    debug: () => undefined,
  },
});

/** Rejects with `StoreUnusableError` where this browser has no such files, or another engine keeps them. */
export async function openStorePool(directory: string): Promise<StorePool> {
  const sqlite3 = await (loaded ??= sqlite3InitModule());
  const pool = await install(sqlite3, directory);
  return {
    sqlite3,
    open: (name) => new pool.OpfsSAHPoolDb(name),
    takeWasFull() {
      const { name, message } = (fault ?? {}) as Partial<Error>;
      fault = undefined;
      // Chromium throws nothing where the quota is spent: it writes less than it was asked, of which the library says this.
      return name === "QuotaExceededError" || message === "Unknown write() failure.";
    },
  };
}

/** Whether the folder of a pool that was opened is still in the origin's private file system. */
export async function isStoreThere(directory: string): Promise<boolean> {
  const root = await navigator.storage.getDirectory();
  try {
    await root.getDirectoryHandle(directory);
    return true;
  } catch (error) {
    if ((error as { name?: string }).name === "NotFoundError") return false;
    throw error;
  }
}

async function install(sqlite3: Sqlite3Static, directory: string): Promise<SAHPoolUtil> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sqlite3.installOpfsSAHPoolVfs({
        name: directory,
        directory,
        initialCapacity: files,
        verbosity: 1,
        forceReinitIfPreviouslyFailed: true,
        // Without it a pool that another tab still holds would be *deleted* as far as that succeeds.
        preserveOnInitFailure: true,
      } as Parameters<Sqlite3Static["installOpfsSAHPoolVfs"]>[0]);
    } catch (error) {
      const isHeld = (error as { name?: string }).name === "NoModificationAllowedError";
      if (!isHeld) throw unusable(error);
      if (attempt === tries) {
        const sentence =
          "Another window of this browser keeps FedChat's store open. Close all windows of it, then open one again.";
        throw new StoreUnusableError(sentence, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, tryEveryMs));
    }
  }
}

function unusable(cause: unknown): StoreUnusableError {
  const sentence =
    "This browser does not let FedChat keep anything. Private windows often do not; open FedChat in an ordinary window of a current browser.";
  return new StoreUnusableError(sentence, { cause });
}
