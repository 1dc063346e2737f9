/**
 * An engine whose store stops taking anything at some moment, and which goes on later from what was committed: the same
 * for the store as a kill at that moment. Nothing is lost, nothing shows twice, no message key seals two contents (the
 * stub group's ledger throws if one would).
 */
import { expect, test, vi } from "vitest";
import type { GroupState } from "../src/mls/group-records.ts";
import type { Database } from "../src/store/database.ts";
import { StoreFullError } from "../src/store/database.ts";
import type { Person } from "./world.ts";
import { friends, neighbours, World } from "./world.ts";

/** After `commits` more transactions nothing is written any more. */
function dyingAfter(commits: number): (database: Database) => Database {
  let left = commits;
  return refusing(() => left-- <= 0);
}

/** Refuses to write where `isFull` says so; asked once a transaction. */
function refusing(isFull: () => boolean): (database: Database) => Database {
  let inside = false;
  const write = <T>(work: () => T): T => {
    if (isFull()) throw new StoreFullError("the store is gone");
    return work();
  };
  return (database) => ({
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    emptyLog: () => database.emptyLog(),
    close: () => database.close(),
    exec: (sql) => write(() => database.exec(sql)),
    run: (sql, ...values) =>
      inside ? database.run(sql, ...values) : write(() => database.run(sql, ...values)),
    transaction(work) {
      if (inside) return work();
      return write(() => {
        inside = true;
        try {
          return database.transaction(work);
        } finally {
          inside = false;
        }
      });
    },
  });
}

/** What the call comes to, or nothing where the store died under it. */
async function attempt<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch(() => undefined);
}

async function reopened(person: Person, wrap?: (database: Database) => Database): Promise<void> {
  await person.close();
  person.open(wrap);
}

test("[X4] an engine that dies at any commit while talking loses nothing, repeats nothing, reuses no key", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const { roomId } = await alice.pair();
  const expected: string[] = [];
  for (let commits = 0; commits < 12; commits++) {
    await reopened(alice, dyingAfter(commits));
    const mine = { roomId, text: `from alice ${commits}`, clientId: `alice ${commits}` };
    const theirs = { roomId, text: `from bob ${commits}`, clientId: `bob ${commits}` };
    expected.push(mine.text, theirs.text);
    await Promise.all([attempt(alice.call("messages.send", mine)), bob.call("messages.send", theirs)]);
    await world.pass(300);
    await reopened(alice);
    await alice.call("messages.send", mine);
    await world.until(async () => (await alice.texts()).length === expected.length, "bob's message");
    await world.until(async () => (await bob.texts()).length === expected.length, "alice's message");
  }
  expect((await alice.texts()).toSorted()).toEqual(expected.toSorted());
  expect((await bob.texts()).toSorted()).toEqual(expected.toSorted());
  for (const person of [alice, bob]) {
    const { messages } = await person.call("messages.list", { roomId, limit: 500 });
    for (const message of messages.filter(({ mine }) => mine)) await person.reaches(message, "delivered");
    expect((await person.pair()).missing).toBe(0);
  }
}, 60_000);

test.each(["asking", "accepting"])(
  "an engine that dies at any commit while %s ends in one room on both sides",
  async (dying) => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    for (const commits of [1, 2, 3, 4, 6]) {
      const asking = await alice.home.person(`Asking ${commits}`);
      const accepting = await bob.home.person(`Accepting ${commits}`);
      await world.until(() => asking.knows(accepting), "people");
      const who = await accepting.account();
      if (dying === "asking") await reopened(asking, dyingAfter(commits));
      await attempt(asking.call("requests.send", { who, text: "" }));
      await world.pass(200);
      if (dying === "asking") await reopened(asking);
      await world.until(() => asking.knows(accepting), "people");
      await asking.call("requests.send", { who, text: "" });
      const { requestId } = await accepting.request("pending");
      if (dying === "accepting") await reopened(accepting, dyingAfter(commits));
      await attempt(accepting.call("requests.accept", { requestId }));
      await world.pass(200);
      if (dying === "accepting") await reopened(accepting);
      if ((await accepting.request()).state === "pending")
        await accepting.call("requests.accept", { requestId });
      expect((await asking.pair()).roomId).toBe((await accepting.pair()).roomId);
      await asking.send("hi");
      await accepting.sees("hi");
      expect(await accepting.call("requests.list", {})).toHaveLength(1);
      await asking.close();
      await accepting.close();
    }
  },
  60_000,
);

test("[X4] a full disk of this machine refuses new work with its cause, and everything goes on once there is room", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  let full = false;
  await reopened(
    alice,
    refusing(() => full),
  );
  await alice.send("before");
  await bob.sees("before");
  full = true;
  const refused = { roomId: (await alice.pair()).roomId, text: "no" };
  expect(await alice.failure("messages.send", refused)).toBe("disk-full");
  await bob.send("one");
  await bob.send("two");
  await world.pass(3_000);
  expect(await alice.texts()).toEqual(["before"]);
  full = false;
  await alice.sees("before", "one", "two");
  await alice.send("after");
  await bob.sees("before", "one", "two", "after");
  expect((await alice.pair()).missing + (await bob.pair()).missing).toBe(0);
});

test("[X4] a group whose room found no place on the disk is erased from memory", async () => {
  await using world = new World();
  const groups = world.groups;
  const { alice, bob } = await neighbours(world, groups);
  const made = [vi.spyOn(groups, "create"), vi.spyOn(groups, "commit"), vi.spyOn(groups, "join")];
  const erase = vi.spyOn(groups, "erase");
  const left = () => {
    const states = made.flatMap(({ mock }) =>
      mock.results.flatMap(({ value }) => (value as { state?: GroupState }).state ?? []),
    );
    return states.filter((state) => !erase.mock.calls.some(([before]) => before === state));
  };
  let full = false;
  await reopened(alice, (database) => ({
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    exec: (sql) => database.exec(sql),
    run(sql, ...values) {
      if (full && /^(INSERT INTO rooms |UPDATE requests )/.test(sql)) throw new StoreFullError("no room");
      return database.run(sql, ...values);
    },
    transaction: (work) => database.transaction(work),
    emptyLog: () => database.emptyLog(),
    close: () => database.close(),
  }));
  await bob.call("requests.send", { who: "@alice", text: "Shall we talk?" });
  const { requestId } = await alice.request("pending");
  full = true;
  expect(await alice.failure("requests.accept", { requestId })).toBe("disk-full");
  expect(made[0]).toHaveBeenCalledTimes(1);
  expect(left()).toEqual([]);
  full = false;
  await bob.call("requests.withdraw", { requestId });
  await alice.request("withdrawn");
  await alice.call("requests.send", { who: "@bob", text: "Shall we?" });
  const theirs = await world.until(
    async () => (await bob.call("requests.list", {})).find(({ direction }) => direction === "incoming"),
    "their request",
  );
  full = true;
  await bob.call("requests.accept", { requestId: theirs.requestId });
  await world.until(() => made[2]!.mock.calls.length > 0, "the Welcome is tried");
  // Bob's own has stepped on: he told Alice how to fetch his key packages.
  await world.until(() => left().length === 0, "the joined group is erased");
  full = false;
  await world.pass(3_000);
  await alice.pair();
});

test("[H12] what was accepted while this machine's disk was full is asked about by the next session", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await alice.close();
  let refused = 0;
  let full = true;
  // There is room for everything but this.
  alice.open((database) => ({
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    emptyLog: () => database.emptyLog(),
    close: () => database.close(),
    exec: (sql) => database.exec(sql),
    run: (sql, ...values) => {
      if (!full || !sql.startsWith("UPDATE outgoing")) return database.run(sql, ...values);
      refused += 1;
      throw new StoreFullError("no room for what became of an envelope");
    },
    transaction: (work) => database.transaction(work),
  }));
  bob.home.diskFull = true;
  const message = await alice.send("hi");
  await world.until(() => refused > 0, "the acceptance");
  await alice.goOffline();
  bob.home.diskFull = false;
  await bob.sees("hi");
  const underWay = () => alice.home.store.outboxPage(bob.home.id, "messages", 0, 1);
  await world.until(async () => (await underWay()).length === 0, "the acknowledgement");
  await alice.goOnline();
  full = false;
  const watched = () => alice.database.get("SELECT 1 AS found FROM outgoing");
  await world.until(() => watched() === undefined, "word of where it is");
  expect((await alice.reaches(message, "delivered")).stateAt.forwarded).toBeDefined();
});

test("[H6] an inbox that is another than before is read from its beginning, said, and nothing shows twice", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await bob.send("one");
  await alice.sees("one");
  await alice.close();
  alice.open((database) => {
    database.run("UPDATE inboxCursor SET incarnation = zeroblob(16), position = 1000");
    return database;
  });
  await bob.send("two");
  await alice.sees("one", "two");
  const [notice] = await alice.call("engine.notices", {});
  expect(notice).toMatchObject({ level: "warning", cause: { code: "inbox-moved" } });
  await alice.call("engine.dismissNotice", { noticeId: notice!.noticeId });
  expect(await alice.call("engine.notices", {})).toEqual([]);
  expect(await bob.call("engine.notices", {})).toEqual([]);
});

test("[A6] a disk that fills while the account's answer is kept leaves no half an account: trying again opens it", async () => {
  await using world = new World();
  const home = await world.home("alice.example");
  const alice = home.engine();
  await alice.close();
  let full = false;
  alice.open((database) => ({
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    emptyLog: () => database.emptyLog(),
    close: () => database.close(),
    exec: (sql) => database.exec(sql),
    run: (sql, ...values) => database.run(sql, ...values),
    // At the transaction's end, as a real disk does it.
    transaction: (work) =>
      database.transaction(() => {
        const result = work();
        if (full) throw new StoreFullError("the disk is full");
        return result;
      }),
  }));
  home.onCommit = () => (full = true);
  expect(await alice.failure("account.create", { displayName: "Alice" })).toBe("disk-full");
  home.onCommit = undefined;
  full = false;
  expect((await alice.call("engine.status", {})).me).toBeNull();
  expect(await alice.call("account.create", { displayName: "Alice" })).toMatchObject({ handle: "alice" });
  expect(await alice.call("rooms.list", {})).toHaveLength(1);
});
