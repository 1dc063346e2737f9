/** A room's hub that tells different members different logs: found out, told, and left. Real MLS, three homeservers. */
import { roomEntry } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { Rooms } from "../../homeserver/src/core/rooms/rooms.ts";
import { group, lines, opened, texts } from "./room-scene.ts";
import { Home, type Person, World } from "./world.ts";

async function titled(person: Person, title: string): Promise<void> {
  await person.home.world.until(async () => (await group(person)).title === title, `the title '${title}'`);
}

test("[W15] a hub that tells two servers two orders is found out by what does not open, named, and left by all", async () => {
  await using world = new World("real");
  world.takeoverAfterMs = 3_000;
  const { alice, bob, carol, roomId } = await opened(world);
  for (const other of [bob, carol])
    await alice.call("rooms.setRole", { roomId, account: await other.account(), role: "owner" });
  await world.until(async () => (await group(carol)).group?.role === "owner", "carol's role");
  await world.until(async () => (await group(bob)).group?.role === "owner", "bob's role");
  await world.pass(3_000);

  // Alice's homeserver runs twice, from one disk: one run for Bob, and one for Carol.
  const { host, directory } = alice.home;
  const twin = new Home(world, host, `${directory}-twin`, alice.home);
  world.answering = (from, to) => {
    const isCarol = from === carol.home;
    if (from === twin) return to === carol.home.host ? carol.home : undefined;
    if (from === alice.home) return to === carol.home.host ? undefined : world.homes.get(to);
    return to === host && isCarol ? twin : world.homes.get(to);
  };
  await twin.start();
  alice.home.cutLinks();
  await world.pass(500);
  await carol.call("rooms.rename", { roomId, name: "Carol's" });
  await bob.call("rooms.rename", { roomId, name: "Bob's" });
  await titled(carol, "Carol's");
  await titled(bob, "Bob's");

  await bob.call("messages.send", { roomId, text: "what do you see?" });
  const told = /^alice told .+ other changes of this room than it told here, and signed both/;
  const warned = async (one: Person) => (await lines(one, roomId)).some((line) => told.test(line));
  await world.until(async () => await warned(carol), "the warning at carol's");
  await world.until(
    async () => (await group(bob)).title === (await group(carol)).title,
    "both in one room again",
  );
  await world.until(
    async () => (await texts(carol, roomId)).includes("Bob: what do you see?"),
    "what did not open",
  );
  await carol.call("messages.send", { roomId, text: "the same as you" });
  await world.until(async () => (await texts(bob, roomId)).includes("Carol: the same as you"), "the answer");
  for (const one of [bob, carol]) expect((await group(one)).group?.hub?.serverId).not.toBe(alice.home.id);
  await world.during(twin.homeserver[Symbol.asyncDispose]());
});

test("[W15] what a hub keeps from one server of the room comes from another", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await carol.call("messages.send", { roomId, text: "we are all here" });
  await world.until(async () => (await texts(bob, roomId)).length === 1, "the servers to have met");
  // From now on Alice's homeserver and Carol's reach each other no more; both reach Bob's.
  world.answering = (from, to) => {
    const pair = [from.host, to].toSorted().join();
    return pair === [alice.home.host, carol.home.host].toSorted().join() ? undefined : world.homes.get(to);
  };
  alice.home.cutLinks();
  await alice.call("rooms.rename", { roomId, name: "Kept back" });
  await titled(bob, "Kept back");
  await bob.call("messages.send", { roomId, text: "nice name" });
  await titled(carol, "Kept back");
  await world.until(
    async () => (await texts(carol, roomId)).includes("Bob: nice name"),
    "what waited for it",
  );
});

test("[W10] a homeserver that says without proof that a room goes on from before somebody was taken out takes nothing back", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  const position = () =>
    bob.database.get<{ position: number }>("SELECT position FROM roomLogs WHERE room = ?", roomId)!.position;
  const before = position();
  await alice.call("rooms.remove", { roomId, account: await carol.account() });
  await world.until(async () => (await group(bob)).group?.people === 2, "carol to be out");
  const after = position();

  const [log, lied] = [Rooms.prototype.log, await bob.account()];
  Rooms.prototype.log = async function (account, params) {
    const page = await log.call(this, account, params);
    if (account !== lied) return page;
    const entries = page.entries.filter((signed) => roomEntry.read(signed).value.position <= before);
    const head = {
      ...page.head,
      term: page.head.term + 1,
      position: before,
      hash: new Uint8Array(32).fill(7),
    };
    return { entries, head };
  };
  try {
    bob.cut();
    const warned = async () =>
      (await lines(bob, roomId)).at(-1)?.startsWith("Your homeserver says that this room");
    await world.until(warned, "the warning");
    expect([(await group(bob)).group?.people, position()]).toEqual([2, after]);
    await bob.call("messages.send", { roomId, text: "without Carol" });
    await world.until(async () => (await texts(alice, roomId)).length === 1, "what bob wrote");
  } finally {
    Rooms.prototype.log = log;
  }
  await alice.call("rooms.rename", { roomId, name: "Two" });
  await titled(bob, "Two");
  expect((await lines(bob, roomId)).filter((line) => line.startsWith("Your homeserver"))).toHaveLength(1);
  expect(await texts(carol, roomId)).toEqual([]);
});
