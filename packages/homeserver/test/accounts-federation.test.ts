import { expect, test } from "vitest";
import { channelPair } from "./channel-pair.ts";
import { ManualClock } from "./manual-clock.ts";
import type { Joined, World } from "./start-homeserver.ts";
import { envelope, startHomeserver, textOf } from "./start-homeserver.ts";

/** Two homeservers that can dial each other by name, with Alice the owner of one and Bob of the other. */
async function twoServers() {
  const clock = new ManualClock();
  const worlds = new Map<string, World>();
  const dialer = {
    dial: async ({ host }: { host: string }) => {
      const [near, far] = channelPair();
      void worlds.get(host)!.homeserver.acceptLink(far, { address: "192.0.2.1", fromOutside: true });
      return near;
    },
  };
  const a = await startHomeserver({ clock, dialer });
  const b = await startHomeserver({ clock, dialer });
  worlds.set("a", a).set("b", b);
  const alice = await a.join("alice");
  const bob = await b.join("bob");
  const close = async () => {
    await a.homeserver.drain();
    await b.homeserver.drain();
  };
  return { a, b, alice, bob, clock, [Symbol.asyncDispose]: close };
}

const link = (from: Joined, to: World, host: string) =>
  from.client.request("links.add", {
    server: to.id,
    addresses: [{ host, port: 1, kind: "direct" as const }],
  });

/** Waits for what needs the other server, moving time on. */
async function until<T>(clock: ManualClock, probe: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const found = await probe();
    if (found !== undefined) return found;
    await clock.advance(50);
  }
  throw new Error("it did not happen");
}

test("[H9] [H13] from a stranger's server a request comes in, nothing else, until it is granted or linked", async () => {
  await using world = await twoServers();
  const { a, b, alice, bob, clock } = world;
  await link(alice, b, "b");
  const refused = envelope(b.id, [bob.account], "hello?");
  await alice.client.submit(refused);
  const request = { ...envelope(b.id, [bob.account], "may I?"), kind: "request" as const };
  await alice.client.submit(request);
  const arrived = () => Promise.resolve(bob.client.items.waiting > 0 || undefined);
  await until(clock, arrived);
  expect(await bob.client.items.next()).toMatchObject({ id: request.id, kind: "request", server: a.id });

  const ofRefused = await until(clock, async () => {
    const { progress } = await alice.client.request("envelopes.progress", { envelopes: [refused.id] });
    return progress.find(({ state }) => state === "refused");
  });
  expect(ofRefused).toMatchObject({ server: b.id, error: { code: "not-allowed" } });

  await bob.client.request("delivery.grant", { server: a.id, account: alice.account.id });
  await alice.client.submit(envelope(b.id, [bob.account], "thank you"));
  await until(clock, arrived);
  expect(textOf(await bob.client.items.next())).toBe("thank you");
});

test("[H12] the sender is told when the envelope is on the other server's disk", async () => {
  await using world = await twoServers();
  const { a, b, alice, bob, clock } = world;
  await link(alice, b, "b");
  await link(bob, a, "a");
  const sent = envelope(b.id, [bob.account], "hi");
  await alice.client.submit(sent);
  await until(clock, () => Promise.resolve(bob.client.items.waiting > 0 || undefined));
  const { progress } = await until(clock, async () => {
    const answer = await alice.client.request("envelopes.progress", { envelopes: [sent.id] });
    return answer.progress.some(({ state }) => state === "forwarded") ? answer : undefined;
  });
  expect(progress).toEqual([{ envelope: sent.id, server: null, state: "forwarded" }]);
  expect(await alice.client.event("progress")).toMatchObject({
    envelope: sent.id,
    server: b.id,
    state: "forwarded",
  });
});

test("[C11] an account hears of servers without a link where it let somebody in or was asked from, and of no others' servers", async () => {
  await using world = await twoServers();
  const { a, b, alice, bob, clock } = world;
  const carol = await b.join("carol");
  const dave = await b.join("dave");
  const unlinked = async (by: Joined) => (await by.client.request("links.unlinked", {})).servers;
  await link(alice, b, "b");
  await bob.client.request("delivery.grant", { server: a.id, account: alice.account.id });
  await bob.client.request("delivery.grant", { server: b.id, account: carol.account.id });
  // A server that linked this one is among the links.
  await until(clock, async () => (await bob.client.request("links.list", {})).links[0]);
  expect(await unlinked(bob)).toEqual([]);

  await alice.client.submit({ ...envelope(b.id, [dave.account], "may I?"), kind: "request" as const });
  await until(clock, () => Promise.resolve(dave.client.items.waiting > 0 || undefined));
  await alice.client.request("links.remove", { server: b.id });
  const [shown] = await until(clock, async () => {
    const servers = await unlinked(bob);
    return servers.length > 0 ? servers : undefined;
  });
  expect(shown).toMatchObject({ server: a.id, name: a.homeserver.record().record.name, via: [] });
  // What goes on between it and others here is theirs.
  for (const hidden of ["queueDepth", "lastContactAt"]) expect(shown).not.toHaveProperty(hidden);
  expect(await unlinked(carol)).toEqual([]);
  expect(await unlinked(dave)).toMatchObject([{ server: a.id }]);
  expect(await bob.client.request("links.list", {})).toEqual({ links: [] });
});

test("[H17] people show to mutually linked servers only", async () => {
  await using world = await twoServers();
  const { a, b, alice, bob, clock } = world;
  const seen = async (by: Joined, from: World) => {
    const { people } = await by.client.request("people.list", { refresh: false });
    return people.filter(({ server }) => server === from.id);
  };
  await link(alice, b, "b");
  await clock.advance(5_000);
  expect(await seen(alice, b)).toEqual([]);
  expect(await seen(bob, a)).toEqual([]);

  await link(bob, a, "a");
  const [person] = await until(clock, async () => {
    const people = await seen(alice, b);
    return people.length > 0 ? people : undefined;
  });
  expect(person).toMatchObject({ server: b.id, record: bob.account.signed, presence: "online" });
  await until(clock, async () => ((await seen(bob, a)).length > 0 ? true : undefined));
});

test("[H15] a key package is fetched across servers by its capability, once", async () => {
  await using world = await twoServers();
  const { a, b, alice, bob } = world;
  await link(alice, b, "b");
  await link(bob, a, "a");
  const capability = new Uint8Array(16).fill(3);
  await bob.client.request("keyPackages.put", {
    suite: "hybrid",
    packages: [new Uint8Array([1])],
    capability,
  });
  const { id: account, devices } = bob.account;
  const wanted = { server: b.id, account, device: devices[0]!.id, suite: "hybrid", capability } as const;
  expect(await alice.client.request("keyPackages.fetch", wanted)).toEqual({
    keyPackage: new Uint8Array([1]),
  });
  expect(await alice.client.request("keyPackages.fetch", wanted)).toEqual({ keyPackage: null });
});
