/** What homeservers do for accounts that move: the one that is left, the one that they come to, and the hubs of their rooms. */
import type { ServerId } from "@fedchat/protocol";
import { limits, serverId, serverRecord } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { introductionsRate } from "../src/core/limits.ts";
import { World } from "./federation-world.ts";
import type { TestRoom } from "./room-scene.ts";
import { sharedRoom } from "./room-scene.ts";
import { envelope, primitives, random, startHomeserver, textOf } from "./start-homeserver.ts";

test("[A12] whoever moved away is listed no more, is still read to, and may come back", async () => {
  await using world = await startHomeserver();
  await using elsewhere = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const listed = async () => {
    const { people } = await bob.client.request("people.list", { refresh: false });
    return people.length;
  };
  expect(await listed()).toBe(2);
  const moved = world.change(alice.account, { server: elsewhere.id });
  await alice.client.request("account.update", { record: moved.signed });
  expect(await listed()).toBe(1);
  const asked = { server: world.id, account: alice.account.id };
  expect((await bob.client.request("people.lookup", asked)).record).toEqual(moved.signed);

  await bob.client.submit(envelope(world.id, [alice.account], "you may not know yet"));
  expect(textOf(await alice.client.items.next())).toBe("you may not know yet");
  await using again = await world.restart();
  const back = await again.reopen(moved, 1);
  expect(back.opened.record).toEqual(moved.signed);
  const home = world.change(moved, { server: world.id });
  await back.client.request("account.update", { record: home.signed });
  const { people } = await back.client.request("people.list", { refresh: false });
  expect(people.map(({ record }) => record)).toContainEqual(home.signed);
});

test("[A14] records of other servers are taken from an account where they hold, and told to accounts that ask", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const nowMs = world.clock.now();
  const made = (name: string, expires: number): { id: ServerId; signed: Uint8Array } => {
    const seed = random.bytes(32);
    const id = serverId.fromBytes(primitives.ed25519.publicKey(seed));
    const noiseKey = primitives.x25519.publicKey(random.bytes(32));
    const body = { key: id, name, noiseKey, addresses: [], relays: [], neighbours: [], software: "" };
    const times = { sequence: nowMs - 5_000, issued: nowMs - 5_000, expires };
    return { id, signed: serverRecord.sign(primitives, seed, { ...body, ...times, relaysFor: "nobody" }) };
  };
  const [good, over] = [made("good", nowMs + 86_400_000), made("over", nowMs - 1_000)];
  const forged = good.signed.with(good.signed.length - 1, good.signed.at(-1)! ^ 1);
  const own = world.homeserver.record().signed;
  await alice.client.request("servers.introduce", { records: [forged, over.signed, own] });
  const asked = { servers: [good.id, over.id, world.id] };
  expect((await alice.client.request("servers.records", asked)).records).toEqual([]);
  await alice.client.request("servers.introduce", { records: [good.signed, Uint8Array.of(1)] });
  expect((await alice.client.request("servers.records", asked)).records).toEqual([good.signed]);
  await using again = await world.restart();
  const later = await again.reopen(alice.account, 1);
  expect((await later.client.request("servers.records", asked)).records).toEqual([good.signed]);

  for (let times = 0; times < introductionsRate.burst; times += 1)
    await later.client.request("servers.introduce", { records: [] });
  await expect(later.client.request("servers.introduce", { records: [] })).rejects.toMatchObject({
    code: "rate-limited",
  });
  expect(limits.serversIntroducedMax * limits.recordBytesMax).toBeLessThan(1_048_576);
});

test("[A17] a hub takes an append from a server that is on the list after it, on its head and proved, and no other", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const newcomer = await world.homeserver("newcomer");
  await world.link(hub, newcomer);
  const refusal = async (append: ReturnType<TestRoom["append"]>) =>
    newcomer.world.clock.settle(
      newcomer.rooms.append(newcomer.person, append).then(
        () => "taken",
        (error: { code?: string }) => error.code,
      ),
    );
  const right = room.append(room.commit([hub.id, member.id, newcomer.id]));
  expect(await refusal(room.append(room.commit([hub.id, member.id])))).toBe("not-allowed");
  expect(await refusal({ ...right, proof: right.proof.with(5, right.proof[5]! ^ 1) })).toBe("not-allowed");
  const behind = room.append(room.commit([hub.id, newcomer.id]), { position: 1 });
  expect(await refusal(behind)).toBe("not-allowed");
  expect(await refusal(right)).toBe("taken");
  expect(await room.positions(hub)).toEqual([1, 2, 3]);
});

test("[A17] a copy that is still empty begins under the former hub, where the present one's answer leads to it", async () => {
  const { world, hub, member, room } = await sharedRoom();
  const newcomer = await world.homeserver("newcomer");
  await world.link(member, newcomer);
  const servers = [hub.id, member.id];
  const came = room.head;
  // Whoever moves has read up to here when their homeserver, the hub, dies.
  await room.add(hub, room.commit(servers));
  await world.clock.until(() => room.at(member) === 3, "the member's server has it");
  hub.crash();
  await room.follow(newcomer, newcomer.person, { ...came, hub: member.id });
  expect(room.headAt(newcomer)).toMatchObject({ hub: member.id, hash: new Uint8Array(32) });
  await room.moveTo(member, member.id, servers);
  await room.add(member, room.commit([...servers, newcomer.id]));
  await world.clock.until(() => room.isAt(newcomer), "the newcomer's server has it");
  expect(await room.positions(newcomer, came.position)).toEqual([3, 4, 5]);
});

test("[A14] one that has expired says where to dial, where something is to be sent", async () => {
  const world = new World("introduced");
  const [one, two] = [await world.homeserver("one"), await world.homeserver("two")];
  const { clock } = world;
  const soonOver = two.recordWith(two.own.record.sequence, { expires: clock.now() + 1_000 });
  const signed = serverRecord.sign(primitives, two.keys.seed, soonOver);
  await clock.advance(2_000);
  const sent = () => clock.settle(one.send(two, "found", "request"));
  await expect(sent()).rejects.toMatchObject({ code: "unknown-server" });
  await clock.settle(one.federation.introduce([signed.with(signed.length - 1, signed.at(-1)! ^ 1)]));
  await expect(sent()).rejects.toMatchObject({ code: "unknown-server" });
  await clock.settle(one.federation.introduce([signed]));
  await sent();
  await clock.advance(10_000);
  expect(await two.inbox()).toEqual(["found"]);
});
