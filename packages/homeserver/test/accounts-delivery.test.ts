import { accountId, envelopeId, limits, openAccountRecord, serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { Accounts } from "../src/core/accounts/accounts.ts";
import { AskingServers } from "../src/core/accounts/asking-servers.ts";
import { GroupCommit } from "../src/core/group-commit.ts";
import { silentLog } from "../src/core/log.ts";
import type { Trust } from "../src/core/seams.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { envelope, primitives, random, startHomeserver, textOf } from "./start-homeserver.ts";
import { makeAccount } from "./test-account.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });

test("[H10] an envelope for several accounts, the own one among them, reaches each once", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const carol = await world.join("carol");
  const everybody = [alice, bob, carol];
  await alice.client.submit(
    envelope(
      world.id,
      everybody.map(({ account }) => account),
      "all of us",
    ),
  );
  for (const { client } of everybody) expect(textOf(await client.items.next())).toBe("all of us");
});

test("[H11] the same envelope submitted twice is accepted twice and delivered once", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const once = envelope(world.id, [bob.account], "once");
  await Promise.all([alice.client.submit(once), alice.client.submit(once)]);
  await alice.client.submit(once);
  await alice.client.submit(envelope(world.id, [bob.account], "then"));
  expect(textOf(await bob.client.items.next())).toBe("once");
  expect(textOf(await bob.client.items.next())).toBe("then");
});

test("[H10] the sender is the session's account, whatever the payload says", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const mallory = await world.join("mallory");
  await mallory.client.submit(envelope(world.id, [alice.account], "I am bob"));
  expect((await alice.client.items.next()).from).toBe(mallory.account.id);
});

test("[H11] a recipient who is not here is refused by itself, durably, and the others get it", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const nobody = world.account("nobody");
  const sent = envelope(world.id, [nobody, bob.account], "hi");
  await alice.client.submit(sent);
  expect(textOf(await bob.client.items.next())).toBe("hi");
  expect(await alice.client.event("progress")).toMatchObject({
    envelope: sent.id,
    server: world.id,
    state: "refused",
    error: { code: "unknown-account", retry: "never" },
  });
  await using again = await world.restart();
  const later = await again.reopen(alice.account, alice.opened.fencing);
  const { progress } = await later.client.request("envelopes.progress", { envelopes: [sent.id] });
  expect(progress).toMatchObject([{ envelope: sent.id, server: world.id, state: "refused" }]);
});

test("[H9] nothing of a blocked account arrives, and it is not told, until it is unblocked", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const mallory = await world.join("mallory");
  await alice.client.request("delivery.block", { account: mallory.account.id });
  const request = { ...envelope(world.id, [alice.account], "let me in"), kind: "request" as const };
  await mallory.client.submit(request);
  const { progress } = await mallory.client.request("envelopes.progress", { envelopes: [request.id] });
  expect(progress.filter(({ state }) => state === "refused")).toEqual([]);

  await using again = await world.restart();
  const back = await again.reopen(mallory.account, mallory.opened.fencing);
  await back.client.submit(envelope(world.id, [alice.account], "and now?"));
  const alice2 = await again.reopen(alice.account, alice.opened.fencing);
  await alice2.client.request("delivery.unblock", { account: mallory.account.id });
  await back.client.submit(envelope(world.id, [alice.account], "sorry"));
  expect(textOf(await alice2.client.items.next())).toBe("sorry");
});

test("[H1] a submission with a recipient twice, or with too large a payload, closes the channel", async () => {
  await using world = await startHomeserver();
  const { account, client, opened } = await world.join("alice");
  const largest = {
    ...envelope(world.id, [account], ""),
    payload: new Uint8Array(limits.envelopePayloadBytesMax),
  };
  await client.submit(largest);
  const tooLarge = { ...largest, payload: new Uint8Array(limits.envelopePayloadBytesMax + 1) };
  void client.submit(tooLarge).catch(() => undefined);
  expect(await client.closed).toBe("malformed");
  const again = await world.reopen(account, opened.fencing);
  void again.client.submit(envelope(world.id, [account, account], "twice")).catch(() => undefined);
  expect(await again.client.closed).toBe("malformed");
});

test("[H11] a destination nobody knows is refused; beside others it holds up none", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  const unknown = serverId.fromBytes(random.bytes(32));
  const lost = envelope(unknown, [bob.account], "to nowhere");
  await expect(alice.client.submit(lost)).rejects.toEqual(code("unknown-server"));
  const mixed = envelope(world.id, [bob.account], "to both");
  mixed.destinations.push({ server: unknown, accounts: [bob.account.id] });
  await alice.client.submit(mixed);
  expect(textOf(await bob.client.items.next())).toBe("to both");
  expect(await alice.client.event("progress")).toMatchObject({
    server: unknown,
    error: { code: "unknown-server" },
  });
});

test("[H3] more unanswered submissions than a session may have are put off, not lost in silence", async () => {
  let release = () => {};
  const open = new Promise<void>((resolve) => (release = resolve));
  let slow = false;
  await using world = await startHomeserver({ disk: { commit: () => (slow ? open : Promise.resolve()) } });
  const alice = await world.join("alice");
  await turns();
  slow = true;
  const outcomes = Array.from({ length: limits.clientRequestsInFlightMax + 5 }, (_, index) =>
    alice.client.submit(envelope(world.id, [alice.account], `${index}`)).then(
      () => "accepted",
      (error: { code: string }) => error.code,
    ),
  );
  await turns();
  release();
  const counts = Object.groupBy(await Promise.all(outcomes), (outcome) => outcome);
  expect(counts["rate-limited"]).toHaveLength(5);
  expect(counts["accepted"]).toHaveLength(limits.clientRequestsInFlightMax);
});

test("[H12] progress of what was accepted and has left is `forwarded`", async () => {
  await using world = await startHomeserver();
  const alice = await world.join("alice");
  const sent = envelope(world.id, [alice.account], "hi");
  await alice.client.submit(sent);
  const { progress } = await alice.client.request("envelopes.progress", { envelopes: [sent.id] });
  expect(progress).toEqual([{ envelope: sent.id, server: null, state: "forwarded" }]);
});

test("[H9] what a server's trust lets in, and what a grant adds", async () => {
  const { accounts, alice, stranger, self } = await quietAccounts();
  const far = serverId.fromBytes(random.bytes(32));
  const admits = (trust: Trust, kind: "room" | "request" | "answer", server = far) =>
    accounts.admits({ server, from: stranger, kind, to: alice.id, trust });

  for (const trust of ["mutual", "outgoing"] as const) {
    for (const kind of ["room", "request", "answer"] as const) expect(admits(trust, kind)).toBe("admitted");
  }
  for (const trust of ["incoming", "none"] as const) {
    expect(admits(trust, "request")).toBe("admitted");
    expect(admits(trust, "room")).toBe("not-allowed");
    expect(admits(trust, "answer")).toBe("not-allowed");
  }
  expect(admits("blocked", "request")).toBe("blocked");
  expect(admits("none", "room", self)).toBe("admitted");

  const held = accounts.book.get(alice.id)!;
  const farther = serverId.fromBytes(random.bytes(32));
  expect(accounts.hasGrantAt(far)).toBe(false);
  await accounts.rules.grant(held, { server: farther, account: stranger });
  await accounts.rules.grant(held, { server: far, account: stranger });
  expect([far, farther].map((server) => accounts.hasGrantAt(server))).toEqual([true, false]);
  expect(admits("none", "room")).toBe("admitted");
  expect(admits("none", "room", serverId.fromBytes(random.bytes(32)))).toBe("not-allowed");
  expect(admits("blocked", "room")).toBe("blocked");
  await accounts.rules.block(held, { account: stranger });
  expect(admits("mutual", "room")).toBe("ignored");
  await accounts.rules.unblock(held, { account: stranger });
  await accounts.rules.revoke(held, { account: stranger });
  expect(admits("none", "room")).toBe("not-allowed");
  expect(accounts.hasGrantAt(far)).toBe(false);
  const nobody = accountId.fromBytes(random.bytes(32));
  expect(accounts.admits({ server: far, from: stranger, kind: "request", to: nobody, trust: "mutual" })).toBe(
    "unknown-account",
  );
});

test("[H13] requests of strangers are limited by their server and all together", async () => {
  const { accounts, alice, stranger, clock } = await quietAccounts();
  const ask = (server = serverId.fromBytes(random.bytes(32))) =>
    accounts.admits({ server, from: stranger, kind: "request", to: alice.id, trust: "none" });
  const one = serverId.fromBytes(random.bytes(32));
  const first = Array.from({ length: 21 }, () => ask(one));
  expect(first.filter((verdict) => verdict === "admitted")).toHaveLength(20);
  expect(first.at(-1)).toBe("rate-limited");
  await clock.advance(60_000);
  expect(ask(one)).toBe("admitted");
  const many = Array.from({ length: 300 }, () => ask());
  expect(many.filter((verdict) => verdict === "admitted").length).toBeLessThanOrEqual(200);
  expect(many.at(-1)).toBe("rate-limited");
});

test("[B7] [H10] a delivery and what stands beside it are one transaction", async () => {
  let full = false;
  const { accounts, alice, stranger, store, clock } = await quietAccounts({ full: () => full });
  const delivery = {
    server: serverId.fromBytes(random.bytes(32)),
    from: stranger,
    id: envelopeId.fromBytes(random.bytes(16)),
    kind: "room" as const,
    created: 1,
    received: 1,
    payload: new Uint8Array([1]),
    to: [alice.id],
  };
  const beside = [{ op: "meta.put" as const, key: "beside", value: new Uint8Array([7]) }];
  full = true;
  await expect(accounts.deliver([delivery], beside)).rejects.toThrow("disk");
  full = false;
  expect((await store.load()).meta.has("beside")).toBe(false);
  await clock.advance(2_000);
  expect(await accounts.deliver([delivery], beside)).toMatchObject([[{ outcome: "delivered" }]]);
  expect((await store.load()).meta.has("beside")).toBe(true);
});

test("[C11] whence a request came is on disk with it, or with the next where the disk was full", async () => {
  let full = false;
  const { accounts, alice, stranger, store, clock } = await quietAccounts({ full: () => full });
  const asks = {
    server: serverId.fromBytes(random.bytes(32)),
    from: stranger,
    id: envelopeId.fromBytes(random.bytes(16)),
    kind: "request" as const,
    ...{ created: 1, received: 1, payload: new Uint8Array([1]), to: [alice.id] },
  };
  const stored = async () => new AskingServers((await store.load()).meta).has(asks.server);
  full = true;
  await expect(accounts.deliver([asks], [])).rejects.toThrow("disk");
  expect(await stored()).toBe(false);
  full = false;
  await clock.advance(2_000);
  await accounts.deliver([asks], []);
  expect(await stored()).toBe(true);
  expect(accounts.wasAskedFrom(asks.server)).toBe(true);
});

/** The accounts half alone, with one account, as the federation meets it. */
async function quietAccounts(disk: { full?: () => boolean } = {}) {
  const clock = new ManualClock();
  const store = new MemoryStore(disk);
  const self = serverId.fromBytes(random.bytes(32));
  const alice = makeAccount({ primitives, random }, { server: self, handle: "alice", nowMs: clock.now() });
  const commit = new GroupCommit(store, clock);
  const state = await store.load();
  const accounts = new Accounts({
    self,
    store,
    commit,
    state,
    primitives,
    visibility: "linked",
    clock,
    random,
    log: silentLog,
  });
  const terms = { administrator: true, incarnation: random.bytes(16), nowMs: clock.now() };
  await accounts.book.open(openAccountRecord(primitives, alice.signed), terms);
  return { accounts, alice, store, self, clock, stranger: accountId.fromBytes(random.bytes(32)) };
}
