/** Relays, sources and destinations that forge, replay, reorder, truncate and lie about custody. */
import type { BundleHeader, BundleRoute, CustodyReceipt, LinkControl } from "@fedchat/protocol";
import {
  bundleHash,
  custodyReceipt,
  decode,
  decodeBundle,
  decodeBundleBody,
  directRoute,
  encode,
  encodeBundle,
  encodeBundleBody,
  limits,
  serverId,
  serverRecord,
  signAs,
  signedNote,
} from "@fedchat/protocol";
import { expect, test, vi } from "vitest";
import { OpeningSeals, SendingSeals } from "../src/core/federation/seals.ts";
import { custodyRowBytes, custodySourceRecordsRate } from "../src/core/limits.ts";
import { chain, heldFrom, progress, star } from "./custody-scene.ts";
import { BarePeer } from "./federation-peer.ts";
import type { WriteOp } from "../src/store/store.ts";
import type { Host } from "./federation-world.ts";
import { nobody, primitives, World } from "./federation-world.ts";

const minute = 60_000;

/** A relay with Carol, who is away, and Mallory, who is mutually linked with it. */
async function atRelay() {
  const world = new World();
  const [relay, carol] = [await world.homeserver("relay"), await world.homeserver("carol")];
  await world.link(carol, relay);
  carol.crash();
  const mallory = await BarePeer.mutual(world, relay);
  await world.clock.advance(minute);
  return { world, relay, carol, mallory };
}

/** Carol with Alice, who is away, and Mallory, who is mutually linked and relays. */
async function atDestination() {
  const world = new World();
  const [alice, carol] = [await world.homeserver("alice"), await world.homeserver("carol")];
  await world.link(alice, carol);
  await world.clock.settle(alice.send(carol, "before"));
  await world.clock.advance(minute);
  const { incoming } = await carol.store.load();
  const { stream, committed } = incoming.find((row) => row.class === "messages")!;
  alice.crash();
  const mallory = await BarePeer.mutual(world, carol);
  mallory.control({ kind: "custodySource", record: alice.own.signed });
  return { world, alice, carol, mallory, stream, committed };
}

/** What a server that has these keys would seal. */
function sealedBy(from: Pick<Host, "id" | "keys" | "world">, to: Host) {
  const { random, clock } = from.world;
  const seals = new SendingSeals({
    ...{ self: from.id, noisePrivateKey: from.keys.noise, primitives, random, clock },
  });
  const peer = { server: to.id, noiseKey: to.own.record.noiseKey };
  return (header: Partial<BundleHeader>, body: Uint8Array, route: Partial<BundleRoute> = {}): Uint8Array => {
    const full = {
      class: "messages",
      stream: 1_000,
      sequence: 1,
      created: clock.now(),
      lifetimeMs: 3_600_000,
    };
    const bundle = decodeBundle(seals.seal(peer, { ...full, ...header } as BundleHeader, body));
    return encodeBundle({ ...bundle, route: { ...directRoute, ...route } });
  };
}

const byMallory = (mallory: BarePeer, to: Host) =>
  sealedBy({ id: mallory.id, keys: { seed: mallory.seed, noise: mallory.noise }, world: mallory.world }, to);

const text = (from: Host, to: Host, words: string): Uint8Array =>
  encodeBundleBody({ kind: "envelopes", envelopes: [from.envelope([to.person], words)] });
const anything = encodeBundleBody({
  kind: "refusals",
  refusals: [{ envelope: "a".repeat(26), from: "a".repeat(52), to: "a".repeat(52), code: "x" } as never],
});

function said<K extends LinkControl["kind"]>(peer: BarePeer, kind: K): Extract<LinkControl, { kind: K }>[] {
  return peer.controls.filter((one): one is Extract<LinkControl, { kind: K }> => one.kind === kind);
}

const receipts = (peer: BarePeer): CustodyReceipt[] =>
  said(peer, "custodyReceipt").map(({ receipt }) => custodyReceipt.open(primitives, receipt));
const refusals = (peer: BarePeer): string[] => said(peer, "custodyRefused").map(({ error }) => error.code);
const hashOf = (encoded: Uint8Array): Uint8Array => bundleHash(primitives, decodeBundle(encoded));

test("[K2] the receipt is the relay's, for that very bundle; the same bundle again gives the same receipt", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  const bundle = byMallory(mallory, carol)({}, anything);
  mallory.bundle(bundle);
  await world.clock.advance(100);
  relay.process.skewMs = 5_000;
  mallory.bundle(bundle);
  await world.clock.advance(100);

  const [first, again] = said(mallory, "custodyReceipt");
  expect(again).toEqual(first);
  expect(receipts(mallory)[0]).toMatchObject({
    ...{ relay: relay.id, source: mallory.id, destination: carol.id, class: "messages" },
    ...{ stream: 1_000, sequence: 1, bundle: hashOf(bundle) },
  });
  expect(relay.federation.custody().bundles).toBe(1);
});

test("[K3] without consent, sense or time a bundle is refused, and nothing of it is kept", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  const alice = await world.homeserver("alice");
  const seal = byMallory(mallory, carol);
  const notes: [string, Uint8Array][] = [
    ["not-allowed", byMallory(mallory, alice)({}, anything)],
    ["malformed", seal({}, anything, { path: [relay.id] })],
    ["malformed", seal({}, anything, { path: [carol.id] })],
    ["malformed", seal({}, anything, { path: [alice.id, alice.id] })],
    ["not-allowed", seal({}, anything, { path: [alice.id] })],
    ["not-allowed", seal({}, anything, { hopLimit: 0 })],
    ["expired", seal({ created: world.clock.now() - 7_200_000 }, anything)],
    ["unknown-server", sealedBy(alice, carol)({}, anything)],
  ];
  for (const [, bundle] of notes) mallory.bundle(bundle);
  await world.clock.advance(1_000);

  expect(refusals(mallory)).toEqual(notes.map(([code]) => code));
  expect(said(mallory, "custodyReceipt")).toEqual([]);
  expect(relay.federation.custody()).toEqual({ bundles: 0, bytes: 0 });
});

test("[K3] what is cut short is let go and counted against who sent it", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  const bundle = byMallory(mallory, carol)({}, anything);
  for (let at = 0; at < 65; at += 1) mallory.bundle(bundle.subarray(0, 10 + at * 2));
  await world.clock.advance(1_000);

  expect(mallory.closed).toBe("malformed");
  expect(relay.federation.custody().bundles).toBe(0);
});

test("[K3] one source cannot use what is there for others", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  Object.assign(relay.relaying, { storageBytesMax: 40_000 });
  const seal = byMallory(mallory, carol);
  for (let sequence = 1; sequence <= 40; sequence += 1) mallory.bundle(seal({ sequence }, anything));
  await world.clock.advance(1_000);

  const { bytes, bundles } = relay.federation.custody();
  expect(bytes).toBeLessThanOrEqual(10_000);
  expect(new Set(refusals(mallory))).toEqual(new Set(["quota-exceeded"]));
  expect(said(mallory, "custodyReceipt")).toHaveLength(bundles);
  await relay.restart();
  expect(relay.federation.custody()).toEqual({ bytes, bundles });
});

test("[K2] nobody puts another's bundle in the place of one that somebody else handed over", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "genuine"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  const [row] = await alice.store.outboxPage(carol.id, "messages", 0, 1);
  const mallory = await BarePeer.mutual(world, relay);
  mallory.control({ kind: "custodySource", record: alice.own.signed });
  const forged = sealedBy({ ...alice, id: alice.id, keys: { ...alice.keys, noise: mallory.noise } }, carol);
  const { stream } = row!;
  for (const sequence of [1, 2, 3, 9_999]) mallory.bundle(forged({ stream, sequence }, anything));
  const future = world.clock.now() + 10 ** 9;
  mallory.bundle(forged({ class: "control", stream: 0, sequence: 0, created: future }, anything));
  await world.clock.advance(1_000);
  expect(said(mallory, "custodyReceipt").length).toBeGreaterThan(3);
  alice.crash();
  await carol.start();
  await world.clock.advance(5 * minute);

  expect(await carol.inbox()).toEqual(["genuine"]);
  expect(await heldFrom(relay, alice, carol)).toEqual(["messages 9999"]);
});

test("[K6] only a destination says what it has, and only of what was sent to it", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(minute);
  await world.clock.settle(alice.send(carol, "still here"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it");
  const [row] = await alice.store.outboxPage(carol.id, "messages", 0, 1);
  const held = await heldFrom(relay, alice, carol);
  const page = await relay.store.custodyPage(carol.id, alice.id, undefined, 10);
  const mallory = await BarePeer.mutual(world, relay);
  const taken = { kind: "custodyTaken", source: alice.id, class: "messages", stream: row!.stream } as const;
  mallory.control({ ...taken, upTo: 1_000_000 });
  for (const { hash } of page) mallory.control({ kind: "custodyDone", bundle: hash });
  await world.clock.advance(1_000);

  expect(held).toContain(`messages ${row!.sequence}`);
  expect(await heldFrom(relay, alice, carol)).toEqual(held);
});

/** Alice with a message for Carol, who is away; Mallory, who relays for both as far as Alice knows, holds it. */
async function atSource() {
  const world = new World();
  const [alice, carol] = [await world.homeserver("alice"), await world.homeserver("carol")];
  await world.link(alice, carol);
  const mallory = await BarePeer.mutual(world, alice, "mallory", { relaysFor: "anyone" });
  // Before it notices that this is not so.
  carol.renewRecord({ relays: [mallory.id] });
  await world.clock.advance(1_000);
  carol.crash();
  await world.clock.settle(alice.send(carol, "in bad hands"));
  await world.clock.until(() => mallory.sealed.some(isMessage), "it is handed to Mallory");
  const bundle = mallory.sealed.findLast(isMessage)!;
  const { header } = decodeBundle(bundle);
  const claim: CustodyReceipt = {
    ...{ relay: mallory.id, source: alice.id, destination: carol.id, class: "messages" },
    ...{ stream: header.stream, sequence: header.sequence, bundle: hashOf(bundle) },
    ...{ taken: world.clock.now(), until: world.clock.now() + 10 ** 9 },
  };
  const claims = (change: Partial<CustodyReceipt>, seed = mallory.seed) =>
    mallory.control({
      kind: "custodyReceipt",
      receipt: custodyReceipt.sign(primitives, seed, { ...claim, ...change }),
    });
  return { world, alice, carol, mallory, claims };
}

const isMessage = (encoded: Uint8Array): boolean => decodeBundle(encoded).header.class === "messages";

test("[K9] receipts of another bundle, of a server that is not on the way, or that are over, count for nothing", async () => {
  const { world, alice, carol, mallory, claims } = await atSource();
  const other = await world.homeserver("other");
  claims({ bundle: new Uint8Array(32) });
  claims({ sequence: 77 });
  claims({ stream: 77 });
  claims({ taken: 1, until: 2 });
  claims({ relay: other.id }, other.keys.seed);
  await world.clock.advance(1_000);
  expect(progress(alice, "custody")).toEqual([]);
  expect(await alice.store.receipts(carol.id, "messages", 0, 100)).toEqual([]);

  claims({});
  await world.clock.advance(1_000);
  expect(progress(alice, "custody")).toMatchObject([{ custody: { relay: mallory.id } }]);
});

/** How many operations of this kind a server writes from now on. */
function written(host: Host, kinds: WriteOp["op"][]): () => number {
  const add = vi.spyOn(host.commit, "add");
  return () => add.mock.calls.flatMap(([ops]) => ops).filter(({ op }) => kinds.includes(op)).length;
}

test("[K9] a receipt that is said again, in other words too, costs no commit and tells nobody anything", async () => {
  const { world, alice, carol, claims } = await atSource();
  const kept = written(alice, ["receipt.put"]);
  for (let again = 0; again < 50; again += 1) claims({});
  await world.clock.advance(1_000);
  for (let again = 0; again < 50; again += 1) claims({ until: world.clock.now() + 10 ** 9 + again });
  await world.clock.advance(1_000);

  expect(kept()).toBe(1);
  expect(progress(alice, "custody")).toHaveLength(1);
  expect(await alice.store.receipts(carol.id, "messages", 0, 100)).toHaveLength(1);
});

/** Mallory's bundle for Carol, which the relay handed on to Next; who signs for it there or further on. */
async function handedOn() {
  const { world, relay, carol, mallory } = await atRelay();
  const next = await BarePeer.mutual(world, relay, "next");
  await world.clock.advance(minute);
  mallory.bundle(
    byMallory(mallory, carol)({ lifetimeMs: limits.custodyLifetimeMs }, anything, { path: [next.id] }),
  );
  await world.clock.until(() => next.sealed.some(isMessage), "it is handed on");
  const bundle = next.sealed.find(isMessage)!;
  const { header } = decodeBundle(bundle);
  const word = (by: BarePeer): LinkControl => ({
    kind: "custodyReceipt",
    receipt: custodyReceipt.sign(primitives, by.seed, {
      ...{ relay: by.id, source: mallory.id, destination: carol.id, class: "messages" },
      ...{ stream: header.stream, sequence: header.sequence, bundle: hashOf(bundle) },
      ...{ taken: world.clock.now(), until: world.clock.now() + 10 ** 9 },
    }),
  });
  return { world, relay, mallory, next, word };
}

test("[K4] each relay's word on a bundle is passed back once, however often it is said", async () => {
  const { world, relay, mallory, next, word } = await handedOn();
  const further = new BarePeer(world, "further", relay);
  const passed = written(relay, ["custody.passed"]);
  for (const by of [next, further]) {
    for (let again = 0; again < 10; again += 1) next.control(word(by));
    await world.clock.advance(1_000);
    next.control(word(by));
    await world.clock.advance(1_000);
  }

  expect(passed()).toBe(2);
  expect(receipts(mallory).map((one) => one.relay)).toEqual([relay.id, next.id, further.id]);
});

test("[K4] six hours after it was handed on nothing of a bundle is left to fill its source's share", async () => {
  const { world, relay, next, word } = await handedOn();
  next.control(word(next));
  await world.clock.advance(5 * 60 * minute);
  expect(relay.federation.custody()).toMatchObject({ bundles: 0, bytes: custodyRowBytes });
  await world.clock.advance(75 * minute);
  expect(relay.federation.custody()).toEqual({ bundles: 0, bytes: 0 });
});

test("[K5] records of sources are verified within a rate; one told again costs nothing, one too many comes again", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  const tell = (peer: BarePeer): void => mallory.control({ kind: "custodySource", record: peer.signed });
  const sources = Array.from(
    { length: custodySourceRecordsRate.burst + 1 },
    (_, n) => new BarePeer(world, `source-${n}`, relay),
  );
  for (let again = 0; again < custodySourceRecordsRate.burst; again += 1) tell(sources[0]!);
  await world.clock.advance(50);
  const spared = sources.at(-2)!;
  tell(spared);
  mallory.bundle(byMallory(spared, carol)({}, anything));
  await world.clock.advance(50);
  expect(refusals(mallory)).toEqual([]);

  for (const source of sources) tell(source);
  const late = sources.at(-1)!;
  mallory.bundle(byMallory(late, carol)({}, anything));
  await world.clock.advance(50);
  expect(refusals(mallory)).toEqual(["rate-limited"]);
  expect(mallory.closed).toBeUndefined();

  await world.clock.advance(1_000);
  tell(late);
  mallory.bundle(byMallory(late, carol)({}, anything));
  await world.clock.advance(100);
  expect(receipts(mallory).map(({ source }) => source)).toEqual([spared.id, late.id]);
});

test("[K9] what a relay signed for is handed over again after six hours, then less and less often", async () => {
  const { world, claims, mallory } = await atSource();
  claims({});
  await world.clock.advance(1_000);
  const handed = () => mallory.sealed.filter(isMessage).length;
  const before = handed();
  await world.clock.advance(5 * 60 * minute);
  expect(handed()).toBe(before);
  await world.clock.advance(2 * 60 * minute);
  expect(handed()).toBeGreaterThan(before);
});

test("[K9] a relay that does not answer is given up for a while", async () => {
  const { world, alice, mallory } = await atSource();
  await world.clock.advance(5 * minute);

  expect(mallory.sealed.filter(isMessage)).toHaveLength(1);
  const [row] = await alice.store.outboxPage(mallory.id, "messages", 0, 1);
  expect(row).toBeUndefined();
  expect(progress(alice, "custody")).toEqual([]);
});

test("[K5] a relay brings bundles of a source that is away: opened by the source's key, delivered once and in order", async () => {
  const { world, alice, carol, mallory, stream, committed } = await atDestination();
  const seal = sealedBy(alice, carol);
  const [second, third] = ["second", "third"].map((words, index) =>
    seal({ stream, sequence: committed + 1 + index }, text(alice, carol, words)),
  );
  for (const bundle of [third!, second!, second!]) mallory.bundle(bundle);
  await world.clock.advance(1_000);
  mallory.bundle(third!);
  await world.clock.advance(1_000);

  expect(await carol.inbox()).toEqual(["before", "second", "third"]);
  const last = said(mallory, "custodyTaken").at(-1);
  expect(last).toMatchObject({ source: alice.id, class: "messages", stream, upTo: committed + 2 });
});

test("[K6] what does not authenticate is done with by itself, and an older stream counts as taken", async () => {
  const { world, alice, carol, mallory, stream, committed } = await atDestination();
  const forged = sealedBy({ ...alice, id: alice.id, keys: { ...alice.keys, noise: mallory.noise } }, carol);
  const bad = forged({ stream, sequence: committed + 5 }, text(alice, carol, "forged"));
  const old = sealedBy(alice, carol)({ stream: 7, sequence: 3 }, text(alice, carol, "old"));
  mallory.bundle(bad);
  mallory.bundle(old);
  await world.clock.advance(1_000);

  expect(said(mallory, "custodyDone")).toEqual([{ kind: "custodyDone", bundle: hashOf(bad) }]);
  expect(said(mallory, "custodyTaken")).toMatchObject([
    { stream: 7, upTo: 3 },
    { stream, upTo: committed },
  ]);
  expect(await carol.inbox()).toEqual(["before"]);
});

test("[K5] a relay that cannot show the source's record, or shows a forged one, brings nothing", async () => {
  const world = new World();
  const [alice, carol] = [await world.homeserver("alice"), await world.homeserver("carol")];
  const mallory = await BarePeer.mutual(world, carol);
  const forgedRecord = alice.own.signed.slice();
  forgedRecord[forgedRecord.length - 1]! ^= 1;
  mallory.bundle(sealedBy(alice, carol)({}, text(alice, carol, "who?")));
  mallory.control({ kind: "custodySource", record: forgedRecord });
  mallory.bundle(sealedBy(alice, carol)({}, text(alice, carol, "who?")));
  await world.clock.advance(1_000);

  expect(await carol.inbox()).toEqual([]);
  expect((await carol.store.load()).incoming).toEqual([]);
});

test("[K7] control by custody moves forward only: what is replayed or beyond what was sent changes nothing", async () => {
  const { world, alice, carol, mallory, stream, committed } = await atDestination();
  await world.clock.settle(carol.send(alice, "waits for alice"));
  const [waiting] = await carol.store.outboxPage(alice.id, "messages", 0, 1);
  const seal = sealedBy(alice, carol);
  const control = (sending: { stream: number; floor: number; next: number }, held: number) => {
    const receiving = { stream: waiting!.stream, committed: held };
    const items = [{ kind: "state", class: "messages", sending, receiving } as const];
    const body = encodeBundleBody({ kind: "control", items });
    mallory.bundle(seal({ class: "control", stream: 0, sequence: 0 }, body));
  };
  control({ stream: 5, floor: 900, next: 901 }, 0);
  control({ stream, floor: 1, next: committed + 1 }, waiting!.sequence + 500);
  await world.clock.advance(1_000);
  expect((await carol.store.load()).incoming).toContainEqual({
    ...{ source: alice.id, class: "messages", stream, committed },
  });
  expect(carol.link(alice)?.queueDepth).toBe(1);
  expect(said(mallory, "custodyDone")).toHaveLength(2);

  control({ stream, floor: committed + 4, next: committed + 6 }, 0);
  mallory.bundle(seal({ stream, sequence: committed + 4 }, text(alice, carol, "behind the floor")));
  await world.clock.advance(1_000);
  expect(await carol.inbox()).toEqual(["before", "behind the floor"]);
});

/** What one server says of its class messages to another in control bundles that it hands to Mallory. */
function statesTo(to: Host, from: Host, mallory: BarePeer) {
  const { random, clock } = to.world;
  const opening = new OpeningSeals({
    ...{ self: to.id, noisePrivateKey: to.keys.noise, primitives, random, clock },
  });
  const peer = { server: from.id, noiseKey: from.own.record.noiseKey };
  return mallory.sealed.flatMap((encoded) => {
    const bundle = decodeBundle(encoded);
    if (bundle.header.destination !== to.id || bundle.header.class !== "control") return [];
    const opened = opening.open(peer, bundle);
    const body = opened.ok ? decodeBundleBody(opened.body) : undefined;
    const items = body?.kind === "control" ? body.items : [];
    return items.filter((item) => item.kind === "state" && item.class === "messages");
  });
}

test("[K7] whoever is brought what comes behind something that is not here tells the source where it stands", async () => {
  const { world, alice, carol, mallory, stream, committed } = await atDestination();
  const behind = { stream, sequence: committed + 3 };
  mallory.bundle(sealedBy(alice, carol)(behind, text(alice, carol, "behind a hole")));
  await world.clock.advance(5_000);

  expect(await carol.inbox()).toEqual(["before"]);
  expect(statesTo(alice, carol, mallory)).toMatchObject([{ receiving: { stream, committed } }]);
});

test("[K7] [K8] a source tells its floor to a destination that does not know any more what it took", async () => {
  const { world, alice, carol, mallory } = await atSource();
  const signed = new Set<Uint8Array>();
  const relay = async () => {
    for (const encoded of mallory.sealed) {
      if (signed.has(encoded) || decodeBundle(encoded).header.destination !== carol.id) continue;
      signed.add(encoded);
      const { source, destination, class: bundleClass, stream, sequence } = decodeBundle(encoded).header;
      const receipt = custodyReceipt.sign(primitives, mallory.seed, {
        ...{ relay: mallory.id, source, destination, class: bundleClass, stream, sequence },
        ...{ bundle: hashOf(encoded), taken: world.clock.now(), until: world.clock.now() + 10 ** 9 },
      });
      mallory.control({ kind: "custodyReceipt", receipt });
    }
    await world.clock.advance(1_000);
  };
  const { stream, sequence } = decodeBundle(mallory.sealed.findLast(isMessage)!).header;
  const seal = sealedBy(carol, alice);
  const carolHolds = (held: number) => {
    const sending = { stream: 0, floor: 1, next: 1 };
    const receiving = { stream, committed: held };
    const items = [{ kind: "state", class: "messages", sending, receiving } as const];
    mallory.bundle(
      seal({ class: "control", stream: 0, sequence: 0 }, encodeBundleBody({ kind: "control", items })),
    );
  };
  mallory.control({ kind: "custodySource", record: carol.own.signed });
  await relay();
  await world.clock.settle(alice.send(carol, "and behind it"));
  await relay();
  carolHolds(sequence);
  await relay();
  const before = statesTo(carol, alice, mallory).length;
  carolHolds(sequence);
  await relay();
  expect(statesTo(carol, alice, mallory)).toHaveLength(before);

  carolHolds(0);
  await relay();
  const told = statesTo(carol, alice, mallory).slice(before);
  expect(told).toMatchObject([{ sending: { stream, floor: sequence + 1, next: sequence + 2 } }]);
});

test("[K5] strangers' bundles through one relay are limited, whoever they say they are from", async () => {
  const world = new World();
  const carol = await world.homeserver("carol");
  const mallory = await BarePeer.mutual(world, carol);
  for (let n = 0; n < 230; n += 1) {
    const stranger = new BarePeer(world, `stranger-${n}`, carol);
    const keys = { seed: stranger.seed, noise: stranger.noise };
    mallory.control({ kind: "custodySource", record: stranger.signed });
    const envelope = carol.envelope([carol.person], `request ${n}`, "request");
    const body = encodeBundleBody({ kind: "envelopes", envelopes: [envelope] });
    mallory.bundle(sealedBy({ id: stranger.id, keys, world }, carol)({}, body));
  }
  await world.clock.advance(1_000);

  const arrived = (await carol.inbox()).length;
  expect(arrived).toBeGreaterThan(100);
  expect(arrived).toBeLessThanOrEqual(201);
});

test("[K7] of one pair a relay keeps the newest control bundle of each who hands it over", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  const seal = byMallory(mallory, carol);
  const control = (created: number) => seal({ class: "control", stream: 0, sequence: 0, created }, anything);
  const now = world.clock.now();
  const [older, newer] = [control(now - 1_000), control(now)];
  for (const bundle of [older, newer]) {
    mallory.bundle(bundle);
    await world.clock.advance(100);
  }
  mallory.bundle(control(now - 500));
  await world.clock.advance(100);

  expect(receipts(mallory).map(({ bundle }) => bundle)).toEqual([hashOf(older), hashOf(newer)]);
  expect(refusals(mallory)).toEqual(["expired"]);
  const [held, ...others] = await relay.store.custodyPage(carol.id, mallory.id, undefined, 10);
  expect(others).toEqual([]);
  expect(held!.hash).toEqual(hashOf(newer));
});

test("[K1] the hop limit bounds how many take a bundle", async () => {
  const { world, relay, carol, mallory } = await atRelay();
  mallory.bundle(byMallory(mallory, carol)({}, anything, { hopLimit: 1 }));
  await world.clock.advance(100);
  const [held] = await relay.store.custodyPage(carol.id, mallory.id, undefined, 1);
  expect(decodeBundle(held!.bundle).route).toEqual({ hopLimit: 0, path: [] });
  expect(limits.bundleHopsMax).toBe(16);
});

/** The newest record of this peer, with a Noise key that its own server would never sign. */
function recordWithKey({ seed, signed, world, noise }: BarePeer, noiseKey: Uint8Array): Uint8Array {
  const now = world.clock.now();
  const held = serverRecord.read(signed).value;
  const newer = serverRecord.sign(primitives, seed, { ...held, sequence: now, issued: now });
  const { body } = decode(signedNote, newer);
  const at = Buffer.from(body).indexOf(primitives.x25519.publicKey(noise));
  const changed = body.slice();
  changed.set(noiseKey, at);
  const signature = signAs(primitives, "server-record", seed, changed);
  return encode(signedNote, { body: changed, signature });
}

test("[R1] [K1] a stranger whose newest record has a Noise key of small order ends nothing, however much is owed to it", async () => {
  const world = new World();
  const [relay, carol] = [await world.homeserver("relay"), await world.homeserver("carol")];
  await world.link(carol, relay);
  await world.clock.advance(10 * minute);
  const mallory = await BarePeer.connect(world, carol, "mallory", { relays: [relay.id] });
  mallory.bundle(mallory.state({ stream: 1_000, floor: 1, next: 2 }));
  const envelope = carol.envelope([nobody], "who?", "request");
  mallory.bundle(mallory.seal({}, encodeBundleBody({ kind: "envelopes", envelopes: [envelope] })));
  await world.clock.advance(200);
  mallory.control({ kind: "record", record: recordWithKey(mallory, new Uint8Array(32)) });
  await world.clock.advance(100);
  mallory.channel.close();
  await world.clock.advance(10 * minute);
  await carol.restart();
  await world.clock.advance(10 * minute);

  expect(carol.link(relay)?.state).toBe("connected");
  expect(carol.federation.links().find(({ server }) => server === mallory.id)?.queueDepth).toBe(1);
});

test("[K1] to a Noise key of small order nothing is sealed, and that is no error", () => {
  const { random, clock } = new World();
  const [self, server] = [serverId.fromBytes(random.bytes(32)), serverId.fromBytes(random.bytes(32))];
  const seals = new SendingSeals({ self, noisePrivateKey: random.bytes(32), primitives, random, clock });
  const header = { class: "messages", stream: 1, sequence: 1, created: 1, lifetimeMs: 1 } as const;
  expect(seals.sealParts({ server, noiseKey: new Uint8Array(32) }, header, anything)).toBeUndefined();
  const noiseKey = primitives.x25519.publicKey(random.bytes(32));
  expect(seals.sealParts({ server, noiseKey }, header, anything)?.aad).toHaveLength(134);
});

test("[K6] control that is authentic and does not decode is done with, and is no fault of the relay", async () => {
  const world = new World();
  const [relay, carol] = [await world.homeserver("relay"), await world.homeserver("carol")];
  await world.link(carol, relay);
  const mallory = await BarePeer.mutual(world, relay);
  await world.clock.advance(minute);
  const bad = new TextEncoder().encode("\u0002no control, though it is sealed");
  for (let n = 0; n < 80; n += 1) {
    const source = new BarePeer(world, `made-up-${n}`, carol);
    mallory.control({ kind: "custodySource", record: source.signed });
    mallory.bundle(byMallory(source, carol)({ class: "control", stream: 0, sequence: 0 }, bad));
  }
  await world.clock.advance(3 * minute);

  expect(receipts(mallory)).toHaveLength(80);
  expect(relay.federation.custody().bundles).toBe(0);
  expect(carol.link(relay)?.state).toBe("connected");
});

test("[K4] a receipt for what a newer bundle replaced meanwhile is no fault of the relay that signed it", async () => {
  const { world, relay, further, carol } = await chain();
  const mallory = await BarePeer.mutual(world, relay);
  await world.clock.advance(minute);
  carol.crash();
  await world.clock.advance(minute);
  const sources = [new BarePeer(world, "s0", carol), new BarePeer(world, "s1", carol)];
  for (const { signed } of sources) mallory.control({ kind: "custodySource", record: signed });
  const seals = sources.map((source) => byMallory(source, carol));
  for (let n = 0; n < 400; n += 1) {
    const header = { class: "control", stream: 0, sequence: 0, created: world.clock.now() + n } as const;
    mallory.bundle(seals[n % 2]!(header, anything, { path: [further.id] }));
    await world.clock.advance(10);
  }
  await world.clock.advance(minute);

  expect(relay.link(further)).toMatchObject({ state: "connected", error: null });
  for (const { id } of sources)
    expect(await further.store.custodyPage(carol.id, id, undefined, 10)).toHaveLength(1);
});

test("[K3] what somebody hands over in a source's name uses up nothing that is there for the source itself", async () => {
  const { world, relay, alice, carol } = await star();
  carol.crash();
  await world.clock.advance(2 * minute);
  Object.assign(relay.relaying, { storageBytesMax: 400_000 });
  const mallory = await BarePeer.mutual(world, relay);
  mallory.control({ kind: "custodySource", record: alice.own.signed });
  const forged = sealedBy({ ...alice, id: alice.id, keys: { ...alice.keys, noise: mallory.noise } }, carol);
  for (let sequence = 1; sequence <= 30; sequence += 1)
    mallory.bundle(forged({ sequence }, new Uint8Array(5_000)));
  await world.clock.advance(1_000);
  expect(refusals(mallory)).toContain("quota-exceeded");

  await world.clock.settle(alice.send(carol, "mine"));
  await world.clock.until(() => progress(alice, "custody").length === 1, "the relay signs for it", minute);
  const held = await relay.store.custodyPage(carol.id, alice.id, undefined, 1_000);
  expect(held.filter(({ from, class: of }) => from === alice.id && of === "messages")).toHaveLength(1);
});

test("[K5] what is made up in a source's name costs neither the source nor others that the same relay brings", async () => {
  const world = new World();
  const carol = await world.homeserver("carol");
  const [relay, another] = [
    await BarePeer.mutual(world, carol, "relay"),
    await BarePeer.mutual(world, carol, "another"),
  ];
  const [claimed, other] = [new BarePeer(world, "claimed", carol), new BarePeer(world, "other", carol)];
  for (const { signed } of [claimed, other])
    for (const through of [relay, another]) through.control({ kind: "custodySource", record: signed });
  const forged = sealedBy({ id: claimed.id, keys: { seed: claimed.seed, noise: relay.noise }, world }, carol);
  for (let sequence = 1; sequence <= 300; sequence += 1) relay.bundle(forged({ sequence }, anything));
  await world.clock.advance(500);
  const request = (words: string) =>
    encodeBundleBody({
      kind: "envelopes",
      envelopes: [carol.envelope([carol.person], words, "request")],
    });
  relay.bundle(byMallory(other, carol)({}, request("of the other")));
  another.bundle(byMallory(claimed, carol)({}, request("genuine")));
  await world.clock.advance(1_000);

  expect((await carol.inbox()).toSorted()).toEqual(["genuine", "of the other"]);
});
