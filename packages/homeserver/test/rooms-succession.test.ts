/** Other hubs go on with a room's log: who may, what everybody then holds, and what becomes of what was lost. */
import { expect, test } from "vitest";
import type { ServerId } from "@fedchat/protocol";
import { decodeRoomLogItem, encode, roomEntry, roomLogItem, serverId } from "@fedchat/protocol";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";
import { roomHeads, TestRoom } from "./room-scene.ts";

const day = 86_400_000;

/** A room of three servers, all linked, with a follower at each. */
async function threeServers(seed: string | number = 1) {
  const world = new World(seed);
  const [one, two, three] = [
    await world.homeserver("one"),
    await world.homeserver("two"),
    await world.homeserver("three"),
  ];
  for (const [a, b] of [
    [one, two],
    [one, three],
    [two, three],
  ] as const)
    await world.link(a, b);
  const hosts = [one, two, three];
  const servers = hosts.map(({ id }) => id);
  const room = new TestRoom(one.id);
  await room.add(one, room.begin([one.id]));
  await room.follow(one);
  await room.add(one, room.commit(servers));
  await room.follow(two);
  await room.follow(three);
  await everywhere(room, hosts);
  return { world, one, two, three, hosts, servers, room };
}

async function everywhere(room: TestRoom, hosts: Host[], what = "all have it"): Promise<void> {
  await hosts[0]!.world.clock.until(() => hosts.every((host) => room.isAt(host)), what, day);
}

const refusal = (by: Host, append: ReturnType<TestRoom["append"]>): Promise<unknown> =>
  by.world.clock.settle(
    by.rooms.append(by.person, append).catch((error: { code?: string }) => {
      if (error.code === undefined) throw error;
      return error.code;
    }),
  );

/** Whose entries a follower reads. */
async function hubsAt(room: TestRoom, host: Host, after = 0): Promise<ServerId[]> {
  return (await room.read(host, after)).map(({ hub }) => hub);
}

test("[O9] [O10] the next hub goes on where the log was, tells everybody, and the old one steps down when it is back", async () => {
  const { world, one, two, three, hosts, servers, room } = await threeServers();
  one.crash();
  await room.moveTo(three, two.id, servers);
  await everywhere(room, [two, three]);
  expect(room.headAt(two)).toMatchObject({ hub: two.id, term: 2, position: 3 });
  await room.add(three, room.commit(servers));
  await room.add(two, room.proposal());
  await everywhere(room, [two, three]);
  expect(await hubsAt(room, two)).toEqual([one.id, two.id, two.id, two.id]);
  expect(await hubsAt(room, three, 1)).toEqual([one.id, two.id, two.id, two.id]);

  await one.start();
  await everywhere(room, hosts);
  expect(await room.read(one, 1)).toEqual(await room.read(two, 1));
  expect(roomHeads(one).at(-1)).toBe(5);
  // Whoever still asks it for its term learns who goes on.
  const late = room.append(room.proposal(), { hub: one.id, term: 1 });
  expect(await refusal(three, late)).toEqual({ outcome: "behind", ...room.head });
  await one.restart();
  await two.restart();
  await world.clock.advance(60_000);
  await room.add(one, room.commit(servers));
  await everywhere(room, hosts);
});

test("[O10] only a member takes over, at a server of the room that has the log, once in a term", async () => {
  const { world, one, two, three, servers, room } = await threeServers();
  const other = await world.homeserver("other");
  await world.link(two, other);
  const right = room.takeover(two.id, servers);
  const item = roomEntry.open(
    primitives,
    (await one.store.roomEntries({ room: room.id, hub: one.id }, 0, 1))[0]!.signed,
  ).item;
  const behind = { outcome: "behind", ...room.head };
  const wrong: [unknown, Host, ReturnType<TestRoom["append"]>][] = [
    ["not-allowed", three, room.takeover(two.id, servers, { proof: new Uint8Array(64) })],
    ["not-allowed", three, room.takeover(two.id, servers, { access: new Uint8Array(32) })],
    ["not-allowed", three, room.takeover(two.id, servers, { group: new Uint8Array(32) })],
    ["not-allowed", three, room.takeover(two.id, [two.id])],
    ["not-allowed", three, { ...right, proof: new Uint8Array(64) }],
    ["unknown-room", three, room.takeover(two.id, servers, { from: three.id })],
    ["malformed", three, { ...right, item: item.slice(1) }],
    ["not-allowed", other, right],
    ["unknown-room", two, room.takeover(other.id, servers)],
    [behind, three, { ...right, head: new Uint8Array(32) }],
    [behind, three, { ...right, term: 2 }],
    [behind, three, { ...right, position: 1 }],
  ];
  for (const [code, by, append] of wrong) expect(await refusal(by, append)).toEqual(code);
  // A copy of the signature by the access key for another place is none for this one.
  const elsewhere = room.takeover(three.id, servers);
  expect(await refusal(three, room.append(decoded(elsewhere.item), { hub: two.id }))).toBe("not-allowed");
  expect(room.headAt(two)).toMatchObject({ hub: one.id, term: 1 });

  const appended = await refusal(three, right);
  expect(appended).toMatchObject({ outcome: "appended", position: 3 });
  expect(await refusal(three, right)).toEqual(appended);
  const again = room.takeover(two.id, servers, { member: Uint8Array.of(2) });
  expect(await refusal(three, again)).toMatchObject({ outcome: "behind", hub: two.id, term: 2 });
});

test("[O11] what the losing branch had stays apart, and all go on with the higher term", async () => {
  const { world, one, two, three, hosts, servers, room } = await threeServers();
  world.network.partition("one", ["two", "three"]);
  const lost = room.apart();
  for (let n = 0; n < 3; n += 1) await lost.add(one, lost.commit(servers, 50 + n));
  expect(lost.isAt(one)).toBe(true);
  await room.moveTo(two, two.id, servers);
  await room.add(three, room.commit(servers));
  world.network.heal("one", ["two", "three"]);
  await everywhere(room, hosts, "one steps down");
  expect(await room.read(one, 1)).toEqual(await room.read(two, 1));
  const { rooms } = await one.store.load();
  expect(rooms.find(({ hub }) => hub === one.id)).toMatchObject({ successor: two.id, position: 5 });
  const apart = await one.store.roomEntries({ room: room.id, hub: one.id }, 0, 1_000_000);
  expect(apart.map(({ position }) => position)).toEqual([3, 4, 5]);
  await room.add(one, room.commit(servers));
  await everywhere(room, hosts);
  await one.restart();
  expect(room.isAt(one)).toBe(true);
  // In the end nobody needs it any more.
  await world.clock.settle(one.rooms.expire());
  for (const host of hosts) host.crash();
  await world.clock.advance(61 * day);
  for (const host of hosts) await host.start();
  await world.clock.settle(one.rooms.expire());
  expect((await one.store.load()).rooms.map(({ hub }) => hub)).toEqual([two.id]);
});

test("[O11] of two takeovers in one term the one that continues more wins, then the lower hub", async () => {
  const { world, one, two, three, hosts, servers, room } = await threeServers();
  // Three has an entry more than two when one is gone.
  world.network.partition("one", "two");
  await room.add(one, room.commit(servers));
  await world.clock.until(() => room.isAt(three), "three has it");
  one.crash();
  world.network.partition("two", "three");
  const short = room.apart();
  const held = two.rooms.heads(two.person).rooms[0]!;
  Object.assign(short, { head: { hub: one.id, term: 1, position: 2, hash: held.hash }, epoch: 1 });
  await short.moveTo(two, two.id, servers);
  for (let n = 0; n < 3; n += 1) await short.add(two, short.commit(servers));
  await room.moveTo(three, three.id, servers);
  world.network.heal("two", "three");
  await everywhere(room, [two, three], "more wins");
  world.network.heal("one", "two");
  await one.start();
  await everywhere(room, hosts);

  // Both continue the same entry.
  world.network.partition("one", "two");
  world.network.partition("two", "three");
  world.network.partition("one", "three");
  const [a, b] = [room.apart(), room.apart()];
  await a.moveTo(one, one.id, servers);
  await b.moveTo(two, two.id, servers);
  await b.add(two, b.commit(servers));
  for (const [from, to] of [
    ["one", "two"],
    ["two", "three"],
    ["one", "three"],
  ] as const)
    world.network.heal(from, to);
  const winner = lowerOf(one.id, two.id) === one.id ? a : b;
  await everywhere(winner, hosts, "the lower hub wins");
});

test("[O10] [O12] a copy that is behind takes what is missing from the others before it takes over", async () => {
  const { world, one, two, three, servers, room } = await threeServers();
  world.network.partition("one", "two");
  for (let n = 0; n < 4; n += 1) await room.add(three, room.commit(servers));
  await everywhere(room, [three]);
  expect(room.at(two)).toBe(2);
  one.crash();
  await room.moveTo(three, two.id, servers);
  await everywhere(room, [two, three]);
  expect(await room.read(two, 2)).toEqual(await room.read(three, 2));
});

test("[O12] a hub that was restored from a backup takes its own log back from its members' servers", async () => {
  const { world, one, two, three, hosts, servers, room } = await threeServers();
  const backup = one.backup();
  for (let n = 0; n < 3; n += 1) await room.add(two, room.commit(servers));
  await everywhere(room, hosts);
  await one.restore(backup);
  expect(room.at(one)).toBe(2);
  await world.clock.advance(60_000);
  await room.add(three, room.commit(servers));
  await everywhere(room, hosts);
  expect(await room.positions(one)).toEqual([1, 2, 3, 4, 5, 6]);
  // Its own people find it, too.
  await one.restore(backup);
  await world.clock.advance(60_000);
  await room.add(one, room.proposal());
  await everywhere(room, hosts);
});

test("[O10] a log that names an access key which nobody has is taken over before that entry", async () => {
  const { world, one, two, three, hosts, servers, room } = await threeServers();
  const good = room.apart();
  await room.add(two, room.commit(servers));
  await everywhere(room, hosts);
  // From elsewhere an earlier entry is not continued: who was removed since would undo it.
  expect(await refusal(two, good.takeover(one.id, servers))).toMatchObject({
    outcome: "behind",
    position: 3,
  });
  const hand = good.apart();
  await hand.moveTo(one, one.id, servers);
  expect(hand.headAt(one)).toMatchObject({ hub: one.id, term: 2, position: 3 });
  await everywhere(hand, hosts);
  await hand.add(two, hand.commit(servers));
  await everywhere(hand, hosts);

  // What others appended behind an entry shows that it locked nobody out; and whoever does not follow knows nothing of it.
  const earlier = hand.apart();
  await hand.add(two, hand.commit(servers));
  await hand.add(three, hand.commit(servers));
  await everywhere(hand, hosts);
  const behind = { outcome: "behind", position: 6 };
  expect(await refusal(one, earlier.takeover(one.id, servers))).toMatchObject(behind);
  const last = hand.apart();
  await hand.add(two, hand.commit(servers));
  await everywhere(hand, hosts);
  const byStranger = one.rooms.append(two.person, last.takeover(one.id, servers));
  expect(await world.clock.settle(byStranger)).toMatchObject({ outcome: "behind", position: 7 });

  // After a week it is too late.
  const old = hand.apart();
  await hand.add(two, hand.commit(servers));
  await everywhere(hand, hosts);
  for (const host of hosts) host.crash();
  await world.clock.advance(7 * day + 1);
  for (const host of hosts) await host.start();
  expect(await refusal(one, old.takeover(one.id, servers))).toMatchObject({ outcome: "behind", position: 8 });
});

test("[O11] what is no takeover of this very log moves nobody", async () => {
  const { world, one, two, three, servers, room } = await threeServers();
  const { hash } = room.head;
  const right = room.takeover(two.id, servers);
  const signed = (by: Host, change: object, item = right.item) =>
    roomEntry.sign(primitives, by.keys.seed, {
      ...{ room: room.id, hub: by.id, term: 2, position: 3, previous: hash, at: 1 },
      by: { account: by.person, server: by.id },
      ...{ item, ...change },
    });
  const wrong = [
    signed(two, { term: 3 }),
    signed(two, { position: 4 }),
    signed(three, {}),
    signed(two, {}, encode(roomLogItem, { ...decoded(right.item), proof: new Uint8Array(64) } as never)),
    signed(two, {}, encode(roomLogItem, room.commit(servers))),
  ];
  for (const entry of wrong) {
    // As if two, or three, had them: they come as a hint, and are asked for.
    for (const from of [two, three]) {
      const plan = await world.clock.settle(one.rooms.arrived(from.id, true, [entry]));
      await world.clock.settle(one.commit.add(plan.ops));
      plan.committed();
    }
    await world.clock.advance(60_000);
    expect(room.isAt(one)).toBe(true);
  }
  await room.add(one, room.commit(servers));
  await everywhere(room, [one, two, three]);
});

test("[O12] whoever is not on the servers is not told the log, by a copy as little as by the hub", async () => {
  const { world, two, room } = await threeServers();
  const other = await world.homeserver("other");
  await world.link(two, other);
  const asked = other.federation.rooms.ask(two.id, { ask: "roomLog", room: room.id, after: 0 });
  await expect(world.clock.settle(asked)).rejects.toMatchObject({ code: "not-allowed" });
  const info = other.federation.rooms.ask(two.id, { ask: "roomInfo", room: room.id, offset: 0 });
  await expect(world.clock.settle(info)).rejects.toMatchObject({ code: "not-allowed" });
});

test.each([1, 2, 3, 4])(
  "[O11] partitions, crashes and takeovers at random: all end with one log that misses nothing of its terms (seed %i)",
  async (seed) => {
    const { world, hosts, servers, room } = await threeServers(`succession ${seed}`);
    const { random } = world;
    /** What each server's people know: they read their own server's log. */
    const known = new Map(hosts.map((host) => [host, room.apart()]));
    const read = (host: Host): TestRoom => {
      const mine = known.get(host)!;
      const head = mine.headAt(host)!;
      mine.head = { ...head };
      // Epochs are counted by what the log has: commits alone end one.
      mine.epoch = epochs.get(Buffer.from(head.hash).toString("hex")) ?? mine.epoch;
      return mine;
    };
    const epochs = new Map([[Buffer.from(room.head.hash).toString("hex"), room.epoch]]);
    for (let step = 0; step < 40; step += 1) {
      const host = hosts[random.between(0, 2)]!;
      const [x, y] = [hosts[random.between(0, 2)]!, hosts[random.between(0, 2)]!];
      switch (random.between(0, 6)) {
        case 0:
          if (x !== y) world.network.partition(x.name, y.name);
          break;
        case 1:
          if (x !== y) world.network.heal(x.name, y.name);
          break;
        case 2:
          await host.restart();
          break;
        default: {
          const mine = read(host);
          const takesOver = random.between(0, 3) === 0;
          const item = mine.commit(servers, random.between(10, 90));
          const append = takesOver ? mine.takeover(x.id, servers) : mine.append(item);
          const outcome = (await refusal(host, append)) as { outcome?: string; hash: Uint8Array };
          if (outcome.outcome !== "appended") break;
          epochs.set(Buffer.from(outcome.hash).toString("hex"), mine.epoch + (takesOver ? 0 : 1));
        }
      }
      await world.clock.advance(random.between(0, 5_000));
    }
    for (const [x, y] of [
      [0, 1],
      [1, 2],
      [0, 2],
    ] as const)
      for (let n = 0; n < 40; n += 1) world.network.heal(hosts[x]!.name, hosts[y]!.name);
    // Whatever is appended last tells those who were away.
    await world.clock.advance(10 * 60_000);
    const last = read(hosts[0]!);
    for (let tried = 0; tried < 10; tried += 1) {
      const item = last.commit(servers);
      const outcome = (await refusal(hosts[0]!, last.append(item))) as { outcome?: string };
      if (outcome.outcome === "appended") {
        last.took(item, outcome as never);
        break;
      }
      await world.clock.advance(60_000);
      read(hosts[0]!);
    }
    await everywhere(last, hosts);
    const logs = await Promise.all(hosts.map((host) => last.read(host, 1)));
    expect(logs[1]).toEqual(logs[0]);
    expect(logs[2]).toEqual(logs[0]);
  },
);

const decoded = (item: Uint8Array) => decodeRoomLogItem(item);
const lowerOf = (a: ServerId, b: ServerId): ServerId =>
  Buffer.compare(serverId.toBytes(a), serverId.toBytes(b)) < 0 ? a : b;
