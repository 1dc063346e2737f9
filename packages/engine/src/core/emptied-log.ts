/**
 * A database whose log is emptied soon after each write. The log keeps every former image of what was changed, and with
 * it secrets that were used and overwritten since. Invariant: `logKeptMs` after a write the log does not hold what that
 * write replaced, unless the disk refuses, which is tried again as often. [X4]
 */
import type { Clock, Timer } from "@fedchat/protocol";
import type { Database } from "../store/database.ts";
import { logKeptMs } from "./limits.ts";

/** Empties at once what an engine that was killed left, then after writes. Closing the database ends it. */
export function withEmptiedLog(database: Database, clock: Pick<Clock, "after">): Database {
  let timer: Timer | undefined;
  const empty = (): void => {
    timer = undefined;
    if (!database.emptyLog()) wrote();
  };
  // Not put off by further writes: under load the log is emptied once in this time.
  const wrote = (): void => {
    timer ??= clock.after(logKeptMs, empty);
  };
  empty();
  return {
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    run(sql, ...values) {
      wrote();
      return database.run(sql, ...values);
    },
    exec(sql) {
      wrote();
      database.exec(sql);
    },
    transaction(work) {
      wrote();
      return database.transaction(work);
    },
    emptyLog: () => database.emptyLog(),
    close() {
      timer?.cancel();
      database.close();
    },
  };
}
