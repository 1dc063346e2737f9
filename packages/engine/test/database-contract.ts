/**
 * What an engine's database does, wherever it runs: each case gives plain data, so that what a browser answers can be
 * held against what Node answers, and both against what is right.
 */
import type { Database } from "../src/store/database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { migrate } from "../src/store/schema.ts";

/** @param open a new, empty database each time */
export async function databaseAnswers(open: () => Promise<Database>): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const [name, ask] of Object.entries(cases)) {
    const db = await open();
    try {
      answers[name] = ask(db);
    } finally {
      db.close();
    }
  }
  return answers;
}

/** In a form that JSON keeps: bytes as `bytes 0102`. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array)
    return `bytes ${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plain(held)]));
}

/** Whether it threw. */
function refuses(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

const cases: Record<string, (db: Database) => unknown> = {
  "values come back as they went in"(db) {
    db.exec("CREATE TABLE t (n INTEGER, b BLOB, s TEXT) STRICT");
    const rows = [
      [null, null, null],
      [0, new Uint8Array(0), ""],
      [-1, Uint8Array.of(0, 255), "grün 東京 🦉"],
      [2 ** 31, Uint8Array.of(1), "a\u0000b"],
      [2 ** 53 - 1, Uint8Array.of(2), "-"],
      [-(2 ** 53 - 1), Uint8Array.of(3), "'; DROP TABLE t"],
    ] as const;
    const changes = rows.map(([n, b, s]) => db.run("INSERT INTO t VALUES (?, ?, ?)", n, b, s).changes);
    return plain([changes, db.all("SELECT * FROM t ORDER BY rowid")]);
  },
  "one row, or none"(db) {
    db.exec("CREATE TABLE t (n INTEGER) STRICT; INSERT INTO t VALUES (1), (2)");
    const of = (n: number) => db.get("SELECT n FROM t WHERE n >= ? ORDER BY n", n);
    return plain([of(1), of(2), of(3), db.run("UPDATE t SET n = n + 1").changes, db.all("SELECT n FROM t")]);
  },
  "a transaction is whole or nothing, and one within another is part of it"(db) {
    db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT");
    const put = (n: number) => db.run("INSERT INTO t VALUES (?)", n);
    const outcomes = [
      db.transaction(() => put(1).changes),
      refuses(() => db.transaction(() => [put(2), put(1)])),
      refuses(() =>
        db.transaction(() => {
          put(3);
          db.transaction(() => put(4));
          throw new Error("given up");
        }),
      ),
      refuses(() => db.transaction(async () => put(5))),
      db.transaction(() => [db.emptyLog(), db.transaction(() => put(6).changes)]),
    ];
    return plain([outcomes, db.all("SELECT n FROM t ORDER BY n"), db.emptyLog()]);
  },
  "what is wrong throws and leaves the database usable"(db) {
    db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT NOT NULL) STRICT");
    return plain([
      refuses(() => db.run("INSERT INTO nowhere VALUES (1)")),
      refuses(() => db.run("INSERT INTO t VALUES (1, NULL)")),
      refuses(() => db.run("INSERT INTO t VALUES ('x', 'x')")),
      db.run("INSERT INTO t VALUES (1, 'x')").changes,
      db.all("SELECT * FROM t"),
    ]);
  },
  "the engine's schema stands, from an older version too"(db) {
    migrate(db, 1);
    db.run("INSERT INTO settings (name, value) VALUES ('kept', ?)", Uint8Array.of(7));
    const store = openEngineStore(db);
    return plain([
      db.get("PRAGMA user_version"),
      db.get("PRAGMA foreign_keys"),
      db.get("PRAGMA secure_delete"),
      db.get("PRAGMA synchronous"),
      store.identity.setting("kept"),
      db.all("SELECT name, type FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"),
    ]);
  },
  "messages are found by their words, without their accents, and no more when they are gone"(db) {
    migrate(db);
    const add = (id: string, text: string) =>
      db.run(
        "INSERT INTO messages (id, room, kind, sender, mine, sentAt, receivedAt, text) VALUES (?, 'r', 'text', 'a', 1, 1, 1, ?)",
        id,
        text,
      );
    add("1", "Der Müller mahlt");
    add("2", "the miller grinds");
    const find = (words: string) =>
      db.all("SELECT rowid FROM messageText WHERE messageText MATCH ? ORDER BY rowid", words);
    const before = [find("muller"), find("mill*"), find("nobody")];
    db.run("DELETE FROM messages WHERE id = '1'");
    return plain([before, find("muller")]);
  },
};
