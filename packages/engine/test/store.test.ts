/** The engine's database: one owner, one schema, and tables that keep their own rules. */
import type { AccountId, DeviceId, MessageId, RequestId, RoomId, ServerId } from "@fedchat/protocol";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { causeOfCode, decodeCause, encodeCause } from "../src/core/causes.ts";
import { databaseAnswers } from "./database-contract.ts";
import { openMigratedDatabase } from "./migrated-database.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { StoreUnusableError } from "../src/store/database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { migrate } from "../src/store/schema.ts";

const room = "room" as RoomId;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "fedchat-store-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("the database answers what an engine relies on, here as in browsers", async () => {
  const answers = await databaseAnswers(async () => openSqliteDatabase(":memory:"));
  expect(answers["one row, or none"]).toEqual([{ n: 1 }, { n: 2 }, null, 2, [{ n: 2 }, { n: 3 }]]);
  expect(answers["a transaction is whole or nothing, and one within another is part of it"]).toEqual([
    [1, true, true, true, [false, 1]],
    [{ n: 1 }, { n: 6 }],
    true,
  ]);
  const [unknown, missing, wrong, ...after] = answers[
    "what is wrong throws and leaves the database usable"
  ] as unknown[];
  expect([unknown, missing, wrong]).toEqual([true, true, true]);
  expect(after).toEqual([1, [{ n: 1, s: "x" }]]);
});

describe("the file", () => {
  test("is its owner's only, and one engine's at a time", () => {
    const path = join(directory, "one.db");
    const database = openSqliteDatabase(path);
    openEngineStore(database);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    expect(() => openSqliteDatabase(path)).toThrow(/another engine has this store open/);
    database.close();
    const again = openSqliteDatabase(path);
    expect(() => openSqliteDatabase(path)).toThrow(/another engine has this store open/);
    again.close();
  });

  test("of another program, or damaged, is refused and left as it is", () => {
    const damaged = join(directory, "damaged.db");
    writeFileSync(damaged, "not a database ".repeat(1_000));
    expect(() => openSqliteDatabase(damaged)).toThrow(/is damaged\. Nothing was changed/);
    expect(readFileSync(damaged, "utf8")).toBe("not a database ".repeat(1_000));

    const torn = join(directory, "torn.db");
    const whole = openSqliteDatabase(torn);
    openEngineStore(whole);
    whole.close();
    const bytes = readFileSync(torn);
    bytes.fill(0xff, 5_000, 9_000);
    writeFileSync(torn, bytes);
    expect(() => openSqliteDatabase(torn)).toThrow(StoreUnusableError);

    const foreign = join(directory, "foreign.db");
    const other = openSqliteDatabase(foreign);
    other.exec("CREATE TABLE things (a); PRAGMA application_id = 1");
    other.close();
    expect(() => openSqliteDatabase(foreign)).toThrow(/another program's database/);
  });

  test("that is damaged is left as it is with what a killed engine left in its log", () => {
    const [living, torn] = [join(directory, "living.db"), join(directory, "killed.db")];
    const whole = openSqliteDatabase(living);
    openEngineStore(whole);
    whole.close();
    const killed = openSqliteDatabase(living);
    killed.exec("CREATE TABLE added (a); INSERT INTO added VALUES (zeroblob(20000))");
    const damaged = readFileSync(living).fill(0xff, 5_000, 9_000);
    const log = readFileSync(`${living}-wal`);
    killed.close();
    expect(log.length).toBeGreaterThan(20_000);
    writeFileSync(torn, damaged);
    writeFileSync(`${torn}-wal`, log);

    expect(() => openSqliteDatabase(torn)).toThrow(/is damaged\. Nothing was changed/);

    expect(readFileSync(torn).equals(damaged)).toBe(true);
    expect(readFileSync(`${torn}-wal`).equals(log)).toBe(true);
  });

  test.each([
    ["are of another cipher suite", 3, `INSERT INTO groups VALUES ('${room}', x'01', x'0102')`],
    [
      "have no log",
      7,
      `INSERT INTO groups VALUES ('${room}', x'01'); INSERT INTO groupRecords VALUES ('${room}', 'a', x'02')`,
    ],
  ])("whose groups %s keeps its chats' history, and they say how to go on", (_what, version, groups) => {
    const path = join(directory, `older-${version}.db`);
    const older = openSqliteDatabase(path);
    migrate(older, version);
    older.exec(
      `INSERT INTO rooms (id, kind, peer, createdAt, lastActivityAt, state) VALUES ('${room}', 'pair', 'peer', 1, 1, 'open');
       ${groups}`,
    );
    older.close();
    const store = openEngineStore(openSqliteDatabase(path));
    const migrated = store.rooms.get(room);
    expect(migrated?.state).toBe("broken");
    expect(decodeCause(migrated!.cause)).toEqual({
      code: "room-broken",
      sentence: expect.stringContaining("earlier FedChat"),
      retry: "never",
      fix: expect.stringContaining("new chat request"),
    });
    expect(store.rooms.groupRecords(room)).toEqual([]);
    store.close();
  });

  test("in which an ask was refused for now lets whoever asks by hand send it again", () => {
    const path = join(directory, "older-23.db");
    const older = openSqliteDatabase(path);
    migrate(older, 23);
    const causes = { later: "rate-limited", under: "rate-limited", good: "not-allowed" } as const;
    for (const [id, code] of Object.entries(causes)) {
      const sql = `INSERT INTO roomAsks VALUES (?, 'outgoing', 'room', 'Hiking', 'maker', 'server', 1, 'pending', ?, 'aa', NULL)`;
      older.run(sql, id, encodeCause(causeOfCode(code)));
      older.run("INSERT INTO roomAsked VALUES (?, 'maker')", id);
    }
    older.run(
      `INSERT INTO outgoing (envelope, kind, created, server, accounts, lane, payload, grantFirst, purpose, subject, state)
       VALUES ('e', 'request', 1, 'server', 'maker', 'maker', x'00', 1, 'request', 'under', 'queued')`,
    );
    older.close();
    const store = openEngineStore(openSqliteDatabase(path));
    const refused = Object.keys(causes).filter(
      (id) => store.roomAsks.refusedBy(id as RequestId).length === 1,
    );
    expect(refused).toEqual(["later"]);
    // Without its proof it is not sent by itself.
    expect(store.roomAsks.refusedForNow()).toEqual([]);
    store.close();
  });

  test("of a newer program is refused with both versions", () => {
    const database = openSqliteDatabase(join(directory, "newer.db"));
    database.exec("PRAGMA user_version = 99");
    expect(() => openEngineStore(database)).toThrow(/store version 99, this program knows \d+/);
    expect(database.all("SELECT name FROM sqlite_schema")).toEqual([]);
    database.close();
  });

  test("that other tests begin with is what the migrations make", () => {
    const [migrated, other] = [openSqliteDatabase(":memory:"), openMigratedDatabase(":memory:")];
    migrate(migrated);
    const tables = migrated
      .all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .map(({ name }) => name);
    expect(tables.length).toBeGreaterThan(40);
    const asked = [
      "PRAGMA user_version",
      "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
      "SELECT * FROM messageText_config",
    ];
    for (const sql of asked) expect(other.all(sql)).toEqual(migrated.all(sql));
    for (const name of tables) {
      const count = `SELECT count(*) AS n FROM "${name}"`;
      expect(other.get(count), name).toEqual(migrated.get(count));
    }
    for (const database of [migrated, other]) database.close();
  });

  test("a transaction is all or nothing, also inside another one, and never waits", () => {
    const database = openSqliteDatabase(":memory:");
    database.exec("CREATE TABLE numbers (n INTEGER)");
    const failing = () =>
      database.transaction(() => {
        database.run("INSERT INTO numbers VALUES (1)");
        database.transaction(() => database.run("INSERT INTO numbers VALUES (2)"));
        throw new Error("no");
      });
    expect(failing).toThrow("no");
    expect(database.all("SELECT n FROM numbers")).toEqual([]);
    expect(() => database.transaction(async () => database.run("INSERT INTO numbers VALUES (3)"))).toThrow(
      /does not wait/,
    );
    expect(database.all("SELECT n FROM numbers")).toEqual([]);
    database.close();
  });
});

describe("tables", () => {
  const store = openEngineStore(openSqliteDatabase(":memory:"));
  const room = "room" as RoomId;
  const device = "device" as DeviceId;

  test("[M3] gaps are filled one by one, from either end and from within", () => {
    store.missing.addGap(room, device, { first: 3, last: 7, sure: 1, before: 8, follower: 8 });
    expect(store.missing.missing(room)).toBe(5);
    for (const [counter, missing] of [
      [5, 4],
      [3, 3],
      [7, 2],
      [4, 1],
      [6, 0],
    ] as const) {
      expect(store.missing.close(room, device, counter, counter)).toBe(true);
      expect(store.missing.missing(room)).toBe(missing);
    }
    expect(store.missing.close(room, device, 5, 5)).toBe(false);
  });

  test("[M4] a message's state only rises, and each confirmation is kept once", () => {
    const id = "message" as MessageId;
    const sender = "me" as AccountId;
    const base = { id, room, kind: "text", sender, mine: 1, sentAt: 1, receivedAt: 1, text: "x" } as const;
    store.messages.insert({ ...base, state: "waiting" });
    expect(store.messages.setFailed(id, "{}")).toBe(true);
    expect(store.messages.confirm(id, "delivered", 10)).toBe(true);
    expect(store.messages.get(id)).toMatchObject({ state: "delivered", deliveredAt: 10, cause: null });
    expect(store.messages.confirm(id, "submitted", 11)).toBe(true);
    expect(store.messages.confirm(id, "delivered", 12)).toBe(false);
    expect(store.messages.setWaiting(id, null)).toBe(false);
    expect(store.messages.setFailed(id, "{}")).toBe(false);
    expect(store.messages.get(id)).toMatchObject({ state: "delivered", submittedAt: 11, deliveredAt: 10 });
  });

  test("a receipt that is owed rises, and sending a lower one does not settle a higher one", () => {
    const id = "message" as MessageId;
    store.messages.oweReceipt(room, id, 2);
    store.messages.oweReceipt(room, id, 1);
    expect(store.messages.owedReceipts(room, 10)).toEqual([{ message: id, status: 2 }]);
    store.messages.receiptSent(room, id, 1);
    expect(store.messages.roomsOwedReceipts()).toEqual([room]);
    store.messages.receiptSent(room, id, 2);
    expect(store.messages.roomsOwedReceipts()).toEqual([]);
  });

  test("the oldest pending requests are those beyond a bound", () => {
    for (let n = 0; n < 5; n++) {
      store.requests.insert({
        ...{
          id: `request ${n}` as RequestId,
          direction: "incoming",
          account: `${n}` as AccountId,
          server: "s" as ServerId,
        },
        ...{ text: "", why: "", createdAt: n, state: n === 2 ? "declined" : "pending" },
        ...{ cause: null, room: null, keyPackage: null },
      });
    }
    expect(store.requests.pendingIncomingBeyond(2).map(({ id }) => id)).toEqual(["request 1", "request 0"]);
    store.requests.forgetSettledBefore(3);
    expect(store.requests.list()).toHaveLength(4);
  });

  test("an invitation is consumed as often as it may be, not after its end, not once revoked", () => {
    const invitation = {
      id: "i",
      secret: new Uint8Array(16),
      label: "",
      createdAt: 0,
      expiresAt: 100,
      usesMax: 2,
    };
    store.invitations.insert({ ...invitation, usesLeft: 2, revoked: 0 });
    const use = (account: string, at: number) =>
      store.invitations.consume("i", { account: account as AccountId, displayName: account, at });
    expect([use("a", 100), use("a", 99), use("b", 1), use("c", 1)]).toEqual([false, true, true, false]);
    expect(store.invitations.uses("i")).toHaveLength(2);
    store.invitations.insert({ ...invitation, id: "r", usesLeft: 2, revoked: 0 });
    store.invitations.revoke("r");
    expect(store.invitations.consume("r", { account: "a" as AccountId, displayName: "a", at: 1 })).toBe(
      false,
    );
  });

  test("only the newest notices are kept", () => {
    for (let n = 0; n < 5; n++) store.notices.add({ level: "info", cause: `${n}`, at: n });
    store.notices.keepNewest(2);
    expect(store.notices.list().map(({ cause }) => cause)).toEqual(["3", "4"]);
  });
});

describe("messages that come late", () => {
  /** Counters of one device's messages as a reader sees them. */
  function shown(order: number[], last: readonly number[] = []): number[] {
    const { messages, proofs } = openEngineStore(openSqliteDatabase(":memory:"));
    const message = (id: string, position?: number) => ({
      ...{ id: id as MessageId, room, kind: "text", sender: "them" as AccountId, mine: 0, text: id },
      ...{ sentAt: 1, receivedAt: 1, ...(position === undefined ? {} : { position }) },
    });
    messages.insert(message("earlier") as never);
    const before = messages.nextPosition();
    // Somebody else's late ones stand between.
    for (const back of [1, 2, 3, 40, 65_000])
      messages.insert(message(`other ${back}`, before - back) as never);
    for (const counter of order) {
      const device = "device" as DeviceId;
      const isLast = last.includes(counter);
      const position = isLast
        ? messages.nextPosition()
        : messages.latePosition(room, device, { counter, before });
      if (last.length === 0) expect(position).toBeLessThan(before);
      messages.insert(message(`${counter}`, position) as never);
      const [empty, previous] = [new Uint8Array(), null];
      const proof = {
        groupId: empty,
        epoch: 1,
        leaf: 1,
        created: 1,
        head: empty,
        tail: empty,
        signature: empty,
      };
      proofs.put({ room, device, counter, message: `${counter}` as MessageId, previous, ...proof });
    }
    const texts = messages.after(room, 0, 1_000).map(({ text }) => Number(text));
    return texts.filter((text) => !Number.isNaN(text));
  }

  test.each([
    ["in order", Array.from({ length: 300 }, (_, at) => at + 1)],
    ["the last first", Array.from({ length: 300 }, (_, at) => 300 - at)],
    ["in any order", [3, 5, 1, 6, 2, 4]],
  ])("[Z2] stand in their sender's order, come as they may: %s", (_name, order) => {
    expect(shown(order)).toEqual(order.toSorted((a, b) => a - b));
  });

  test.each([
    ["behind it", [1, 2, 3, 4, 5]],
    ["before it, and behind another", [1, 5, 3, 2, 4]],
  ])("[Z3] stand in their sender's order where one came by itself meanwhile: %s", (_name, order) => {
    expect(
      shown(
        order,
        order.slice(0, 2).toSorted((a, b) => a - b),
      ),
    ).toEqual([1, 2, 3, 4, 5]);
  });
});

test("of a room that is over nothing is owed: its receipts would be sent to nobody, for ever", () => {
  const { groupRooms, messages } = openEngineStore(openSqliteDatabase(":memory:"));
  messages.oweReceipt(room, "a message" as MessageId, 1);
  expect(messages.roomsOwedReceipts()).toEqual([room]);
  groupRooms.end(room);
  expect(messages.roomsOwedReceipts()).toEqual([]);
});

test("[F9] a room's line is archived anew when people come, go or change, and with its log only now and then", () => {
  const database = openSqliteDatabase(":memory:");
  const store = openEngineStore(database);
  const hub = "hub" as ServerId;
  const person = (account: string, role: "owner" | "member" = "member") =>
    ({ account: account as AccountId, server: hub, handle: account, displayName: account, role }) as const;
  const log = (position: number, term = 1) =>
    ({ room, hub, term, position, head: new Uint8Array(32), following: "told", renewedAt: 0 }) as const;
  const isArchivedAnew = (work: () => void): boolean => {
    database.run("DELETE FROM archiveDirty");
    work();
    return database.all("SELECT 1 FROM archiveDirty WHERE kind = 'room' AND key = ?", room).length === 1;
  };
  expect(isArchivedAnew(() => store.groupRooms.putPeople(room, [person("a", "owner"), person("b")]))).toBe(
    true,
  );
  expect(isArchivedAnew(() => store.groupRooms.putPeople(room, [person("a", "owner"), person("b")]))).toBe(
    false,
  );
  expect(isArchivedAnew(() => store.groupRooms.putPeople(room, [person("a"), person("b")]))).toBe(true);
  expect(isArchivedAnew(() => store.groupRooms.putPeople(room, [person("b")]))).toBe(true);
  expect(store.groupRooms.people(room)).toEqual([person("b")]);
  expect(isArchivedAnew(() => store.groupRooms.putLog(log(1)))).toBe(true);
  expect(isArchivedAnew(() => store.groupRooms.putLog(log(2)))).toBe(false);
  expect(isArchivedAnew(() => store.groupRooms.putLog(log(64)))).toBe(true);
  expect(isArchivedAnew(() => store.groupRooms.putLog(log(65, 2)))).toBe(true);
  expect(store.groupRooms.log(room)).toEqual(log(65, 2));
  // What is to be archived already is that once more.
  store.groupRooms.putLog(log(66, 3));
  store.groupRooms.deleteLog(room);
  store.groupRooms.putLog(log(67, 3));
  expect(store.groupRooms.log(room)).toEqual(log(67, 3));
  store.close();
});
