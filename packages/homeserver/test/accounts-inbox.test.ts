import { limits } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { envelope, localToken, startHomeserver, textOf } from "./start-homeserver.ts";
import { turns } from "./manual-clock.ts";

test("[H10] what one account submits is accepted once it is on disk and pushed to the other", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  await alice.client.submit(envelope(world.id, [bob.account], "hello bob"));
  const item = await bob.client.items.next();
  expect(textOf(item)).toBe("hello bob");
  expect(item).toMatchObject({ from: alice.account.id, server: world.id, kind: "room" });
  expect(item.position).toBe(world.startedMs + 1);
});

test("[H10] a session's submissions are delivered in its order", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const texts = Array.from({ length: 500 }, (_, index) => `message ${index}`);
  await Promise.all(texts.map((text) => alice.client.submit(envelope(world.id, [bob.account], text))));
  const got: string[] = [];
  for (let i = 0; i < texts.length; i++) got.push(textOf(await bob.client.items.next()));
  expect(got).toEqual(texts);
});

test("[H6] a device that comes back gets what it missed, then what comes, without gap or duplicate", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  for (let i = 0; i < 10; i++) await alice.client.submit(envelope(world.id, [bob.account], `early ${i}`));
  bob.client.acknowledge(world.startedMs + 4);
  await turns();
  bob.client.close();
  for (let i = 0; i < 200; i++) await alice.client.submit(envelope(world.id, [bob.account], `away ${i}`));

  const again = await world.reopen(bob.account, bob.opened.fencing);
  expect(again.opened.inbox.cursor).toBe(world.startedMs + 4);
  const during = Array.from({ length: 200 }, (_, i) =>
    alice.client.submit(envelope(world.id, [bob.account], `live ${i}`)),
  );
  await Promise.all(during);
  const positions: number[] = [];
  while (positions.length < 406) positions.push((await again.client.items.next()).position);
  expect(positions).toEqual(Array.from({ length: 406 }, (_, index) => world.startedMs + index + 5));
  await turns();
  expect(again.client.items.waiting).toBe(0);
});

test("[H7] a cursor of another incarnation, below the floor or above the head is an explicit resync", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  for (let i = 0; i < 5; i++) await alice.client.submit(envelope(world.id, [bob.account], `${i}`));
  for (let i = 0; i < 5; i++) await bob.client.items.next();
  const { startedMs: start } = world;
  bob.client.acknowledge(start + 3);
  await turns();
  await world.clock.advance(1_000);
  bob.client.close();

  const client = await world.connect(bob.account.devices[0]!);
  const { inbox } = await client.open(bob.account.id, bob.opened.fencing);
  expect(inbox).toMatchObject({ floor: start + 3, head: start + 5, cursor: start + 3 });
  const { incarnation } = inbox;
  const outcome = async (cursor: { incarnation: Uint8Array; position: number }) =>
    (await client.request("inbox.subscribe", cursor)).outcome;
  expect(await outcome({ incarnation, position: start + 2 })).toBe("resync");
  expect(await outcome({ incarnation, position: start + 6 })).toBe("resync");
  expect(await outcome({ incarnation: new Uint8Array(16), position: start + 4 })).toBe("resync");
  await turns();
  expect(client.items.waiting).toBe(0);
  expect(await outcome({ incarnation, position: start + 4 })).toBe("ok");
  expect((await client.items.next()).position).toBe(start + 5);
});

test("[H7] where a clock stood ahead once, runs from one backup give no position alike", async () => {
  await using world = await startHomeserver();
  const { account, client, opened } = await world.join("alice");
  await client.submit(envelope(world.id, [account], "of a time to come"));
  const head = (await client.items.next()).position;
  const disk = { full: () => full };
  let full = false;
  const clock = new ManualClock(world.clock.now() - 3_600_000);
  const positionsOf = async () => {
    await using run = await startHomeserver({ store: world.store.snapshot(disk), clock, keys: world.keys });
    full = false;
    await clock.advance(60_000);
    const again = await run.reopen(account, opened.fencing);
    for (const text of ["a", "b"]) await again.client.submit(envelope(world.id, [account], text));
    const positions: number[] = [];
    while (positions.length < 3) positions.push((await again.client.items.next()).position);
    return positions;
  };
  const lost = await positionsOf();
  full = true;
  const present = await positionsOf();
  for (const [known, first, second] of [lost, present]) {
    expect(known).toBe(head);
    expect(first! > head + 1 && first! <= head + 1 + 2 ** 20 && second === first! + 1).toBe(true);
  }
  expect(new Set([...lost, ...present]).size).toBe(5);
});

test("[H8] acknowledgements are kept across a restart, and an item is dropped when every device has it", async () => {
  await using world = await startHomeserver();
  const { account, client, opened } = await world.join("alice", 2);
  const second = await world.reopen(account, 0, account.devices[1]!);
  for (let i = 0; i < 4; i++) await client.submit(envelope(world.id, [account], `${i}`));
  for (let i = 0; i < 4; i++) await second.client.items.next();
  const { startedMs: start } = world;
  client.acknowledge(start + 4);
  second.client.acknowledge(start + 2);
  await turns();
  await world.clock.advance(500);
  await using again = await world.restart();
  const first = await again.connect(account.devices[0]!);
  expect((await first.open(account.id, opened.fencing)).inbox).toMatchObject({
    floor: start + 2,
    head: start + 4,
    cursor: start + 4,
  });
});

test("[H8] what was not pushed cannot be acknowledged", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice");
  await client.submit(envelope(world.id, [account], "one"));
  await client.items.next();
  client.acknowledge(world.startedMs + 2);
  expect(await client.closed).toBe("malformed");
});

test("[H6] a reader that stops reading holds bounded memory, and gets everything once it reads on", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const large = new Uint8Array(limits.envelopePayloadBytesMax);
  bob.client.near.paused = true;
  for (let i = 0; i < 80; i++) {
    await alice.client.submit({ ...envelope(world.id, [bob.account], ""), payload: large });
  }
  await turns();
  const held = bob.client.far.bufferedBytes();
  expect(held).toBeGreaterThan(limits.channelBufferedBytesMax / 2);
  expect(held).toBeLessThan(limits.channelBufferedBytesMax + 2 * limits.frameBytesMax);
  expect(bob.client.channel.closed).toBe(false);

  bob.client.near.paused = false;
  for (let position = 1; position <= 80; position++) {
    while (bob.client.items.waiting === 0) await world.clock.advance(20);
    expect((await bob.client.items.next()).position).toBe(world.startedMs + position);
  }
  await alice.client.submit(envelope(world.id, [bob.account], "and live again"));
  expect(textOf(await bob.client.items.next())).toBe("and live again");
});

test("[H6] items past their lifetime are dropped, and the cursor before them is a resync", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  bob.client.close();
  await alice.client.submit(envelope(world.id, [bob.account], "never read"));
  await world.clock.advance(limits.inboxItemLifetimeMs + 2 * 3_600_000);
  const client = await world.connect(bob.account.devices[0]!);
  const { inbox } = await client.open(bob.account.id, bob.opened.fencing);
  expect(inbox).toMatchObject({ floor: world.startedMs + 1, head: world.startedMs + 1 });
  const cursor = { incarnation: inbox.incarnation, position: 0 };
  expect((await client.request("inbox.subscribe", cursor)).outcome).toBe("resync");
});

test("[V4] an envelope that comes again within 35 days is dropped", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const hourMs = 3_600_000;
  const once = envelope(world.id, [bob.account], "once");
  await alice.client.submit(once);
  expect(textOf(await bob.client.items.next())).toBe("once");
  bob.client.acknowledge(world.startedMs + 1);

  await world.clock.advance(35 * 24 * hourMs - 2 * hourMs);
  await alice.client.submit(once);
  await alice.client.submit(envelope(world.id, [bob.account], "then"));
  expect(textOf(await bob.client.items.next())).toBe("then");

  await world.clock.advance(4 * hourMs);
  await alice.client.submit(once);
  expect(textOf(await bob.client.items.next())).toBe("once");
});

test("[H14] a full disk refuses new work, goes on reading and pushing, and recovers by itself", async () => {
  let full = false;
  await using world = await startHomeserver({ disk: { full: () => full } });
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  for (const text of ["one", "two"]) await alice.client.submit(envelope(world.id, [bob.account], text));
  bob.client.close();
  await turns();

  full = true;
  const refusal = { code: "storage-full", retry: "later" };
  const lost = envelope(world.id, [bob.account], "three");
  await expect(alice.client.submit(lost)).rejects.toMatchObject(refusal);
  const carol = world.account("carol");
  const carolsDevice = await world.connect(carol.devices[0]!);
  await expect(carolsDevice.register(carol.signed, localToken)).rejects.toMatchObject(refusal);
  const reading = await world.reopen(bob.account, bob.opened.fencing);
  expect(textOf(await reading.client.items.next())).toBe("one");
  expect(textOf(await reading.client.items.next())).toBe("two");
  reading.client.acknowledge(world.startedMs + 2);
  await world.clock.advance(3_000);
  await expect(alice.client.submit(lost)).rejects.toMatchObject(refusal);

  full = false;
  await world.clock.advance(3_000);
  await alice.client.submit(lost);
  expect(textOf(await reading.client.items.next())).toBe("three");
  await carolsDevice.register(carol.signed, localToken);
  await turns();
  expect(await world.store.inboxState(bob.account.id)).toMatchObject({
    floor: world.startedMs + 2,
    head: world.startedMs + 3,
  });
});

test("[H10] what was accepted before a kill is delivered after it, once and in order", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const accepted: string[] = [];
  const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
  const outcomes = texts.map((text) =>
    alice.client.submit(envelope(world.id, [bob.account], text)).then(
      () => accepted.push(text),
      () => undefined,
    ),
  );
  await Promise.all(outcomes.slice(0, 20));
  await using again = await world.restart();
  const back = await again.reopen(bob.account, bob.opened.fencing);
  await turns(30);
  const got: string[] = [];
  while (back.client.items.waiting > 0) got.push(textOf(await back.client.items.next()));
  expect(got).toEqual(texts.slice(0, got.length));
  expect(got.length).toBeGreaterThanOrEqual(20);
  expect(accepted.length).toBeGreaterThanOrEqual(20);
});
