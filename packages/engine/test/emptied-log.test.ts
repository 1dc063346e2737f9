/** The log beside the store: what a write replaced does not stay in it. */
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ManualClock } from "../../protocol/test/manual-clock.ts";
import { withEmptiedLog } from "../src/core/emptied-log.ts";
import { logKeptMs } from "../src/core/limits.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import type { Database } from "../src/store/database.ts";
import { StoreFullError } from "../src/store/database.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "fedchat-log-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const logBytes = (path: string) => statSync(`${path}-wal`).size;

test("[X4] the log is emptied once in a while under load, and left alone while nothing is written", () => {
  const path = join(directory, "load.db");
  const clock = new ManualClock(0);
  const database = withEmptiedLog(counting(openSqliteDatabase(path)), clock);
  expect(clock.pending).toBe(0);
  database.exec("CREATE TABLE t (x)");
  for (let i = 0; i < 100; i++) {
    database.run("INSERT INTO t VALUES (?)", i);
    clock.advance(logKeptMs / 10);
  }
  clock.advance(logKeptMs);
  expect(logBytes(path)).toBe(0);
  expect(emptied).toBeGreaterThanOrEqual(10);
  expect(emptied).toBeLessThanOrEqual(12);
  expect(clock.pending).toBe(0);
  expect(database.get("SELECT count(*) AS n FROM t")).toEqual({ n: 100 });
  database.run("INSERT INTO t VALUES (0)");
  database.close();
  expect(clock.pending).toBe(0);
});

test("[X4] what a killed engine left in its log is moved at the next opening", () => {
  const [path, left] = [join(directory, "killed.db"), join(directory, "left.db")];
  const killed = openSqliteDatabase(path);
  killed.exec("CREATE TABLE t (x)");
  killed.run("INSERT INTO t VALUES (1)");
  for (const end of ["", "-wal"]) copyFileSync(path + end, left + end);
  killed.close();
  expect(logBytes(left)).toBeGreaterThan(0);
  const database = withEmptiedLog(openSqliteDatabase(left), new ManualClock(0));
  expect(logBytes(left)).toBe(0);
  expect(database.get("SELECT x FROM t")).toEqual({ x: 1 });
  database.close();
});

test("a log that cannot be emptied now is tried again, and a transaction is never cut", () => {
  const path = join(directory, "again.db");
  const clock = new ManualClock(0);
  let refused = true;
  const disk = openSqliteDatabase(path);
  const database = withEmptiedLog({ ...bound(disk), emptyLog: () => !refused && disk.emptyLog() }, clock);
  expect(clock.pending).toBe(1);
  database.exec("CREATE TABLE t (x)");
  expect(() =>
    database.transaction(() => {
      database.run("INSERT INTO t VALUES (1)");
      expect(disk.emptyLog()).toBe(false);
      throw new StoreFullError("full");
    }),
  ).toThrow("full");
  expect(database.all("SELECT * FROM t")).toEqual([]);
  clock.advance(logKeptMs);
  expect(logBytes(path)).toBeGreaterThan(0);
  refused = false;
  clock.advance(logKeptMs);
  expect(logBytes(path)).toBe(0);
  expect(clock.pending).toBe(0);
  database.close();
});

let emptied = 0;
function counting(database: Database): Database {
  emptied = 0;
  return {
    ...bound(database),
    emptyLog() {
      emptied += 1;
      return database.emptyLog();
    },
  };
}

function bound(database: Database): Database {
  return {
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    run: (sql, ...values) => database.run(sql, ...values),
    exec: (sql) => database.exec(sql),
    transaction: (work) => database.transaction(work),
    emptyLog: () => database.emptyLog(),
    close: () => database.close(),
  };
}
