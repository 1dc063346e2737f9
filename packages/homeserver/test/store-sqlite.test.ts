import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { openSqliteStore, storeFileName, StoreFullError, StoreUnusableError } from "../src/store/index.ts";
import { migrate } from "../src/store/sqlite/open-database.ts";
import { describeStore } from "./store-contract.ts";
import { describeCustody } from "./store-custody-contract.ts";
import { describeArchives } from "./store-archive-contract.ts";
import { describeRooms } from "./store-room-contract.ts";
import { alice, deliver, delivery, envelope, opening, phone } from "./store-fixtures.ts";
import { sqlitePlace, temporaryFolder } from "./store-places.ts";

describeStore("sqlite", sqlitePlace);
describeCustody("sqlite", sqlitePlace);
describeRooms("sqlite", sqlitePlace);
describeArchives("sqlite", sqlitePlace);

describe("the store on disk", () => {
  test("is its owner's alone", async () => {
    await using place = sqlitePlace();
    await using store = await place.open();
    await store.write([opening(alice, "alice", [phone])]);
    const modes = readdirSync(place.folder).map((name) => [
      name,
      statSync(join(place.folder, name)).mode & 0o777,
    ]);
    expect(Object.fromEntries(modes)).toEqual({ [storeFileName]: 0o600, [`${storeFileName}-wal`]: 0o600 });
    expect(statSync(place.folder).mode & 0o777).toBe(0o700);
  });

  test("cannot be opened twice at a time", async () => {
    await using place = sqlitePlace();
    const first = await place.open();
    const second = place.open();
    await expect(second).rejects.toThrow(StoreUnusableError);
    await expect(second).rejects.toThrow("another FedChat is running on this folder");
    await first.write([opening(alice, "alice", [])]);
    await first[Symbol.asyncDispose]();
    const later = await place.open();
    expect((await later.load()).accounts).toHaveLength(1);
  });

  test("is read with what a killed process left in its log", async () => {
    using folder = temporaryFolder();
    const { answered, left } = await killedWriter(folder.path);
    await using store = await openSqliteStore({ folder: folder.path });
    const found = (await store.inboxPage(alice, 0, 100_000)).map(({ id }) => id);
    expect(left).toContain(`${storeFileName}-wal`);
    expect(answered).toBeGreaterThan(20);
    expect(found.length).toBeGreaterThanOrEqual(answered);
    expect(found).toEqual(found.map((_, n) => envelope(n)));
    // Each write put two envelopes.
    expect(found.length % 2).toBe(0);
  });

  describe("that cannot be used is left as it was:", () => {
    async function refusal(folder: string, expected: string): Promise<void> {
      const path = join(folder, storeFileName);
      const before = readFileSync(path);
      const opened = openSqliteStore({ folder });
      await expect(opened).rejects.toThrow(StoreUnusableError);
      await expect(opened).rejects.toThrow(expected);
      await expect(opened).rejects.toThrow("Nothing was changed");
      expect(readFileSync(path).equals(before)).toBe(true);
    }

    async function filledStore(folder: string): Promise<string> {
      await using store = await openSqliteStore({ folder });
      await store.write([
        opening(alice, "alice", [phone]),
        deliver(...Array.from({ length: 500 }, (_, n) => delivery(n, [alice]))),
      ]);
      return join(folder, storeFileName);
    }

    test("not a database", async () => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, storeFileName), "no database at all\n".repeat(500));
      await refusal(folder.path, "is not a FedChat store");
    });

    test("a damaged page", async () => {
      using folder = temporaryFolder();
      const path = await filledStore(folder.path);
      const bytes = readFileSync(path);
      for (let page = 2; page < bytes.length / 4_096; page += 1)
        bytes.fill(0xa5, page * 4_096, page * 4_096 + 100);
      writeFileSync(path, bytes);
      await refusal(folder.path, "is damaged");
    });

    test("a file cut short", async () => {
      using folder = temporaryFolder();
      const path = await filledStore(folder.path);
      truncateSync(path, Math.floor(statSync(path).size / 2));
      await refusal(folder.path, "is damaged");
    });

    test("a newer version", async () => {
      using folder = temporaryFolder();
      const db = new DatabaseSync(await filledStore(folder.path));
      db.exec("PRAGMA user_version = 999");
      db.close();
      await refusal(folder.path, "written by a newer FedChat (store version 999");
    });

    test("another program's database", async () => {
      using folder = temporaryFolder();
      const db = new DatabaseSync(join(folder.path, storeFileName));
      db.exec("CREATE TABLE songs (title TEXT)");
      db.close();
      await refusal(folder.path, "a database of another program");
    });

    test("a folder in its place", async () => {
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, storeFileName));
      await expect(openSqliteStore({ folder: folder.path })).rejects.toThrow("cannot be opened");
    });
  });

  test("that is full refuses a write whole, keeps what it has, and goes on once there is room", async () => {
    await using place = sqlitePlace({ bytesMax: 1_048_576 });
    let store = await place.open();
    await store.write([opening(alice, "alice", [phone])]);
    const payload = new Uint8Array(20_000);
    const pair = (n: number) =>
      deliver(delivery(2 * n, [alice], { payload }), delivery(2 * n + 1, [alice], { payload }));
    let written = 0;
    const full = (async () => {
      for (; written < 100; written += 1) await store.write([pair(written)]);
    })();
    await expect(full).rejects.toThrow(StoreFullError);
    expect(written).toBeGreaterThan(10);
    const found = async () => (await store.inboxPage(alice, 0, 1_000)).map(({ id }) => id);
    const kept = Array.from({ length: 2 * written }, (_, n) => envelope(n));
    expect(await found()).toEqual(kept);
    await expect(store.write([pair(written)])).rejects.toThrow(StoreFullError);

    await store[Symbol.asyncDispose]();
    store = await place.open();
    expect(await found()).toEqual(kept);
    await store.write([{ op: "inbox.acknowledge", account: alice, device: phone, position: 10 }]);
    await store.write([pair(written)]);
    expect(await found()).toEqual([...kept.slice(10), envelope(2 * written), envelope(2 * written + 1)]);
  });

  test("joins what waits into few transactions, and those that fail take no other with them", async () => {
    await using place = sqlitePlace();
    const store = await place.open();
    await store.write([opening(alice, "alice", [phone])]);
    const writes = Array.from({ length: 200 }, (_, n) =>
      store.write(n % 50 === 49 ? [opening(alice, "again", [])] : [deliver(delivery(n, [alice]))]),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(4);
    expect(await store.inboxPage(alice, 0, 500)).toHaveLength(196);
  });

  test("that is found damaged while it runs answers every call with one fatal error, and says so once", async () => {
    const fatal: Error[] = [];
    await using place = sqlitePlace({ onFatal: (error) => fatal.push(error) });
    let store = await place.open();
    await store.write([
      opening(alice, "alice", [phone]),
      deliver(...Array.from({ length: 500 }, (_, n) => delivery(n, [alice]))),
    ]);
    await store[Symbol.asyncDispose]();
    store = await place.open();
    const path = join(place.folder, storeFileName);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 20 * 4_096);
    writeFileSync(path, bytes);
    const calls = await Promise.allSettled([
      store.inboxPage(alice, 0, 500),
      store.inboxPage(alice, 0, 500),
      store.load(),
    ]);
    expect(calls.map((call) => call.status === "rejected" && (call.reason as Error).name)).toEqual(
      Array.from({ length: 3 }, () => "StoreUnusableError"),
    );
    await expect(store.write([])).rejects.toThrow("is damaged");
    expect(fatal).toHaveLength(1);
  });

  test("whose thread is gone answers every call", async () => {
    const fatal: Error[] = [];
    await using place = sqlitePlace({ onFatal: (error) => fatal.push(error) });
    const store = await place.open();
    const calls = Array.from({ length: 50 }, () =>
      store.write([{ op: "meta.put", key: "a", value: new Uint8Array(9) }]),
    );
    const settled = Promise.allSettled([...calls, store.load()]);
    await place.crash(store);
    await settled;
    await expect(store.load()).rejects.toThrow(StoreUnusableError);
    expect(fatal).toEqual([]);
  });
});

describe("migrations", () => {
  const steps = ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y", "INSERT INTO a VALUES (1, 2)"];

  test("bring a store of any earlier version to the present one, once", () => {
    for (const from of [0, 1, 2, 3]) {
      const db = new DatabaseSync(":memory:");
      migrate(db, 0, steps.slice(0, from));
      migrate(db, from, steps);
      migrate(db, 3, steps);
      expect(db.prepare("SELECT * FROM a").all()).toEqual([{ x: 1, y: 2 }]);
      expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 3 });
    }
  });

  test("that fail leave the store at its old version", () => {
    const db = new DatabaseSync(":memory:");
    migrate(db, 0, steps.slice(0, 1));
    expect(() => migrate(db, 1, [...steps, "INSERT INTO nowhere VALUES (1)"])).toThrow("no such table");
    expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
    expect(db.prepare("SELECT * FROM a").all()).toEqual([]);
  });
});

/** Starts a process that writes to a store, and kills it in the middle. */
async function killedWriter(folder: string): Promise<{ answered: number; left: string[] }> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, "store-writer.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let answered = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    answered = Number(line);
    if (answered > 20) break;
  }
  writer.kill("SIGKILL");
  await once(writer, "exit");
  return { answered, left: readdirSync(folder) };
}
