/** A chat of two as the room that it is: with a log at the homeserver of whoever accepted, and keys that are renewed. */
import { expect, test } from "vitest";
import { friends, neighbours, type Person, World } from "./world.ts";

interface LogRow {
  hub: string;
  position: number;
  following: string;
  renewedAt: number;
}

const logs = (person: Person) =>
  person.database.all<LogRow>("SELECT hub, position, following, renewedAt FROM roomLogs");

const isFollowed = (person: Person, position: number) => () =>
  logs(person).some((log) => log.position >= position && log.following === "told");

/** Both have taken the asking device's new keys. */
async function settled(world: World, ...people: Person[]): Promise<void> {
  for (const person of people) await world.until(isFollowed(person, 2), "its log");
}

test("[Q9] [O6] [W8] a chat has its log where it was accepted, and who asked renews their keys by it", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  await settled(world, alice, bob);
  const places = [alice, bob].map((person) => logs(person).map(({ hub, position }) => [hub, position]));
  expect(places).toEqual([[[bob.home.id, 2]], [[bob.home.id, 2]]]);
  const pending = [alice, bob].map(({ database }) => database.all("SELECT room FROM pendingCommits"));
  expect(pending).toEqual([[], []]);
  await alice.send("hi");
  await bob.send("hello");
  for (const person of [alice, bob]) await person.sees("hi", "hello");
  const notices = async (person: Person) => {
    const { roomId } = await person.pair();
    const { messages } = await person.call("messages.list", { roomId, limit: 500 });
    return messages.filter(({ kind }) => kind === "notice").map(({ text }) => text);
  };
  expect(await notices(alice)).toEqual(["Bob accepted your request."]);
  expect(await notices(bob)).toEqual(["You accepted Alice's request."]);
});

test("[Q9] [X4] who accepts while their homeserver is away may write at once, and so may who asked", async () => {
  await using world = new World();
  const { alice, bob } = await neighbours(world);
  await alice.call("requests.send", { who: "@bob", text: "Shall we talk?" });
  const { requestId } = await bob.request("pending");
  await bob.goOffline();
  await bob.call("requests.accept", { requestId });
  await bob.send("one");
  await bob.send("two");
  await bob.restart();
  expect(logs(bob).map(({ position }) => position)).toEqual([0]);
  await bob.goOnline();
  await alice.pair();
  await alice.send("three");
  for (const person of [alice, bob]) await person.sees("one", "two", "three");
  await settled(world, alice, bob);
});

test("[Q9] on one homeserver, too, the log begins once and both follow it", async () => {
  await using world = new World();
  const alice = await (await world.home("example.org")).person("Alice");
  const bob = await alice.home.person("Bob");
  await alice.call("requests.send", { who: await bob.account(), text: "Shall we talk?" });
  await bob.call("requests.accept", { requestId: (await bob.request("pending")).requestId });
  await alice.pair();
  await settled(world, alice, bob);
  await alice.send("hi");
  await bob.sees("hi");
});

test("[W8] whoever writes in a chat of two renews their keys when these are a week old", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  await settled(world, alice, bob);
  const before = logs(bob)[0]!.renewedAt;
  await bob.send("soon after");
  await world.pass(3_000);
  expect(logs(bob)).toMatchObject([{ renewedAt: before, position: 2 }]);
  world.clock.skip(7 * 86_400_000);
  await bob.send("a week later");
  await world.until(() => logs(bob)[0]!.renewedAt > before, "bob's new keys");
  await world.until(isFollowed(alice, 3), "alice follows");
  await bob.send("and on");
  await alice.sees("soon after", "a week later", "and on");
});

test("[W8] keys that are dated ahead of the clock, which was set back since, are renewed with the next message", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  await settled(world, alice, bob);
  bob.database.run("UPDATE roomLogs SET renewedAt = ?", world.clock.now() + 365 * 86_400_000);
  await bob.send("by another clock");
  await world.until(isFollowed(alice, 3), "alice follows");
  expect(logs(bob)[0]!.renewedAt).toBeLessThanOrEqual(world.clock.now());
});

test("[X2] a newer chat takes the place of one whose group was lost, and what was written in it stays", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await alice.send("in the first");
  await bob.sees("in the first");
  const { roomId: first } = await alice.pair();
  alice.database.run("UPDATE rooms SET state = 'broken' WHERE id = ?", first);
  await alice.restart();
  await alice.call("requests.send", { who: "@bob", text: "Anew?" });
  await bob.call("requests.accept", { requestId: (await bob.request("pending")).requestId });
  const open = async (person: Person) =>
    (await person.call("rooms.list", {})).find(({ kind, state }) => kind === "pair" && state === "open");
  const second = await world.until(() => open(alice), "the newer chat");
  expect(second.roomId).not.toBe(first);
  expect((await bob.call("rooms.get", { roomId: first })).cause?.code).toBe("room-replaced");
  await alice.call("messages.send", { roomId: second.roomId, text: "in the second" });
  const texts = async (roomId: string) =>
    (await bob.call("messages.list", { roomId, limit: 50 })).messages
      .filter(({ kind }) => kind === "text")
      .map(({ text }) => text);
  await world.until(async () => (await texts(second.roomId)).length === 1, "the message");
  expect(await texts(first)).toEqual(["in the first"]);
});

test("[Q8] of a chat whose request was taken back before nothing is kept but what is shown", async () => {
  await using world = new World();
  const { alice, bob } = await neighbours(world);
  const { requestId } = await alice.call("requests.send", { who: "@bob", text: "Shall we talk?" });
  await bob.request("pending");
  await alice.goOffline();
  await alice.call("requests.withdraw", { requestId });
  await bob.call("requests.accept", { requestId });
  await bob.send("are you there?");
  await alice.goOnline();
  await world.until(async () => (await bob.pair()).state === "closed", "the chat is closed");
  await world.until(() => logs(bob).length === 0, "its log is not followed any more");
  for (const table of ["groups", "groupRecords", "pendingCommits", "roomChanges"])
    expect(bob.database.all(`SELECT * FROM ${table}`), table).toEqual([]);
});
