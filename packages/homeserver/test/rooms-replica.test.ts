/** Copies of a room's log at its members' servers: complete, in order, and nobody's word but the hub's. */
import { expect, test } from "vitest";
import type { RoomEntry } from "@fedchat/protocol";
import { decode, encode, roomEntry, roomEntryHash, roomLogItem, roomLogPage } from "@fedchat/protocol";
import { settled, star } from "./custody-scene.ts";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";
import { roomHeads, sharedRoom, TestRoom } from "./room-scene.ts";

const day = 86_400_000;

/** What a server that claims to be the hub of a room could sign. */
function signed(by: Host, room: TestRoom, change: Partial<RoomEntry> = {}): Uint8Array {
  const { term, position, hash } = room.head;
  return roomEntry.sign(primitives, by.keys.seed, {
    ...{ room: room.id, hub: by.id, term, position: position + 1, previous: hash, at: 1 },
    by: { account: by.person, server: by.id },
    item: encode(roomLogItem, room.commit([by.id])),
    ...change,
  });
}

/** Entries come to a server as if in a bundle of that hub. */
async function arrive(at: Host, from: Host, entries: Uint8Array[], linked = true): Promise<void> {
  const plan = await at.world.clock.settle(at.rooms.arrived(from.id, linked, entries));
  await at.world.clock.settle(at.commit.add(plan.ops));
  plan.committed();
}

const logsAt = async (host: Host): Promise<number> => (await host.store.load()).rooms.length;

test("[O4] [O5] entries come to a member server in order, and followers are told once they are on disk", async () => {
  const { world, hub, member, room } = await sharedRoom();
  for (let n = 0; n < 5; n += 1) await room.add(n % 2 === 0 ? hub : member, room.commit([hub.id, member.id]));
  await world.clock.until(() => room.at(member) === 7, "the member's server has all");
  const entries = await room.read(member, 1);
  expect(entries.map(({ position }) => position)).toEqual([2, 3, 4, 5, 6, 7]);
  expect(entries.map(({ by }) => by.server === hub.id)).toEqual([true, true, false, true, false, true]);
  expect(roomHeads(member).slice(-5)).toEqual([3, 4, 5, 6, 7]);
  expect(roomHeads(hub).slice(-5)).toEqual([3, 4, 5, 6, 7]);
});

test("[O5] a newcomer's log begins where it was added, also where it came before anybody follows it", async () => {
  const world = new World();
  const [hub, member] = await world.linkedPair();
  const room = new TestRoom(hub.id);
  await room.add(hub, room.begin([hub.id]));
  await room.add(hub, room.proposal());
  await room.add(hub, room.commit([hub.id, member.id]));
  const added = room.head;
  await world.clock.advance(5_000);
  expect((await member.store.load()).rooms).toMatchObject([{ position: 3 }]);
  await expect(member.rooms.log(member.person, { room: room.id, after: 0 })).rejects.toMatchObject({
    code: "unknown-room",
  });
  hub.crash();
  await room.follow(member, member.person, added);
  expect(await room.positions(member)).toEqual([3]);
});

test("[O6] only who has seen an entry follows a log that is here; the hub's must be there", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const [, other] = hub.people;
  const follow = (by: Host, change: object) =>
    world.clock.settle(
      by.rooms.follow(other!.id, { room: room.id, ...room.head, position: 2, ...change }).then(
        () => "followed",
        (error: { code: string }) => error.code,
      ),
    );
  expect(await follow(hub, { hash: new Uint8Array(32) })).toBe("not-allowed");
  expect(await follow(hub, { position: 7 })).toBe("not-allowed");
  expect(await follow(hub, { position: 0 })).toBe("not-allowed");
  expect(await follow(hub, { room: new TestRoom(hub.id, "x").id })).toBe("unknown-room");
  const [, another] = member.people;
  const guess = { room: room.id, hub: hub.id, position: 2, hash: new Uint8Array(32) };
  const guessed = member.rooms.follow(another!.id, guess);
  await expect(world.clock.settle(guessed)).rejects.toMatchObject({ code: "not-allowed" });
  const fromTheBeginning = member.rooms.follow(another!.id, { ...guess, position: 0 });
  expect(await world.clock.settle(fromTheBeginning)).toBeUndefined();
  expect(await follow(hub, {})).toBe("followed");
  expect(await follow(hub, {})).toBe("followed");
  expect(await follow(hub, { hub: member.id })).toBe("conflict");
});

test("[O5] entries behind a hole are let go, and what is missing is asked from the hub", async () => {
  const { world, hub, member, room } = await sharedRoom();
  member.crash();
  const backup = member.backup();
  await member.start();
  for (let n = 0; n < 3; n += 1) await room.add(hub, room.proposal());
  await world.clock.until(() => room.at(member) === 5, "it has them, and the hub's outbox is empty", day);
  await world.clock.advance(5_000);
  await member.restore(backup);
  expect(room.at(member)).toBe(2);
  await world.clock.until(() => room.at(member) === 5, "a new connection is enough", day);

  await member.restore(backup);
  const last = (await hub.store.roomEntries({ room: room.id, hub: hub.id }, 4, 1))[0]!.signed;
  await arrive(member, hub, [last]);
  expect(room.at(member)).toBe(2);
  await world.clock.until(() => room.at(member) === 5, "the hole is filled", day);
  expect(await room.read(member, 1)).toEqual(await room.read(hub, 1));
});

test("[O5] what the hub did not sign for this very place is let go", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const other = await world.homeserver("other");
  const forged = signed(hub, room);
  const wrong: [string, Host, Uint8Array][] = [
    ["another server's log", other, signed(other, room)],
    ["signed by another", hub, signed({ ...other, id: hub.id, person: other.person } as Host, room)],
    ["another term", hub, signed(hub, room, { term: 2 })],
    ["not behind what is here", hub, signed(hub, room, { previous: new Uint8Array(32).fill(1) })],
    ["an item that is none", hub, signed(hub, room, { item: Uint8Array.of(1) })],
    ["a bit of the body", hub, forged.with(40, forged[40]! ^ 1)],
    ["nothing", hub, new Uint8Array(0)],
    ["brought by another server", other, forged],
  ];
  for (const [, by, entry] of wrong) await arrive(member, by, [entry], false);
  expect(room.at(member)).toBe(2);
  await arrive(member, hub, [forged]);
  expect(room.at(member)).toBe(3);
});

test("[O5] a copy that began behind where its first follower came in begins anew there", async () => {
  const { world, relay, alice, carol } = await star();
  const dave = await world.homeserver("relay-dave");
  await world.link(dave, relay);
  await settled(world);
  const room = new TestRoom(alice.id);
  await room.add(alice, room.begin([alice.id]));
  const servers = [alice.id, carol.id, dave.id];
  await room.add(alice, room.commit(servers));
  const added = room.head;
  for (const item of [room.proposal(), room.commit(servers)]) await room.add(alice, item);
  await world.clock.advance(60_000);
  expect(await logsAt(dave)).toBe(0);
  // As if the hub had been linked from here just now.
  const [last] = await alice.store.roomEntries({ room: room.id, hub: alice.id }, 3, 1);
  await arrive(dave, alice, [last!.signed], true);
  expect((await dave.store.load()).rooms).toMatchObject([{ position: 4 }]);
  await room.follow(dave, dave.person, added);
  await world.clock.until(() => room.at(dave) === 4, "it asked for what it had let go", day);
  expect(await room.positions(dave)).toEqual([2, 3, 4]);
});

test("[O5] the server of a stranger is asked, and sends, without any link", async () => {
  const { world, relay, alice, carol } = await star();
  const dave = await world.homeserver("relay-dave");
  await world.link(dave, relay);
  await settled(world);
  const room = new TestRoom(alice.id);
  await room.add(alice, room.begin([alice.id]));
  await room.add(alice, room.commit([alice.id, carol.id, dave.id]));
  expect(dave.link(alice)).toBeUndefined();
  await room.follow(dave);
  await world.clock.until(() => room.at(dave) === 2, "it asked for what it had let go", day);
  await room.add(dave, room.commit([alice.id, carol.id, dave.id]));
  await world.clock.until(() => room.at(dave) === 3, "and is sent what follows", day);
  expect((await room.read(dave, 2))[0]?.by).toEqual({ account: dave.person, server: dave.id });
});

test("[O4] while a member server sleeps and then the hub, relays keep the entries", async () => {
  const { world, alice, carol } = await star();
  const room = new TestRoom(alice.id);
  await room.add(alice, room.begin([alice.id, carol.id]));
  await room.follow(alice);
  await room.follow(carol);
  await world.clock.until(() => room.at(carol) === 1, "carol's server has the first", day);
  carol.crash();
  await world.clock.advance(60_000);
  for (let n = 0; n < 3; n += 1) await room.add(alice, room.commit([alice.id, carol.id]));
  await world.clock.advance(10 * 60_000);
  alice.crash();
  await carol.start();
  await world.clock.until(() => room.at(carol) === 4, "the relay had them", day);
  expect(await room.positions(carol)).toEqual([1, 2, 3, 4]);
});

test("[O6] with its last follower a copy goes; with one left it stays, and the hub's log stays always", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const [one, two] = member.people.map(({ id }) => id);
  await room.follow(member, two);
  await world.clock.settle(member.rooms.unfollow(one!, { room: room.id }));
  expect([room.at(member, one), room.at(member, two), await logsAt(member)]).toEqual([undefined, 2, 1]);
  await world.clock.settle(member.rooms.unfollow(two!, { room: room.id }));
  await world.clock.settle(member.rooms.unfollow(two!, { room: room.id }));
  await world.clock.settle(hub.rooms.unfollow(hub.person, { room: room.id }));
  expect([await logsAt(member), await logsAt(hub)]).toEqual([0, 1]);
  await member.restart();
  expect(member.rooms.heads(one!)).toEqual({ rooms: [] });
  // Whoever comes back has it from the hub.
  await room.follow(member, one);
  await world.clock.until(() => room.at(member) === 2, "it is there again", day);
});

test.each([1, 2, 3])(
  "[O4] [O5] hub and member crash in the middle: every acknowledged entry comes to both (seed %i)",
  async (seed) => {
    const { world, hub, member, room } = await sharedRoom(seed);
    for (let n = 0; n < 25; n += 1) {
      const item = n % 4 === 0 ? room.commit([hub.id, member.id]) : room.proposal();
      await room.add(hub, item);
      await world.clock.advance(world.random.between(0, 400));
      if (n % 3 === 0) await world.random.pick([hub, member]).restart();
    }
    await world.clock.until(() => room.at(member) === 27, "the member's server has all", day);
    expect(await room.read(member, 1)).toEqual(await room.read(hub, 1));
  },
);

test("[O5] a member server whose disk is full takes the entries once there is room", async () => {
  const { world, hub, member, room } = await sharedRoom();
  member.disk.full = true;
  await room.add(hub, room.proposal());
  await room.add(hub, room.commit([hub.id, member.id]));
  await world.clock.advance(60_000);
  expect(room.at(member)).toBe(2);
  member.disk.full = false;
  await world.clock.until(() => room.at(member) === 4, "it comes again", day);
  expect(roomHeads(member).at(-1)).toBe(4);
});

test("[O5] what the hub has pruned meanwhile is missing for good: the copy begins anew behind it", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const behind = member.backup();
  for (const item of [room.proposal(), room.proposal()]) await room.add(hub, item);
  await room.add(hub, room.commit([hub.id, member.id]));
  await room.add(hub, room.proposal());
  await world.clock.until(() => room.at(member) === 6, "it has all", day);
  await world.clock.advance(5_000);
  member.crash();
  hub.crash();
  await world.clock.advance(91 * day);
  await hub.start();
  hub.renewRecord();
  await world.clock.settle(hub.rooms.expire());
  await member.restore(behind);
  member.renewRecord();
  expect(room.at(member)).toBe(2);
  await world.clock.until(() => room.at(member) === 6, "it asked for what is left", 3_600_000);
  expect(await room.positions(member)).toEqual([5, 6]);
  await member.restart();
  await room.add(hub, room.proposal());
  await world.clock.until(() => room.at(member) === 7, "and goes on", 3_600_000);
});

test("[O5] whoever else claims to be a room's hub has a log of its own, which takes nobody's place", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const other = await world.homeserver("other");
  const claimed = new TestRoom(other.id);
  await arrive(member, other, [
    signed(other, claimed, { item: encode(roomLogItem, claimed.begin([other.id])) }),
  ]);
  expect(await logsAt(member)).toBe(2);
  await room.add(hub, room.proposal());
  await world.clock.until(() => room.at(member) === 3, "the room's hub is who it was");
  expect((await room.read(member, 1)).every((entry) => entry.hub === hub.id)).toBe(true);
  expect(member.rooms.meets(other.id)).toBe(false);
  expect(member.rooms.meets(hub.id)).toBe(true);
});

test("[O1] a follower sees a log of which each entry names the one before it", async () => {
  const { hub, room } = await sharedRoom();
  await room.add(hub, room.proposal());
  const { entries } = await hub.rooms.log(hub.person, { room: room.id, after: 0 });
  const opened = entries.map((entry) => roomEntry.open(primitives, entry));
  expect(opened.map(({ position, term }) => [term, position])).toEqual([
    [1, 1],
    [1, 2],
    [1, 3],
  ]);
  expect(opened[2]!.previous).toEqual(roomEntryHash(primitives, entries[1]!));
  expect(room.head.hash).toEqual(roomEntryHash(primitives, entries[2]!));
});

test("[O5] a hub that cannot be asked when somebody begins to follow is asked again later", async () => {
  const { world, relay, alice } = await star();
  const dave = await world.homeserver("relay-dave");
  await world.link(dave, relay);
  await settled(world);
  const room = new TestRoom(alice.id);
  await room.add(alice, room.begin([alice.id, dave.id]));
  await world.clock.advance(10 * 60_000);
  alice.crash();
  await room.follow(dave);
  await world.clock.advance(60_000);
  await alice.start();
  await world.clock.advance(10 * 60_000);
  expect(room.at(dave)).toBe(0);
  await world.clock.settle(dave.rooms.expire());
  await world.clock.until(() => room.at(dave) === 1, "it was asked again", day);
});

test("[O5] a copy that was quiet for a day asks whether the room was: its hub may not know where to send", async () => {
  const { world, relay, alice, carol } = await star();
  const dave = await world.homeserver("relay-dave");
  await world.link(dave, relay);
  await settled(world);
  const room = new TestRoom(alice.id);
  await room.add(alice, room.begin([alice.id, dave.id]));
  await room.follow(dave);
  await world.clock.until(() => room.at(dave) === 1, "it has the first", day);
  const behind = dave.backup();
  await room.add(alice, room.proposal());
  await world.clock.until(() => room.at(dave) === 2, "it has the second", day);
  await world.clock.advance(10_000);
  const all = [relay, alice, carol, dave];
  for (const host of all) host.crash();
  dave.store = behind;
  await world.clock.advance(1_000);
  for (const host of all) await host.start();
  // Without a link, and with nothing on its way, there is no connection.
  await world.clock.advance(60_000);
  await world.clock.settle(dave.rooms.expire());
  await world.clock.advance(60_000);
  expect(room.at(dave)).toBe(1);

  for (const host of all) host.crash();
  await world.clock.advance(day);
  for (const host of all) await host.start();
  await world.clock.advance(60_000);
  await world.clock.settle(dave.rooms.expire());
  await world.clock.until(() => room.at(dave) === 2, "it asked", 3_600_000);
});

test("[O8] a server that missed how it was taken off the list is told up to there, and nothing behind it", async () => {
  const { world, hub, member, room } = await sharedRoom();
  member.crash();
  await room.add(hub, room.proposal());
  await room.add(hub, room.commit([hub.id]));
  await room.add(hub, room.commit([hub.id]));
  const told = async (after: number) => {
    const query = { ask: "roomLog", room: room.id, after } as const;
    return decode(roomLogPage, await world.clock.settle(hub.rooms.answer(member.id, query)));
  };
  const { entries, head } = await told(2);
  expect(entries.map((signed) => roomEntry.read(signed).value.position)).toEqual([3, 4]);
  expect(head).toEqual({ hub: hub.id, term: 1, position: 4, hash: roomEntryHash(primitives, entries[1]!) });
  await expect(told(4)).rejects.toMatchObject({ code: "not-allowed" });
  // Taken in again, it is told the rest; out again, what went to it in between.
  await room.add(hub, room.commit([hub.id, member.id]));
  await room.add(hub, room.commit([hub.id]));
  const again = await told(4);
  expect(again.entries.map((signed) => roomEntry.read(signed).value.position)).toEqual([6, 7]);
});
