import type { ProtocolError } from "@fedchat/protocol";
import { clientMethods, clientRequest, encode, encodeClientFrame, limits } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { clientOpeningLimit } from "../src/core/limits.ts";
import { channelPair } from "./channel-pair.ts";
import { TestClient } from "./client.ts";
import { turns } from "./manual-clock.ts";
import { SeededRandom } from "./virtual/seeded-random.ts";
import {
  envelope,
  localToken,
  nobody,
  primitives,
  random,
  startHomeserver,
  textOf,
} from "./start-homeserver.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });

test("[A6] the local token opens the owner's account, once as an administrator", async () => {
  await using world = await startHomeserver();
  expect((await world.join("alice")).opened.administrator).toBe(true);
  expect((await world.join("bob")).opened.administrator).toBe(false);
});

test("[A6] two accounts opened at once: one owner", async () => {
  await using world = await startHomeserver();
  const outcomes = await Promise.allSettled([world.join("alice"), world.join("bob")]);
  const opened = outcomes.filter((outcome) => outcome.status === "fulfilled");
  expect(opened.filter(({ value }) => value.opened.administrator)).toHaveLength(1);
});

test("[A6] who may open an account is the policy's: closed, invited, open", async () => {
  for (const [registration, token, outcome] of [
    ["closed", localToken, "registration-closed"],
    ["invited", nobody, "registration-closed"],
    ["invited", localToken, "opened"],
    ["open", nobody, "opened"],
  ] as const) {
    await using world = await startHomeserver({ config: { registration } });
    await world.join("owner");
    const bob = world.account("bob");
    const client = await world.connect(bob.devices[0]!);
    const result = client.register(bob.signed, token).then(
      () => "opened",
      (error: ProtocolError) => error.code,
    );
    expect(await result).toBe(outcome);
  }
});

test("[A6] on an open server a stranger before the owner is no administrator", async () => {
  await using world = await startHomeserver({ config: { registration: "open" } });
  const mallory = world.account("mallory");
  const client = await world.connect(mallory.devices[0]!);
  expect((await client.register(mallory.signed, nobody)).administrator).toBe(false);
  expect((await world.join("alice")).opened.administrator).toBe(true);
});

test("[A6] opening accounts without a token is rate-limited by source", async () => {
  await using world = await startHomeserver({ config: { registration: "open" } });
  const tryOne = async (handle: string, remote: string) => {
    const account = world.account(handle);
    const client = await world.connect(account.devices[0]!, remote);
    return client.register(account.signed, nobody);
  };
  for (let i = 0; i < 20; i++) await tryOne(`a${i}`, "192.0.2.9");
  await expect(tryOne("b", "192.0.2.9")).rejects.toMatchObject({
    code: "rate-limited",
    retryAfterMs: expect.any(Number) as number,
  });
  await tryOne("c", "192.0.2.10");
  await world.clock.advance(10_000);
  await tryOne("d", "192.0.2.9");
});

test("[A6] a registration for another server, of a taken handle, or without the device is refused", async () => {
  await using world = await startHomeserver();
  await using elsewhere = await startHomeserver();
  const alice = await world.join("alice");

  const foreign = elsewhere.account("carol");
  await expect(
    (await world.connect(foreign.devices[0]!)).register(foreign.signed, localToken),
  ).rejects.toEqual(code("not-allowed"));
  const taken = world.account("alice");
  await expect((await world.connect(taken.devices[0]!)).register(taken.signed, localToken)).rejects.toEqual(
    code("handle-taken"),
  );
  const bob = world.account("bob");
  await expect((await world.connect(world.device(bob))).register(bob.signed, localToken)).rejects.toEqual(
    code("not-allowed"),
  );
  const again = world.change(alice.account, { handle: "alice2" });
  await expect((await world.connect(again.devices[0]!)).register(again.signed, localToken)).rejects.toEqual(
    code("conflict"),
  );
});

test("[A6] registering twice with the same record, after a lost answer, opens the account once", async () => {
  await using world = await startHomeserver();
  const alice = world.account("alice");
  const first = await (await world.connect(alice.devices[0]!)).register(alice.signed, localToken);
  const client = await world.connect(alice.devices[0]!);
  const second = await client.register(alice.signed, localToken);
  expect(second).toMatchObject({ administrator: true, inbox: first.inbox });
  expect(second.fencing).toBeGreaterThan(first.fencing);
  expect(world.homeserver.stats().accounts).toBe(1);
});

test("[H3] a device on the list with its own keys opens a session; nothing less does", async () => {
  await using world = await startHomeserver();
  const { account, opened } = await world.join("alice");
  const bob = await world.join("bob");
  const [device] = account.devices;

  await expect((await world.connect(world.device(account))).open(account.id)).rejects.toEqual(
    code("not-allowed"),
  );
  // Bob's device claims Alice's account.
  const claim = await world.connect(bob.account.devices[0]!);
  await expect(claim.open(account.id)).rejects.toEqual(code("not-allowed"));
  // The right signature key over a channel of another Noise key.
  const wrongNoise = await world.connect({ ...device!, noisePrivateKey: random.bytes(32) });
  await expect(wrongNoise.open(account.id)).rejects.toEqual(code("not-allowed"));
  // The right Noise key with a signature of another key.
  const wrongKey = await world.connect({ ...device!, signatureSeed: random.bytes(32) });
  await expect(wrongKey.open(account.id)).rejects.toEqual(code("not-allowed"));
  // A signature made for another channel.
  const other = await world.connect(device!);
  const replay = await world.connect(device!);
  await expect(
    replay.request("session.open", {
      account: account.id,
      device: device!.id,
      fencing: opened.fencing,
      signature: other.signature,
    }),
  ).rejects.toEqual(code("not-allowed"));

  await expect(other.open(world.account("nobody").id)).rejects.toEqual(code("unknown-account"));
  expect((await other.open(account.id, opened.fencing)).fencing).toBeGreaterThan(opened.fencing);
  await expect(other.open(account.id, opened.fencing)).rejects.toEqual(code("not-allowed"));
});

test("[H2] calls without a session, of no method, or with parameters that do not decode are answered by an error", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice");
  const stranger = await world.connect(world.device(account));
  await expect(stranger.request("server.info", {})).rejects.toEqual(code("not-allowed"));
  await expect(stranger.submit(envelope(world.id, [account], "hi"))).rejects.toEqual(code("not-allowed"));
  await expect(client.requestRaw("no.such", new Uint8Array([0xa0]))).rejects.toEqual(code("unknown-method"));
  await expect(client.requestRaw("toString", new Uint8Array([0xa0]))).rejects.toEqual(code("unknown-method"));
  await expect(client.requestRaw("sealed.get", new Uint8Array([0xa0]))).rejects.toEqual(code("malformed"));
  await expect(client.requestRaw("sealed.get", new Uint8Array([0xff]))).rejects.toEqual(code("malformed"));
  expect((await client.request("server.info", {})).accounts).toBe(1);
});

test("[H2] what administrators alone may do is refused to others", async () => {
  await using world = await startHomeserver();
  await world.join("owner");
  const { client } = await world.join("bob");
  const server = world.id;
  await expect(client.request("links.remove", { server })).rejects.toEqual(code("not-allowed"));
  await expect(client.request("links.block", { server })).rejects.toEqual(code("not-allowed"));
  await expect(
    client.request("links.add", { server, addresses: [{ host: "h", port: 1, kind: "direct" }] }),
  ).rejects.toEqual(code("not-allowed"));
  expect(await client.request("links.list", {})).toEqual({ links: [] });
});

test("[H3] calls before a session are rate-limited by source", async () => {
  await using world = await startHomeserver();
  const { account } = await world.join("alice");
  const client = await world.connect(world.device(account), "192.0.2.7");
  const calls = Array.from({ length: 1_001 }, () =>
    client.open(account.id).catch((error: ProtocolError) => error.code),
  );
  expect((await Promise.all(calls)).at(-1)).toBe("rate-limited");
  await world.clock.advance(20);
  await expect(client.open(account.id)).rejects.toEqual(code("not-allowed"));
});

test("[H1] frames that are malformed, of unknown types, or not a device's close the channel", async () => {
  await using world = await startHomeserver();
  const { account } = await world.join("alice");
  const item = encodeClientFrame({
    kind: "item",
    item: {
      position: 1,
      received: 1,
      server: world.id,
      from: account.id,
      id: envelope(world.id, [account], "").id,
      kind: "room",
      created: 1,
      payload: nobody,
    },
  });
  for (const frame of [
    new Uint8Array([99]),
    new Uint8Array([16, 0, 0]),
    new Uint8Array([1]),
    encodeClientFrame({ kind: "accepted", id: 1 }),
    item,
    encodeClientFrame({ kind: "acknowledge", position: 7 }),
  ]) {
    const client = await world.connect(account.devices[0]!);
    client.send(frame);
    expect(await client.closed).toMatch(/malformed|not-allowed/);
  }
});

test("[H1] a carrier that sends garbage or too much is closed and harms nobody", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice");
  for (const frame of [new Uint8Array([1, 2, 3]), random.bytes(70_000), new Uint8Array(0)]) {
    const [near, far] = channelPair();
    const closed = new Promise((resolve) => (near.onClose = resolve));
    void world.homeserver.acceptClient(far, "192.0.2.1");
    near.send(frame);
    await closed;
  }
  const opened = await world.connect(account.devices[0]!);
  opened.near.send(new Uint8Array(limits.frameBytesMax + 17));
  expect(await opened.closed).toBe("malformed");
  await client.submit(envelope(world.id, [account], "still here"));
  expect(textOf(await client.items.next())).toBe("still here");
});

test("[H1] a CBOR bomb in a request is an error, not a burden", async () => {
  await using world = await startHomeserver();
  const { client } = await world.join("alice");
  const nested = new Uint8Array(100_000).fill(0x81);
  await expect(client.requestRaw("people.list", nested)).rejects.toEqual(code("malformed"));
  const huge = new Uint8Array([0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]);
  await expect(client.requestRaw("people.list", huge)).rejects.toEqual(code("malformed"));
});

test("[H3] handshakes from one place outside are limited, those from near are not", async () => {
  await using world = await startHomeserver();
  const { account } = await world.join("alice");
  const knock = async (remote: string, fromOutside: boolean) => {
    const [near, far] = channelPair();
    const closed = new Promise<string>((resolve) => (near.onClose = resolve));
    void world.homeserver.acceptClient(far, remote, fromOutside);
    near.send(new Uint8Array([1, 2, 3]));
    return closed;
  };
  const reasons = async (count: number, remote: string, fromOutside: boolean) =>
    new Set(await Promise.all(Array.from({ length: count }, () => knock(remote, fromOutside))));
  const { burst, refillMs } = clientOpeningLimit;

  expect(await reasons(burst, "198.51.100.7", true)).toEqual(new Set(["malformed"]));
  expect(await reasons(3, "198.51.100.7", true)).toEqual(new Set(["rate-limited"]));
  expect(await knock("198.51.100.8", true)).toBe("malformed");
  expect(await reasons(burst + 3, "127.0.0.1", false)).toEqual(new Set(["malformed"]));
  await world.clock.advance(refillMs);
  expect(await reasons(2, "198.51.100.7", true)).toEqual(new Set(["malformed", "rate-limited"]));
  expect(await world.connect(account.devices[0]!)).toBeDefined();
});

test("[H3] a channel on which no session is opened in time is closed", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice");
  const idle = await world.connect(account.devices[0]!);
  await turns();
  await world.clock.advance(120_000);
  expect(await idle.closed).toBe("no session");
  expect(client.channel.closed).toBe(false);
});

test("[H1] a wrong server id is said before anything else", async () => {
  await using world = await startHomeserver();
  await using other = await startHomeserver();
  const account = world.account("alice");
  const [near, far] = channelPair();
  void world.homeserver.acceptClient(far, "192.0.2.1");
  const dialled = TestClient.connect({
    carrier: near,
    server: other.id,
    device: account.devices[0]!,
    clock: world.clock,
    random,
    primitives,
  });
  await expect(dialled).rejects.toEqual(code("wrong-server-key"));
});

test("[H4] a newer session of a device supersedes the older one", async () => {
  await using world = await startHomeserver();
  const { account, client, opened } = await world.join("alice");
  const newer = await world.reopen(account, opened.fencing);
  await client.event("superseded");
  expect(await client.closed).toBe("superseded");
  await newer.client.submit(envelope(world.id, [account], "to myself"));
  expect(textOf(await newer.client.items.next())).toBe("to myself");
  expect(world.homeserver.stats().sessions).toBe(1);
});

test("[H5] a device whose number is behind one that was used was restored: it is refused, after a restart too", async () => {
  await using world = await startHomeserver();
  const { account, opened } = await world.join("alice");
  const second = await world.reopen(account, opened.fencing);
  await turns();
  const restored = await world.connect(account.devices[0]!);
  await expect(restored.open(account.id, opened.fencing)).rejects.toEqual(code("restored-device"));
  await using again = await world.restart();
  const later = await again.connect(account.devices[0]!);
  await expect(later.open(account.id, opened.fencing)).rejects.toEqual(code("restored-device"));
  expect((await later.open(account.id, second.opened.fencing)).fencing).toBeGreaterThan(
    second.opened.fencing,
  );
});

test("[H5] an answer lost on its way condemns nobody", async () => {
  await using world = await startHomeserver();
  const { account, opened } = await world.join("alice");
  const unseen: number[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await world.connect(account.devices[0]!);
    unseen.push((await client.open(account.id, opened.fencing)).fencing);
    client.close();
  }
  const next = await world.reopen(account, opened.fencing);
  expect(next.opened.fencing).toBeGreaterThan(Math.max(...unseen));
});

test("[H5] a homeserver that was restored from a backup goes on above the device's number", async () => {
  await using world = await startHomeserver();
  const { account, opened } = await world.join("alice");
  await turns();
  const backup = world.store.snapshot();
  let fencing = opened.fencing;
  for (let i = 0; i < 5; i++) fencing = (await world.reopen(account, fencing)).opened.fencing;
  await using restored = await startHomeserver({ store: backup, keys: world.keys, clock: world.clock });
  expect((await restored.reopen(account, fencing)).opened.fencing).toBe(fencing + 1);
});

test("[A7] a newer record replaces the held one; an older one or another account's does not", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice");
  const bob = await world.join("bob");
  const newer = world.change(account, { displayName: "Alice A.", handle: "alice.a" });
  await client.request("account.update", { record: newer.signed });
  await client.request("account.update", { record: newer.signed });
  for (const [record, refusal] of [
    [account.signed, "conflict"],
    [bob.account.signed, "not-allowed"],
    [world.change(newer, { handle: "bob" }).signed, "handle-taken"],
    [world.change(newer, { sequence: world.clock.now() + 2 * limits.sequenceAheadMsMax }).signed, "conflict"],
    [encode({ toCbor: () => 1, fromCbor: () => 1 }, 1), "malformed"],
  ] as const) {
    await expect(client.request("account.update", { record })).rejects.toEqual(code(refusal));
  }
  // The old handle is free again, and the new state survives a restart.
  await world.join("alice");
  await using again = await world.restart();
  expect((await again.reopen(account, 1)).opened.handle).toBe("alice.a");
});

test("[A8] a device that leaves the list loses its session and cannot open another", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice", 2);
  const second = await world.reopen(account, 0, account.devices[1]!);
  const fewer = world.change(account, { devices: [account.devices[0]!.certificate] });
  await client.request("account.update", { record: fewer.signed });
  expect(await second.client.closed).toBe("not-allowed");
  await expect((await world.connect(account.devices[1]!)).open(account.id, 1)).rejects.toEqual(
    code("not-allowed"),
  );
  expect(client.channel.closed).toBe(false);
});

test("[H1] frames with bytes changed at random close the channel or are answered, and harm nobody", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice", 2);
  const dice = new SeededRandom(7);
  const params = encode(clientMethods["sealed.get"].params, { name: "contacts" });
  const body = encode(clientRequest, { method: "sealed.get", params });
  const frames = [
    encodeClientFrame({ kind: "request", id: 1, body }),
    encodeClientFrame({ kind: "submit", id: 2, submission: envelope(world.id, [account], "fuzz") }),
    encodeClientFrame({ kind: "acknowledge", position: 1 }),
  ];
  let fuzzed = await world.reopen(account, 0, account.devices[1]!);
  for (let round = 0; round < 90; round++) {
    const frame = frames[round % frames.length]!.slice(0, 1 + (dice.bytes(1)[0]! % 200));
    for (const at of dice.bytes(1 + (round % 4))) frame[at % frame.length] = dice.bytes(1)[0]!;
    if (fuzzed.client.channel.closed) {
      fuzzed = await world.reopen(account, fuzzed.opened.fencing, account.devices[1]!);
    }
    fuzzed.client.send(frame);
    await turns(2);
  }
  await client.submit(envelope(world.id, [account], "unharmed"));
  const texts: string[] = [];
  while (texts.at(-1) !== "unharmed") texts.push(textOf(await client.items.next()));
});
