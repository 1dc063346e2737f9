/** Store-and-forward: what waits for a server that is away is left with relays, and nothing depends on their honesty. */
import { expect, test } from "vitest";
import { chain, heldBy, heldFrom, progress, settled, star } from "./custody-scene.ts";
import { World } from "./federation-world.ts";

const minute = 60_000;
const hour = 60 * minute;

test("[K1] [K5] [K7] A sends and goes off; C wakes while A is off and has it; A learns so on its return", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "while you sleep"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  expect(progress(alice, "custody")).toMatchObject([
    { server: carol.id, path: [relay.id], custody: { relay: relay.id } },
  ]);
  alice.crash();
  await world.clock.advance(hour);
  expect(await carol.inbox()).toEqual([]);

  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["while you sleep"]);
  carol.crash();
  await world.clock.advance(hour);
  await alice.start();
  await world.clock.advance(minute);

  expect(progress(alice, "forwarded")).toMatchObject([{ server: carol.id }]);
  expect(alice.link(carol)?.queueDepth).toBe(0);
  expect(await heldBy(relay)).toBe(0);
});

test("[K1] custody does not wait for addresses that nothing answers, however often the other sleeps", async () => {
  const { world, alice, carol } = await star();
  for (let nap = 1; nap <= 5; nap += 1) {
    carol.crash();
    await world.clock.advance(nap * 700);
    await world.clock.settle(alice.send(carol, `nap ${nap}`));
    await world.clock.until(() => progress(alice, "custody").length === nap, "it is signed for", 5_000);
    await carol.start();
    await world.clock.until(() => progress(alice, "forwarded").length === nap, "she has it", minute);
    await world.clock.until(() => alice.link(carol)?.state === "connected", "they are connected", hour);
  }
  expect(await carol.inbox()).toHaveLength(5);
});

test("[K6] a relay without room to note that something was taken drops it once there is room again", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "while you sleep"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  relay.disk.full = true;
  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["while you sleep"]);
  expect(await heldBy(relay)).toBeGreaterThan(0);

  relay.disk.full = false;
  await world.clock.advance(5 * minute);
  expect([await carol.inbox(), await heldBy(relay)]).toEqual([["while you sleep"], 0]);
});

test("[K3] [K9] a relay that has no room for the rest has what it signed for, though its refusal came first", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  // A quarter is for one source: two messages and what each costs, and a control bundle.
  Object.assign(relay.relaying, { storageBytesMax: 4 * 100_000 });
  const text = "x".repeat(40_000);
  const envelopes = [1, 2, 3, 4].map((n) => alice.envelope([carol.person], `${n} ${text}`));
  for (const envelope of envelopes) await world.clock.settle(alice.federation.submit(carol.id, envelope));
  await world.clock.until(() => progress(alice, "custody").length === 2, "it signs for two", minute);
  await world.clock.advance(10_000);
  expect(progress(alice, "custody")).toHaveLength(2);
  expect(await alice.federation.trace(alice.person, envelopes.at(-1)!.id)).toMatchObject([
    { receipts: [], error: { code: "quota-exceeded" } },
  ]);
  Object.assign(relay.relaying, { storageBytesMax: 1_000_000 });
  await world.clock.until(() => progress(alice, "custody").length === 4, "it signs for all", 20 * minute);
  expect(await heldFrom(relay, alice, carol)).toHaveLength(5);
});

test("[K4] a chain of two relays that sleep in turns carries a message to its end", async () => {
  const { world, relay, further, alice, carol } = await chain();
  carol.crash();
  further.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "hand over hand"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the first relay signs for it");
  alice.crash();
  await world.clock.advance(hour);
  await further.start();
  await world.clock.advance(10 * minute);
  expect([await heldBy(relay), (await heldBy(further)) > 0]).toEqual([0, true]);
  relay.crash();
  await carol.start();
  await world.clock.advance(10 * minute);
  expect(await carol.inbox()).toEqual(["hand over hand"]);
  carol.crash();
  await relay.start();
  await world.clock.advance(10 * minute);
  further.crash();
  await alice.start();
  await world.clock.advance(10 * minute);

  expect(progress(alice, "forwarded")).toMatchObject([{ server: carol.id }]);
  expect(alice.link(carol)?.queueDepth).toBe(0);
});

test("[K9] a relay that signs for what it then loses delays a message and loses none", async () => {
  const { world, relay, alice, carol } = await star();
  const empty = relay.backup();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "trusted to a sieve"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  await relay.restore(empty);
  await world.clock.advance(minute);
  expect(await heldFrom(relay, alice, carol)).not.toContain("messages 1");

  await world.clock.advance(7 * hour);
  expect(await heldFrom(relay, alice, carol)).toContain("messages 1");
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["trusted to a sieve"]);
});

test("[K9] what went into custody does not come twice when both ends meet", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  for (const text of ["one", "two"]) await world.clock.settle(alice.send(carol, text));
  await world.clock.until(() => progress(alice, "custody").length === 2, "the relay signs for both");
  await carol.start();
  await world.clock.advance(10 * minute);

  expect(await carol.inbox()).toEqual(["one", "two"]);
  expect(progress(alice, "forwarded")).toHaveLength(2);
  expect(await heldBy(relay)).toBe(0);
  await world.clock.settle(alice.send(carol, "three"));
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["one", "two", "three"]);
});

test("[K3] [K9] [H18] a full relay refuses; the source waits with the reason and hands it over when there is room", async () => {
  const { world, relay, alice, carol } = await star();
  Object.assign(relay.relaying, { storageBytesMax: 100 });
  carol.crash();
  await world.clock.advance(minute);
  const envelope = alice.envelope([carol.person], "no room");
  await world.clock.settle(alice.federation.submit(carol.id, envelope));
  await world.clock.advance(minute);
  expect(await alice.federation.trace(alice.person, envelope.id)).toMatchObject([
    { server: carol.id, state: "queued", route: "none", receipts: [], error: { code: "quota-exceeded" } },
  ]);
  const [trace] = await alice.federation.trace(alice.person, envelope.id);
  expect(trace!.nextTryAt).toBeGreaterThan(world.clock.now());

  Object.assign(relay.relaying, { storageBytesMax: 1_000_000 });
  await world.clock.advance(20 * minute);
  expect(await alice.federation.trace(alice.person, envelope.id)).toMatchObject([
    { route: "custody", path: [relay.id], receipts: [{ relay: relay.id }] },
  ]);
  expect(await alice.federation.trace(carol.person, envelope.id)).toEqual([]);
});

test("[H18] while the relay of a server is away, what waits for that server says which relay is missing", async () => {
  const { world, relay, alice, carol } = await star();
  relay.crash();
  await world.clock.advance(minute);
  const envelope = alice.envelope([carol.person], "no way");
  await world.clock.settle(alice.federation.submit(carol.id, envelope));
  await world.clock.advance(minute);
  const [trace] = await alice.federation.trace(alice.person, envelope.id);
  expect(trace).toMatchObject({ route: "none", missing: [relay.id], error: { code: "unreachable" } });

  await relay.restart();
  carol.crash();
  await world.clock.advance(20 * minute);
  const [kept] = await alice.federation.trace(alice.person, envelope.id);
  expect(kept === undefined || kept.missing === undefined).toBe(true);
});

test("[K3] a relay that does not consent any more is not asked on and on", async () => {
  const { world, relay, alice, carol } = await star();
  Object.assign(relay.relaying, { relaysFor: "nobody" });
  carol.crash();
  await world.clock.advance(minute);
  let refused = 0;
  world.network.tamper = (frame, from) => {
    if (from === "relay") refused += 1;
    return frame;
  };
  const envelope = alice.envelope([carol.person], "nobody's");
  await world.clock.settle(alice.federation.submit(carol.id, envelope));
  await world.clock.advance(minute);
  expect(await heldBy(relay)).toBe(0);
  expect(await alice.federation.trace(alice.person, envelope.id)).toMatchObject([
    { route: "none", error: { code: "not-allowed" } },
  ]);
  expect(refused).toBeLessThan(30);
});

test("[K3] custody ends after 14 days, and the room is free again", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "for a fortnight"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  const [{ custody } = {}] = progress(alice, "custody");
  expect(custody!.until - custody!.taken).toBe(14 * 24 * hour);
  alice.crash();
  relay.process.skewMs = 15 * 24 * hour;
  await world.clock.advance(20 * minute);

  expect(await heldBy(relay)).toBe(0);
  expect(relay.federation.custody()).toEqual({ bundles: 0, bytes: 0 });
});

test("[B21] [K8] a source restored from a backup numbers anew: what it hands over is not taken for what was lost", async () => {
  const { world, relay, alice, carol } = await star();
  await world.clock.settle(alice.send(carol, "one"));
  await world.clock.advance(minute);
  const backup = alice.backup();
  for (const text of ["two", "three"]) await world.clock.settle(alice.send(carol, text));
  await world.clock.advance(minute);
  carol.crash();
  await alice.restore(backup);
  await world.clock.advance(minute);
  for (const text of ["four", "five", "six"]) await world.clock.settle(alice.send(carol, text));
  await world.clock.until(() => progress(alice, "custody").length === 3, "the relay signs for all");
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);

  expect(await carol.inbox()).toEqual(["one", "two", "three", "four", "five", "six"]);
  carol.crash();
  await alice.start();
  await world.clock.advance(10 * minute);
  expect(progress(alice, "forwarded")).toHaveLength(3);
  expect(await heldBy(relay)).toBe(0);
});

test("[B21] what a lost run left with a relay comes after its destination agreed with the backup, and hides nothing", async () => {
  const world = new World();
  const relay = await world.homeserver("relay");
  const [alice, bob] = await world.linkedPair();
  for (const one of [alice, bob]) await world.link(one, relay);
  await settled(world);
  await world.clock.settle(alice.send(bob, "one"));
  await world.clock.advance(minute);
  const backup = alice.backup();
  bob.crash();
  await world.clock.advance(minute);
  for (const text of ["two", "three"]) await world.clock.settle(alice.send(bob, text));
  await world.clock.until(() => progress(alice, "custody").length === 2, "the relay signs for both");
  relay.crash();
  await alice.restore(backup);
  await bob.start();
  await world.clock.until(() => alice.link(bob)?.state === "connected", "both agree on what there is", hour);
  await world.clock.advance(1_000);
  expect(await bob.inbox()).toEqual(["one"]);
  world.network.partition("alice", ["relay", "bob"]);
  await relay.start();
  await world.clock.advance(10 * minute);
  expect(await bob.inbox()).toEqual(["one", "two", "three"]);
  bob.crash();
  world.network.heal("alice", ["relay", "bob"]);
  for (const text of ["four", "five"]) await world.clock.settle(alice.send(bob, text));
  await world.clock.until(() => progress(alice, "custody").length === 2, "the relay signs again", hour);
  await bob.start();
  await world.clock.advance(10 * minute);

  expect(await bob.inbox()).toEqual(["one", "two", "three", "four", "five"]);
  expect(progress(alice, "forwarded")).toHaveLength(2);
});

test("[K6] [K7] a destination that holds a lost run's higher stream tells the source so, which begins one above it", async () => {
  const { world, relay, alice, carol } = await star();
  await world.clock.settle(alice.send(carol, "one"));
  await world.clock.advance(minute);
  const backup = alice.backup();
  await alice.restart();
  alice.process.skewMs = hour;
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "two"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["one", "two"]);
  carol.crash();
  await alice.restore(backup);
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "three"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs again");
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["one", "two"]);
  carol.crash();
  await alice.start();
  await world.clock.advance(minute);
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);

  expect(await carol.inbox()).toEqual(["one", "two", "three"]);
  expect(await heldFrom(relay, alice, carol)).toEqual([]);
});

test("[K2] a source that starts again and again leaves one copy of what waits with its relay", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  for (const text of ["one", "two", "three"]) {
    await world.clock.settle(alice.send(carol, text));
    await world.clock.advance(minute);
    await alice.restart();
    await world.clock.advance(minute);
  }
  const held = await heldFrom(relay, alice, carol);
  expect(held.filter((one) => one.startsWith("messages"))).toEqual([
    "messages 1",
    "messages 2",
    "messages 3",
  ]);
  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["one", "two", "three"]);
});

test("[K7] a destination restored from a backup gets what is still kept, and shows nothing twice", async () => {
  const { world, alice, carol } = await star();
  await world.clock.settle(alice.send(carol, "one"));
  await world.clock.advance(minute);
  const backup = carol.backup();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "two"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);
  expect(await carol.inbox()).toEqual(["one", "two"]);
  await carol.restore(backup);
  await world.clock.advance(minute);
  await alice.start();
  await world.clock.settle(alice.send(carol, "three"));
  await world.clock.advance(20 * minute);

  const inbox = await carol.inbox();
  expect(inbox[0]).toBe("one");
  expect(inbox.at(-1)).toBe("three");
  expect(new Set(inbox).size).toBe(inbox.length);
  expect(alice.link(carol)?.queueDepth).toBe(0);
});

test("[K8] what is brought before the outbox was read brings about no state that says a floor above what waits there", async () => {
  const { world, relay, alice, carol } = await star();
  await world.clock.settle(alice.send(carol, "one"));
  await world.clock.advance(minute);
  world.network.partition("alice", ["relay"]);
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "two"));
  alice.crash();
  world.network.heal("alice", ["relay"]);
  await world.clock.settle(carol.send(alice, "meanwhile"));
  await world.clock.until(() => progress(carol, "custody").length === 1, "the relay signs for it");
  carol.crash();
  await world.clock.advance(minute);
  let read = (): void => undefined;
  const reading = new Promise<void>((resolve) => (read = resolve));
  const page = alice.store.outboxPage.bind(alice.store);
  alice.store.outboxPage = (...asked) => reading.then(() => page(...asked));
  await alice.start();
  await world.clock.advance(minute);
  expect(await alice.inbox()).toEqual(["meanwhile"]);
  read();
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for this, too");
  alice.crash();
  await carol.start();
  await world.clock.advance(minute);

  expect(await carol.inbox()).toEqual(["one", "two"]);
  expect(await heldFrom(relay, alice, carol)).toEqual([]);
});

test("[K8] a floor that rose by expiry reaches the destination through custody", async () => {
  const { world, alice, carol } = await star();
  await world.clock.settle(alice.send(carol, "one"));
  await world.clock.advance(minute);
  carol.crash();
  world.network.partition("alice", "relay");
  const old = alice.envelope([carol.person], "too old");
  await world.clock.settle(alice.federation.submit(carol.id, old));
  alice.process.skewMs = 31 * 24 * hour;
  await world.clock.advance(20 * minute);
  expect(progress(alice, "expired")).toHaveLength(1);
  expect(await alice.federation.trace(alice.person, old.id)).toMatchObject([
    { server: carol.id, state: "expired", error: { code: "expired" } },
  ]);
  alice.process.skewMs = 0;
  world.network.heal("alice", "relay");
  await world.clock.advance(10 * minute);
  await world.clock.settle(alice.send(carol, "young enough"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  alice.crash();
  await carol.start();
  await world.clock.advance(5 * minute);

  expect(await carol.inbox()).toEqual(["one", "young enough"]);
});

test("[K1] [K5] a backlog larger than every window comes through custody in order", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  const all = Array.from({ length: 400 }, (_, index) => `number ${index}`);
  for (const text of all) await world.clock.settle(alice.send(carol, text));
  await world.clock.until(() => progress(alice, "custody").length === 400, "the relay signs for all");
  alice.crash();
  await carol.start();
  await world.clock.advance(10 * minute);

  expect(await carol.inbox()).toEqual(all);
  expect(await heldBy(relay)).toBeLessThan(2);
});

test("[K2] a relay that crashes as soon as its receipt is heard still has what it signed for", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  for (let round = 1; round <= 5; round += 1) {
    relay.disk.delayMs = 500;
    await world.clock.settle(alice.send(carol, `round ${round}`));
    await world.clock.until(() => progress(alice, "custody").length === round, "the relay signs for it");
    await relay.restart();
    relay.disk.delayMs = 2;
    await world.clock.advance(5 * minute);
  }
  alice.crash();
  await carol.start();
  await world.clock.advance(10 * minute);

  expect(await carol.inbox()).toEqual([1, 2, 3, 4, 5].map((round) => `round ${round}`));
});

test("[K4] the receipt of a relay further along comes back, also to a source that was away meanwhile", async () => {
  const { world, relay, further, alice, carol } = await chain();
  carol.crash();
  further.crash();
  await world.clock.advance(minute);
  const envelope = alice.envelope([carol.person], "from hand to hand");
  await world.clock.settle(alice.federation.submit(carol.id, envelope));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the first relay signs for it");
  alice.crash();
  await further.start();
  await world.clock.advance(10 * minute);
  await alice.start();
  await world.clock.until(() => progress(alice, "custody").length === 1, "the second receipt");

  const path = [relay.id, further.id];
  expect(progress(alice, "custody")).toMatchObject([{ path, custody: { relay: further.id } }]);
  const [trace] = await alice.federation.trace(alice.person, envelope.id);
  expect(trace).toMatchObject({ route: "custody", path });
  expect(trace!.receipts.map((one) => one.relay)).toEqual(path);
  expect(await relay.store.custodyOwed(alice.id, 10)).toEqual([]);
});

test("[K4] what a relay further along refuses for good is dropped, and its source told", async () => {
  const { world, relay, further, alice, carol } = await chain();
  carol.crash();
  further.crash();
  Object.assign(further.relaying, { relaysFor: "nobody" });
  await world.clock.advance(minute);
  const envelope = alice.envelope([carol.person], "nowhere to go");
  await world.clock.settle(alice.federation.submit(carol.id, envelope));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the first relay signs for it");
  await further.start();
  await world.clock.advance(5 * minute);

  expect(await heldBy(relay)).toBe(0);
  const [trace] = await alice.federation.trace(alice.person, envelope.id);
  expect(trace).toMatchObject({ state: "queued", error: { code: "not-allowed" } });
  expect(alice.link(carol)?.queueDepth).toBe(1);
  Object.assign(further.relaying, { relaysFor: "linked" });
  further.renewRecord(further.federation.standing());
  await world.clock.advance(2 * hour);
  alice.crash();
  await carol.start();
  await world.clock.advance(10 * minute);
  expect(await carol.inbox()).toEqual(["nowhere to go"]);
});

test.each([1, 2, 3])(
  "[K1] [K9] through random absences of everybody all arrives once and in order (seed %i)",
  async (seed) => {
    const { world, relay, alice, carol } = await star(`absences ${seed}`);
    const hosts = [relay, alice, carol];
    const up = new Set(hosts);
    const [toCarol, toAlice]: [string[], string[]] = [[], []];
    for (let step = 0; step < 60; step += 1) {
      const host = world.random.pick(hosts);
      if (up.has(host)) host.crash();
      else await host.start();
      if (!up.delete(host)) up.add(host);
      for (const [from, to, sent] of [
        [alice, carol, toCarol],
        [carol, alice, toAlice],
      ] as const) {
        if (!up.has(from)) continue;
        await world.clock.settle(from.send(to, `step ${step}`));
        sent.push(`step ${step}`);
      }
      await world.clock.advance(world.random.between(1_000, 20 * minute));
    }
    for (const host of hosts) if (!up.has(host)) await host.start();
    await world.clock.advance(2 * hour);

    expect(await carol.inbox()).toEqual(toCarol);
    expect(await alice.inbox()).toEqual(toAlice);
    expect([alice.link(carol)?.queueDepth, carol.link(alice)?.queueDepth]).toEqual([0, 0]);
    expect(await heldBy(relay)).toBe(0);
  },
);
