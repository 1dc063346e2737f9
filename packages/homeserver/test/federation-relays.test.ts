/** Links through relays: homeservers that nobody can dial, ways that break, and servers that are no links at all. */
import type { RelayHint } from "@fedchat/protocol";
import { deviceId, serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import {
  directRetryMsMax,
  invitedDialRate,
  queryTimeoutMs,
  recordsSweepEveryMs,
  unlinkedIdleMs,
} from "../src/core/limits.ts";
import type { Host } from "./federation-world.ts";
import { World } from "./federation-world.ts";

const minute = 60_000;
const second = 1_000;

interface Scene {
  world: World;
  /** Hosts that nobody can dial. */
  behindNat: Set<string>;
}

function scene(seed: string | number = 1): Scene {
  const behindNat = new Set<string>();
  const world = new World(seed, { reachable: (_, to) => !behindNat.has(to) });
  return { world, behindNat };
}

type RecordChange = NonNullable<Parameters<Host["renewRecord"]>[0]>;

async function relay(world: World, name: string, change: RecordChange = {}): Promise<Host> {
  const host = await world.homeserver(name);
  host.renewRecord({ relaysFor: "linked", ...change });
  return host;
}

/** A homeserver that nobody can dial, mutually linked with its relays and listing them. */
async function leaf({ world, behindNat }: Scene, name: string, relays: Host[]): Promise<Host> {
  behindNat.add(name);
  const host = await world.homeserver(name);
  host.renewRecord({ relays: relays.map(({ id }) => id) });
  for (const through of relays) await world.link(host, through);
  return host;
}

/** Alice and Bob behind NATs, with these relays in common. */
async function star(names = ["relay"], seed: string | number = 1) {
  const at = scene(seed);
  const relays = await Promise.all(names.map((name) => relay(at.world, name)));
  const [alice, bob] = [await leaf(at, "alice", relays), await leaf(at, "bob", relays)];
  await at.world.clock.advance(second);
  return { ...at, relays, alice, bob };
}

/** As `star`, and Alice and Bob are linked. */
async function talking(names?: string[], seed?: string | number) {
  const at = await star(names, seed);
  await at.world.link(at.alice, at.bob);
  return at;
}

const hint = (through: Host): RelayHint => ({ server: through.id, addresses: [through.address] });

async function arrives({ clock }: World, to: Host, count: number, withinMs = minute): Promise<void> {
  const end = clock.now() + withinMs;
  while ((await to.inbox()).length < count) {
    if (clock.now() >= end) throw new Error(`not within ${withinMs} virtual ms: ${count} messages arrive`);
    await clock.advance(100);
  }
}

test("[C1] two homeservers that cannot dial each other are linked through a relay, and talk both ways", async () => {
  const { world, alice, bob, relays } = await star();
  const view = await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  expect(view).toMatchObject({ state: "connected", error: null, via: [relays[0]!.id] });

  await world.clock.until(() => bob.link(alice)?.trust === "incoming", "the link appears");
  await world.clock.settle(bob.federation.linkBack(alice.id));
  await world.clock.until(() => alice.link(bob)?.trust === "mutual", "the link is mutual");
  expect(bob.link(alice)?.via).toEqual([relays[0]!.id]);
  await world.clock.settle(alice.send(bob, "hello"));
  await world.clock.settle(bob.send(alice, "hello yourself"));
  await arrives(world, bob, 1);
  await arrives(world, alice, 1);
  expect(relays[0]!.federation.relayedCircuits()).toBe(1);
});

test("[C1] [C5] a backlog of large messages passes a relay whole and in order", async () => {
  const { world, alice, bob } = await talking();
  const texts = Array.from({ length: 40 }, (_, n) => `${n} `.padEnd(200_000, "x"));
  for (const text of texts) await world.clock.settle(alice.send(bob, text));
  await arrives(world, bob, texts.length, 5 * minute);
  expect(await bob.inbox()).toEqual(texts);
});

test("[C1] [C2] [C7] a chain of relays that list each other is a way", async () => {
  const at = scene();
  const { world, behindNat } = at;
  const [near, middle, far] = await Promise.all(["near", "middle", "far"].map((name) => relay(world, name)));
  await world.link(near!, middle!);
  await world.link(middle!, far!);
  near!.renewRecord({ relaysFor: "linked", neighbours: [middle!.id] });
  middle!.renewRecord({ relaysFor: "linked", neighbours: [near!.id, far!.id] });
  far!.renewRecord({ relaysFor: "linked", neighbours: [middle!.id] });
  const [alice, bob] = [await leaf(at, "alice", [near!]), await leaf(at, "bob", [far!])];
  await world.clock.advance(5 * second);
  expect(behindNat).toContain("bob");
  await world.link(alice, bob);

  expect(alice.link(bob)?.via).toEqual([near!.id, middle!.id, far!.id]);
  expect(bob.link(alice)?.via).toEqual([far!.id]);
  await world.clock.settle(alice.send(bob, "through three"));
  await arrives(world, bob, 1);
});

test("[C3] a relay passes on only between servers that it is linked with, and a person is told what to do", async () => {
  const at = scene();
  const { world } = at;
  const through = await relay(world, "relay");
  const bob = await leaf(at, "bob", [through]);
  const alice = await world.homeserver("alice");
  const view = await world.clock.settle(
    alice.federation.addLink(bob.id, [bob.address], undefined, [hint(through)]),
  );

  expect(view.error).toMatchObject({ code: "unreachable", retry: "later" });
  expect(view.error?.detail).toMatch(/relays for servers that it is linked with\. Ask the owner of relay/);
});

test("[C8] an invitation's relay that takes anyone is dialled though nobody linked it", async () => {
  const at = scene();
  const { world, behindNat } = at;
  const through = await relay(world, "relay", { relaysFor: "anyone" });
  const bob = await leaf(at, "bob", [through]);
  behindNat.add("alice");
  const alice = await world.homeserver("alice");
  const view = await world.clock.settle(
    alice.federation.addLink(bob.id, [bob.address], undefined, [hint(through)]),
  );
  expect(view).toMatchObject({ state: "connected", via: [through.id] });

  await world.clock.settle(alice.send(bob, "by invitation", "request"));
  await arrives(world, bob, 1);
  // The relay is no link of Alice's, and is kept while the circuit needs it.
  expect(alice.federation.links().map(({ server }) => server)).toEqual([bob.id]);
  await world.clock.advance(3 * unlinkedIdleMs);
  expect(alice.link(bob)).toMatchObject({ state: "connected", via: [through.id] });
});

test("[C8] a relay of an invitation that is away is told as such", async () => {
  const at = scene();
  const { world, behindNat } = at;
  const through = await relay(world, "relay", { relaysFor: "anyone" });
  const bob = await leaf(at, "bob", [through]);
  behindNat.add("relay");
  const alice = await world.homeserver("alice");
  const adding = alice.federation.addLink(bob.id, [bob.address], undefined, [hint(through)]);
  await world.clock.settle(adding);
  await world.clock.advance(minute);
  expect(alice.link(bob)?.error?.detail).toMatch(/relay .* cannot be reached either/);
});

test("[C8] who answers at its address is linked directly, and no relay is asked", async () => {
  const at = scene();
  const through = await relay(at.world, "relay", { relaysFor: "anyone" });
  const bob = await leaf(at, "bob", [through]);
  at.behindNat.delete("bob");
  const alice = await at.world.homeserver("alice");
  const adding = alice.federation.addLink(bob.id, [bob.address], undefined, [hint(through)]);
  expect(await at.world.clock.settle(adding)).toMatchObject({ state: "connected", via: [] });
  expect(at.world.network.carriers("alice", "relay")).toEqual([]);
});

test("[C9] a direct connection takes the place of a relayed one, and is not replaced by one", async () => {
  const { world, behindNat, alice, bob, relays } = await talking();
  expect(alice.link(bob)?.via).toEqual([relays[0]!.id]);
  behindNat.delete("bob");
  await world.clock.until(
    () => alice.link(bob)?.via.length === 0 && bob.link(alice)?.via.length === 0,
    "the link is direct",
    directRetryMsMax + minute,
  );
  await world.clock.advance(minute);
  expect(alice.link(bob)?.state).toBe("connected");
  expect(world.network.carriers("alice", "bob")).toHaveLength(1);
  expect(relays[0]!.federation.relayedCircuits()).toBe(0);

  await world.clock.settle(bob.send(alice, "directly"));
  await arrives(world, alice, 1);
});

test("[C9] [G5] a server that says where it is reached now is dialled there at once", async () => {
  const { world, behindNat, alice, bob } = await talking();
  await world.clock.advance(10 * minute);
  behindNat.delete("bob");
  bob.renewRecord({ addresses: [bob.address] });
  await world.clock.until(() => alice.link(bob)?.via.length === 0, "the link is direct", 5 * second);
});

test("[C9] a relayed connection from a peer that lost the direct one is let in once that is known to be dead", async () => {
  const { world, behindNat, alice, bob } = await talking();
  behindNat.delete("bob");
  await world.clock.until(() => alice.link(bob)?.via.length === 0, "the link is direct", 20 * minute);
  behindNat.add("bob");
  await world.clock.advance(minute);
  // Alice's machine has another network now: she knows, and Bob does not.
  let lost = false;
  world.network.tamper = (frame, from, to) => {
    const between = (from === "alice" && to === "bob") || (from === "bob" && to === "alice");
    return between && lost ? undefined : frame;
  };
  lost = true;
  await world.clock.settle(alice.send(bob, "over the relay"));
  await arrives(world, bob, 0);
  await world.clock.until(
    () => alice.link(bob)?.state === "connected" && alice.link(bob)?.via.length === 1,
    "the link goes through the relay",
    30 * second,
  );
  await world.clock.until(() => alice.events("progress").length > 0, "it arrives", 10 * second);
});

test("[C10] when its relay dies a link goes on over another one at once, and nothing is lost", async () => {
  const { world, alice, bob, relays } = await talking(["relay1", "relay2"]);
  for (let n = 0; n < 5; n += 1) await world.clock.settle(alice.send(bob, `before ${n}`));
  await arrives(world, bob, 5);
  const used = relays.find(({ id }) => id === alice.link(bob)?.via[0])!;
  const other = relays.find(({ id }) => id !== used.id)!;
  await world.clock.advance(minute);
  used.crash();
  for (let n = 0; n < 5; n += 1) await world.clock.settle(alice.send(bob, `after ${n}`));

  await arrives(world, bob, 10, second);
  expect(await bob.inbox()).toHaveLength(10);
  await world.clock.advance(second);
  expect(alice.link(bob)).toMatchObject({ state: "connected", via: [other.id] });
});

test("[C10] a relay that falls silent is noticed by the bundles that it swallows, and gone round", async () => {
  const { world, alice, bob, relays } = await talking(["relay1", "relay2"]);
  const used = relays.find(({ id }) => id === alice.link(bob)?.via[0])!;
  const silent = used.name;
  world.network.tamper = (frame, from, to) => (from === silent || to === silent ? undefined : frame);
  await world.clock.settle(alice.send(bob, "into the silence"));

  await arrives(world, bob, 1, 10 * second);
  expect(alice.link(bob)?.via).not.toEqual([used.id]);
});

test("[C10] a direct connection that falls silent is noticed as soon, and one that is slow is not given up", async () => {
  const world = new World(1, { bytesPerMs: 40 });
  const [alice, bob] = await world.linkedPair();
  const carriers = () => world.network.carriers("alice", "bob").length;
  // One bundle, for twelve seconds on the wire: its acknowledgement comes behind it, and so does the answer to a ping.
  const large = "x".repeat(240_000);
  await world.clock.settle(Promise.all([alice.send(bob, large), alice.send(bob, large)]));
  await arrives(world, bob, 2, minute);
  await world.clock.until(() => alice.events("progress").length === 2, "both are acknowledged");
  expect(alice.link(bob)?.error).toBeNull();
  expect(world.network.faults.cuts).toBe(0);
  expect(carriers()).toBe(1);

  world.network.tamper = (frame, from) => (from === "alice" ? undefined : frame);
  await world.clock.settle(alice.send(bob, "lost"));
  const before = world.clock.now();
  await world.clock.until(() => alice.link(bob)?.state !== "connected", "silence is noticed");
  expect(world.clock.now() - before).toBeLessThan(8 * second);
});

test("[C7] a step that failed is left out while there is another way, and tried again where there is none", async () => {
  const { world, alice, bob, relays } = await talking(["relay1", "relay2"]);
  const [first, second2] = relays as [Host, Host];
  // One relay after the other loses Bob, and keeps Alice.
  world.network.partition(first.name, "bob");
  await world.clock.until(
    () => alice.link(bob)?.state === "connected" && alice.link(bob)?.via[0] === second2.id,
    "the other way is taken",
    10 * second,
  );
  world.network.partition(second2.name, "bob");
  await world.clock.advance(minute);
  expect(alice.link(bob)?.error?.detail).toMatch(/has no connection to the next server/);
  world.network.heal(first.name, "bob");
  await world.clock.until(() => alice.link(bob)?.state === "connected", "it is back", 6 * minute);
  expect(alice.link(bob)?.via).toEqual([first.id]);
});

test("[C9] [L18] two that dial one another through relays at once keep one connection, and it works", async () => {
  for (let seed = 0; seed < 6; seed += 1) {
    const { world, alice, bob, relays } = await star(["relay1", "relay2"], `crossing ${seed}`);
    const adding = [
      alice.federation.addLink(bob.id, [bob.address], undefined),
      bob.federation.addLink(alice.id, [alice.address], undefined),
    ];
    await world.clock.settle(Promise.all(adding));
    await world.clock.advance(minute);
    expect(alice.link(bob), `seed ${seed}`).toMatchObject({ state: "connected", trust: "mutual" });
    expect(bob.link(alice)?.state).toBe("connected");
    const circuits = relays.reduce((sum, { federation }) => sum + federation.relayedCircuits(), 0);
    expect(circuits).toBe(1);
    await world.clock.settle(alice.send(bob, "one"));
    await world.clock.settle(bob.send(alice, "two"));
    await arrives(world, bob, 1);
    await arrives(world, alice, 1);
  }
});

test("[C11] who is known is written to without a link, as a stranger, and let go after five idle minutes", async () => {
  const { world, alice, bob, relays } = await star();
  expect(alice.link(bob)).toBeUndefined();
  await world.clock.settle(alice.send(bob, "not allowed", "room"));
  await world.clock.settle(alice.send(bob, "may I?", "request"));
  await arrives(world, bob, 1);
  expect(await bob.inbox()).toEqual(["may I?"]);
  await world.clock.until(() => alice.events("progress").length >= 2, "both are settled");
  expect(alice.federation.links().map(({ server }) => server)).not.toContain(bob.id);
  expect(bob.federation.links().map(({ server }) => server)).not.toContain(alice.id);

  expect(relays[0]!.federation.relayedCircuits()).toBe(1);
  await world.clock.advance(unlinkedIdleMs - minute);
  expect(relays[0]!.federation.relayedCircuits()).toBe(1);
  await world.clock.advance(2 * minute);
  expect(relays[0]!.federation.relayedCircuits()).toBe(0);
});

test("[C11] what waits for a server without a link is sent after a restart, when that server is there again", async () => {
  const { world, alice, bob } = await star();
  bob.crash();
  await world.clock.settle(alice.send(bob, "while you were out", "request"));
  await world.clock.advance(minute);
  await alice.restart();
  await world.clock.advance(10 * minute);
  await bob.start();
  await arrives(world, bob, 1, 10 * minute);
});

test("[C11] a question to a server without a link opens one, and waits no longer than a question does", async () => {
  const { world, alice, bob } = await star();
  const found = await world.clock.settle(alice.federation.lookup(bob.id, bob.person));
  expect(found).toEqual(bob.accounts.record(bob.person));
  const capability = new Uint8Array(16).fill(7);
  const device = deviceId.fromBytes(new Uint8Array(16));
  const fetched = alice.federation.fetchKeyPackage(bob.id, {
    ...{ account: bob.person, device, suite: "hybrid", capability },
  });
  await expect(world.clock.settle(fetched)).resolves.toBeDefined();

  await world.clock.advance(2 * unlinkedIdleMs);
  bob.crash();
  await world.clock.advance(second);
  const before = world.clock.now();
  const asking = alice.federation.lookup(bob.id, bob.person);
  await expect(world.clock.settle(asking)).rejects.toMatchObject({ code: "unreachable" });
  expect(world.clock.now() - before).toBeLessThanOrEqual(queryTimeoutMs);
});

test("[G1] [C11] a server that asked can be answered when it has long gone, and after a restart; one that only looked cannot", async () => {
  const world = new World();
  const bob = await world.homeserver("bob");
  const [asks, looks] = [await world.homeserver("asks"), await world.homeserver("looks")];
  const invited = { addresses: [bob.address], relays: [] };
  for (const stranger of [asks, looks])
    await world.clock.settle(stranger.federation.lookup(bob.id, bob.person, invited));
  await world.clock.settle(asks.send(bob, "may I?", "request"));
  await arrives(world, bob, 1);
  await world.clock.advance(2 * unlinkedIdleMs);
  await expect(bob.send(looks, "who was that?", "request")).rejects.toMatchObject({ code: "unknown-server" });

  await bob.restart();
  await world.clock.advance(2 * recordsSweepEveryMs);
  await world.clock.settle(bob.send(asks, "you may", "request"));
  await arrives(world, asks, 1);
});

test("[C11] nobody writes to a blocked server, or to one of which nothing is known", async () => {
  const { world, alice, bob, relays } = await star();
  const unknown = await world.homeserver("unknown");
  await expect(alice.send(unknown, "hello", "request")).rejects.toMatchObject({ code: "unknown-server" });
  await expect(alice.federation.lookup(unknown.id, unknown.person)).rejects.toMatchObject({
    code: "unknown-server",
  });
  await world.clock.settle(alice.federation.blockServer(bob.id));
  await expect(alice.send(bob, "hello", "request")).rejects.toMatchObject({ code: "blocked" });
  expect(relays[0]!.federation.relayedCircuits()).toBe(0);
});

test("[C11] [I1] an invitation's word is enough to ask a server through its relays, and later to write to it", async () => {
  const at = scene();
  const { world, behindNat } = at;
  const through = await relay(world, "relay", { relaysFor: "anyone" });
  const bob = await leaf(at, "bob", [through]);
  await world.clock.advance(second);
  const hints = bob.federation.relayHints();
  expect(hints).toEqual([hint(through)]);
  behindNat.add("alice");
  const alice = await world.homeserver("alice");
  const invited = { addresses: [bob.address], relays: hints };

  const found = await world.clock.settle(alice.federation.lookup(bob.id, bob.person, invited));
  expect(found).toEqual(bob.accounts.record(bob.person));
  await world.clock.settle(alice.send(bob, "you invited me", "request"));
  await arrives(world, bob, 1);
  expect(alice.federation.links()).toEqual([]);
});

test("[I1] an invitation names a relay from the moment of its link on, before the record does", async () => {
  const { world, behindNat } = scene();
  const through = await relay(world, "relay", { relaysFor: "anyone" });
  behindNat.add("bob");
  const bob = await world.homeserver("bob");
  expect(bob.federation.relayHints()).toEqual([]);
  await world.link(bob, through);

  expect(bob.own.record.relays).toEqual([]);
  expect(bob.federation.relayHints()).toEqual([hint(through)]);

  await world.clock.settle(bob.federation.removeLink(through.id));
  expect(bob.federation.relayHints()).toEqual([]);
});

test("[C11] what invitations have dialled for people who may not link is bounded", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const codes: string[] = [];
  for (let n = 0; n <= invitedDialRate.burst; n += 1) {
    const server = serverId.fromBytes(world.random.bytes(32));
    const invited = { addresses: [{ ...alice.address, host: `guess${n}` }], relays: [] };
    const asking = world.clock.settle(alice.federation.lookup(server, alice.person, invited));
    codes.push(await asking.then(String, ({ code }: { code: string }) => code));
    if (codes.at(-1) === "rate-limited") break;
  }
  expect(codes.at(-1)).toBe("rate-limited");
  expect(new Set(codes)).toEqual(new Set(["unreachable", "rate-limited"]));
});
