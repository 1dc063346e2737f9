/** What somebody whom nobody here linked can make a homeserver hold, write and tell: keys are free to make. */
import { accountId, encodeBundleBody, envelopeId, serverId } from "@fedchat/protocol";
import type { AccountId, Envelope } from "@fedchat/protocol";
import { expect, test } from "vitest";
import {
  inboundStrangerBytesMax,
  refusalsToStrangersRate,
  strangersPerAddressMax,
  streamRestartsMax,
} from "../src/core/limits.ts";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { nobody, World } from "./federation-world.ts";

async function scene(): Promise<{ world: World; alice: Host; mallory: BarePeer }> {
  const world = new World();
  const alice = await world.homeserver("alice");
  return { world, alice, mallory: await BarePeer.connect(world, alice) };
}

test("[B18] streams that begin anew again and again end the connection and are not told to everybody", async () => {
  const { world, alice, mallory } = await scene();
  for (let stream = 1; stream <= 50; stream += 1)
    mallory.bundle(mallory.state({ stream, floor: 1, next: 1 }));
  await world.clock.advance(100);

  expect(alice.events("gapCheck").length).toBeLessThanOrEqual(streamRestartsMax + 1);
  expect(mallory.closed).toBeDefined();
});

test("[B17] a floor that rises with every state is written once, not as often as it is said", async () => {
  const { world, alice, mallory } = await scene();
  const { add } = alice.commit;
  let written = 0;
  alice.commit.add = (ops) => {
    written += ops.filter(({ op }) => op === "stream.received").length;
    return add.call(alice.commit, ops);
  };
  for (let floor = 1; floor <= 500; floor += 1)
    mallory.bundle(mallory.state({ stream: 1_000, floor, next: floor }));
  await world.clock.advance(1_000);

  expect(written).toBeLessThan(10);
  const { incoming } = await alice.store.load();
  expect(incoming.find(({ source }) => source === mallory.id)?.committed).toBe(499);
});

test("[B5] what came early is let go with its connection", async () => {
  const { world, alice, mallory } = await scene();
  for (const sequence of [2, 3]) mallory.bundle(mallory.text(sequence, `number ${sequence}`));
  await world.clock.advance(100);
  mallory.channel.close();
  await world.clock.advance(100);

  await mallory.dial();
  mallory.control({ kind: "trust", linked: true });
  mallory.bundle(mallory.text(1, "number 1"));
  await world.clock.advance(100);
  expect(await alice.inbox()).toEqual(["number 1"]);
});

test("[B5] a stranger can have less held than a linked server", async () => {
  const { world, alice, mallory } = await scene();
  const large = 240_000;
  const count = Math.ceil(inboundStrangerBytesMax / large) + 4;
  for (let sequence = count; sequence >= 1; sequence -= 1)
    mallory.bundle(mallory.text(sequence, "x".repeat(large)));
  await world.clock.advance(2_000);

  // The first, and what was held behind it, which lacks what came when nothing more fitted.
  expect(mallory.acknowledged?.committed ?? 0).toBeLessThan(count);
  expect((await alice.inbox()).length).toBeLessThan(count);
});

test("[B12] refusals owed to strangers are bounded, whatever they send and under however many keys", async () => {
  const { world, alice } = await scene();
  const nobodies = (offset: number): AccountId[] =>
    Array.from({ length: 1_000 }, (_, index) => {
      const bytes = new Uint8Array(32);
      new DataView(bytes.buffer).setUint32(0, offset * 1_000 + index + 1);
      return accountId.fromBytes(bytes);
    });
  for (let key = 0; key < 4; key += 1) {
    const mallory = await BarePeer.connect(world, alice, `mallory${key}`);
    const envelopes = Array.from({ length: 12 }, (_, index): Envelope => ({
      ...alice.envelope(nobodies(index), "", "request"),
      id: envelopeId.fromBytes(world.random.bytes(16)),
    }));
    mallory.bundle(mallory.seal({ sequence: 1 }, encodeBundleBody({ kind: "envelopes", envelopes })));
    mallory.channel.close();
    await world.clock.advance(100);
  }
  let owed = 0;
  for (const { destination } of (await alice.store.load()).outgoing) {
    const rows = await alice.store.outboxPage(destination, "messages", 0, 1_000);
    for (const { body } of rows) owed += new DataView(body.buffer, body.byteOffset).byteLength;
  }
  // A refusal has some 130 bytes.
  expect(owed).toBeLessThan((refusalsToStrangersRate.burst + 100) * 200);
});

test("[B18] [L20] [G1] strangers that come and go leave nothing behind, on disk or at the next start, but whence somebody was asked", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const asking: string[] = [];
  for (let key = 0; key < 5; key += 1) {
    const mallory = await BarePeer.connect(world, alice, `mallory${key}`);
    const asks = key % 2 === 0;
    if (asks) asking.push(mallory.id);
    mallory.bundle(asks ? mallory.text(1, "hello") : mallory.state({ stream: 1, floor: 2, next: 2 }));
    const refused = alice.envelope([nobody], "", "request");
    mallory.bundle(
      mallory.seal({ sequence: 2 }, encodeBundleBody({ kind: "envelopes", envelopes: [refused] })),
    );
    await world.clock.advance(100);
    expect((await alice.store.load()).incoming.some(({ source }) => source === mallory.id)).toBe(true);
    mallory.control({ kind: "trust", linked: false });
    await world.clock.advance(100);
    mallory.channel.close();
    await world.clock.advance(100);
  }
  const orphan = serverId.fromBytes(world.random.bytes(32));
  const row = { source: orphan, class: "messages", stream: 9, committed: 3 } as const;
  await world.clock.settle(alice.store.write([{ op: "stream.received", row }]));
  await alice.restart();
  await world.clock.advance(100);

  const { incoming, outgoing, links, records } = await alice.store.load();
  expect({ incoming, outgoing, links }).toEqual({ incoming: [], outgoing: [], links: [] });
  expect(records.map(({ server }) => server).toSorted()).toEqual(asking.toSorted());
  expect(await alice.inbox()).toHaveLength(asking.length);
});

test("[B17] [B18] a source whose positions were forgotten begins anew, and nothing shows twice", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(bob.federation.addLink(alice.id, [alice.address], undefined));
  for (const text of ["one", "two"]) await world.clock.settle(bob.send(alice, text, "request"));
  await world.clock.until(() => bob.events("progress").length === 2, "they are acknowledged");
  const backup = bob.backup();
  await world.clock.settle(bob.federation.removeLink(alice.id));
  await world.clock.until(() => alice.federation.links().length === 0, "bob's server is forgotten");
  await world.clock.advance(100);
  expect((await alice.store.load()).incoming).toEqual([]);

  await bob.restore(backup);
  await world.clock.settle(bob.send(alice, "three", "request"));
  await world.clock.until(() => alice.link(bob)?.state === "connected", "bob's server is back");
  await world.clock.advance(60_000);

  expect(await alice.inbox()).toEqual(["one", "two", "three"]);
  expect(bob.link(alice)).toMatchObject({ state: "connected", queueDepth: 0 });
});

test("[B20] what people here wrote to a server outlives its link, until it has expired", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(1_000);
  bob.crash();
  await world.clock.settle(alice.send(bob, "are you there?"));
  await world.clock.settle(alice.federation.removeLink(bob.id));
  await world.clock.settle(alice.store.write([{ op: "link.delete", server: bob.id }]));
  await alice.restart();
  await world.clock.advance(60_000);
  expect(await alice.store.outboxPage(bob.id, "messages", 0, 10)).toHaveLength(1);

  await world.clock.advance(31 * 86_400_000);
  expect(alice.events("progress")).toMatchObject([{ state: "expired" }]);
  const { incoming, outgoing } = await alice.store.load();
  expect({ incoming, outgoing }).toEqual({ incoming: [], outgoing: [] });
});

test("[L19] a server that is blocked while it is being dialled gets no connection", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  const linking = alice.federation.addLink(bob.id, [bob.address], undefined).catch(() => undefined);
  await world.clock.until(() => alice.link(bob)?.state === "connecting", "alice dials");
  const blocking = alice.federation.blockServer(bob.id);
  await world.clock.settle(blocking);
  await world.clock.settle(linking);
  await world.clock.advance(5_000);

  expect(alice.link(bob)).toMatchObject({ trust: "blocked" });
  expect(alice.link(bob)?.state).not.toBe("connected");
  expect(bob.link(alice)?.state).not.toBe("connected");
});

test("[L20] strangers of one address, however many, keep out neither others nor the servers of contacts", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  let connected = 0;
  for (let n = 0; n < 20; n += 1) {
    const peer = new BarePeer(world, `sybil${n}`, alice);
    await peer.dial("the same place");
    peer.control({ kind: "trust", linked: true });
    await world.clock.advance(1_100);
    if (peer.closed === undefined) connected += 1;
  }
  expect(connected).toBe(strangersPerAddressMax);
  const other = await BarePeer.connect(world, alice, "elsewhere");
  expect(other.closed).toBeUndefined();
  const friend = new BarePeer(world, "friend", alice);
  alice.accounts.grantedAt.add(friend.id);
  await friend.dial("the same place");
  friend.control({ kind: "trust", linked: false });
  await world.clock.advance(500);
  expect(friend.closed).toBeUndefined();
});
