/** The archive at the homeserver: written in the background, read by a device that is new, and what malice can do to it. */
import { accountRecord, decode, openAccountRecord } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { archiveKeys } from "../src/archive/records.ts";
import { openSegment } from "../src/archive/segment.ts";
import { archiveRetryMs } from "../src/core/limits.ts";
import { Identity } from "../src/core/identity.ts";
import { getSealed } from "../src/core/sealed-storage.ts";
import { StorageKeyRing } from "../src/core/storage-key-ring.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { friends, World } from "./world.ts";
import type { Home, Person } from "./world.ts";

const password = "five words are quite enough";

/** Alice, with a password, a chat with Bob, a nickname for him, somebody blocked, and a note; all of it archived. */
async function archived(world: World) {
  const { alice, bob } = await friends(world);
  await alice.call("account.setPassword", { password });
  for (const text of ["one", "two", "three"]) await alice.send(text);
  await bob.sees("one", "two", "three");
  await bob.send("four");
  await alice.sees("one", "two", "three", "four");
  await alice.call("contacts.nickname", { account: await bob.account(), nickname: "Bobby" });
  await alice.call("messages.send", { to: "@alice", text: "milk" });
  await written(alice);
  return { alice, bob };
}

/** Everything is in the archive. */
async function written(person: Person): Promise<void> {
  await person.home.world.until(
    async () => (await person.call("archive.state", {})).waiting === 0,
    "the archive",
  );
}

async function signsIn(home: Home): Promise<Person> {
  const device = home.engine();
  await device.call("account.signIn", { handle: "alice", password });
  return device;
}

async function isRead(person: Person): Promise<void> {
  await person.home.world.until(async () => {
    const { me, restoring } = await person.call("engine.status", {});
    return me !== null && restoring === undefined && (await person.call("archive.state", {})).read;
  }, "the archive to be read");
}

async function notices(person: Person): Promise<string[]> {
  return (await person.call("engine.notices", {})).map(({ cause }) => cause.code);
}

const segmentsOf = async (person: Person) => await person.home.store.archiveList(await person.account());

describe("a device that is new", () => {
  test("[F10] shows rooms, contacts and every message, in order, and what was unread", async () => {
    await using world = new World();
    const { alice, bob } = await archived(world);
    const { roomId } = await alice.pair();
    const before = await alice.call("messages.list", { roomId });
    const device = await signsIn(alice.home);
    await isRead(device);
    const after = await device.call("messages.list", { roomId });
    const shown = ({ messages }: typeof before) =>
      messages.map(({ text, sender, sentAt }) => ({ text, sender, sentAt }));
    expect(shown(after)).toEqual(shown(before));
    const room = await device.call("rooms.get", { roomId });
    expect(room).toMatchObject({ title: "Bobby", state: "open" });
    expect(await device.call("contacts.list", {})).toMatchObject([
      { account: await bob.account(), nickname: "Bobby" },
    ]);
    const notes = (await device.call("rooms.list", {})).filter(({ kind }) => kind === "notes");
    expect(notes.map(({ lastMessage }) => lastMessage?.text)).toEqual(["milk"]);
    expect(await notices(device)).toEqual(["history-back"]);
    // It goes on from here: what arrives stands behind what came back.
    const note = await device.call("messages.send", { to: "@alice", text: "bread" });
    expect(note.position).toBeGreaterThan(after.messages.at(-1)!.position);
  });

  test("[F10] reads what its account archived, and nothing of anybody else's", async () => {
    await using world = new World();
    const { alice, bob } = await archived(world);
    expect(await bob.home.store.archiveList(await alice.account())).toEqual([]);
    await written(bob);
    const device = await signsIn(alice.home);
    await isRead(device);
    expect((await device.call("rooms.list", {})).map(({ kind }) => kind).toSorted()).toEqual([
      "notes",
      "pair",
    ]);
  });

  test("[F10] a message that stands in two archives is shown once", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    const second = await signsIn(alice.home);
    await isRead(second);
    await written(second);
    expect(new Set((await segmentsOf(alice)).map(({ device }) => device)).size).toBe(2);
    const third = await signsIn(alice.home);
    await isRead(third);
    expect(await third.texts()).toEqual(["one", "two", "three", "four"]);
    expect(await third.call("messages.search", { text: "two" })).toHaveLength(1);
  });

  test("[F10] that is killed, or loses its homeserver, in the middle goes on where it was", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    await alice.send("five");
    await written(alice);
    const { home } = alice;
    const { archivePart } = home.store;
    let parts = 0;
    home.store.archivePart = async (...of) => {
      parts += 1;
      // The second one never arrives.
      if (parts === 2) device.cut();
      return await archivePart.call(home.store, ...of);
    };
    const device = home.engine();
    await device.call("account.signIn", { handle: "alice", password });
    await world.until(() => parts >= 2);
    await device.restart();
    await isRead(device);
    expect(await device.texts()).toEqual(["one", "two", "three", "four", "five"]);
    expect(await notices(device)).toEqual(["history-back"]);
  });
});

describe("a homeserver that means ill", () => {
  const malice: [string, (home: Home, person: Person) => Promise<void>][] = [
    [
      "changes a byte",
      async (home) => {
        const { archivePart } = home.store;
        home.store.archivePart = async (...of) => {
          const part = await archivePart.call(home.store, ...of);
          if (part !== undefined) part.bytes[20]! ^= 1;
          return part;
        };
      },
    ],
    [
      "leaves a segment out",
      async (home, person) => {
        const [first] = await segmentsOf(person);
        const account = await person.account();
        await home.store.write([
          { op: "archive.drop", account, device: first!.device, numbers: [first!.number] },
        ]);
      },
    ],
    [
      "gives one for another",
      async (home) => {
        const { archivePart } = home.store;
        home.store.archivePart = (segment, offset) =>
          archivePart.call(home.store, { ...segment, number: segment.number === 1 ? 2 : 1 }, offset);
      },
    ],
    [
      "gives the head of another version",
      async (home) => {
        const { sealedGet } = home.store;
        home.store.sealedGet = async (account, name) => {
          const record = await sealedGet.call(home.store, account, name);
          return record && name.startsWith("archive/") ? { ...record, version: record.version + 1 } : record;
        };
      },
    ],
  ];
  for (const [what, does] of malice) {
    test(`[F8] that ${what} is found out, and the person is told`, async () => {
      await using world = new World();
      const { alice } = await archived(world);
      expect((await segmentsOf(alice)).length).toBeGreaterThan(1);
      await does(alice.home, alice);
      const device = await signsIn(alice.home);
      await isRead(device);
      expect(await notices(device)).toEqual(["archive-damaged"]);
    });
  }

  test("[F8] that brings back an old head, to a device that saw a newer one, is found out", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    const { home } = alice;
    const old = home.store.snapshot();
    await alice.send("five");
    await written(alice);
    const second = await signsIn(home);
    await isRead(second);
    // It looks once more, as where its first look was cut off behind the head.
    second.database.run("DELETE FROM settings WHERE name = 'archive-read'");
    home.store.sealedGet = (account, name) => old.sealedGet(account, name);
    await second.restart();
    await world.until(async () => (await notices(second)).includes("archive-damaged"));
  });

  test("[F9] that lost segments is given them again", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    const before = await segmentsOf(alice);
    const account = await alice.account();
    const { device } = before[0]!;
    await alice.home.store.write([
      { op: "archive.drop", account, device, numbers: before.map(({ number }) => number) },
    ]);
    alice.cut();
    await world.until(async () => (await segmentsOf(alice)).length > 0);
    await written(alice);
    const fresh = await signsIn(alice.home);
    await isRead(fresh);
    expect(await fresh.texts()).toEqual(["one", "two", "three", "four"]);
    expect(await notices(fresh)).toEqual(["history-back"]);
  });
});

/** All lines that the homeserver keeps for a person, opened with that person's keys. */
async function linesKept(person: Person): Promise<{ kind: string; text?: string; generation: number }[]> {
  const store = openEngineStore(person.database);
  const self = store.identity.read()!;
  const { store: kept } = person.home;
  const request = async (_method: string, { name }: { name: string }) => ({
    record: (await kept.sealedGet(self.account, name)) ?? null,
  });
  const ports = { store, primitives: nodePrimitives, random: { bytes: () => new Uint8Array() } };
  const identity = new Identity({ ...ports, clock: person.home.world.clock });
  const base = { ...ports, identity, homeserver: { request } as never };
  const sealed = { ...base, keys: new StorageKeyRing(base) };
  const { keys } = decode(archiveKeys, (await getSealed(sealed, "archive-keys"))!);
  const all: { kind: string; generation: number }[] = [];
  for (const { device, number, total } of await kept.archiveList(self.account)) {
    const bytes = new Uint8Array(total);
    for (let at = 0; at < total;) {
      const part = (await kept.archivePart({ account: self.account, device, number }, at))!;
      bytes.set(part.bytes, at);
      at += part.bytes.length;
    }
    let used = 0;
    const keyOf = (generation: number) => {
      used = generation;
      return keys.find((one) => one.generation === generation)?.key;
    };
    const text = openSegment(nodePrimitives, { account: self.account, device, number }, keyOf, bytes)!;
    for (const line of text.trim().split("\n"))
      all.push({ ...(JSON.parse(line) as { kind: string }), generation: used });
  }
  return all;
}

describe("writing", () => {
  test("[F9] what was cleared leaves the homeserver, too", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    expect((await linesKept(alice)).map(({ text }) => text)).toContain("two");
    await alice.call("rooms.clear", { roomId: (await alice.pair()).roomId });
    await world.until(async () => !(await linesKept(alice)).some(({ text }) => text === "two"));
    expect((await linesKept(alice)).map(({ text }) => text)).toContain("milk");
  });

  test("[F9] many small segments become few, and everything stands in one of them once", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    for (let n = 0; n < 20; n += 1) {
      await alice.call("messages.send", { to: "@alice", text: `note ${n}` });
      await written(alice);
    }
    expect((await segmentsOf(alice)).length).toBeLessThan(18);
    const notes = (await linesKept(alice)).flatMap(({ text }) => (text?.startsWith("note ") ? [text] : []));
    expect(notes.toSorted()).toEqual(Array.from({ length: 20 }, (_, n) => `note ${n}`).toSorted());
  });

  test("[F9] a kill between any two steps loses nothing and writes nothing twice", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    const { home } = alice;
    const { write } = home.store;
    for (const step of [0, 1, 2]) {
      let steps = 0;
      await alice.call("messages.send", { to: "@alice", text: `before kill ${step}` });
      // The answer to the piece, to the head, or to the dropping is lost with the engine.
      home.store.write = async (ops) => {
        const results = await write.call(home.store, ops);
        const isOurs = ops.some(
          ({ op }) => op === "archive.put" || op === "sealed.put" || op === "archive.drop",
        );
        if (isOurs && steps++ === step) alice.cut();
        return results;
      };
      await world
        .until(() => steps > step || world.clock.step(1_000).then(() => false), `step ${step}`)
        .catch(() => undefined);
      home.store.write = write;
      await alice.restart();
      await written(alice);
    }
    const notes = (await linesKept(alice)).flatMap(({ text }) =>
      text?.startsWith("before kill") ? [text] : [],
    );
    expect(notes.toSorted()).toEqual(["before kill 0", "before kill 1", "before kill 2"]);
    const fresh = await signsIn(home);
    await isRead(fresh);
    expect(await notices(fresh)).toEqual(["history-back"]);
  });

  test("[F9] an archive that is full says so and keeps what it has", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    const { archiveList } = alice.home.store;
    alice.home.store.archiveList = async (account) =>
      (await archiveList.call(alice.home.store, account)).map((one) => ({
        ...one,
        total: one.total + 2 ** 30,
      }));
    await alice.call("messages.send", { to: "@alice", text: "too much" });
    await world.until(async () => (await notices(alice)).includes("archive-full"));
    expect((await alice.call("archive.state", {})).cause?.code).toBe("quota-exceeded");
    alice.home.store.archiveList = archiveList;
    await world.pass(archiveRetryMs);
    await written(alice);
    expect((await linesKept(alice)).map(({ text }) => text)).toContain("too much");
  });
});

describe("keys", () => {
  test("[F7] a device that is gone from the account's list knows no key of what is written after it", async () => {
    await using world = new World();
    const { alice } = await archived(world);
    const second = await signsIn(alice.home);
    await isRead(second);
    await written(second);
    const generations = async () => new Set((await linesKept(alice)).map(({ generation }) => generation));
    expect(await generations()).toEqual(new Set([1]));
    const { deviceId } = (await second.call("engine.status", {})).me!;
    await second.close();
    // Alice's own device learns of the other one with its next session.
    await alice.restart();
    await world.pass(1_000);
    await revoke(alice, deviceId);
    await alice.call("messages.send", { to: "@alice", text: "behind its back" });
    await written(alice);
    expect((await linesKept(alice)).find(({ text }) => text === "behind its back")?.generation).toBe(2);
  });
});

/** Takes the other device off the list, as its person would. */
async function revoke(person: Person, device: string): Promise<void> {
  await person.close();
  const store = openEngineStore(openSqliteDatabase(person.path));
  const row = store.identity.read()!;
  const { record, certificates } = openAccountRecord(nodePrimitives, row.record);
  const devices = record.devices.filter((_, index) => certificates[index]!.device !== device);
  const changed = { ...record, devices, sequence: record.sequence + 1 };
  store.identity.put({ ...row, record: accountRecord.sign(nodePrimitives, row.accountSeed, changed) });
  store.close();
  person.open();
}
