/** Server records on their way between homeservers: who is told what, how far, and what liars and floods achieve. */
import type { LinkControl, ServerId } from "@fedchat/protocol";
import { serverId, serverRecord } from "@fedchat/protocol";
import { describe, expect, test } from "vitest";
import {
  heardRecordsRate,
  newerRecordsRate,
  recordPagesAskedRate,
  standingRate,
} from "../src/core/limits.ts";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Homeservers linked in a row. */
async function chain(names: string[], world = new World()): Promise<{ world: World; hosts: Host[] }> {
  const hosts: Host[] = [];
  for (const name of names) hosts.push(await world.homeserver(name, { accounts: 1 }));
  for (let index = 1; index < hosts.length; index += 1) await world.link(hosts[index - 1]!, hosts[index]!);
  await world.clock.advance(20 * second);
  return { world, hosts };
}

const known = (host: Host, other: { id: ServerId }) =>
  host.federation.networkMap().servers.find(({ server }) => server === other.id);

const told = (peer: BarePeer) =>
  peer.controls.flatMap((control) =>
    control.kind === "records"
      ? control.records.map(({ record, hops }) => ({ record: serverRecord.open(primitives, record), hops }))
      : [],
  );

type Page = Extract<LinkControl, { kind: "records" }>;
const lastPage = (peer: BarePeer) =>
  peer.controls.findLast((control): control is Page => control.kind === "records");

/** Somebody of whom a peer tells. */
function subject(
  world: World,
  name: string,
  change: { sequence?: number; issued?: number; expires?: number } = {},
) {
  const seed = world.random.fork(`subject ${name}`).bytes(32);
  const now = world.clock.now();
  const id = serverId.fromBytes(primitives.ed25519.publicKey(seed));
  const signed = serverRecord.sign(primitives, seed, {
    key: id,
    name: "somebody",
    noiseKey: new Uint8Array(32).fill(1),
    addresses: [],
    relays: [],
    relaysFor: "nobody",
    neighbours: [],
    software: "",
    sequence: now,
    issued: now,
    expires: now + hour,
    ...change,
  });
  return { id, signed };
}

/** Answers a question that alice asked. */
function page(peer: BarePeer, records: { signed: Uint8Array; hops?: number }[], upTo = 1): void {
  peer.control({
    kind: "records",
    incarnation: new Uint8Array(8),
    upTo,
    records: records.map(({ signed, hops = 0 }) => ({ record: signed, hops })),
  });
}

const questions = (peer: BarePeer) => peer.controls.filter(({ kind }) => kind === "askRecords");

describe("[G2] a record travels from link to link", () => {
  test("and is told by those up to five hops away, so that six hops away it is known", async () => {
    const names = Array.from({ length: 9 }, (_, index) => `s${index}`);
    const { hosts } = await chain(names);
    const first = hosts[0]!;
    expect(hosts.slice(1).map((host) => known(host, first)?.hops)).toEqual([0, 1, 2, 3, 4, 5, 6, undefined]);
  });

  test("a newer one follows within seconds", async () => {
    const { world, hosts } = await chain(["a", "b", "c", "d", "e"]);
    hosts[0]!.renewRecord({ name: "renamed" });
    await world.clock.advance(3 * second);
    for (const host of hosts.slice(1)) expect(known(host, hosts[0]!)?.name).toBe("renamed");
  });

  test("nothing is told of servers that are blocked, or only linked us, nor to those that are not linked back", async () => {
    const world = new World();
    const alice = await world.homeserver("alice");
    const linked = await world.homeserver("linked");
    await world.link(alice, linked);
    const stranger = await BarePeer.connect(world, alice, "stranger");
    const blocked = await BarePeer.mutual(world, alice, "blocked");
    await world.clock.settle(alice.federation.blockServer(blocked.id));
    const asker = await BarePeer.mutual(world, alice, "asker");
    asker.control({ kind: "askRecords", since: 0 });
    stranger.control({ kind: "askRecords", since: 0 });
    await world.clock.advance(10 * second);

    expect(told(asker).map(({ record, hops }) => [record.key, hops])).toEqual([[linked.id, 0]]);
    expect(told(stranger)).toEqual([]);

    await world.clock.settle(alice.federation.linkBack(stranger.id));
    await world.clock.advance(10 * second);
    expect(told(stranger).map(({ record }) => record.key)).toContain(linked.id);
  });

  test("who was blocked is told of once they are not", async () => {
    const world = new World();
    const alice = await world.homeserver("alice");
    const bob = await world.homeserver("bob");
    await world.link(alice, bob);
    await world.clock.settle(alice.federation.blockServer(bob.id));
    const asker = await BarePeer.mutual(world, alice, "asker");
    asker.control({ kind: "askRecords", since: 0 });
    await world.clock.advance(10 * second);
    expect(told(asker)).toEqual([]);
    await world.clock.settle(alice.federation.unblockServer(bob.id));
    await world.clock.until(
      () => told(asker).some(({ record }) => record.key === bob.id),
      "bob's record is told",
    );
  });
});

describe("[G3] who asks what changed", () => {
  test("is answered when there is something, from where it was, once", async () => {
    const world = new World();
    const [alice, bob] = await world.linkedPair();
    await world.clock.advance(5 * second); // Their own records say by then where they stand.
    const asker = await BarePeer.mutual(world, alice, "asker");
    asker.control({ kind: "askRecords", since: 0 });
    await world.clock.advance(second);
    expect(told(asker)).toHaveLength(1);
    const { incarnation, upTo } = lastPage(asker)!;

    asker.control({ kind: "askRecords", incarnation, since: upTo });
    await world.clock.advance(10 * second);
    const before = told(asker).length;
    bob.renewRecord({ name: "bobby" });
    await world.clock.advance(second);
    expect(
      told(asker)
        .slice(before)
        .map(({ record }) => record.name),
    ).toContain("bobby");
    const after = told(asker).length;
    bob.renewRecord({ name: "robert" });
    await world.clock.advance(second);
    expect(told(asker)).toHaveLength(after);
  });

  test("is not told again what it told, and hears everything where the count is another one", async () => {
    const world = new World();
    const [alice, bob] = await world.linkedPair();
    const teller = await BarePeer.mutual(world, alice, "teller");
    const carol = subject(world, "carol");
    page(teller, [carol]);
    await world.clock.advance(second);
    expect(known(alice, carol)?.hops).toBe(1);
    teller.control({ kind: "askRecords", incarnation: new Uint8Array(8).fill(9), since: 1e15 });
    await world.clock.advance(second);
    expect(told(teller).map(({ record }) => record.key)).toEqual([bob.id]);
  });

  test("neither a teller's restart nor an asker's makes anybody hear everything again", async () => {
    const world = new World();
    const [alice, bob] = await world.linkedPair();
    await world.clock.advance(5 * second);
    const asker = await BarePeer.mutual(world, alice, "asker");
    asker.control({ kind: "askRecords", since: 0 });
    await world.clock.advance(second);
    const { incarnation, upTo } = lastPage(asker)!;
    const carol = subject(world, "carol");
    page(asker, [carol], 41);
    await world.clock.advance(second);
    await alice.restart();
    await asker.dial();
    asker.controls.length = 0;
    asker.control({ kind: "trust", linked: true });
    asker.control({ kind: "askRecords", incarnation, since: upTo });
    await world.clock.advance(10 * second);

    expect(told(asker)).toEqual([]);
    expect(questions(asker)).toEqual([{ kind: "askRecords", incarnation: new Uint8Array(8), since: 41 }]);
    expect(known(alice, carol)?.hops).toBe(1);
    bob.renewRecord({ name: "bobby" });
    await world.clock.advance(10 * second);
    expect(told(asker).map(({ record }) => record.name)).toContain("bobby");
  });

  test("[G4] a page that nobody asked for is a fault, and nothing of it is taken", async () => {
    const world = new World();
    const alice = await world.homeserver("alice");
    const mallory = await BarePeer.mutual(world, alice);
    const stranger = await BarePeer.connect(world, alice, "stranger");
    const [one, two] = [subject(world, "one"), subject(world, "two")];
    page(mallory, [one]);
    page(stranger, [two]);
    await world.clock.advance(second);
    expect(known(alice, one)).toBeDefined();
    expect(known(alice, two)).toBeUndefined();
    for (let count = 0; count < recordPagesAskedRate.burst + 70; count += 1) page(mallory, []);
    await world.clock.advance(second);
    expect(mallory.closed).toBeDefined();
  });
});

describe("[G4] of what a neighbour tells", () => {
  async function scene() {
    const world = new World();
    const alice = await world.homeserver("alice");
    return { world, alice, mallory: await BarePeer.mutual(world, alice) };
  }

  test("what is forged, our own, or came too far is let go and counted as a fault", async () => {
    const { world, alice, mallory } = await scene();
    const forged = subject(world, "forged");
    forged.signed[60]! ^= 1;
    const [far, good] = [subject(world, "far"), subject(world, "good")];
    const truncated = { signed: good.signed.slice(0, -1) };
    page(mallory, [forged, { ...far, hops: 6 }, { signed: alice.own.signed }, truncated, good]);
    await world.clock.advance(second);
    expect(known(alice, forged)).toBeUndefined();
    expect(known(alice, far)).toBeUndefined();
    expect(known(alice, good)?.hops).toBe(1);
    expect(mallory.closed).toBeUndefined();

    for (let count = 0; count < 3; count += 1)
      page(
        mallory,
        Array.from({ length: 32 }, () => forged),
        count + 2,
      );
    await world.clock.advance(second);
    page(
      mallory,
      Array.from({ length: 32 }, () => forged),
      9,
    );
    await world.clock.advance(second);
    expect(mallory.closed).toBeDefined();
  });

  test("what is stale, expired or ahead of time is let go and is nobody's fault: clocks differ", async () => {
    const { world, alice, mallory } = await scene();
    const now = world.clock.now();
    const fresh = subject(world, "carol", { sequence: now });
    page(mallory, [fresh]);
    await world.clock.advance(second);
    const wrong = [
      subject(world, "carol", { sequence: now - 1 }),
      subject(world, "expired", { issued: 1, expires: now - 1 }),
      subject(world, "ahead", { sequence: now + 2 * 86_400_000 }),
    ];
    for (let round = 0; round < 40; round += 1) {
      page(mallory, wrong, round + 2);
      await world.clock.advance(second);
    }
    expect(mallory.closed).toBeUndefined();
    expect(known(alice, wrong[1]!)).toBeUndefined();
    expect(known(alice, wrong[2]!)).toBeUndefined();
    expect(questions(mallory).length).toBeGreaterThan(40);
  });

  test("a flood of new records waits for its turn, and other neighbours do not", async () => {
    const { world, alice, mallory } = await scene();
    const bob = await BarePeer.mutual(world, alice, "bob");
    const { burst, refillMs } = heardRecordsRate;
    const start = world.clock.now();
    const pages = 80;
    for (let number = 0; number < pages; number += 1) {
      const asked = questions(mallory).length;
      const records = Array.from({ length: 32 }, (_, index) => subject(world, `${number} ${index}`));
      page(mallory, records, number + 2);
      if (number === pages - 1) {
        page(bob, [subject(world, "bob's")]);
        await world.clock.advance(50);
        expect((await alice.store.load()).records.some(({ heardFrom }) => heardFrom === bob.id)).toBe(true);
        expect(questions(mallory)).toHaveLength(asked);
      }
      await world.clock.until(() => questions(mallory).length > asked, "a page is taken");
    }
    const tookMs = world.clock.now() - start;
    expect(tookMs).toBeGreaterThan((pages * 32 - burst) * refillMs - second);
    expect(tookMs).toBeLessThan((pages * 32 - burst) * refillMs + 5 * second);
  }, 60_000);

  test("[R5] who renews its own record without end has it written a few times, here and two hops away", async () => {
    const world = new World();
    const [alice, bob, carol] = [
      await world.homeserver("alice"),
      await world.homeserver("bob"),
      await world.homeserver("carol"),
    ];
    await world.link(alice, bob);
    await world.link(bob, carol);
    const mallory = await BarePeer.mutual(world, alice);
    await world.clock.advance(20 * minute);
    const writes = { alice: 0, carol: 0 };
    for (const host of [alice, carol]) {
      const write = host.store.write.bind(host.store);
      host.store.write = (ops) => {
        const records = ops.filter((op) => op.op === "record.put" && op.server === mallory.id);
        writes[host.name as keyof typeof writes] += records.length;
        return write(ops);
      };
    }
    const held = serverRecord.read(mallory.signed).value;
    let last = held;
    for (let count = 1; count <= 300; count += 1) {
      const issued = world.clock.now();
      last = { ...held, sequence: issued + count, issued };
      mallory.control({ kind: "record", record: serverRecord.sign(primitives, mallory.seed, last) });
      await world.clock.advance(200);
    }
    expect(writes.alice).toBeLessThanOrEqual(newerRecordsRate.burst + 2);
    expect(writes.carol).toBeLessThanOrEqual(newerRecordsRate.burst + 2);
    expect(mallory.closed).toBeUndefined();

    await world.clock.advance(2 * minute);
    const known = (await carol.store.load()).records.find(({ server }) => server === mallory.id);
    expect(known?.sequence).toBe(last.sequence);
  });

  test("newer records of one server that a neighbour tells are taken a few at once, and in the end the last", async () => {
    const { world, alice, mallory } = await scene();
    const start = world.clock.now();
    const taken = new Set<number | undefined>();
    const { id } = subject(world, "busy");
    const stored = async () =>
      (await alice.store.load()).records.find(({ server }) => server === id)?.sequence;
    for (let count = 0; count < 100; count += 1) {
      page(mallory, [subject(world, "busy", { sequence: start + count })], count + 2);
      await world.clock.advance(100);
      taken.add(await stored());
    }
    expect(taken.size).toBeLessThanOrEqual(newerRecordsRate.burst + 2);
    await world.clock.advance(2 * minute);
    expect(await stored()).toBe(start + 99);
  });

  test("a name that a linked server has is not taken for another linked one", async () => {
    const { world, alice, mallory } = await scene();
    const [bob, carol] = [await world.homeserver("bob"), await world.homeserver("carol")];
    await world.link(alice, bob);
    await world.link(alice, carol);
    const renamed = serverRecord.sign(primitives, carol.keys.seed, {
      ...carol.own.record,
      name: "bob",
      sequence: carol.own.record.sequence + 5,
    });
    page(mallory, [{ signed: renamed }]);
    await world.clock.advance(second);
    expect(known(alice, carol)?.name).toBe("carol");
    expect(alice.link(carol)?.state).toBe("connected");
  });

  test("[R6] a newer record with another Noise key ends the connection that the old key opened", async () => {
    const { world, alice, mallory } = await scene();
    const bob = await world.homeserver("bob");
    await world.link(alice, bob);
    const other = serverRecord.sign(primitives, bob.keys.seed, {
      ...bob.own.record,
      noiseKey: primitives.x25519.publicKey(world.random.bytes(32)),
      sequence: bob.own.record.sequence + 5,
    });
    page(mallory, [{ signed: other }]);
    await world.clock.advance(20);
    await world.clock.until(
      () => alice.link(bob)?.error?.code === "server-key-changed",
      "the old key is refused",
    );
  });
});

describe("[G1] records that others told", () => {
  test("stay over a restart, and go within an hour of their expiry", async () => {
    const world = new World();
    const alice = await world.homeserver("alice");
    const teller = await BarePeer.mutual(world, alice, "teller");
    const carol = subject(world, "carol", { expires: world.clock.now() + 2 * hour });
    page(teller, [carol]);
    await world.clock.advance(second);
    await alice.restart();
    await world.clock.advance(second);
    expect(known(alice, carol)).toMatchObject({ name: "somebody", hops: 1 });
    await world.clock.advance(3 * hour);
    expect(known(alice, carol)).toBeUndefined();
    expect((await alice.store.load()).records.map(({ server }) => server)).not.toContain(carol.id);
  });

  test("stay when the link to their subject is removed", async () => {
    const { world, hosts } = await chain(["a", "b", "c"]);
    const [a, , c] = hosts as [Host, Host, Host];
    await world.link(a, c);
    await world.clock.advance(second);
    expect(known(a, c)?.hops).toBe(0);
    for (const [one, other] of [
      [a, c],
      [c, a],
    ] as const) {
      await world.clock.settle(one.federation.removeLink(other.id));
    }
    await world.clock.until(() => a.link(c) === undefined, "neither links the other");
    world.network.cut("a", "c");
    await world.clock.advance(second);
    expect(known(a, c)?.hops).toBe(1);
  });
});

describe("[G5] a server that moved", () => {
  test("is found again by everyone who knew it, its old address dead and itself unable to dial them", async () => {
    const world = new World(1, { reachable: (from, to) => !from.startsWith("carol") || to === "bob" });
    const { hosts } = await chain(["alice", "bob", "carol"], world);
    const [alice, bob, carol] = hosts as [Host, Host, Host];
    await world.link(alice, carol);

    carol.move("carol-moved");
    await carol.start();
    await world.clock.settle(alice.send(carol, "where are you?"));
    await world.clock.until(() => carol.link(bob)?.state === "connected", "carol is back at bob's");
    carol.renewRecord({ addresses: [carol.address] });

    const arrived = () => alice.events("progress").some(({ state }) => state === "forwarded");
    await world.clock.until(arrived, "the message arrives", minute);
    expect(await carol.inbox()).toEqual(["where are you?"]);
    await world.clock.until(() => alice.link(carol)?.via.length === 0, "the link is direct", minute);
    expect(world.network.carriers("alice", "carol-moved")).toEqual(["alice"]);
  });
});

describe("[G6] a server's own record", () => {
  async function star(leafRelays: Host["relaying"]["relaysFor"] = "linked") {
    const world = new World();
    const [hub, leaf] = [await world.homeserver("hub"), await world.homeserver("leaf")];
    leaf.relaying = { ...leaf.relaying, relaysFor: leafRelays };
    leaf.fromOutside = false;
    await leaf.restart();
    leaf.renewRecord();
    await world.clock.settle(leaf.federation.addLink(hub.id, [hub.address], undefined));
    await world.clock.until(() => hub.link(leaf)?.trust === "incoming", "the link appears");
    await world.clock.settle(hub.federation.linkBack(leaf.id));
    return { world, hub, leaf };
  }

  test("lists relays and neighbours; where it was reached from outside only relays that it dials itself", async () => {
    const { world, hub, leaf } = await star();
    expect(leaf.own.record).toMatchObject({ relays: [], neighbours: [] });
    await world.clock.advance(3 * second);
    expect(leaf.own.record).toMatchObject({ relays: [hub.id], neighbours: [hub.id] });
    expect(hub.own.record).toMatchObject({ relays: [], neighbours: [leaf.id] });
  });

  test("of one that is reached from outside, leaves that dial it are no relays", async () => {
    const { world, hub, leaf } = await star();
    leaf.fromOutside = true;
    await leaf.restart();
    const other = await world.homeserver("other");
    await world.clock.settle(other.federation.addLink(leaf.id, [leaf.address], undefined));
    await world.clock.until(() => leaf.link(other)?.trust === "incoming", "the link appears");
    await world.clock.settle(leaf.federation.linkBack(other.id));
    await world.clock.advance(2 * minute);
    expect(leaf.own.record).toMatchObject({ relays: [hub.id], neighbours: [hub.id, other.id] });
  });

  test("follows later changes after half a minute", async () => {
    const { world, hub, leaf } = await star();
    await world.clock.advance(3 * second);
    const other = await world.homeserver("other");
    await world.link(leaf, other);
    await world.clock.advance(20 * second);
    expect(leaf.own.record.relays).toEqual([hub.id]);
    await world.clock.advance(20 * second);
    expect(leaf.own.record.relays).toEqual([hub.id, other.id]);
  });

  test("lists nobody who relays for nobody, and nobody who is not linked back", async () => {
    const { world, hub, leaf } = await star("nobody");
    await BarePeer.connect(world, hub, "stranger");
    await world.clock.advance(2 * minute);
    expect(hub.own.record.neighbours).toEqual([]);
    expect(leaf.own.record.neighbours).toEqual([hub.id]);
  });

  test("does not follow a link that comes and goes, and drops one that stays away", async () => {
    const { world, hub, leaf } = await star();
    await world.clock.advance(2 * minute);
    const { sequence } = leaf.own.record;
    for (let count = 0; count < 60; count += 1) {
      world.network.cut("hub", "leaf");
      await world.clock.advance(minute);
    }
    expect(leaf.own.record.sequence).toBe(sequence);
    hub.crash();
    await world.clock.advance(20 * minute);
    expect(leaf.own.record).toMatchObject({ relays: [], neighbours: [] });
  });

  test("is renewed at a bounded rate, however the links change", async () => {
    const { world, leaf } = await star();
    const names = Array.from({ length: 12 }, (_, index) => `other${index}`);
    const sequences = new Set<number>();
    for (const name of names) {
      await world.link(leaf, await world.homeserver(name, { accounts: 1 }));
      for (let step = 0; step < 4; step += 1) {
        await world.clock.advance(15 * second);
        sequences.add(leaf.own.record.sequence);
      }
    }
    expect(sequences.size).toBeGreaterThan(2);
    expect(sequences.size).toBeLessThanOrEqual(standingRate.burst + 4);
    await world.clock.advance(hour);
    expect(leaf.own.record.relays).toHaveLength(8);
    expect(leaf.own.record.neighbours).toHaveLength(13);
  });
});

describe("the network map", () => {
  test("shows no account whom others here know, nor who came on their own", async () => {
    const world = new World();
    const [alice, bob] = await world.linkedPair();
    await BarePeer.connect(world, alice, "stranger");
    const contacts = new BarePeer(world, "contacts", alice);
    alice.accounts.grantedAt.add(contacts.id);
    await contacts.dial();
    contacts.control({ kind: "trust", linked: false });
    await world.clock.advance(second);
    contacts.channel.close("gone");
    await world.clock.advance(second);
    expect((await alice.store.load()).records.length).toBeGreaterThan(1);
    expect(alice.federation.networkMap().servers.map(({ server }) => server)).toEqual([alice.id, bob.id]);
  });

  test("begins here, goes on with the nearest, and shows the links that both ends list", async () => {
    const { world, hosts } = await chain(["a", "b", "c", "d"]);
    await world.clock.advance(2 * minute);
    const [a, b, c, d] = hosts as [Host, Host, Host, Host];
    const { servers, more } = a.federation.networkMap();
    expect(more).toBe(false);
    expect(servers.map(({ server, hops }) => [server, hops])).toEqual([
      [a.id, 0],
      [b.id, 0],
      [c.id, 1],
      [d.id, 2],
    ]);
    expect(servers[0]?.neighbours).toEqual([b.id]);
    expect(servers[2]?.neighbours.toSorted()).toEqual([b.id, d.id].toSorted());
  });
});
