/** Streams under faults: cuts, crashes, restored backups, full disks, refusals, expiry. */
import type { Envelope } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { expect, test } from "vitest";
import type { Host } from "./federation-world.ts";
import { nobody, World } from "./federation-world.ts";

const day = 86_400_000;
const texts = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

/** Submits one by one at random moments, and again where the homeserver could not take it. */
async function sendAll(from: Host, to: Host, all: string[], everyMs: number): Promise<void> {
  const { clock, random } = from.world;
  for (const text of all) {
    await clock.sleep(random.between(0, everyMs));
    const envelope = from.envelope([to.person], text);
    while (!(await submitted(from, to, envelope))) await clock.sleep(500);
  }
}

/** A process that crashes never answers: then the same envelope is submitted again. */
async function submitted(from: Host, to: Host, envelope: Envelope): Promise<boolean> {
  const { clock } = from.world;
  const taken = from.federation.submit(to.id, envelope).then(
    () => true,
    () => false,
  );
  return Promise.race([taken, clock.sleep(1_000).then(() => false)]);
}

async function inboxesAre(alice: Host, bob: Host, toBob: string[], toAlice: string[]): Promise<void> {
  const { clock } = alice.world;
  for (let waited = 0; waited < 200; waited += 1) {
    if ((await bob.inbox()).length >= toBob.length && (await alice.inbox()).length >= toAlice.length) break;
    await clock.advance(30_000);
  }
  // Whatever is still under way would come now.
  await clock.advance(20 * 60_000);
  expect(await bob.inbox()).toEqual(toBob);
  expect(await alice.inbox()).toEqual(toAlice);
}

test.each([
  [1, 500],
  [2, 150],
  [3, 150],
])(
  "[B4] [B16] through random cuts envelopes arrive once and in order (seed %i, %i each way)",
  async (seed, count) => {
    const world = new World(`cuts ${seed}`);
    const [alice, bob] = await world.linkedPair();
    const [toBob, toAlice] = [texts(count, "to bob"), texts(count, "to alice")];

    const sending = Promise.all([sendAll(alice, bob, toBob, 100), sendAll(bob, alice, toAlice, 100)]);
    for (let cut = 0; cut < 20; cut += 1) {
      await world.clock.advance(world.random.between(1, 3_000));
      world.network.cut("alice", "bob");
    }
    await world.clock.settle(sending, day);
    await inboxesAre(alice, bob, toBob, toAlice);

    expect(world.network.faults.cuts).toBeGreaterThan(10);
    expect(world.network.faults.lostFrames).toBeGreaterThan(0);
  },
);

test.each([1, 2, 3])(
  "[B5] [B18] 150 envelopes each way arrive once and in order while either side crashes (seed %i)",
  async (seed) => {
    const world = new World(`crashes ${seed}`);
    const [alice, bob] = await world.linkedPair();
    const [toBob, toAlice] = [texts(150, "to bob"), texts(150, "to alice")];

    const sending = Promise.all([sendAll(alice, bob, toBob, 200), sendAll(bob, alice, toAlice, 200)]);
    for (let crash = 0; crash < 16; crash += 1) {
      await world.clock.advance(world.random.between(1, 3_000));
      const host = world.random.pick([alice, bob]);
      host.crash();
      await world.clock.advance(world.random.between(0, 2_000));
      await host.start();
    }
    await world.clock.settle(sending, day);
    await inboxesAre(alice, bob, toBob, toAlice);
  },
);

test("[B16] a backlog larger than the window arrives in order, read page by page", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.crash();
  const all = texts(700, "waiting");
  for (const text of all) await world.clock.settle(alice.send(bob, text));
  expect(alice.link(bob)?.queueDepth).toBe(700);
  const pages: number[] = [];
  const outboxPage = alice.store.outboxPage.bind(alice.store);
  alice.store.outboxPage = async (...asked) => {
    const page = await outboxPage(...asked);
    pages.push(page.length);
    return page;
  };

  await bob.start();
  await inboxesAre(alice, bob, all, []);

  expect(Math.max(...pages)).toBeLessThanOrEqual(16);
  expect(pages.length).toBeGreaterThanOrEqual(700 / 16);

  expect(alice.link(bob)?.queueDepth).toBe(0);
  expect(alice.events("progress")).toHaveLength(700);
});

test("[B18] after a crash of the source, what was acknowledged meanwhile is told to its senders", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.settle(alice.send(bob, "before"));
  alice.disk.delayMs = 10_000;
  await world.clock.advance(5_000);
  expect(await bob.inbox()).toEqual(["before"]);
  alice.disk.delayMs = 2;
  await alice.restart();

  await world.clock.until(() => alice.events("progress").length === 1, "progress is told");
  expect(await alice.store.outboxPage(bob.id, "messages", 0, 10)).toEqual([]);
});

test("[B17] a source restored from a backup opens a new stream: nothing is lost or shown twice", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.settle(alice.send(bob, "one"));
  await world.clock.advance(1_000);
  bob.crash();
  await world.clock.settle(alice.send(bob, "two"));
  const backup = alice.backup();
  await bob.start();
  await world.clock.settle(alice.send(bob, "three"));
  await world.clock.until(() => alice.events("progress").length === 3, "all arrived");

  await alice.restore(backup);
  await world.clock.until(() => alice.events("gapCheck").length > 0, "the source starts anew");
  await world.clock.settle(alice.send(bob, "four"));
  await world.clock.advance(60_000);

  expect(await bob.inbox()).toEqual(["one", "two", "three", "four"]);
  expect(bob.events("gapCheck")).toMatchObject([{ server: alice.id }]);
  expect(alice.link(bob)?.queueDepth).toBe(0);
});

test("[B17] a destination restored from a backup is sent everything that is still kept, in a new stream", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.settle(alice.send(bob, "one"));
  await world.clock.advance(1_000);
  const backup = bob.backup();
  await world.clock.settle(alice.send(bob, "two"));
  await world.clock.advance(1_000);
  bob.crash();
  await world.clock.settle(alice.send(bob, "three"));

  await bob.restore(backup);
  await world.clock.until(() => alice.events("gapCheck").length > 0, "a new stream is opened");
  await world.clock.settle(alice.send(bob, "four"));
  await world.clock.advance(60_000);

  // "two" was acknowledged and is gone from the source: that gap is what the engines are told to look for.
  expect(await bob.inbox()).toEqual(["one", "three", "four"]);
  expect(bob.events("gapCheck")).toMatchObject([{ server: alice.id }]);
});

test("[B17] a destination that lost everything is served from the beginning of what is kept", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.settle(alice.send(bob, "one"));
  await world.clock.advance(1_000);
  const fresh = bob.backup();
  await world.clock.settle(
    fresh.write([
      { op: "stream.received", row: { source: alice.id, class: "messages", stream: 0, committed: 0 } },
    ]),
  );
  await bob.restore(fresh);
  await world.clock.settle(alice.send(bob, "two"));
  await world.clock.advance(60_000);

  expect(await bob.inbox()).toEqual(["one", "two"]);
});

test.each([1, 2, 3, 4])(
  "[B17] through random restores of either side nothing is shown twice, and what follows arrives (seed %i)",
  async (seed) => {
    const world = new World(`restores ${seed}`);
    const [alice, bob] = await world.linkedPair();
    const backups = new Map([alice, bob].map((host) => [host, host.backup()]));
    const sending = Promise.all([
      sendAll(alice, bob, texts(80, "to bob"), 300),
      sendAll(bob, alice, texts(80, "to alice"), 300),
    ]);
    for (let restore = 0; restore < 8; restore += 1) {
      await world.clock.advance(world.random.between(1, 2_000));
      const host = world.random.pick([alice, bob]);
      if (world.random.chance(0.5)) backups.set(host, host.backup());
      else await host.restore(backups.get(host)!);
    }
    await world.clock.settle(sending, day);
    await world.clock.advance(10 * 60_000);
    const [last, next] = [texts(20, "and then to bob"), texts(20, "and then to alice")];
    await world.clock.settle(
      Promise.all([sendAll(alice, bob, last, 100), sendAll(bob, alice, next, 100)]),
      day,
    );
    await world.clock.advance(10 * 60_000);

    for (const [host, after] of [
      [bob, last],
      [alice, next],
    ] as const) {
      const inbox = await host.inbox();
      expect(new Set(inbox).size).toBe(inbox.length);
      expect(inbox.slice(-20)).toEqual(after);
    }
  },
);

test("[B8] while the receiver's disk is full nothing is acknowledged, and all arrives once there is room", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.disk.full = true;
  const all = texts(50, "kept");
  for (const text of all) await world.clock.settle(alice.send(bob, text));
  await world.clock.advance(5 * 60_000);
  expect(alice.events("progress")).toEqual([]);
  expect(alice.link(bob)).toMatchObject({ state: "connected", queueDepth: 50 });

  bob.disk.full = false;
  await inboxesAre(alice, bob, all, []);
  expect(alice.events("progress")).toHaveLength(50);
});

test("[B14] while the own disk is full submissions are refused, and the stream has no hole afterwards", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.settle(alice.send(bob, "one"));
  alice.disk.full = true;
  await expect(world.clock.settle(alice.send(bob, "lost"))).rejects.toMatchObject({ code: "storage-full" });
  alice.disk.full = false;
  await world.clock.settle(alice.send(bob, "two"));
  await world.clock.advance(60_000);

  expect(await bob.inbox()).toEqual(["one", "two"]);
  expect(alice.link(bob)?.queueDepth).toBe(0);
});

test("[B12] [V2] what is not admitted is refused back durably, and the rest of the stream goes on", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const misdirected = alice.envelope([nobody], "who?");
  const half = alice.envelope([bob.person, nobody], "to bob and nobody");

  await world.clock.settle(alice.federation.submit(bob.id, misdirected));
  await world.clock.settle(alice.federation.submit(bob.id, half));
  await world.clock.settle(alice.send(bob, "after"));
  await world.clock.until(() => refusals(alice).length === 2, "both refusals come back");

  expect(refusals(alice)).toMatchObject([
    { envelope: misdirected.id, server: bob.id, error: { code: "unknown-account" } },
    { envelope: half.id, server: bob.id, error: { code: "unknown-account" } },
  ]);
  expect(await bob.inbox()).toEqual(["to bob and nobody", "after"]);
  const stored = await alice.store.refusals(alice.person, [misdirected.id]);
  expect(stored).toMatchObject([{ code: "unknown-account", server: bob.id }]);
});

test("[B12] a refusal survives a crash of the refusing side before it was told", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(1_000);
  world.network.partition("alice", "bob");
  const misdirected = alice.envelope([nobody], "who?");
  await world.clock.settle(alice.federation.submit(bob.id, misdirected));
  world.network.heal("alice", "bob");
  await world.clock.until(() => bob.link(alice)?.queueDepth === 1, "the refusal is on disk");
  await bob.restart();

  await world.clock.until(() => refusals(alice).length === 1, "the refusal comes back");
  expect(refusals(alice)).toMatchObject([{ envelope: misdirected.id }]);
});

test("[B12] a refusal whose transaction failed is not told: what comes again is decided anew", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(1_000);
  bob.disk.full = true;
  bob.accounts.blocked.add(alice.person);
  await world.clock.settle(alice.send(bob, "let me in"));
  await world.clock.advance(1_000);
  bob.accounts.blocked.delete(alice.person);
  bob.disk.full = false;

  await inboxesAre(alice, bob, ["let me in"], []);
  await world.clock.advance(60_000);
  expect(refusals(alice)).toEqual([]);
  expect(alice.link(bob)?.queueDepth).toBe(0);
});

test("[B12] a refusal stands in the transaction that takes in what it refuses", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(1_000);
  const written: string[][] = [];
  const write = bob.store.write.bind(bob.store);
  bob.store.write = (ops) => {
    written.push(ops.map(({ op }) => op));
    return write(ops);
  };
  await world.clock.settle(alice.federation.submit(bob.id, alice.envelope([nobody], "who?")));
  await world.clock.until(() => refusals(alice).length === 1, "the refusal comes back");

  expect(written.find((ops) => ops.includes("stream.received"))).toContain("outbox.append");
});

test("[V2] a stranger may deliver requests and nothing else; a linked server may answer", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));

  await world.clock.settle(alice.send(bob, "may I?", "request"));
  await world.clock.settle(alice.send(bob, "buy!", "room"));
  await world.clock.until(() => refusals(alice).length === 1, "the message is refused");

  expect(await bob.inbox()).toEqual(["may I?"]);
  expect(refusals(alice)).toMatchObject([{ error: { code: "not-allowed" } }]);
  await world.clock.settle(bob.send(alice, "you may", "answer"));
  await world.clock.advance(1_000);
  expect(await alice.inbox()).toEqual(["you may"]);
});

test("[L16] an answer for a server that we did not link makes us dial it", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  await world.clock.until(() => bob.link(alice) !== undefined, "the link appears");
  await world.clock.advance(1_000);
  await alice.restart();
  await bob.restart();
  world.network.listen("bob", (channel) => channel.close("unreachable"));

  await world.clock.settle(bob.send(alice, "you may", "answer"));
  await world.clock.advance(60_000);
  expect(await alice.inbox()).toEqual(["you may"]);
});

test("[B19] what expired is skipped by the receiver, told to its sender, and the rest arrives", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.settle(alice.send(bob, "one"));
  await world.clock.advance(1_000);
  world.network.partition("alice", "bob");
  await world.clock.settle(alice.send(bob, "too old"));
  alice.process.skewMs = 29 * day;
  await world.clock.settle(alice.send(bob, "young enough"));
  alice.process.skewMs = 31 * day;
  await world.clock.advance(20 * 60_000);
  expect(progress(alice, "expired")).toHaveLength(1);

  world.network.heal("alice", "bob");
  await world.clock.advance(60 * 60_000);
  expect(await bob.inbox()).toEqual(["one", "young enough"]);
  expect(alice.link(bob)?.queueDepth).toBe(0);
  await world.clock.settle(alice.send(bob, "and on"));
  await world.clock.advance(1_000);
  expect(await bob.inbox()).toEqual(["one", "young enough", "and on"]);
});

test("[B19] expiry while the receiver is connected but cannot store reaches it as a new floor", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.disk.full = true;
  await world.clock.settle(alice.send(bob, "too old"));
  await world.clock.advance(60_000);
  alice.process.skewMs = limits.bundleLifetimeMs;
  await world.clock.advance(20 * 60_000);
  expect(progress(alice, "expired")).toHaveLength(1);
  bob.disk.full = false;

  await world.clock.settle(alice.send(bob, "fresh"));
  await world.clock.advance(30 * 60_000);
  expect(await bob.inbox()).toEqual(["fresh"]);
});

test("[B9] bundles stay within their bounds of bytes and envelopes", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const large = "x".repeat(200_000);

  await world.clock.settle(
    Promise.all([large, large, large, ...texts(300, "small")].map((t) => alice.send(bob, t))),
  );
  await world.clock.until(() => alice.events("progress").length === 303, "all are forwarded");

  expect((await bob.inbox()).map((text) => text.length).slice(0, 3)).toEqual([200_000, 200_000, 200_000]);
  expect((await bob.store.load()).incoming[0]?.committed).toBe(3);
});

test("[B20] one server's queue is bounded: beyond it senders are refused", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const payload = new Uint8Array(limits.envelopePayloadBytesMax);
  const submissions = Array.from({ length: 300 }, () =>
    alice.federation.submit(bob.id, { ...alice.envelope([bob.person], ""), payload }).then(
      () => "taken",
      (error: { code: string }) => error.code,
    ),
  );

  const outcomes = await world.clock.settle(Promise.all(submissions));

  expect(outcomes.filter((outcome) => outcome === "quota-exceeded").length).toBeGreaterThan(30);
  expect(outcomes.filter((outcome) => outcome === "taken").length).toBeGreaterThan(200);
});

test("the same seed runs the same way", async () => {
  const run = async () => {
    const world = new World("replay");
    const [alice, bob] = await world.linkedPair();
    const sending = sendAll(alice, bob, texts(40, "again"), 100);
    await world.clock.advance(1_500);
    world.network.cut("alice", "bob");
    await world.clock.settle(sending);
    await world.clock.advance(60_000);
    return { now: world.clock.now(), faults: world.network.faults, events: bob.accounts.events.length };
  };

  expect(await run()).toEqual(await run());
});

function progress(host: Host, state: string) {
  return host.events("progress").filter((event) => event.state === state);
}

function refusals(host: Host) {
  return progress(host, "refused");
}

test("[B16] an outbox that cannot be read for a while is read later", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.crash();
  for (const text of texts(40, "waiting")) await world.clock.settle(alice.send(bob, text));
  const outboxPage = alice.store.outboxPage.bind(alice.store);
  let failures = 0;
  alice.store.outboxPage = async (...asked) => {
    failures += 1;
    if (failures % 2 === 1) throw new Error("the disk did not answer");
    return outboxPage(...asked);
  };

  await bob.start();
  await inboxesAre(alice, bob, texts(40, "waiting"), []);
  expect(failures).toBeGreaterThan(2);
});
