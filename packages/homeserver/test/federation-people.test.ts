/** People of linked servers: told, verified, kept, forgotten; questions about them. */
import { deviceId, limits, openAccountRecord } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { nobody, primitives, World } from "./federation-world.ts";
import { changed, makeAccount } from "./test-account.ts";

const device = deviceId.fromBytes(new Uint8Array(16));

async function handles(host: Host): Promise<string[]> {
  const people = await host.world.clock.settle(host.federation.people(false));
  return people.map(
    ({ record, presence }) => `${openAccountRecord(primitives, record).record.handle} ${presence}`,
  );
}

test("[L21] people of mutually linked servers are known with their presence, and screens are told", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.until(
    () => alice.events("people").some(({ people }) => people.length === 2),
    "people are told",
  );

  expect(await handles(alice)).toEqual(["person0 online", "person1 online"]);
  expect(alice.events("people").at(-1)).toMatchObject({ server: bob.id });
});

test("[L21] before the link is mutual nobody is known", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  await world.clock.advance(1_000);

  expect([...(await handles(alice)), ...(await handles(bob))]).toEqual([]);
});

test("[L21] changes are pushed: presence, a newer record, one who is gone; an older record changes nothing", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(2_000);
  const [first, second] = [bob.people[0]!, bob.people[1]!];
  const newer = changed({ primitives }, first, { handle: "renamed" });

  const shown = { account: first.id, visibility: "linked" as const };
  bob.accounts.change([{ ...shown, record: newer.signed, presence: "offline" }]);
  await world.clock.advance(2_000);
  expect(await handles(alice)).toEqual(["renamed offline", "person1 online"]);
  bob.accounts.change([
    { ...shown, record: first.signed, presence: "online" },
    { account: second.id, record: second.signed, presence: "online", visibility: "hidden" },
  ]);
  await world.clock.advance(2_000);

  expect(await handles(alice)).toEqual(["renamed online"]);
});

test("[L21] while a link is down its people stay known, but not whether they are there", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(2_000);

  world.network.partition("alice", "bob");
  await world.clock.advance(2_000);
  expect(await handles(alice)).toEqual(["person0 unknown", "person1 unknown"]);
  world.network.heal("alice", "bob");
  await world.clock.until(() => alice.link(bob)?.state === "connected", "back");
  await world.clock.advance(2_000);

  expect(await handles(alice)).toEqual(["person0 online", "person1 online"]);
});

test("[L22] with the link its people are forgotten, on both sides: unlinked or blocked", async () => {
  for (const end of ["removeLink", "blockServer"] as const) {
    const world = new World();
    const [alice, bob] = await world.linkedPair();
    await world.clock.advance(2_000);

    await world.clock.settle(alice.federation[end](bob.id).then(() => undefined));
    await world.clock.advance(2_000);

    expect(await handles(alice), end).toEqual([]);
    expect(alice.events("people").at(-1)).toMatchObject({ server: bob.id, people: [] });
    if (end === "removeLink") expect(await handles(bob)).toEqual([]);
  }
});

test("[L21] refresh asks those connected anew, and waits no longer than a bound", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(2_000);
  bob.people.push(
    makeAccount(
      { primitives, random: world.random },
      { server: bob.id, handle: "new", nowMs: world.clock.now() },
    ),
  );

  const fresh = await world.clock.settle(alice.federation.people(true));
  expect(fresh).toHaveLength(3);
  world.network.tamper = () => undefined;
  const before = world.clock.now();
  expect(await world.clock.settle(alice.federation.people(true))).toHaveLength(3);
  expect(world.clock.now() - before).toBeLessThanOrEqual(3_000);
});

test("[L21] a list of many people comes in pages", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob", { accounts: 300 })];
  await world.link(alice, bob);
  await world.clock.advance(3_000);

  expect(await handles(alice)).toHaveLength(300);
});

test("[L21] of what a peer lists, only records of its own people are taken, and no more than a bound", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const mallory = await BarePeer.mutual(world, alice);
  const keys = { primitives, random: world.random };
  const terms = { server: mallory.id, nowMs: world.clock.now() };
  const own = makeAccount(keys, { ...terms, handle: "own" });
  const stolen = alice.people[0]!;
  const future = makeAccount(keys, { ...terms, handle: "future", nowMs: world.clock.now() + 2 * 86_400_000 });
  const broken = own.signed.slice();
  broken[broken.length - 1]! ^= 1;

  const people = [own.signed, stolen.signed, future.signed, broken].map((record) => ({
    record,
    presence: "online" as const,
    visibility: "linked" as const,
  }));
  mallory.control({ kind: "people", whole: true, people, more: false, gone: [] });
  await world.clock.advance(1_000);

  expect(await handles(alice)).toEqual(["own online"]);
  expect(limits.peopleListMax).toBe(10_000);
});

test("[L11] a record is looked up where its account lives, and verified", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  const record = await world.clock.settle(alice.federation.lookup(bob.id, bob.person));
  expect(record).toEqual(bob.people[0]!.signed);
  expect(await world.clock.settle(alice.federation.lookup(bob.id, nobody))).toBeUndefined();
  const carol = await world.homeserver("carol");
  await expect(alice.federation.lookup(carol.id, nobody)).rejects.toMatchObject({ code: "unknown-server" });
});

test("[L11] an answer with another account's record is refused", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.accounts.record = () => bob.people[1]!.signed;

  await expect(world.clock.settle(alice.federation.lookup(bob.id, bob.person))).rejects.toMatchObject({
    code: "malformed",
  });
});

test("[L11] without a connection a lookup is answered from the people known, or not at all", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(2_000);
  bob.crash();
  await world.clock.advance(1_000);

  expect(await world.clock.settle(alice.federation.lookup(bob.id, bob.person))).toEqual(
    bob.people[0]!.signed,
  );
  await expect(world.clock.settle(alice.federation.lookup(bob.id, nobody))).rejects.toMatchObject({
    code: "unreachable",
  });
});

test("[L11] a key package goes to holders of the capability; a silent server is not waited for without end", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const fetch = (fill: number) =>
    alice.federation.fetchKeyPackage(bob.id, {
      ...{ account: bob.person, device, suite: "hybrid", capability: new Uint8Array(16).fill(fill) },
    });

  expect(new TextDecoder().decode(await world.clock.settle(fetch(7)))).toBe("key package");
  expect(await world.clock.settle(fetch(8))).toBeUndefined();
  bob.accounts.takeKeyPackage = () => new Promise(() => undefined);
  await expect(world.clock.settle(fetch(7))).rejects.toMatchObject({ code: "unreachable" });
});
