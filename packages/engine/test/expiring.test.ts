/** Messages that expire go from everywhere: from both stores to the last byte, from search, and from what was on its way. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { expiresAfterReading, expiresAt } from "@fedchat/protocol";
import { expiryOf } from "../src/core/expiring.ts";
import { opened, sees, texts } from "./room-scene.ts";
import { friends, type Person, World } from "./world.ts";

const hourMs = 3_600_000;

/** A whole second, as a message keeps it. */
const inMs = (world: World, ms: number): number => Math.ceil((world.clock.now() + ms) / 1_000) * 1_000;

/** Nothing of it is left in the engine's files. */
function isNowhere({ path }: Person, word: string): boolean {
  return [path, `${path}-wal`].every((file) => {
    try {
      return !readFileSync(file).includes(word);
    } catch {
      return true;
    }
  });
}

test("[M8] at its moment a message goes from both engines: from view, search, replies and the stores' bytes", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const { roomId } = await alice.pair();
  const at = inMs(world, 60_000);
  const sent = await alice.call("messages.send", { roomId, text: "the xylophone", expires: { at } });
  expect(sent.expires).toEqual({ at, afterReadingMs: null });
  await bob.sees("the xylophone");
  const [theirs] = (await bob.call("messages.list", { roomId })).messages
    .filter(({ mine }) => !mine)
    .slice(-1);
  expect(theirs!.expires).toEqual({ at, afterReadingMs: null });
  await bob.call("messages.send", { roomId, text: "a reply", inReplyTo: sent.messageId });
  await alice.sees("the xylophone", "a reply");
  world.clock.skip(65_000);
  for (const person of [alice, bob]) {
    await person.sees("a reply");
    expect(await person.call("messages.search", { text: "xylophone" })).toEqual([]);
    const answer = await person.call("messages.list", { roomId, limit: 1 });
    expect(JSON.stringify(answer)).not.toContain("xylophone");
    const removed = person.events.flatMap((event) => (event.type === "message.removed" ? [event] : []));
    expect(removed).toMatchObject([{ messageId: sent.messageId, roomId }]);
    expect((await person.pair()).missing).toBe(0);
    await person.close();
    expect(isNowhere(person, "xylophone")).toBe(true);
    expect(isNowhere(person, "a reply")).toBe(false);
  }
});

test("[M8] after reading: the reader's time runs once it was read, the writer's once it has left, restarts included", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const { roomId } = await alice.pair();
  await alice.call("rooms.setExpiry", { roomId, afterReadingMs: hourMs });
  await alice.goOffline();
  await alice.send("soon gone");
  world.clock.skip(2 * hourMs);
  await alice.sees("soon gone");
  await alice.goOnline();
  await bob.sees("soon gone");
  world.clock.skip(2 * hourMs);
  // It left two hours ago, and Bob has not looked.
  await alice.sees();
  await bob.sees("soon gone");
  const { messages } = await bob.call("messages.list", { roomId });
  await bob.call("messages.markRead", { roomId, messageId: messages.at(-1)!.messageId });
  await world.pass(100);
  await bob.sees("soon gone");
  await bob.restart();
  world.clock.skip(hourMs);
  await bob.sees();
});

test("[M8] what a room's messages do by default one message may do otherwise, and notes expire too", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const { roomId } = await alice.pair();
  const room = await alice.call("rooms.setExpiry", { roomId, afterReadingMs: 5_000 });
  expect(room.expireAfterReadingMs).toBe(5_000);
  await alice.call("messages.send", { roomId, text: "stays", expires: "never" });
  await alice.call("messages.send", { roomId, text: "goes" });
  await bob.sees("stays", "goes");
  expect((await bob.pair()).expireAfterReadingMs).toBeNull();
  await world.pass(7_000);
  await alice.sees("stays");
  const notes = (await alice.call("rooms.list", {})).find(({ kind }) => kind === "notes")!;
  await alice.call("messages.send", {
    roomId: notes.roomId,
    text: "a note",
    expires: { afterReadingMs: 2_000 },
  });
  expect(await texts(alice, notes.roomId)).toEqual(["Alice: a note"]);
  await world.pass(3_000);
  expect(await texts(alice, notes.roomId)).toEqual([]);
});

test("[M9] what expired on its way is shown to nobody, and is no hole", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await bob.goOffline();
  const at = inMs(world, 60_000);
  await alice.call("messages.send", { roomId, text: "too late", expires: { at } });
  await sees(carol, roomId, "Alice: too late");
  world.clock.skip(65_000);
  await alice.call("messages.send", { roomId, text: "in time" });
  await bob.goOnline();
  await sees(bob, roomId, "Alice: in time");
  await sees(carol, roomId, "Alice: in time");
  const rooms = await bob.call("rooms.list", {});
  expect(rooms.find((room) => room.roomId === roomId)).toMatchObject({ missing: 0, unread: 1 });
});

test("[M9] what expired before it left goes nowhere, and its sender says so to whoever misses it", async () => {
  await using world = new World("real");
  const { alice, bob, roomId } = await opened(world);
  await alice.call("messages.send", { roomId, text: "first" });
  await sees(bob, roomId, "Alice: first");
  await alice.goOffline();
  await alice.call("messages.send", { roomId, text: "too late", expires: { at: inMs(world, 60_000) } });
  world.clock.skip(65_000);
  await world.until(async () => !(await texts(alice, roomId)).includes("Alice: too late"), "it to go");
  await alice.call("messages.send", { roomId, text: "last" });
  await alice.goOnline();
  await sees(bob, roomId, "Alice: first", "Alice: last");
  const missing = async () =>
    (await bob.call("rooms.list", {})).find((room) => room.roomId === roomId)!.missing;
  expect(await missing()).toBe(1);
  await world.until(async () => (await missing()) === 0, "the gap to close");
  expect(await texts(bob, roomId)).toEqual(["Alice: first", "Alice: last"]);
});

test("[M9] a clock that is wrong keeps nothing longer than its sender's clock gave it", () => {
  const [now, lifeMs] = [1_800_000_000_000, 60_000];
  const at = expiresAt((now + lifeMs) / 1_000);
  expect(expiryOf(at, now, now).expiresAt).toBe(now + lifeMs);
  // A year behind, a day ahead, and under way for half a minute.
  const yearMs = 365 * 86_400_000;
  expect(expiryOf(at, now, now - yearMs).expiresAt).toBe(now - yearMs + lifeMs);
  expect(expiryOf(at, now, now + 86_400_000).expiresAt).toBe(now + lifeMs);
  expect(expiryOf(at, now, now + 30_000).expiresAt).toBe(now + lifeMs);
  // Its sender says that it was sent after its end.
  expect(expiryOf(at, now + yearMs, now).expiresAt).toBe(now);
  expect(expiryOf(expiresAfterReading(60), now, now)).toEqual({ expiresAt: null, expireAfterMs: 60_000 });
  expect(expiryOf(null, now, now)).toEqual({ expiresAt: null, expireAfterMs: null });
});
