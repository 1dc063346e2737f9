/** Links: who dials whom, who is let in, what trust comes of it. */
import {
  answerChannel,
  encodeOpening,
  fingerprint,
  fromWireError,
  linkPath,
  ProtocolError,
  serverId,
  toWireError,
} from "@fedchat/protocol";
import { expect, test } from "vitest";
import { dialStaggerMs, linkAnswerMs, strangersRememberedMax } from "../src/core/limits.ts";
import { primitives, World } from "./federation-world.ts";

const minute = 60_000;

test("[L14] a server is linked by address and id", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];

  const view = await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));

  expect(view).toMatchObject({
    server: bob.id,
    name: "bob",
    trust: "outgoing",
    state: "connected",
    error: null,
  });
});

test("[L14] a server that is another than the id says is refused, and nothing is kept", async () => {
  const world = new World();
  const [alice, bob, mallory] = await Promise.all(
    ["alice", "bob", "mallory"].map((name) => world.homeserver(name)),
  );

  const adding = world.clock.settle(alice!.federation.addLink(bob!.id, [mallory!.address], undefined));

  await expect(adding).rejects.toMatchObject({ code: "wrong-server-key" });
  expect(alice!.federation.links()).toEqual([]);
  await world.clock.advance(minute);
  expect((await alice!.store.load()).links).toEqual([]);
});

test("[L14] where one address is another server's, the next is tried", async () => {
  const world = new World();
  const [alice, bob, mallory] = await Promise.all(
    ["alice", "bob", "mallory"].map((name) => world.homeserver(name)),
  );

  const addresses = [{ ...bob!.address, host: "nowhere" }, mallory!.address, bob!.address];
  const view = await world.clock.settle(alice!.federation.addLink(bob!.id, addresses, undefined));

  expect(view).toMatchObject({ state: "connected", error: null });
});

test("[L14] addresses that are silent cost a link a moment each, and those that answer open one channel", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");
  for (const host of ["dead1", "dead2"]) world.network.listen(host, () => undefined);
  for (const host of ["bob2", "bob3"]) {
    world.network.listen(host, (channel, from) => {
      void bob.federation.accept(channel, { address: from, fromOutside: true });
    });
  }
  const hosts = ["dead1", "dead2", "bob", "bob2", "bob3"];
  const before = world.clock.now();
  const addresses = hosts.map((host) => ({ ...bob.address, host }));
  const view = await world.clock.settle(alice.federation.addLink(bob.id, addresses, undefined));

  expect(view).toMatchObject({ state: "connected", error: null });
  expect(world.clock.now() - before).toBeLessThan(2 * dialStaggerMs + 500);
  await world.clock.advance(minute);
  expect(hosts.flatMap((host) => world.network.carriers("alice", host))).toEqual(["alice"]);
  expect(alice.link(bob)?.state).toBe("connected");
});

test("[L14] channels of several addresses that open together do not replace one another", async () => {
  for (let seed = 0; seed < 8; seed += 1) {
    const world = new World(`addresses ${seed}`);
    const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
    // All answer late and at once: each handshake is under way when the first one ends.
    const hosts = ["bob1", "bob2", "bob3", "bob4"];
    const opened: (() => void)[] = [];
    for (const host of hosts) {
      world.network.listen(host, (channel, from) => {
        const early: Uint8Array[] = [];
        channel.onMessage = (frame) => early.push(frame);
        opened.push(() => {
          void bob.federation.accept(channel, { address: from, fromOutside: true });
          for (const frame of early) channel.onMessage?.(frame);
        });
      });
    }
    const addresses = hosts.map((host) => ({ ...bob.address, host }));
    const adding = alice.federation.addLink(bob.id, addresses, undefined);
    await world.clock.until(() => opened.length === 4, "all carriers are open");
    await world.clock.advance(100);
    for (const accept of opened) accept();

    expect(await world.clock.settle(adding), `seed ${seed}`).toMatchObject({ state: "connected" });
    await world.clock.advance(minute);
    expect(hosts.flatMap((host) => world.network.carriers("alice", host))).toEqual(["alice"]);
    expect(alice.link(bob)).toMatchObject({ state: "connected", error: null });
    expect(opened).toHaveLength(4);
  }
});

test("[L14] of many dead addresses whoever adds a link hears in time, and the last one is still found", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  const dead = Array.from({ length: 15 }, (_, index) => `dead${index}`);
  for (const host of dead) world.network.listen(host, () => undefined);
  const addresses = [...dead, "bob"].map((host) => ({ ...bob.address, host }));
  const before = world.clock.now();
  const view = await world.clock.settle(alice.federation.addLink(bob.id, addresses, undefined));

  expect(view).toMatchObject({ trust: "outgoing", state: "connecting", error: null });
  expect(world.clock.now() - before).toBeLessThanOrEqual(linkAnswerMs + 100);
  await world.clock.until(() => alice.link(bob)?.state === "connected", "the last address is found", minute);
});

test("[L14] with four dead addresses a link is told in the time of one that it waits, and why", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  bob.crash();
  const hosts = ["dead1", "dead2", "dead3", "bob"];
  for (const host of hosts.slice(0, 3)) world.network.listen(host, () => undefined);
  world.network.listen("dead3", (channel) => channel.send(new TextEncoder().encode("220 mail ready")));
  const before = world.clock.now();
  const addresses = hosts.map((host) => ({ ...bob.address, host }));
  const view = await world.clock.settle(alice.federation.addLink(bob.id, addresses, undefined));

  // Something that answered says more than silence.
  expect(view).toMatchObject({ error: { code: "malformed" } });
  expect(world.clock.now() - before).toBeLessThan(12_000);
});

test("[L17] an unreachable server is waited for, with its error, and found when it is there", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");
  bob.crash();

  const view = await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  expect(view).toMatchObject({ state: "waiting", error: { code: "unreachable", retry: "later" } });
  expect(view.nextTryAt).toBeGreaterThan(world.clock.now());

  await world.clock.advance(30 * minute);
  await bob.start();
  await world.clock.until(() => alice.link(bob)?.state === "connected", "the link connects");
  expect(alice.link(bob)?.error).toBeNull();
});

test("[L17] attempts at an unreachable server get rarer, up to a bound", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.crash();
  const refusalsIn = async (durationMs: number) => {
    const before = world.network.faults.refusals;
    await world.clock.advance(durationMs);
    return world.network.faults.refusals - before;
  };

  const first = await refusalsIn(minute);
  await refusalsIn(60 * minute);
  const later = await refusalsIn(60 * minute);

  expect(first).toBeGreaterThanOrEqual(4);
  expect(later).toBeLessThan(60);
  expect(later).toBeGreaterThanOrEqual(12);
  expect(alice.link(bob)?.state).toBe("waiting");
});

test("[L13] a link is incoming there, and mutual on both sides once linked back", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  await world.clock.until(() => bob.link(alice) !== undefined, "the link appears");

  expect(bob.link(alice)).toMatchObject({ trust: "incoming", state: "connected", name: "alice" });
  await world.clock.until(() => bob.events("link").length > 0, "screens are told");
  expect(bob.events("link").at(-1)?.link).toMatchObject({ server: alice.id, trust: "incoming" });
  await world.clock.settle(bob.federation.linkBack(alice.id));
  await world.clock.until(() => alice.link(bob)?.trust === "mutual", "both know");

  expect(bob.link(alice)?.trust).toBe("mutual");
});

test("[L13] trust is the same after a restart of either side", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(1_000);

  await alice.restart();
  expect(alice.link(bob)?.trust).toBe("mutual");
  await bob.restart();
  expect(bob.link(alice)).toMatchObject({ trust: "mutual", name: "alice" });
  await world.clock.until(() => alice.link(bob)?.state === "connected", "they find one another");
});

test("[L13] a removed link is incoming where the other side still links, and gone where it does not", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  await world.clock.settle(alice.federation.removeLink(bob.id));
  await world.clock.until(() => bob.link(alice)?.trust === "outgoing", "bob knows");
  expect(alice.link(bob)?.trust).toBe("incoming");
  await world.clock.settle(bob.federation.removeLink(alice.id));
  await world.clock.until(() => alice.events("linkRemoved").length > 0, "alice is told");

  expect([...alice.federation.links(), ...bob.federation.links()]).toEqual([]);
  expect(alice.events("linkRemoved")).toMatchObject([{ server: bob.id }]);
  expect((await alice.store.load()).links).toEqual([]);
  await expect(alice.send(bob, "hello?")).rejects.toMatchObject({ code: "unknown-server" });
});

test("[L19] a blocked server is cut off and told so, and may come back when unblocked", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  expect(await world.clock.settle(bob.federation.blockServer(alice.id))).toMatchObject({
    trust: "blocked",
    state: "off",
  });
  await world.clock.until(() => alice.link(bob)?.error?.code === "blocked", "alice is told");
  expect(alice.link(bob)?.state).toBe("refused");
  // Who lets nothing of alice in has not linked her, whatever was said before. [L13]
  expect(alice.link(bob)?.trust).toBe("outgoing");
  alice.federation.retryLink(bob.id);
  await world.clock.advance(minute);
  expect((await alice.store.load()).links).toMatchObject([{ linkedByUs: true, linkedByThem: false }]);
  expect(alice.link(bob)).toMatchObject({ state: "refused", error: { code: "blocked" } });
  await expect(bob.send(alice, "psst")).rejects.toMatchObject({ code: "blocked" });

  await world.clock.settle(bob.federation.unblockServer(alice.id));
  await world.clock.until(() => alice.link(bob)?.state === "connected", "they are connected again");
  expect(alice.link(bob)?.trust).toBe("mutual");
});

/** Alice alone links and dials; what the other side answers first on a new carrier is changed on its way. */
async function answeredThroughAnother(change: (frame: Uint8Array) => Uint8Array) {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  const answered = new Set<number>();
  const changed = { count: 0 };
  world.network.tamper = (frame, from, _to, carrier) => {
    if (from !== "bob" || answered.has(carrier)) return frame;
    answered.add(carrier);
    changed.count += 1;
    return change(frame);
  };
  return { world, alice, bob, changed };
}

test("[L6] [L17] one bit that flips in an opening costs a quick attempt, and not an hour", async () => {
  const { world, alice, bob, changed } = await answeredThroughAnother((frame) =>
    changed.count === 1 ? frame.with(0, frame[0]! ^ 0x80) : frame,
  );
  world.network.cut("alice", "bob");
  await world.clock.until(() => alice.link(bob)?.error?.code === "malformed", "the opening fails");

  await world.clock.until(() => alice.link(bob)?.state === "connected", "they are connected", 5_000);
  expect(changed.count).toBe(2);
});

test.each(["blocked", "malformed", "unsupported-version", "wrong-server-key", "superseded"])(
  "[L6] [L17] somebody on the way who forges the refusal %s stops a link for no longer than they go on",
  async (code) => {
    const { world, alice, bob, changed } = await answeredThroughAnother(() =>
      encodeOpening({ refused: { code, retry: "never", retryAfterMs: 86_400_000 } }),
    );
    world.network.cut("alice", "bob");
    await world.clock.advance(minute);
    const { count } = changed;
    expect(count).toBeGreaterThan(3);
    expect(count).toBeLessThan(20);
    expect(alice.link(bob)?.state).not.toBe("connected");

    world.network.tamper = undefined;
    await world.clock.until(() => alice.link(bob)?.state === "connected", "they are connected", 2 * minute);
  },
);

test.each(["malformed", "blocked", "not-allowed"])(
  "[L6] [E3] what is asked of a server, in whose name somebody on the way forges the refusal %s, can be asked again",
  async (code) => {
    const { world, alice, bob } = await answeredThroughAnother(() =>
      encodeOpening({ refused: { code, retry: "never" } }),
    );
    world.network.cut("alice", "bob");
    await world.clock.until(() => alice.link(bob)?.state !== "connected", "the link is gone");
    const asked = await world.clock
      .settle(alice.federation.lookup(bob.id, bob.person))
      .catch((error: ProtocolError) => error);

    expect(asked).toBeInstanceOf(ProtocolError);
    const told = fromWireError(toWireError(asked as ProtocolError));
    expect(told).toMatchObject({ code: "unreachable", retry: "later" });
  },
);

test("[L13] a server that only linked us and then turns us away is in no list any more", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");
  await world.clock.settle(bob.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.until(() => alice.link(bob)?.trust === "incoming", "alice hears of the link");

  await world.clock.settle(bob.federation.blockServer(alice.id));
  await world.clock.until(() => alice.events("linkRemoved").length > 0, "alice hears of the end");

  expect(alice.link(bob)).toBeUndefined();
  expect((await alice.store.load()).links).toEqual([]);
});

test("[L15] a name that another linked server has is refused with both fingerprints, unless given a local name", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");
  const other = await world.homeserver("other", { claims: "bob" });
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));

  const adding = alice.federation.addLink(other.id, [other.address], undefined);
  const refused = await world.clock.settle(adding.catch((error: unknown) => error));

  expect(refused).toMatchObject({ code: "name-taken" });
  expect(String(refused)).toContain(fingerprint(bob.id));
  expect(String(refused)).toContain(fingerprint(other.id));
  expect(alice.link(other)).toBeUndefined();
  const named = alice.federation.addLink(other.id, [other.address], "bob at work");
  expect(await world.clock.settle(named)).toMatchObject({ state: "connected", localName: "bob at work" });
});

test("[L15] the own name is taken too, and a local name that is in use", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");
  const other = await world.homeserver("other", { claims: "alice" });
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));

  const taken = { code: "name-taken" };
  await expect(
    world.clock.settle(alice.federation.addLink(other.id, [other.address], undefined)),
  ).rejects.toMatchObject(taken);
  await expect(
    world.clock.settle(alice.federation.addLink(other.id, [other.address], "Bob")),
  ).rejects.toMatchObject(taken);
});

test("[L15] a stranger takes no name: whoever claims first does not keep the real one out", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const squatter = await world.homeserver("squatter", { claims: "bob" });
  const bob = await world.homeserver("bob");
  await world.clock.settle(squatter.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.until(() => alice.link(squatter) !== undefined, "the squatter appears");

  const view = await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));

  expect(view.state).toBe("connected");
  await expect(world.clock.settle(alice.federation.linkBack(squatter.id))).rejects.toMatchObject({
    code: "name-taken",
  });
  expect(alice.link(squatter)?.trust).toBe("incoming");
});

test("[L15] a linked server that takes another's name loses its link until it is given a local name", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const carol = await world.homeserver("carol");
  await world.link(alice, carol);

  carol.renewRecord({ name: "bob" });
  await world.clock.until(() => alice.link(carol)?.state === "refused", "the link is refused");

  expect(alice.link(carol)).toMatchObject({ name: "carol", error: { code: "name-taken" } });
  expect(alice.link(bob)?.state).toBe("connected");
  await world.clock.settle(alice.federation.renameServer(carol.id, "not bob"));
  await world.clock.until(() => alice.link(carol)?.state === "connected", "the link is back");
  expect(alice.link(carol)).toMatchObject({ name: "bob", localName: "not bob" });
});

test("[L14] [R4] a linked server whose host answers with another key is a loud matter, and nothing is overwritten", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.crash();
  const impostor = await world.homeserver("impostor");
  world.network.listen("bob", (channel, from) => {
    void impostor.federation.accept(channel, { address: from, fromOutside: true });
  });

  await world.clock.until(() => alice.accounts.warnings.length > 0, "administrators are warned");

  expect(alice.accounts.warnings).toMatchObject([
    { kind: "warning", server: bob.id, error: { code: "server-key-changed" } },
  ]);
  expect(alice.link(bob)).toMatchObject({
    name: "bob",
    state: "refused",
    error: { code: "server-key-changed" },
  });
  await world.clock.advance(240 * minute);
  expect(alice.accounts.warnings).toHaveLength(1);
  await bob.start();
  alice.federation.retryLink(bob.id);
  await world.clock.until(() => alice.link(bob)?.state === "connected", "the real one is back");
});

test("[L14] another server at another address of a linked one that is away is no changed key", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const carol = await world.homeserver("carol");
  await world.clock.settle(alice.federation.addLink(bob.id, [carol.address, bob.address], undefined));
  bob.crash();
  await world.clock.until(() => alice.link(bob)?.state === "waiting", "the link waits");
  await world.clock.advance(10 * minute);

  expect(alice.accounts.warnings).toEqual([]);
  expect(alice.link(bob)?.error?.code).toBe("unreachable");
  await bob.start();
  await world.clock.until(() => alice.link(bob)?.state === "connected", "the link is back");
});

test("[L3] [R6] a renewed Noise key is believed when the server's newer record says so, and a replaced one never again", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const oldRecord = bob.own;
  const oldNoise = bob.keys.noise;
  bob.crash();
  bob.keys.noise = world.random.bytes(32);
  bob.own = { ...bob.own };
  await bob.start();
  bob.renewRecord();

  await world.clock.until(() => alice.link(bob)?.state === "connected", "the new key is known");
  await world.clock.settle(alice.send(bob, "to the new key"));
  await world.clock.until(() => alice.events("progress").length === 1, "it arrives");
  bob.crash();
  bob.keys.noise = oldNoise;
  bob.own = oldRecord;
  await bob.start();
  await world.clock.until(() => alice.accounts.warnings.length > 0, "the replaced key is refused");
  expect(alice.link(bob)?.error?.code).toBe("server-key-changed");
});

test("[L18] of two that dial one another at once, the connection of the lower id stays, and it works", async () => {
  for (let seed = 0; seed < 6; seed += 1) {
    const world = new World(`crossing ${seed}`);
    const [alice, bob] = await world.linkedPair();
    world.network.cut("alice", "bob");
    await world.clock.until(() => alice.link(bob)?.state === "waiting", "alice noticed");
    await world.clock.until(() => bob.link(alice)?.state === "waiting", "bob noticed");
    alice.federation.retryLink(bob.id);
    bob.federation.retryLink(alice.id);
    await world.clock.advance(1_000);

    expect(world.network.carriers("alice", "bob"), `seed ${seed}`).toEqual([
      alice.id < bob.id ? "alice" : "bob",
    ]);
    const sent = Promise.all([alice.send(bob, "a"), bob.send(alice, "b")]);
    await world.clock.settle(sent);
    await world.clock.advance(1_000);
    expect([alice, bob].flatMap((host) => host.events("progress"))).toHaveLength(2);
  }
});

test("[L18] who lost the connection without the other side noticing gets a new one", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(minute);

  await alice.restart();
  await bob.restart();
  await world.clock.until(
    () => alice.link(bob)?.state === "connected" && bob.link(alice)?.state === "connected",
    "they are connected again",
    2 * minute,
  );
});

test("[L9] a link that has gone silent is noticed by its pings", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(minute);
  expect(alice.link(bob)?.roundTripMs).toBeGreaterThan(0);

  world.network.tamper = () => undefined;
  await world.clock.until(() => alice.link(bob)?.state !== "connected", "silence is noticed", 2 * minute);
  world.network.tamper = undefined;
  await world.clock.until(() => alice.link(bob)?.state === "connected", "the link is back");
});

test("[L9] who wakes from sleep finds dead connections within seconds, and dials at once", async () => {
  const world = new World(1, { reachable: (from) => from !== "carol" });
  const [alice, bob] = await world.linkedPair();
  const carol = await world.homeserver("carol");
  await world.link(alice, carol);
  carol.crash();
  await world.clock.advance(10 * minute);
  await carol.start();
  world.network.tamper = (frame, from, to) => (`${from}${to}`.includes("carol") ? frame : undefined);
  await world.clock.advance(1_000);
  expect([alice.link(bob)?.state, alice.link(carol)?.state]).toEqual(["connected", "waiting"]);

  alice.federation.woke();
  await world.clock.until(() => alice.link(carol)?.state === "connected", "it is dialled", 2_000);
  await world.clock.until(() => alice.link(bob)?.state !== "connected", "it is found dead", 5_000);
  world.network.tamper = undefined;
  await world.clock.until(() => alice.link(bob)?.state === "connected", "the link is back", 5_000);
});

test("[L5] a frame that was changed on the way ends the connection, and nothing of it is taken", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  let flips = 0;
  world.network.tamper = (frame) => {
    if (frame.length < 500 || flips >= 3) return frame;
    flips += 1;
    frame[frame.length >> 1]! ^= 1;
    return frame;
  };

  await world.clock.settle(alice.send(bob, "x".repeat(1_000)));
  await world.clock.until(() => alice.events("progress").length === 1, "it arrives in the end");

  expect(flips).toBe(3);
  expect(await bob.inbox()).toEqual(["x".repeat(1_000)]);
});

test("[L20] accept = listed: who is not listed is refused, who is listed or was linked is not", async () => {
  const world = new World();
  const bob = await world.homeserver("bob");
  const carol = await world.homeserver("carol");
  const alice = await world.homeserver("alice", { accept: "listed", listed: [bob.id] });

  const fromBob = await world.clock.settle(bob.federation.addLink(alice.id, [alice.address], undefined));
  const fromCarol = await world.clock.settle(carol.federation.addLink(alice.id, [alice.address], undefined));
  expect(fromBob.state).toBe("connected");
  expect(fromCarol).toMatchObject({ state: "refused", error: { code: "not-allowed" } });

  await world.clock.settle(alice.federation.addLink(carol.id, [carol.address], undefined));
  await world.clock.until(() => carol.link(alice)?.trust === "mutual", "alice's own link counts");
});

test("[L20] accept = anyone: who links is linked back at once, unless its name is taken", async () => {
  const world = new World();
  const alice = await world.homeserver("alice", { accept: "anyone" });
  const bob = await world.homeserver("bob");
  const other = await world.homeserver("other", { claims: "bob" });

  await world.clock.settle(bob.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.until(() => bob.link(alice)?.trust === "mutual", "linked back");
  await world.clock.settle(other.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.advance(minute);

  expect(alice.link(other)?.trust).toBe("incoming");
});

test("[L20] attempts from one network address are limited, before any handshake", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  let closed = 0;
  let open = 0;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const channel = await world.clock.settle(world.network.dialer("mallory").dial(alice.address, linkPath));
    open += 1;
    channel.onClose = (reason) => void (closed += reason === "rate-limited" ? 1 : 0);
  }
  await world.clock.advance(1_000);

  expect(open).toBe(100);
  expect(closed).toBeGreaterThanOrEqual(30);
  expect(closed).toBeLessThanOrEqual(40);
});

test("[L20] of strangers a bounded number is remembered, and the longest silent goes first", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const rows = Array.from({ length: 256 }, (_, index) => ({
    server: serverId.fromBytes(world.random.bytes(32)),
    linkedByUs: false,
    linkedByThem: true,
    blocked: false,
    localName: undefined,
    addresses: [],
    linkedAt: index,
    origin: "person" as const,
    lastContactAt: 1_000 + ((index * 7) % 256),
  }));
  await world.clock.settle(alice.store.write(rows.map((row) => ({ op: "link.put", row }))));
  await alice.restart();
  const bob = await world.homeserver("bob");

  await world.clock.settle(bob.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.advance(1_000);

  const { links } = await alice.store.load();
  expect(links).toHaveLength(256);
  expect(alice.federation.links()).toHaveLength(256);
  expect(alice.link(bob)?.trust).toBe("incoming");
  expect(links.some(({ server }) => server === rows[0]!.server)).toBe(false);
  expect(links.filter(({ lastContactAt }) => lastContactAt! < 1_002)).toHaveLength(1);
});

test("[L20] strangers do not push out the server of somebody's contact", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(bob.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.until(() => alice.link(bob)?.trust === "incoming", "bob's server is known");
  await world.clock.advance(100);
  const rows = Array.from({ length: strangersRememberedMax }, (_, index) => ({
    server: serverId.fromBytes(world.random.bytes(32)),
    linkedByUs: false,
    linkedByThem: true,
    blocked: false,
    localName: undefined,
    addresses: [],
    linkedAt: index,
    origin: "person" as const,
    lastContactAt: world.clock.now() + 1 + index,
  }));
  bob.crash();
  await world.clock.settle(alice.store.write(rows.map((row) => ({ op: "link.put", row }))));
  await alice.restart();
  alice.accounts.grantedAt.add(bob.id);

  const mallory = await world.homeserver("mallory");
  await world.clock.settle(mallory.federation.addLink(alice.id, [alice.address], undefined));
  await world.clock.until(() => alice.link(mallory) !== undefined, "mallory's server is known");
  await world.clock.advance(1_000);

  expect(alice.federation.links().some(({ server }) => server === rows[0]!.server)).toBe(false);
  expect(alice.link(bob)?.trust).toBe("incoming");
  await expect(world.clock.settle(alice.send(bob, "still yours"))).resolves.toBeUndefined();
});

test("[L2] something that is not FedChat, and something that refuses, are told and tried again", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");
  world.network.listen("bob", (channel) => channel.send(new TextEncoder().encode("220 mail ready")));
  const notFedchat = await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  expect(notFedchat).toMatchObject({ state: "waiting", error: { code: "malformed" } });

  world.network.listen("bob", (channel) => {
    void answerChannel({
      channel,
      protocol: "fedchat-client",
      self: bob.id,
      staticKey: bob.keys.noise,
      record: () => bob.own.signed,
      features: [],
      primitives,
      random: world.random,
      clock: world.clock,
    }).catch(() => undefined);
  });
  alice.federation.retryLink(bob.id);
  await world.clock.advance(100);
  expect(alice.link(bob)).toMatchObject({ state: "waiting", error: { code: "malformed" } });
});

test("[L12] an orderly close is a goodbye, and the other side waits for the return", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  await bob.federation.close();
  await world.clock.advance(100);
  expect(alice.link(bob)).toMatchObject({ error: { code: "unreachable" } });
  expect(alice.link(bob)?.state).not.toBe("connected");
  await bob.restart();
  await world.clock.until(() => alice.link(bob)?.state === "connected", "bob is back");
});

test("[R5] a newer record of a linked server is taken over the open link", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  bob.renewRecord({ software: "fedchat 2" });
  await world.clock.until(() => alice.link(bob)?.software === "fedchat 2", "the record is known");
  await world.clock.advance(100);

  expect((await alice.store.load()).records[0]?.sequence).toBe(bob.own.record.sequence);
  expect(alice.link(bob)?.state).toBe("connected");
});

test("[L20] seen from outside", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  expect(alice.federation.reachedFromOutside()).toBe(false);
  expect(bob.federation.reachedFromOutside()).toBe(true);
});

test("a server does not link itself", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");

  await expect(alice.federation.addLink(alice.id, [alice.address], undefined)).rejects.toMatchObject({
    code: "not-allowed",
  });
});

test("[L13] a decision that cannot be stored is not taken", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  alice.disk.full = true;

  const adding = world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));

  await expect(adding).rejects.toMatchObject({ code: "storage-full" });
  expect(alice.federation.links()).toEqual([]);
});

test("[L17] a server that was unlinked while it was away is not announced as tried again", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.crash();
  await world.clock.advance(2 * minute);
  expect(alice.link(bob)).toMatchObject({ state: "waiting", error: { code: "unreachable" } });
  expect(alice.link(bob)?.nextTryAt).not.toBeNull();

  await world.clock.settle(alice.federation.removeLink(bob.id));

  expect(alice.link(bob)).toMatchObject({ trust: "incoming", state: "off", error: null, nextTryAt: null });
});

test("the last contact is the last word, heartbeats included, and stays when the connection ends", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const linkedAt = world.clock.now();
  await world.clock.advance(60 * minute);
  expect(alice.link(bob)?.lastContactAt).toBeGreaterThan(linkedAt + 58 * minute);

  const heard = alice.link(bob)!.lastContactAt!;
  bob.crash();
  await world.clock.advance(60 * minute);
  const last = alice.link(bob)!.lastContactAt!;
  expect(alice.link(bob)?.state).not.toBe("connected");
  expect(last).toBeGreaterThanOrEqual(heard);
  expect(last).toBeLessThan(linkedAt + 62 * minute);
});
