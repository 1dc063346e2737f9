/** Rooms of many: three people on three homeservers, of whom two know only the third. */
import { expect, test } from "vitest";
import { accountId, accountRecord, openAccountRecord } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { causeOf } from "../src/core/causes.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { group, lines, opened, sees, texts, threeOf } from "./room-scene.ts";
import { World } from "./world.ts";

test("[W1] [W7] [O4] people who do not know each other talk in a room that a third opened", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("messages.send", { roomId, text: "Hello, both" });
  await sees(bob, roomId, "Alice: Hello, both");
  await sees(carol, roomId, "Alice: Hello, both");
  await bob.call("messages.send", { roomId, text: "Hello" });
  await sees(carol, roomId, "Alice: Hello, both", "Bob: Hello");
  await carol.call("messages.send", { roomId, text: "Good morning" });
  const all = ["Alice: Hello, both", "Bob: Hello", "Carol: Good morning"];
  for (const person of [alice, bob, carol]) await sees(person, roomId, ...all);
  await alice.call("messages.send", { roomId, text: "Read this" });
  await sees(carol, roomId, ...all, "Alice: Read this");
  const sent = (await alice.call("messages.list", { roomId })).messages.at(-1)!;
  expect(await alice.reaches(sent, "delivered")).toMatchObject({ text: "Read this" });
  for (const reader of [bob, carol])
    await reader.call("messages.markRead", { roomId, messageId: sent.messageId });
  await alice.reaches(sent, "read");
  const people = await bob.call("rooms.people", { roomId });
  expect(people.map(({ person, role, self }) => [person.displayName, role, self])).toEqual([
    ["Alice", "owner", false],
    ["Bob", "member", true],
    ["Carol", "member", false],
  ]);
});

test("[W1] [H15] a room made for many hundreds has shorter keys, of which everybody's homeserver keeps some ready", async () => {
  await using world = new World("real");
  const { alice, bob, carol } = await threeOf(world);
  const { roomId } = await alice.call("rooms.create", {
    ...{ name: "Village", people: [await bob.account()], size: "large" },
  });
  await group(bob, "invited");
  await bob.call("rooms.join", { roomId });
  await alice.call("rooms.invite", { roomId, who: await carol.account() });
  await group(carol, "invited");
  await carol.call("rooms.join", { roomId });
  await carol.call("messages.send", { roomId, text: "Good evening" });
  for (const person of [alice, bob]) await sees(person, roomId, "Carol: Good evening");
  const suites = bob.database.all(
    "SELECT suite, count(*) AS n FROM keyPackages WHERE length(privatePart) > 0 GROUP BY suite ORDER BY suite",
  );
  // Of ten and the last resort one was used, and twenty-one wait for rooms of the usual kind.
  expect(suites.map((row) => ({ ...row }))).toEqual([
    { suite: "classical", n: 10 },
    { suite: "hybrid", n: 21 },
  ]);
});

test("[W1] whoever names no usable request key in their record is taken in without a Welcome, and the room goes on", async () => {
  await using world = new World("real");
  const { alice, bob, carol } = await threeOf(world);
  const account = accountId.parse(await carol.account())!;
  const { accountSeed } = carol.database.get<{ accountSeed: Uint8Array }>(
    "SELECT accountSeed FROM identity",
  )!;
  const kept = alice.database.get<{ record: Uint8Array }>(
    "SELECT record FROM accounts WHERE account = ?",
    account,
  )!;
  const { record } = openAccountRecord(nodePrimitives, kept.record);
  const requestKey = {
    ...record.requestKey,
    publicKey: new Uint8Array(record.requestKey.publicKey.length).fill(255),
  };
  const unusable = { ...record, requestKey, sequence: record.sequence + 1 };
  alice.database.run(
    "UPDATE accounts SET record = ?, sequence = ? WHERE account = ?",
    ...[accountRecord.sign(nodePrimitives, accountSeed, unusable), unusable.sequence, account],
  );
  const { roomId } = await alice.call("rooms.create", { name: "Choir", people: [await bob.account()] });
  await group(bob, "invited");
  await bob.call("rooms.join", { roomId });
  await alice.call("rooms.invite", { roomId, who: await carol.account() });
  for (const person of [alice, bob])
    await world.until(async () => (await group(person)).group?.people === 3, "three people");
  await alice.call("rooms.remove", { roomId, account: await carol.account() });
  await world.until(async () => (await group(bob)).group?.people === 2, "two people");
  await bob.call("messages.send", { roomId, text: "Hello" });
  await sees(alice, roomId, "Bob: Hello");
});

test("[W3] [W4] who was removed reads nothing more and is told; who left is out for all; a name is the same for all", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("rooms.rename", { roomId, name: "Hiking club" });
  for (const person of [alice, bob, carol])
    await world.until(async () => (await group(person)).title === "Hiking club", "the new name");
  await alice.call("rooms.remove", { roomId, account: await carol.account() });
  await world.until(async () => (await group(carol, "closed")) !== undefined, "carol is out");
  await world.until(async () => (await group(bob)).group?.people === 2, "two people");
  await alice.call("messages.send", { roomId, text: "Without Carol" });
  await sees(bob, roomId, "Alice: Without Carol");
  await world.pass(2_000);
  expect(await texts(carol, roomId)).toEqual([]);
  expect((await lines(carol, roomId)).at(-1)).toBe("Alice removed you.");
  expect((await lines(bob, roomId)).at(-1)).toBe("Alice removed Carol.");
  expect(await carol.failure("messages.send", { roomId, text: "Still there?" })).toBe("room-closed");

  await bob.call("rooms.leave", { roomId });
  await world.until(async () => (await group(alice)).group?.people === 1, "alice is alone");
  expect((await lines(alice, roomId)).at(-1)).toBe("Bob left.");
  const left = {
    code: "room-closed",
    sentence: "You left this room.",
    fix: "Ask somebody in it to take you in again.",
  };
  const why = (work: Promise<unknown>) => work.then(() => undefined, causeOf);
  expect(await why(bob.call("messages.send", { roomId, text: "And now?" }))).toMatchObject(left);
  expect(await why(bob.call("rooms.rename", { roomId, name: "Mine" }))).toMatchObject(left);
  expect(await why(bob.call("rooms.join", { roomId }))).toMatchObject(left);
  expect(await why(carol.call("rooms.join", { roomId }))).toMatchObject({ code: "room-closed" });
  expect((await group(bob, "closed")).cause?.code).toBe("room-left");

  // Whoever left may be taken in again, into the same room with its history.
  await alice.call("rooms.invite", { roomId, who: await bob.account() });
  await group(bob, "invited");
  await bob.call("rooms.join", { roomId });
  await bob.call("messages.send", { roomId, text: "Here I am again" });
  await sees(alice, roomId, "Alice: Without Carol", "Bob: Here I am again");
  await sees(bob, roomId, "Alice: Without Carol", "Bob: Here I am again");
});

test("[W3] what a role may not do is refused at once, in words", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  const bobs = await bob.account();
  const rule = "room-rule";
  expect(await bob.failure("rooms.rename", { roomId, name: "Mine" })).toBe(rule);
  expect(await bob.failure("rooms.remove", { roomId, account: await carol.account() })).toBe(rule);
  expect(await alice.failure("rooms.leave", { roomId })).toBe(rule);
  await alice.call("rooms.setRole", { roomId, account: bobs, role: "moderator" });
  await world.until(async () => (await group(bob)).group?.role === "moderator", "bob's role");
  await bob.call("rooms.remove", { roomId, account: await carol.account(), ban: true });
  await world.until(async () => (await group(alice)).group?.people === 2, "carol is out");
  expect(await alice.failure("rooms.invite", { roomId, who: await carol.account() })).toBe(rule);
  expect((await alice.call("rooms.banned", { roomId })).map(({ displayName }) => displayName)).toEqual([
    "Carol",
  ]);
});

test("[M7] [W7] an invitation waits for who is away, and may be turned down; nobody is told before", async () => {
  await using world = new World("real");
  const { alice, bob, carol } = await threeOf(world);
  await bob.goOffline();
  const people = [await bob.account(), await carol.account()];
  const { roomId } = await alice.call("rooms.create", { name: "Choir", people });
  await group(carol, "invited");
  await alice.call("messages.send", { roomId, text: "Tuesday at eight" });
  await world.pass(3_000);
  await bob.goOnline();
  const invited = await group(bob, "invited");
  expect(invited.group).toMatchObject({ name: "Choir", people: 3, invitedBy: "Alice", role: "member" });
  await sees(bob, roomId, "Alice: Tuesday at eight");
  const [sent] = (await alice.call("messages.list", { roomId })).messages.filter(
    ({ kind }) => kind === "text",
  );
  await world.pass(2_000);
  expect((await alice.stateOf(sent!)).state).toBe("forwarded");
  const steps = await alice.call("messages.xray", { messageId: sent!.messageId });
  expect(steps.map(({ state }) => state)).toEqual(["done", "done", "done", "now", "pending"]);
  expect(steps[3]!.sentence).toMatch(/^Nobody has joined yet\. Not joined yet: (Bob, Carol|Carol, Bob)\.$/);
  await bob.call("rooms.join", { roomId });
  await bob.call("messages.markRead", { roomId, messageId: sent!.messageId });
  // Who has not said yes holds up nobody's receipts.
  await alice.reaches(sent!, "read");
  await carol.call("rooms.leave", { roomId });
  await world.until(async () => (await group(alice)).group?.people === 2, "carol is out");
  expect(await lines(alice, roomId)).toContain("Carol left.");
});

test("[O3] [W5] two who change the room at once both succeed, one after the other", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("rooms.setRole", { roomId, account: await bob.account(), role: "moderator" });
  await world.until(async () => (await group(bob)).group?.role === "moderator", "bob's role");
  const [renamed, removed] = [
    alice.engine.call("rooms.rename", { roomId, name: "Renamed" }),
    bob.engine.call("rooms.remove", { roomId, account: await carol.account() }),
  ];
  await world.during(Promise.all([renamed, removed]));
  for (const person of [alice, bob]) {
    await world.until(async () => {
      const { title, group: about } = await group(person);
      return title === "Renamed" && about?.people === 2;
    }, "both changes");
  }
});

test("[X4] an engine that is started again goes on where the room is, with what it wanted", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await bob.goOffline();
  await bob.engine.call("messages.send", { roomId, text: "from the train" });
  await bob.restart();
  await alice.call("messages.send", { roomId, text: "are you there?" });
  await alice.restart();
  await bob.goOnline();
  await sees(carol, roomId, "Alice: are you there?", "Bob: from the train");
  await sees(alice, roomId, "Alice: are you there?", "Bob: from the train");
  await sees(bob, roomId, "Bob: from the train", "Alice: are you there?");
});

test("[O3] while the hub is away talk goes on, and what is to change waits and says why", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("rooms.setRole", { roomId, account: await bob.account(), role: "moderator" });
  await world.until(async () => (await group(bob)).group?.role === "moderator", "bob's role");
  world.unreachable.add("alice.example");
  alice.home.cutLinks();
  await bob.call("messages.send", { roomId, text: "without the hub" });
  await sees(carol, roomId, "Bob: without the hub");
  await bob.call("rooms.rename", { roomId, name: "Later" });
  await world.pass(5_000);
  const waiting = await group(bob);
  expect(waiting).toMatchObject({ title: "Hiking", group: { underway: ["Renaming the room to 'Later'"] } });
  expect(waiting.group?.cause?.sentence).toBe(
    "alice, which keeps this room's changes in order, is not reached.",
  );
  world.unreachable.delete("alice.example");
  for (const person of [alice, bob, carol])
    await world.until(async () => (await group(person)).title === "Later", "the new name");
  await sees(alice, roomId, "Bob: without the hub");
});

test("[W8] whoever joins renews their keys, and whoever writes does when these are a week old", async () => {
  await using world = new World("real");
  const { alice, bob, roomId } = await opened(world);
  const renewed = () =>
    bob.database.get<{ renewedAt: number }>("SELECT renewedAt FROM roomLogs WHERE room = ?", roomId)!
      .renewedAt;
  const epochAt = () =>
    bob.database.get<{ position: number }>("SELECT position FROM roomLogs WHERE room = ?", roomId)!.position;
  const [joinedAt, position] = [renewed(), epochAt()];
  await bob.call("messages.send", { roomId, text: "soon after" });
  await world.pass(3_000);
  expect([renewed(), epochAt()]).toEqual([joinedAt, position]);
  world.clock.skip(7 * 86_400_000);
  await bob.call("messages.send", { roomId, text: "a week later" });
  await world.until(() => renewed() > joinedAt + 7 * 86_400_000, "bob's new keys");
  expect(epochAt()).toBe(position + 1);
  await sees(alice, roomId, "Bob: soon after", "Bob: a week later");
});

test("[W8] whoever changes the room has new keys by that, and commits no second time", async () => {
  await using world = new World();
  const { alice, bob, roomId } = await opened(world);
  const position = () =>
    bob.database.get<{ position: number }>("SELECT position FROM roomLogs WHERE room = ?", roomId)!.position;
  const before = position();
  world.clock.skip(7 * 86_400_000);
  await alice.call("messages.send", { roomId, text: "a week later" });
  await alice.call("rooms.rename", { roomId, name: "Orchard" });
  await world.until(async () => (await group(bob)).title === "Orchard", "the new name");
  await world.pass(5_000);
  expect(position()).toBe(before + 1);
  expect(alice.database.all("SELECT 1 FROM roomChanges")).toEqual([]);
});

test("[W4] [W6] an engine whose keys were damaged says so once, comes in again by itself, and reads on", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await carol.close();
  carol.open();
  const damaged = carol.database
    .all<{ name: string; value: Uint8Array }>("SELECT name, value FROM groupRecords WHERE name LIKE '%/keys'")
    .map(({ name, value }) => {
      // Each entry is a node, a length and 32 octets of a private key.
      for (let at = value.length - 1; at > 2; at -= 37) value[at]! ^= 1;
      return { name, value };
    });
  await carol.close();
  const database = openSqliteDatabase(carol.path);
  for (const { name, value } of damaged)
    database.run("UPDATE groupRecords SET value = ? WHERE name = ?", value, name);
  database.close();
  carol.open();
  await alice.call("rooms.rename", { roomId, name: "After the damage" });
  await world.until(async () => (await group(carol)).title === "After the damage", "carol is in again");
  const told = (await lines(carol, roomId)).filter((line) => line.includes("could not be followed here"));
  expect(told).toEqual([expect.stringMatching(/^A change by Alice could not be followed here\./)]);
  await bob.call("messages.send", { roomId, text: "Can you read this?" });
  await sees(carol, roomId, "Bob: Can you read this?");
  await carol.call("messages.send", { roomId, text: "I can" });
  await sees(alice, roomId, "Bob: Can you read this?", "Carol: I can");
  expect((await group(bob)).group?.people).toBe(3);
});
