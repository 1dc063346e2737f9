/** Rooms of many whose hub goes away, or was apart for a while: they go on, and come together again. */
import { expect, test } from "vitest";
import { encode, roomEntry, roomEntryHash, type RoomId, roomLogItem } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import type { TestAccount } from "../../homeserver/test/test-account.ts";
import { hubsOf } from "../src/room-state/hubs.ts";
import { presentRecords, recordsIn } from "../src/store/group-records.ts";
import { person, roomOf, someServer } from "./room-people.ts";
import { group, lines, opened, sees, texts } from "./room-scene.ts";
import { type Person, World } from "./world.ts";

/** A room of Alice, an owner like Bob, and Carol; whoever misses the hub asks the next one soon. */
async function succession(world: World) {
  world.takeoverAfterMs = 3_000;
  const room = await opened(world);
  const { alice, bob, roomId } = room;
  await alice.call("rooms.setRole", { roomId, account: await bob.account(), role: "owner" });
  await world.until(async () => (await group(bob)).group?.role === "owner", "bob's role");
  await world.pass(2_000);
  return room;
}

/** Somebody who lives at the same homeserver, with a chat of two. */
async function friendAtHome(person: Person, name: string): Promise<Person> {
  const friend = await person.home.person(name);
  await person.call("requests.send", { who: await friend.account(), text: "Shall we talk?" });
  const { requestId } = await friend.request("pending");
  await friend.call("requests.accept", { requestId });
  await person.home.world.pass(2_000);
  return friend;
}

function apart(person: Person): void {
  person.home.world.unreachable.add(person.home.host);
  person.home.cutLinks();
}

const together = (person: Person): unknown => person.home.world.unreachable.delete(person.home.host);

async function titled(people: Person[], title: string): Promise<void> {
  for (const person of people)
    await person.home.world.until(
      async () => (await group(person)).title === title,
      `${title}, seeing ${(await group(person)).title}`,
    );
}

async function renames(person: Person, roomId: string, name: string): Promise<void> {
  await person.call("rooms.rename", { roomId, name });
}

/** All take part in one epoch: what one writes the others read. */
async function talk(people: Person[], roomId: string, mark: string): Promise<void> {
  for (const [n, person] of people.entries()) {
    const text = `${mark} ${n}`;
    await person.home.world.until(
      async () => (await person.call("messages.send", { roomId, text }).catch(() => undefined)) !== undefined,
      "it may write",
    );
    for (const other of people)
      await other.home.world.until(
        async () => (await texts(other, roomId)).some((line) => line.endsWith(text)),
        `${text}`,
      );
  }
}

test("[W9] behind the first an owner's engine lists the servers of those who are no guests, owners' first", () => {
  const [olga, otto, mona, emma, gina] = ["olga", "otto", "mona", "emma", "gina"].map((name) => person(name));
  const server = (one: TestAccount | undefined) => one!.record.server;
  const room = roomOf([
    [olga!, "owner"],
    [otto!, "owner"],
    [mona!, "moderator"],
    [emma!, "member"],
    [gina!, "guest"],
  ]);
  const hubs = [olga, otto, mona, emma].map(server);
  expect(hubsOf(room, olga!.id)).toEqual(hubs);
  expect(hubsOf(room, mona!.id)).toBeUndefined();
  expect(hubsOf({ ...room, hubs }, otto!.id)).toBeUndefined();
  // The first is an owner's choice; who lives nowhere here goes from the list.
  const handed = [server(mona), someServer(), server(olga)];
  expect(hubsOf({ ...room, hubs: handed }, otto!.id)).toEqual([mona, olga, otto, emma].map(server));
});

test("[W9] the room goes on under the next server when its hub is away, and the hub follows when it is back", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  apart(alice);
  await renames(bob, roomId, "Without the hub");
  await world.pass(1_500);
  expect((await group(bob)).group?.cause).toMatchObject({
    sentence: "alice, which keeps this room's changes in order, is not reached.",
    fix: "It is tried again by itself. Talk goes on meanwhile. If it stays away, bob goes on in its place.",
  });
  expect((await group(bob)).title).toBe("Hiking");
  await titled([bob, carol], "Without the hub");
  const line = "alice was not reached: the room goes on under bob.";
  expect(await lines(bob, roomId)).toContain(`${line} You asked for it.`);
  // Her server knows nothing of Bob's.
  const other = "alice was not reached: the room goes on under Bob's homeserver. Bob asked for it.";
  expect(await lines(carol, roomId)).toContain(other);
  await talk([bob, carol], roomId, "apart");

  together(alice);
  await titled([alice], "Without the hub");
  expect((await lines(alice, roomId)).filter((one) => one.startsWith(line))).toEqual([
    `${line} Bob asked for it.`,
  ]);
  await talk([alice, bob, carol], roomId, "together");
  await renames(alice, roomId, "Home again");
  await titled([alice, bob, carol], "Home again");
});

test("[W9] whose homeserver reaches nobody of the room does not go on alone", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  apart(bob);
  await renames(bob, roomId, "Alone");
  await world.pass(10_000);
  expect((await group(bob)).group?.cause?.fix).toContain(
    "bob goes on in its place by itself, but only after a day",
  );
  expect((await group(bob)).group?.hub?.awaySince).not.toBeNull();
  expect((await group(bob)).title).toBe("Hiking");
  together(bob);
  await titled([alice, bob, carol], "Alone");
  expect((await group(bob)).group?.hub).toMatchObject({ serverId: alice.home.id, awaySince: null });
});

for (const [how, role] of [
  ["an owner hands it to their own server", "owner"],
  ["a day is over", "moderator"],
] as const)
  test(`[W9] [W14] where nobody but the hub is left, the room says that its way on is a day off, and goes on when ${how}`, async () => {
    await using world = new World("real");
    world.takeoverAfterMs = 3_000;
    const { alice, bob, carol, roomId } = await opened(world);
    const account = await bob.account();
    await alice.call("rooms.setRole", { roomId, account, role });
    await carol.call("rooms.leave", { roomId });
    await world.until(async () => (await group(bob)).group?.people === 2, "two people");
    await world.pass(2_000);
    alice.home.die();
    await renames(bob, roomId, "Ours");
    await world.pass(10_000);
    const { cause } = (await group(bob)).group!;
    expect(cause?.sentence).toBe("alice, which keeps this room's changes in order, is not reached.");
    const day =
      "It is tried again by itself. Talk goes on meanwhile. If it stays away, bob goes on in its place by itself, but only after a day: it reaches no other server of this room, and may be the one that is cut off.";
    const now = " To go on now, hand the room over to it.";
    expect(cause?.fix).toBe(role === "owner" ? `${day}${now}` : day);
    expect((await group(bob)).title).toBe("Hiking");
    if (role === "owner") await bob.call("rooms.handOver", { roomId, serverId: bob.home.id });
    else world.clock.skip(86_400_000);
    await titled([bob], "Ours");
    const after = await world.until(async () => {
      const { group: room } = await group(bob);
      return room?.underway.length === 0 && room;
    }, "nothing is left to do");
    expect(after).toMatchObject({ cause: null, hub: { serverId: bob.home.id } });
    expect(await lines(bob, roomId)).toContain(
      "alice was not reached: the room goes on under bob. You asked for it.",
    );
  });

test("[W10] [W12] who changed the room apart does it again where it goes on, and nothing that was written is lost", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  apart(alice);
  await renames(alice, roomId, "Alice's");
  await titled([alice], "Alice's");
  await alice.call("messages.send", { roomId, text: "is anybody there?" });
  await alice.call("messages.send", { roomId, text: "well then" });
  // As of a clock that was set back: what is written again is not found by its time.
  alice.database.run("UPDATE messages SET sentAt = 1 WHERE text = 'well then'");
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  await bob.call("messages.send", { roomId, text: "on we go" });
  await sees(carol, roomId, "Bob: on we go");

  together(alice);
  await titled([alice, bob, carol], "Alice's");
  for (const person of [alice, bob, carol])
    await world.until(
      async () => {
        const all = await texts(person, roomId);
        return (
          all.length === 3 &&
          ["Alice: is anybody there?", "Alice: well then", "Bob: on we go"].every((text) =>
            all.includes(text),
          )
        );
      },
      `all that was written, seeing ${(await texts(person, roomId)).join(", ")}`,
    );
  expect((await lines(alice, roomId)).filter((line) => line.startsWith("The room goes on"))).toEqual([
    "The room goes on under bob. What was changed under alice meanwhile is done again; what was written stays.",
  ]);
  for (const person of [alice, bob, carol]) expect((await group(person)).missing).toBe(0);
  await talk([alice, bob, carol], roomId, "together");
  for (const person of [alice, bob, carol]) {
    await person.restart();
    await person.goOnline();
  }
  await talk([carol, bob, alice], roomId, "restarted");
});

test("[W11] whoever was taken out anywhere is out: nobody who knows writes before that, and it is done again", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  apart(alice);
  await alice.call("rooms.remove", { roomId, account: await carol.account() });
  await world.until(async () => (await group(alice)).group?.people === 2, "carol is out there");
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  const held = () => alice.database.all("SELECT account FROM roomHolds").length;
  together(alice);
  await world.until(() => held() === 1, "alice knows whom she took out");
  expect(await alice.failure("messages.send", { roomId, text: "not for Carol" })).toBe("room-healing");
  await world.until(async () => (await group(carol, "closed")) !== undefined, "carol is out everywhere");
  await world.until(() => held() === 0, "alice may write");
  await alice.call("messages.send", { roomId, text: "not for Carol" });
  await sees(bob, roomId, "Alice: not for Carol");
  await world.pass(2_000);
  expect(await texts(carol, roomId)).toEqual([]);
  expect((await lines(carol, roomId)).at(-1)).toBe("Alice removed you.");
});

test("[W10] whoever left where the room does not go on leaves it again, an owner whom nobody else may take out, too", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  const dave = await friendAtHome(alice, "Dave");
  await alice.call("rooms.invite", { roomId, who: await dave.account() });
  await group(dave, "invited");
  await dave.call("rooms.join", { roomId });
  for (const person of [alice, bob, carol])
    await world.until(async () => (await group(person)).group?.people === 4, "four");
  await world.pass(2_000);
  apart(alice);
  await alice.call("rooms.leave", { roomId });
  await world.until(async () => (await group(dave)).group?.people === 3, "alice is out there");
  expect((await group(alice, "closed")).group?.hub).toBeNull();
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  expect((await group(bob)).group?.people).toBe(4);
  together(alice);
  for (const person of [bob, carol, dave])
    await world.until(async () => (await group(person)).group?.people === 3, "alice is out everywhere");
  await titled([bob, carol, dave], "Bob's");
  await talk([dave, carol, bob], roomId, "three");
  expect((await group(alice, "closed")).cause?.code).toBe("room-left");
  const kept = () => alice.database.all("SELECT 1 FROM roomSnapshots WHERE room = ?", roomId).length;
  expect(kept()).toBeGreaterThan(0);
  // Longer than a room can go on from before that.
  world.clock.skip(8 * 86_400_000);
  await alice.restart();
  await alice.goOnline();
  await world.until(() => kept() === 0, "nothing of it is kept");
  await world.until(
    () => alice.database.all("SELECT 1 FROM roomLogs WHERE room = ?", roomId).length === 0,
    "nor followed",
  );
});

test("[W12] [W13] whoever came in only where the room does not go on is told, and taken in again with what they wrote", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  const dave = await friendAtHome(alice, "Dave");
  apart(alice);
  await alice.call("rooms.invite", { roomId, who: await dave.account() });
  await group(dave, "invited");
  await dave.call("rooms.join", { roomId });
  await world.until(async () => (await group(alice)).group?.people === 4, "four there");
  await dave.call("messages.send", { roomId, text: "from there" });
  await sees(alice, roomId, "Dave: from there");
  await dave.goOffline();
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  together(alice);
  await world.until(async () => (await group(bob)).group?.people === 4, "four again");
  await world.pass(2_000);
  await dave.goOnline();
  await world.until(async () => {
    const rooms = await dave.call("rooms.list", {});
    const room = rooms.find(({ kind }) => kind === "group");
    if (room?.state === "invited") await dave.call("rooms.join", { roomId });
    return room?.state === "open" && room.title === "Bob's";
  }, "dave is in again");
  expect((await lines(dave, roomId)).slice(0, 2)).toEqual([
    "Alice took you in.",
    "The room went on without a change that took you in; Alice took you in again.",
  ]);
  expect((await lines(dave, roomId)).join("\n")).not.toMatch(/joins it again by itself/);
  for (const other of [alice, bob, carol]) await sees(other, roomId, "Dave: from there");
  await talk([alice, bob, carol, dave], roomId, "four");
});

test("[W12] [W13] what somebody wrote where the room does not go on shows as undelivered while they are out, and is written again once they are in", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  const dave = await friendAtHome(alice, "Dave");
  apart(alice);
  await alice.call("rooms.invite", { roomId, who: await dave.account() });
  await group(dave, "invited");
  await dave.call("rooms.join", { roomId });
  await world.until(async () => (await group(alice)).group?.people === 4, "four there");
  await dave.call("messages.send", { roomId, text: "is anybody here?" });
  await sees(alice, roomId, "Dave: is anybody here?");
  await alice.goOffline();
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  together(alice);
  await group(dave, "closed");
  const written = async () =>
    (await dave.call("messages.list", { roomId, limit: 500 })).messages.find(({ kind }) => kind === "text");
  expect(await written()).toMatchObject({ state: "failed", cause: { code: "written-apart" } });
  expect(await texts(bob, roomId)).toEqual([]);

  await alice.goOnline();
  await group(dave, "invited");
  expect(await written()).toMatchObject({ state: "failed", cause: { code: "written-apart" } });
  await dave.call("rooms.join", { roomId });
  for (const other of [bob, carol, alice]) await sees(other, roomId, "Dave: is anybody here?");
  await world.until(async () => (await written())?.state === "delivered", "it is delivered");
  expect((await written())?.cause).toBeNull();
});

test("[W10] who was apart for longer than is kept comes in again by itself", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  apart(alice);
  for (let n = 0; n < 18; n += 1) {
    await renames(alice, roomId, `Alice's ${n}`);
    await titled([alice], `Alice's ${n}`);
  }
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  const kept = "SELECT position FROM roomSnapshots WHERE room = ?";
  expect(alice.database.all(kept, roomId).length).toBe(16);
  together(alice);
  // Her server was refused for long, and tries again seldom by now.
  await world.pass(60_000);
  await titled([alice], "Bob's");
  expect((await lines(alice, roomId)).at(-1)).toMatch(/^The room went on under bob, from so long ago/);
  await talk([alice, bob, carol], roomId, "together");
});

test("[W10] [O3] who was away until the log's servers had pruned what was behind comes in again by itself", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  await carol.goOffline();
  for (const name of ["Spring", "Summer"]) {
    await renames(alice, roomId, name);
    await titled([alice, bob], name);
  }
  for (const { store } of world.homes.values())
    await store.write([{ op: "room.prune", before: world.clock.now() + 1, limit: 1_000 }]);
  await carol.goOnline();
  await titled([carol], "Summer");
  await talk([carol, alice, bob], roomId, "again");
});

test("[W10] what can be gone back to is the state as it was left, and goes after a week", async () => {
  await using world = new World("real");
  const { alice, bob, roomId } = await succession(world);
  const count = () => alice.database.all("SELECT position FROM roomSnapshots").length;
  expect(count()).toBeGreaterThan(2);
  world.clock.skip(8 * 86_400_000);
  await alice.restart();
  await alice.goOnline();
  await world.until(() => count() === 0, "nothing of a week ago");
  await renames(alice, roomId, "Later");
  await titled([bob], "Later");
  expect(alice.database.all("SELECT name FROM roomSnapshotRecords").length).toBeGreaterThan(5);
});

test("[W14] an owner hands the room to another server", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  expect((await group(carol)).group?.hub).toMatchObject({ name: "alice", awaySince: null });
  expect(await carol.failure("rooms.handOver", { roomId, serverId: carol.home.id })).toBe("room-rule");
  await bob.call("rooms.handOver", { roomId, serverId: carol.home.id });
  for (const person of [alice, bob, carol])
    await world.until(
      async () => (await group(person)).group?.hub?.serverId === carol.home.id,
      "carol's server",
    );
  expect((await group(bob)).group?.hub?.name).toBe("Carol's homeserver");
  expect(await lines(alice, roomId)).toContain("Bob handed the room's order over from alice to carol.");
  await world.until(async () => (await group(bob)).group?.underway.length === 0, "nothing is left to do");
  await renames(alice, roomId, "Moved");
  await titled([alice, bob, carol], "Moved");
});

test("[W9] a room whose log was locked by a Commit that nobody can follow goes on from before it", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  const { homeserver, store, keys, id: hub } = alice.home;
  const account = await bob.account();
  await world.during(homeserver[Symbol.asyncDispose]());
  const row = (await store.load()).rooms.find(({ room }) => room === roomId)!;
  const access = nodeRandom.bytes(32);
  const item = encode(roomLogItem, {
    ...{ kind: "commit", group: row.group, epoch: 9, message: nodeRandom.bytes(60), external: true },
    ...{ access, servers: row.servers },
  });
  const position = row.position + 1;
  const signed = roomEntry.sign(nodePrimitives, keys.identity, {
    ...{ room: row.room, hub, term: row.term, position, previous: row.hash, at: world.clock.now() },
    ...{ by: { account, server: bob.home.id }, item },
  });
  const hash = roomEntryHash(nodePrimitives, signed);
  const next = { ...row, position, hash, access, anchor: position };
  await world.during(
    store.write([
      { op: "room.append", row: next, entries: [{ position, signed }], info: nodeRandom.bytes(9) },
    ]),
  );
  await alice.home.start();
  await alice.restart();
  await alice.goOnline();
  await renames(bob, roomId, "Unlocked");
  await titled([alice, bob, carol], "Unlocked");
  await talk([alice, bob, carol], roomId, "unlocked");
});

test("[W11] a device that was revoked anywhere is out: nobody who knows writes before that, and whoever knows does it again", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await succession(world);
  const phone = await signedIn(alice);
  const isIn = () => phone.database.all("SELECT 1 FROM groups WHERE room = ?", roomId).length === 1;
  await world.until(isIn, "alice's phone");
  const dave = await friendAtHome(alice, "Dave");
  await alice.call("rooms.invite", { roomId, who: await dave.account() });
  await group(dave, "invited");
  await dave.call("rooms.join", { roomId });
  await world.until(async () => (await group(carol)).group?.people === 4, "four");
  await world.pass(2_000);

  apart(alice);
  const [foreign] = (await alice.call("devices.list", {})).devices.filter(({ self }) => !self);
  const { position: before } = place(dave, roomId);
  await alice.call("devices.revoke", { deviceId: foreign!.deviceId });
  await world.until(() => place(dave, roomId).position > before, "dave sees the revocation");
  // Nobody of hers is there to do it again: it is Dave who knows.
  await alice.close();
  await renames(bob, roomId, "Bob's");
  await titled([bob, carol], "Bob's");
  const held = () => dave.database.all("SELECT record FROM roomRevocations").length;
  together(alice);
  await world.until(() => held() === 1, "dave knows which device was revoked");
  expect(await dave.failure("messages.send", { roomId, text: "not for the phone" })).toBe("room-healing");
  await world.until(() => held() === 0, "dave may write");
  await dave.call("messages.send", { roomId, text: "not for the phone" });
  await sees(bob, roomId, "Dave: not for the phone");
  const members = world.groups.members(groupOf(bob, roomId)).map(({ device }) => String(device));
  expect(members).toHaveLength(4);
  expect(members).not.toContain(foreign!.deviceId);
  await world.pass(2_000);
  expect(await texts(phone, roomId)).toEqual([]);
});

/** How far this engine has taken the room's log. */
const place = (person: Person, roomId: string): { position: number } =>
  person.database.get<{ position: number }>("SELECT position FROM roomLogs WHERE room = ?", roomId)!;

function groupOf({ database, groups }: Person, roomId: string) {
  return groups.restore(recordsIn(database, presentRecords(roomId as RoomId)));
}

async function signedIn(of: Person): Promise<Person> {
  const password = "correct horse battery staple plus";
  await of.call("account.setPassword", { password });
  const second = of.home.engine();
  const handle = (await of.call("engine.status", {})).me!.address.slice(1).split("@")[0]!;
  await second.call("account.signIn", { handle, password });
  return second;
}
