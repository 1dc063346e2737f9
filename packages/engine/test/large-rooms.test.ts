/** Rooms whose tree does not fit into a Welcome: who is taken in comes by the room's info, or by themselves. */
import { describe, expect, test } from "vitest";
import { realGroups } from "./real-groups.ts";
import type { Person } from "./world.ts";
import { World } from "./world.ts";

const get = (person: Person, roomId: string) => person.call("rooms.get", { roomId });

async function sees(person: Person, roomId: string, text: string): Promise<void> {
  await person.home.world.until(async () => {
    const { messages } = await person.call("messages.list", { roomId, limit: 100 });
    return messages.some((message) => message.text === text);
  }, `'${text}'`);
}

const isIn = (person: Person, roomId: string) => () =>
  person.database.all("SELECT 1 FROM groupRecords WHERE room = ? LIMIT 1", roomId).length === 1;

const waits = (person: Person) => person.database.all("SELECT room FROM treelessWelcomes");

/** Alice, no Welcome of whom has room for a tree, and two contacts of hers on one homeserver. */
async function hosting(world: World) {
  const small = realGroups(world.clock, { welcomeWithTreeBytesMax: 1_000 });
  const alice = await (await world.home("alice.example")).person("Alice", small);
  const there = await world.home("bob.example");
  const [bob, carol] = [await there.person("Bob"), await there.person("Carol")];
  await alice.link(bob);
  for (const [at, who] of ["@bob", "@carol"].entries()) {
    await alice.call("requests.send", { who, text: "" });
    const person = [bob, carol][at]!;
    const { requestId } = await person.request("pending");
    await person.call("requests.accept", { requestId });
  }
  await world.until(async () => (await alice.call("contacts.list", {})).length === 2, "both contacts");
  await world.pass(3_000);
  const { roomId } = await alice.call("rooms.create", { name: "Village", people: [] });
  await world.until(async () => (await get(alice, roomId)).group?.underway.length === 0, "the log to begin");
  return { alice, bob, carol, roomId };
}

async function invited(person: Person, roomId: string): Promise<void> {
  await person.home.world.until(
    async () =>
      (await person.call("rooms.list", {})).some((one) => one.roomId === roomId && one.state === "invited"),
    "the invitation",
  );
}

describe("a Welcome without a tree", () => {
  test("[W7] leads in by the info of its epoch, and nobody is told before its person says yes", async () => {
    await using world = new World("real");
    const { alice, bob, roomId } = await hosting(world);
    await alice.call("rooms.invite", { roomId, who: "@bob" });
    await invited(bob, roomId);
    expect(isIn(bob, roomId)()).toBe(true);
    expect(waits(bob)).toEqual([]);
    expect(await get(bob, roomId)).toMatchObject({
      title: "Village",
      group: { people: 2, invitedBy: "Alice" },
    });
    await alice.call("messages.send", { roomId, text: "before you said yes" });
    await bob.call("rooms.join", { roomId });
    await bob.call("messages.send", { roomId, text: "here I am" });
    await sees(alice, roomId, "here I am");
    await sees(bob, roomId, "before you said yes");
  });

  test("[W7] waits for the hub, through a restart; where the log went on it shows the room, and who says yes comes in", async () => {
    await using world = new World("real");
    const { alice, bob, carol, roomId } = await hosting(world);
    await bob.goOffline();
    await alice.call("rooms.invite", { roomId, who: "@bob" });
    await world.until(async () => (await get(alice, roomId)).group?.people === 2, "bob to be taken in");
    await world.pass(3_000);
    await alice.call("rooms.rename", { roomId, name: "Town" });
    await world.until(async () => (await get(alice, roomId)).title === "Town", "another name");
    alice.home.cutLinks();
    world.unreachable.add(alice.home.host);
    await bob.goOnline();
    await world.until(() => waits(bob).length === 1, "the Welcome");
    await bob.restart();
    await world.pass(2_000);
    expect((await bob.call("rooms.list", {})).some((one) => one.roomId === roomId)).toBe(false);
    world.unreachable.clear();
    await invited(bob, roomId);
    expect(await get(bob, roomId)).toMatchObject({ title: "Town", group: { people: 2 } });
    expect(isIn(bob, roomId)()).toBe(false);
    const positionOf = () =>
      alice.database.get<{ position: number }>("SELECT position FROM roomLogs WHERE room = ?", roomId)!
        .position;
    const before = positionOf();
    await world.pass(5_000);
    expect(positionOf()).toBe(before);
    await bob.call("rooms.join", { roomId });
    await world.until(isIn(bob, roomId), "bob to come in");
    expect((await get(bob, roomId)).cause).toBeNull();
    await bob.call("messages.send", { roomId, text: "late, but here" });
    await sees(alice, roomId, "late, but here");
    await alice.call("rooms.invite", { roomId, who: "@carol" });
    await invited(carol, roomId);
    await carol.call("rooms.join", { roomId });
    await carol.call("messages.send", { roomId, text: "me too" });
    for (const person of [alice, bob]) await sees(person, roomId, "me too");
  });

  test("[W7] [U7] where the room has another key by then, whoever took them in tells it, or that they are out", async () => {
    await using world = new World("real");
    const { alice, bob, carol, roomId } = await hosting(world);
    for (const person of [bob, carol]) await person.goOffline();
    for (const who of ["@bob", "@carol"]) await alice.call("rooms.invite", { roomId, who });
    await world.until(async () => (await get(alice, roomId)).group?.people === 3, "both to be taken in");
    await alice.call("rooms.remove", { roomId, account: await carol.account() });
    await world.until(async () => (await get(alice, roomId)).group?.people === 2, "carol to be out");
    for (const person of [bob, carol]) await person.goOnline();
    for (const person of [bob, carol]) {
      await invited(person, roomId);
      expect(await get(person, roomId)).toMatchObject({ title: "Alice", group: { people: 1 } });
      await person.call("rooms.join", { roomId });
    }
    await world.until(isIn(bob, roomId), "bob to come in");
    expect(await get(bob, roomId)).toMatchObject({ title: "Village", group: { people: 2 }, cause: null });
    await world.until(async () => (await get(carol, roomId)).state === "closed", "carol to be told");
    await bob.call("messages.send", { roomId, text: "with the new key" });
    await sees(alice, roomId, "with the new key");
    expect(isIn(carol, roomId)()).toBe(false);
  });

  test("[W7] into a room that its person turns down leaves nobody in it", async () => {
    await using world = new World("real");
    const { alice, bob, roomId } = await hosting(world);
    await bob.goOffline();
    await alice.call("rooms.invite", { roomId, who: "@bob" });
    await world.until(async () => (await get(alice, roomId)).group?.people === 2, "bob to be taken in");
    await world.pass(3_000);
    await alice.call("rooms.rename", { roomId, name: "Town" });
    await world.until(async () => (await get(alice, roomId)).title === "Town", "another name");
    await bob.goOnline();
    await invited(bob, roomId);
    await bob.call("rooms.leave", { roomId });
    expect((await get(bob, roomId)).state).toBe("closed");
    await world.until(async () => (await get(alice, roomId)).group?.people === 1, "bob to be out");
    expect(isIn(bob, roomId)()).toBe(false);
  });

  test("[W7] [I9] lets in at once who asked for it by a link", async () => {
    await using world = new World("real");
    const { alice, roomId } = await hosting(world);
    await alice.call("rooms.setRules", { roomId, joining: "open" });
    await world.until(async () => (await get(alice, roomId)).group?.joining === "open", "an open room");
    const { link } = await alice.call("rooms.createLink", { roomId });
    const dora = await (await world.home("dora.example")).person("Dora");
    await dora.call("rooms.ask", { link: link! });
    await world.until(isIn(dora, roomId), "dora to be in");
    await dora.call("messages.send", { roomId, text: "by your link" });
    await sees(alice, roomId, "by your link");
  });
});
