/** Peers that replay, reorder, corrupt, lie and flood. */
import { accountId, bundleAadBytes, deviceId, encodeBundleBody, limits } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { SendingSeals } from "../src/core/federation/seals.ts";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";

async function scene(): Promise<{ world: World; alice: Host; mallory: BarePeer }> {
  const world = new World();
  const alice = await world.homeserver("alice");
  const mallory = await BarePeer.mutual(world, alice);
  return { world, alice, mallory };
}

test("[B4] a bundle that comes twice is delivered once and acknowledged twice", async () => {
  const { world, alice, mallory } = await scene();
  const bundle = mallory.text(1, "once");

  mallory.bundle(bundle);
  await world.clock.advance(100);
  const acknowledged = mallory.items.length;
  mallory.bundle(bundle);
  await world.clock.advance(100);

  expect(await alice.inbox()).toEqual(["once"]);
  expect(mallory.acknowledged).toEqual({ stream: 1_000, committed: 1 });
  expect(mallory.items.length).toBe(acknowledged + 1);
});

test("[B4] [B5] bundles out of order are delivered in order, and none before those ahead of it", async () => {
  const { world, alice, mallory } = await scene();

  for (const sequence of [4, 2, 3]) mallory.bundle(mallory.text(sequence, `number ${sequence}`));
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual([]);
  expect(mallory.acknowledged).toBeUndefined();
  mallory.bundle(mallory.text(1, "number 1"));
  await world.clock.advance(100);

  expect(await alice.inbox()).toEqual([1, 2, 3, 4].map((sequence) => `number ${sequence}`));
  expect(mallory.acknowledged).toEqual({ stream: 1_000, committed: 4 });
});

test("[B4] what lies beyond the window is not held", async () => {
  const { world, alice, mallory } = await scene();
  const beyond = limits.streamWindowBundles + 1;

  mallory.bundle(mallory.text(beyond, "too early"));
  for (let sequence = 1; sequence < beyond; sequence += 1)
    mallory.bundle(mallory.text(sequence, `${sequence}`));
  await world.clock.advance(1_000);

  expect((await alice.inbox()).length).toBe(beyond - 1);
  expect(mallory.acknowledged?.committed).toBe(beyond - 1);
});

test("[B6] a newer stream is taken up, an older one refused, before and after a restart", async () => {
  const { world, alice, mallory } = await scene();
  mallory.bundle(mallory.text(1, "first"));
  mallory.bundle(mallory.text(1, "newer", 2_000));
  mallory.bundle(mallory.text(2, "older", 1_000));
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual(["newer"]);
  expect(mallory.acknowledged).toEqual({ stream: 2_000, committed: 1 });

  await alice.restart();
  await mallory.dial();
  mallory.control({ kind: "trust", linked: true });
  mallory.bundle(mallory.text(3, "older still", 1_000));
  mallory.bundle(mallory.text(2, "goes on", 2_000));
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual(["newer", "goes on"]);
});

test("[B17] whoever sends an older stream than custody brought meanwhile is told which one is known", async () => {
  const { world, alice, mallory } = await scene();
  mallory.bundle(mallory.text(1, "by custody", 2_000));
  await world.clock.advance(100);
  mallory.items.length = 0;
  mallory.bundle(mallory.text(1, "one that began anew", 1_000));
  await world.clock.advance(100);
  const receiving = { stream: 2_000, committed: 1 };
  expect(mallory.items).toContainEqual(expect.objectContaining({ kind: "state", receiving }));
  expect(await alice.inbox()).toEqual(["by custody"]);
});

test("[B3] what does not authenticate advances nothing, whichever part was changed", async () => {
  const { world, alice, mallory } = await scene();
  const bundle = mallory.text(1, "genuine");

  for (const at of [2, 40, 70, 78, 86, 92, 100, 130, bundleAadBytes + 5, bundle.length - 1]) {
    const changed = bundle.slice();
    changed[at]! ^= 1;
    mallory.bundle(changed);
  }
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual([]);
  expect((await alice.store.load()).incoming).toEqual([]);
  mallory.bundle(bundle);
  await world.clock.advance(100);

  expect(await alice.inbox()).toEqual(["genuine"]);
});

test("[B1] [B2] a bundle of another source, for another destination, or sealed by another key is let go", async () => {
  const { world, alice, mallory } = await scene();
  const bob = await world.homeserver("bob");
  const { clock, random } = world;
  const body = encodeBundleBody({
    kind: "envelopes",
    envelopes: [alice.envelope([alice.person], "forged", "request")],
  });
  const header = { class: "messages", stream: 1, sequence: 1, created: 1, lifetimeMs: 60_000 } as const;
  const asBob = new SendingSeals({ self: bob.id, noisePrivateKey: mallory.noise, primitives, random, clock });
  const otherKey = new SendingSeals({
    self: mallory.id,
    noisePrivateKey: random.bytes(32),
    primitives,
    random,
    clock,
  });

  mallory.bundle(asBob.seal(mallory.hostPeer, header, body));
  mallory.bundle(otherKey.seal(mallory.hostPeer, header, body));
  mallory.bundle(mallory.seals.seal({ server: bob.id, noiseKey: alice.own.record.noiseKey }, header, body));
  await world.clock.advance(100);

  expect(await alice.inbox()).toEqual([]);
  expect((await alice.store.load()).incoming).toEqual([]);
});

test("[B11] a body that does not decode is refused by itself, and the stream goes on", async () => {
  const { world, alice, mallory } = await scene();
  const [unknownKind, cut, control] = [
    Uint8Array.of(9, 1, 2, 3),
    encodeBundleBody({ kind: "envelopes", envelopes: [alice.envelope([alice.person], "cut")] }).slice(0, -3),
    encodeBundleBody({
      kind: "control",
      items: [{ kind: "ack", class: "messages", stream: 1, committed: 1 }],
    }),
  ];

  mallory.bundle(mallory.seal({ sequence: 1 }, unknownKind));
  mallory.bundle(mallory.seal({ sequence: 2 }, cut));
  mallory.bundle(mallory.seal({ sequence: 3 }, control));
  mallory.bundle(mallory.text(4, "still here"));
  await world.clock.advance(100);

  expect(await alice.inbox()).toEqual(["still here"]);
  expect(mallory.acknowledged).toEqual({ stream: 1_000, committed: 4 });
});

test("[B2] [L10] truncated, oversized and unknown bundles are let go; too many end the connection", async () => {
  const { world, alice, mallory } = await scene();
  const bundle = mallory.text(1, "whole");
  const oversized = new Uint8Array(bundleAadBytes + 2 + limits.bundleBodyBytesMax + 17);
  oversized.set(bundle.subarray(0, bundleAadBytes + 2));
  const unknownVersion = Uint8Array.of(9, ...bundle.subarray(1));

  for (const wrong of [bundle.slice(0, 100), bundle.slice(0, bundleAadBytes), oversized, unknownVersion]) {
    mallory.bundle(wrong);
  }
  await world.clock.advance(200);
  expect(mallory.closed).toBeUndefined();
  mallory.bundle(bundle);
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual(["whole"]);

  for (let count = 0; count < 100; count += 1) mallory.bundle(bundle.slice(0, 90));
  await world.clock.advance(100);
  expect(mallory.controls.at(-1)).toEqual({ kind: "bye", code: "malformed" });
  expect(mallory.closed).toBeDefined();
});

test("[B10] a control bundle of the past is a replay and changes nothing", async () => {
  const { world, alice, mallory } = await scene();
  const old = mallory.controlBundle([
    {
      kind: "state",
      class: "messages",
      sending: { stream: 0, floor: 1, next: 1 },
      receiving: { stream: 0, committed: 0 },
    },
  ]);
  mallory.bundle(old);
  await world.clock.advance(100);
  await world.clock.settle(alice.federation.submit(mallory.id, alice.envelope([alice.person], "hi")));
  await world.clock.advance(100);
  const stream = mallory.items.length > 0 ? (await alice.store.load()).outgoing[0]!.stream : 0;
  mallory.bundle(mallory.controlBundle([{ kind: "ack", class: "messages", stream, committed: 1 }]));
  await world.clock.advance(100);

  mallory.bundle(old);
  await world.clock.advance(100);

  expect((await alice.store.load()).outgoing[0]?.stream).toBe(stream);
  expect(alice.events("gapCheck")).toEqual([]);
});

test("[B15] who acknowledges what was never sent is cut off, and nothing is dropped", async () => {
  const { world, alice, mallory } = await scene();
  mallory.bundle(mallory.state({ stream: 0, floor: 1, next: 1 }));
  await world.clock.settle(alice.federation.submit(mallory.id, alice.envelope([alice.person], "kept")));
  await world.clock.advance(100);
  const { stream } = (await alice.store.load()).outgoing[0]!;

  mallory.bundle(mallory.controlBundle([{ kind: "ack", class: "messages", stream, committed: 2 }]));
  await world.clock.advance(100);

  expect(mallory.closed).toBeDefined();
  expect(await alice.store.outboxPage(mallory.id, "messages", 0, 10)).toHaveLength(1);
});

test("[B17] who claims one regression after another is cut off", async () => {
  const { world, alice, mallory } = await scene();
  await world.clock.settle(alice.federation.submit(mallory.id, alice.envelope([alice.person], "kept")));

  for (let claim = 1; claim <= 5; claim += 1) {
    const receiving = { stream: world.clock.now() + claim * 2 ** 40, committed: 7 };
    mallory.bundle(mallory.state({ stream: 0, floor: 1, next: 1 }, receiving));
    await world.clock.advance(100);
  }

  expect(mallory.closed).toBeDefined();
  expect(alice.events("gapCheck").length).toBeLessThanOrEqual(2);
  expect(await alice.store.outboxPage(mallory.id, "messages", 0, 10)).toHaveLength(1);
});

test("[B17] stream ids that leave no room to rise are refused", async () => {
  const { world, alice, mallory } = await scene();

  mallory.bundle(
    mallory.state({ stream: 0, floor: 1, next: 1 }, { stream: Number.MAX_SAFE_INTEGER, committed: 1 }),
  );
  await world.clock.advance(100);

  expect(mallory.closed).toBeDefined();
  expect((await alice.store.load()).outgoing).toEqual([]);
});

test("[B13] refusals of what was never sent cost little: strangers to this server are not remembered", async () => {
  const { world, alice, mallory } = await scene();
  const refusal = {
    envelope: alice.envelope([alice.person], "").id,
    to: alice.person,
    code: "a code of the future",
  };
  const unknown = accountId.fromBytes(new Uint8Array(32).fill(3));

  const body = encodeBundleBody({
    kind: "refusals",
    refusals: [
      { ...refusal, from: unknown },
      { ...refusal, from: alice.person },
    ],
  });
  mallory.bundle(mallory.seal({ sequence: 1 }, body));
  await world.clock.advance(100);

  expect(await alice.store.refusals(unknown, [refusal.envelope])).toEqual([]);
  expect(await alice.store.refusals(alice.person, [refusal.envelope])).toMatchObject([{ code: "internal" }]);
  expect(alice.events("progress")).toMatchObject([{ state: "refused", error: { code: "internal" } }]);
});

test("[B1] encapsulations that cost arithmetic are limited in rate, and nothing is lost by it", async () => {
  const { world, alice, mallory } = await scene();
  for (let sequence = 1; sequence <= 50; sequence += 1) {
    mallory.seals.renew(alice.id);
    mallory.bundle(mallory.text(sequence, `${sequence}`));
  }
  await world.clock.advance(500);

  expect((await alice.inbox()).length).toBeLessThan(50);
  expect(mallory.closed).toBeUndefined();
  expect(mallory.acknowledged?.committed).toBe((await alice.inbox()).length);
});

test("[B12] a server that never takes its refusals is not listened to without end", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const stranger = await BarePeer.connect(world, alice);
  const refused = (sequence: number) =>
    stranger.seal(
      { sequence },
      encodeBundleBody({ kind: "envelopes", envelopes: [alice.envelope([alice.person], "spam", "room")] }),
    );

  for (let sequence = 1; sequence <= 1_100; sequence += 1) {
    stranger.bundle(refused(sequence));
    await world.clock.advance(10);
  }

  expect((await alice.store.outboxPage(stranger.id, "messages", 0, 2_000)).length).toBeLessThanOrEqual(1_010);
  expect(stranger.acknowledged?.committed).toBeLessThanOrEqual(1_010);
});

test("[L7] the first word is trust: anything else ends the connection", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const mallory = new BarePeer(world, "mallory", alice);
  await mallory.dial();

  mallory.bundle(mallory.text(1, "no greeting"));
  await world.clock.advance(100);

  expect(mallory.closed).toBeDefined();
  expect(alice.federation.links()).toEqual([]);
});

test("[L7] who says nothing after the handshake is let go", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const mallory = new BarePeer(world, "mallory", alice);
  await mallory.dial();

  await world.clock.advance(11_000);

  expect(mallory.closed).toBeDefined();
});

test("[L10] unknown messages are let go, many of them end the connection", async () => {
  const { world, alice, mallory } = await scene();

  mallory.message(Uint8Array.of(7, 1, 2, 3));
  mallory.message(Uint8Array.of(2, 0xff));
  mallory.bundle(mallory.text(1, "after nonsense"));
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual(["after nonsense"]);

  for (let count = 0; count < 100; count += 1) mallory.message(Uint8Array.of(7, 1, 2, 3));
  await world.clock.advance(100);
  expect(mallory.closed).toBeDefined();
});

test("[L8] a peer that does not read is cut off before it costs memory", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  world.network.listen("alice", (channel, from) => {
    const { bufferedBytes } = channel;
    channel.bufferedBytes = () => bufferedBytes.call(channel) + 40_000_000;
    void alice.federation.accept(channel, { address: from, fromOutside: true });
  });
  const mallory = new BarePeer(world, "mallory", alice);
  await mallory.dial();
  await world.clock.advance(100);

  expect(mallory.closed).toBeDefined();
});

test("[L22] nothing of the people here is told to a server that is not linked back", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const stranger = await BarePeer.connect(world, alice);

  stranger.control({ kind: "askPeople" });
  await world.clock.advance(1_000);
  alice.accounts.change(alice.accounts.listed());
  await world.clock.advance(1_000);

  expect(stranger.controls.filter(({ kind }) => kind === "people")).toEqual([]);
});

test("[L11] a stranger's questions are answered within a rate", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const stranger = await BarePeer.connect(world, alice);

  for (let id = 0; id < 40; id += 1) {
    stranger.control({ kind: "query", id, query: { ask: "account", account: alice.person } });
  }
  await world.clock.advance(100);

  const answers = stranger.controls.filter((control) => control.kind === "answer");
  expect(answers.filter(({ result }) => result instanceof Uint8Array)).toHaveLength(20);
  expect(answers.filter(({ error }) => error?.code === "rate-limited")).toHaveLength(20);
});

test("[L11] an answer that nobody asked for, or of another server, is let go", async () => {
  const { world, alice, mallory } = await scene();
  const eve = await BarePeer.mutual(world, alice, "eve");
  const asked = alice.federation.fetchKeyPackage(mallory.id, {
    account: alice.person,
    device: deviceId.fromBytes(new Uint8Array(16)),
    suite: "hybrid",
    capability: new Uint8Array(16),
  });
  await world.clock.advance(100);
  const query = mallory.controls.find((control) => control.kind === "query")!;

  eve.control({
    kind: "answer",
    id: query.kind === "query" ? query.id : 0,
    result: new Uint8Array([6, 6, 6]),
  });
  await world.clock.advance(100);
  mallory.control({ kind: "answer", id: query.kind === "query" ? query.id : 0, result: new Uint8Array([1]) });

  expect(await world.clock.settle(asked)).toEqual(new Uint8Array([1]));
});

test("[R5] another server's record is not taken from this one", async () => {
  const { world, alice, mallory } = await scene();
  const bob = await world.homeserver("bob");

  mallory.control({ kind: "record", record: bob.own.signed });
  await world.clock.advance(100);

  expect((await alice.store.load()).records.map(({ server }) => server)).toEqual([mallory.id]);
});

test("[L13] who changes its mind about the link again and again is let go", async () => {
  const { world, alice, mallory } = await scene();

  for (let turn = 0; turn < 200; turn += 1) mallory.control({ kind: "trust", linked: turn % 2 === 0 });
  await world.clock.advance(1_000);

  expect(mallory.closed).toBeDefined();
  expect(mallory.controls.at(-1)).toEqual({ kind: "bye", code: "malformed" });
  expect(alice.federation.links()).toHaveLength(1);
});
