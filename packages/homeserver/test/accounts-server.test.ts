import { limits, serverRecord } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { StoreUnusableError } from "../src/store/store.ts";
import { turns } from "./manual-clock.ts";
import { envelope, primitives, random, startHomeserver } from "./start-homeserver.ts";

test("[R4] a server without a configured name is called after its key, then after its owner", async () => {
  await using world = await startHomeserver();
  expect(world.homeserver.record().record.name).toBe(`server-${world.id.slice(0, 6)}`);
  const alice = await world.join("alice.b_c");
  expect(await alice.client.event("server")).toBeDefined();
  expect(world.homeserver.record().record.name).toBe("alice-b-c");
  const { record } = await alice.client.request("server.info", {});
  expect(serverRecord.open(primitives, record).name).toBe("alice-b-c");
  await world.join("bob");
  expect(world.homeserver.record().record.name).toBe("alice-b-c");
});

test("[R2] the record's sequence only rises, across restarts, changes and renewal; nothing changed, nothing issued", async () => {
  await using world = await startHomeserver({ config: { name: "chat.example.com" } });
  const first = world.homeserver.record();
  await using same = await world.restart({ config: { name: "chat.example.com" } });
  expect(same.homeserver.record().signed).toEqual(first.signed);
  await same.homeserver.setAddresses([{ host: "chat.example.com", port: 443, kind: "direct" }]);
  const second = same.homeserver.record().record;
  expect(second.sequence).toBeGreaterThan(first.record.sequence);
  expect(second.addresses).toHaveLength(1);
  await same.clock.advance(limits.serverRecordLifetimeMs / 2 + 3_600_000);
  const third = same.homeserver.record().record;
  expect(third.sequence).toBeGreaterThan(second.sequence);
  expect(third.expires).toBeGreaterThan(second.expires);
});

test("[R2] two changes at once are two records, the later one with both", async () => {
  await using world = await startHomeserver();
  const before = world.homeserver.record().record;
  const addresses = [{ host: "chat.example.com", port: 443, kind: "direct" as const }];
  await Promise.all([world.homeserver.setName("chat"), world.homeserver.setAddresses(addresses)]);
  const { record } = world.homeserver.record();
  expect(record).toMatchObject({ name: "chat", addresses });
  expect(record.sequence).toBeGreaterThan(before.sequence);
});

test("[R7] a recovery key that was forgotten is named again, above what others hold, and none takes another's place", async () => {
  await using world = await startHomeserver();
  const { record } = world.homeserver.record();
  const [known, other] = [random.bytes(32), random.bytes(32)];
  world.homeserver.recall({ ...record, sequence: record.sequence + 5_000 });
  expect(world.homeserver.recoveryStanding).toBeUndefined();
  world.homeserver.recall({ ...record, sequence: record.sequence + 5_000, recoveryKeyHash: known });
  expect(world.homeserver.recoveryStanding).toBe("recalled");
  await world.homeserver.setName("here");
  const named = world.homeserver.record();
  expect(named.record).toMatchObject({ recoveryKeyHash: known, name: "here" });
  expect(named.record.sequence).toBeGreaterThan(record.sequence + 5_000);

  await using again = await world.restart();
  again.homeserver.recall({ ...record, recoveryKeyHash: known });
  expect(again.homeserver.recoveryStanding).toBeUndefined();
  again.homeserver.recall({ ...record, recoveryKeyHash: other });
  expect(again.homeserver.recoveryStanding).toBe("disputed");
  await again.homeserver.setName("there");
  expect(again.homeserver.record().record).toMatchObject({ recoveryKeyHash: known, name: "there" });
});

test("[G6] an administrator decides for whom it relays; that stands over restarts and above the configuration", async () => {
  const relaying = { relaysFor: "linked", bytesPerSecond: 1_000, storageBytesMax: 7_000 } as const;
  await using world = await startHomeserver({ config: { relaying } });
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  expect(world.homeserver.record().record.relaysFor).toBe("linked");
  await expect(bob.client.request("server.setRelaying", { relaysFor: "nobody" })).rejects.toMatchObject({
    code: "not-allowed",
  });
  await alice.client.request("server.setRelaying", { relaysFor: "anyone" });
  expect(world.homeserver.record().record.relaysFor).toBe("anyone");
  expect((await bob.client.request("server.info", {})).relaying).toMatchObject({
    relaysFor: "anyone",
    custodyBytesMax: 7_000,
  });

  await using again = await world.restart({ config: { relaying: { ...relaying, relaysFor: "nobody" } } });
  expect(again.homeserver.record().record.relaysFor).toBe("anyone");
});

test("the map of a server that knows nobody shows itself", async () => {
  await using world = await startHomeserver({ config: { name: "chat.example.com" } });
  const alice = await world.join("alice");
  expect(await alice.client.request("network.map", {})).toEqual({
    servers: [{ server: world.id, name: "chat.example.com", relaysFor: "linked", neighbours: [], hops: 0 }],
    more: false,
  });
});

test("[R4] a store of another server's key is refused and left alone", async () => {
  await using world = await startHomeserver();
  const keys = { identity: random.bytes(32), noise: random.bytes(32) };
  await expect(startHomeserver({ store: world.store, keys })).rejects.toThrow(StoreUnusableError);
  await using again = await world.restart();
  expect(again.id).toBe(world.id);
});

test("[H8] draining closes sessions and keeps what was acknowledged a moment ago", async () => {
  const world = await startHomeserver();
  const { account, client } = await world.join("alice");
  await client.submit(envelope(world.id, [account], "hi"));
  const { position } = await client.items.next();
  client.acknowledge(position);
  await turns();
  await world.homeserver.drain();
  expect(await client.closed).toBe("stopping");
  expect(await world.store.inboxState(account.id)).toMatchObject({ floor: position, head: position });
});
