import { limits, serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { turns } from "./manual-clock.ts";
import { peopleSearchRate } from "../src/core/limits.ts";
import { random, startHomeserver } from "./start-homeserver.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });
const suite = "hybrid" as const;
const bytes = (...values: number[]) => new Uint8Array(values);

test("[H15] a key package is given out once, the last-resort one again and again, only for the capability", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const capability = random.bytes(16);
  const packages = [bytes(1), bytes(2)];
  expect(
    await bob.client.request("keyPackages.put", { suite, packages, lastResort: bytes(9), capability }),
  ).toEqual({ stocked: 2 });

  const { id: device } = bob.account.devices[0]!;
  const wanted = { server: world.id, account: bob.account.id, device, suite, capability };
  const fetch = async (change: Partial<typeof wanted> = {}) =>
    (await alice.client.request("keyPackages.fetch", { ...wanted, ...change })).keyPackage;
  expect(await fetch({ capability: random.bytes(16) })).toBeNull();
  expect(await fetch({ account: alice.account.id })).toBeNull();
  const taken = await Promise.all([fetch(), fetch()]);
  expect(taken.map((one) => one![0]).sort()).toEqual([1, 2]);
  expect(await fetch()).toEqual(bytes(9));
  expect(await fetch()).toEqual(bytes(9));
  expect(await bob.client.request("keyPackages.count", { suite })).toEqual({ stocked: 0 });
});

test("[H15] a device stocks no more key packages than it may", async () => {
  await using world = await startHomeserver();
  const { client } = await world.join("alice");
  const capability = random.bytes(16);
  const packages = Array.from({ length: limits.keyPackagesStockedMax }, () => bytes(1));
  await client.request("keyPackages.put", { suite, packages, capability });
  await expect(
    client.request("keyPackages.put", { suite, packages: [bytes(2)], capability }),
  ).rejects.toEqual(code("quota-exceeded"));
});

test("[H16] a sealed record is replaced only by its successor", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice", 2);
  const other = await world.reopen(account, 0, account.devices[1]!);
  await client.request("sealed.put", { name: "contacts", version: 1, bytes: bytes(1) });
  const both = await Promise.allSettled(
    [client, other.client].map((device, index) =>
      device.request("sealed.put", { name: "contacts", version: 2, bytes: bytes(10 + index) }),
    ),
  );
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  for (const version of [2, 1, 4]) {
    const late = client.request("sealed.put", { name: "contacts", version, bytes: bytes(1) });
    await expect(late).rejects.toEqual(code("conflict"));
  }
  await expect(client.request("sealed.put", { name: "x", version: 0, bytes: bytes() })).rejects.toEqual(
    code("malformed"),
  );
  const { record } = await other.client.request("sealed.get", { name: "contacts" });
  expect(record).toMatchObject({ name: "contacts", version: 2 });
  expect(await client.request("sealed.get", { name: "nothing" })).toEqual({ record: null });
  expect(await client.request("sealed.list", {})).toEqual({ records: [{ name: "contacts", version: 2 }] });
});

test("[H16] sealed records are their account's alone", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  await alice.client.request("sealed.put", { name: "contacts", version: 1, bytes: bytes(1) });
  expect(await bob.client.request("sealed.get", { name: "contacts" })).toEqual({ record: null });
});

test("[H17] accounts of one server see each other, with presence; coming is told, going only after a while", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const presence = async () => {
    const { people } = await alice.client.request("people.list", { refresh: false });
    return people.find(({ record }) => Buffer.from(bob.account.signed).equals(record))?.presence;
  };
  await world.clock.advance(1_000);
  expect(await presence()).toBe("online");

  bob.client.close();
  await turns();
  await world.clock.advance(5_000);
  const back = await world.reopen(bob.account, bob.opened.fencing);
  await world.clock.advance(60_000);
  expect(await presence()).toBe("online");
  back.client.close();
  await turns();
  await world.clock.advance(16_000);
  expect(await presence()).toBe("offline");
  while (alice.client.events.waiting > 1) await alice.client.events.next();
  expect(await alice.client.event("people")).toMatchObject({ server: world.id });
});

test("[H17] whoever searches without end is refused with the time to wait, on every session of the device", async () => {
  await using world = await startHomeserver();
  const { account, client, opened } = await world.join("alice");
  const bob = await world.join("bob");
  const search = (by = client) => by.request("people.search", { text: "bo" });
  for (let n = 0; n < peopleSearchRate.burst; n += 1) await search();
  const refused = { code: "rate-limited", retryAfterMs: peopleSearchRate.refillMs };
  await expect(search()).rejects.toMatchObject(refused);
  await expect(search(bob.client)).resolves.toEqual({ people: [] });
  client.close();
  await turns();
  const again = await world.reopen(account, opened.fencing);
  await expect(search(again.client)).rejects.toMatchObject(refused);

  await world.clock.advance(peopleSearchRate.refillMs);
  await expect(search(again.client)).resolves.toEqual({ people: [] });
});

test("[H17] the record of an account whose key is known is found, another is not", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const lookup = (server = world.id, account = bob.account.id) =>
    alice.client.request("people.lookup", { server, account });
  expect(await lookup()).toEqual({ record: bob.account.signed });
  expect(await lookup(world.id, world.account("nobody").id)).toEqual({ record: null });
  await expect(lookup(serverId.fromBytes(random.bytes(32)))).rejects.toEqual(code("unknown-server"));
});
