import type { ServerId, ServerRecord } from "@fedchat/protocol";
import { recoveryKeyHashOf, replaceServer, serverRecord } from "@fedchat/protocol";
import { describe, expect, test } from "vitest";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { primitives as p, World } from "./federation-world.ts";

const words = new Uint8Array(32).fill(7);
const otherWords = new Uint8Array(32).fill(8);

/** Names a recovery key in its record. */
function prepare(host: Host, seed = words): void {
  host.renewRecord({ recoveryKeyHash: recoveryKeyHashOf(p, seed) });
}

const said = (former: ServerId, successor: ServerId, seed = words, issued = 1) =>
  replaceServer(p, seed, { former, successor, issued });

/** What a server knows of another one. */
function known(host: Host, { id }: Host): ServerRecord | undefined {
  const signed = host.federation.rooms.record(id);
  return signed && serverRecord.read(signed).value;
}

/** Bob's server under another key, with his store. */
async function replaced(
  world: World,
  bob: Host,
  { seed = words, hash = recoveryKeyHashOf(p, seed) } = {},
): Promise<Host> {
  const store = bob.backup();
  bob.crash();
  const successor = await world.homeserver("anew", { claims: "bob" });
  successor.renewRecord({ recoveryKeyHash: hash, replaces: [said(bob.id, successor.id, seed)] });
  Object.assign(successor, { people: bob.people });
  await successor.restore(store);
  return successor;
}

async function preparedPair(): Promise<{ world: World; alice: Host; bob: Host }> {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  prepare(bob);
  await world.clock.until(() => known(alice, bob)?.recoveryKeyHash !== undefined, "the hash is known");
  return { world, alice, bob };
}

describe("a server whose key was stolen or lost", () => {
  test("[R8] [R9] the link goes on with the new key, under its name, and its administrators are told once", async () => {
    const { world, alice, bob } = await preparedPair();
    const successor = await replaced(world, bob);
    await world.clock.until(() => alice.link(successor)?.trust === "mutual", "the link goes on");
    expect(alice.link(bob)).toBeUndefined();
    expect(alice.link(successor)).toMatchObject({ name: "bob", replaced: { server: bob.id, issued: 1 } });
    expect(alice.events("warning").map(({ error, server }) => [error.code, server])).toEqual([
      ["server-key-replaced", successor.id],
    ]);
    await world.clock.settle(alice.send(successor, "to the new key"));
    await world.clock.settle(alice.send(bob, "to whom had the former one"));
    await world.clock.advance(5_000);
    expect(await successor.inbox()).toEqual(["to the new key", "to whom had the former one"]);
    await world.clock.settle(successor.send(alice, "from the new key"));
    await world.clock.advance(5_000);
    expect(await alice.inbox()).toEqual(["from the new key"]);

    await alice.restart();
    await world.clock.until(() => alice.link(successor)?.state === "connected", "after a restart, too");
    expect(alice.link(bob)).toBeUndefined();
  });

  test("[R9] whoever has the former key is refused, both ways, and what it signs is not taken", async () => {
    const { world, alice, bob } = await preparedPair();
    const successor = await replaced(world, bob);
    await world.clock.until(() => alice.link(successor) !== undefined, "it is known");
    // The thief runs the stolen key.
    await bob.start();
    bob.renewRecord({ recoveryKeyHash: recoveryKeyHashOf(p, words) });
    await world.clock.until(
      () => bob.link(alice)?.error?.code === "server-key-replaced",
      "the thief is refused",
    );
    expect(alice.link(bob)).toBeUndefined();
    expect(known(alice, bob)).toBeUndefined();
    await expect(
      world.clock.settle(alice.federation.addLink(bob.id, [bob.address], "bob2")),
    ).rejects.toMatchObject({ code: "server-key-replaced" });
  });

  test("[R9] whoever dials the former key is shown the new one's record, and goes over", async () => {
    const { world, alice, bob } = await preparedPair();
    // At bob's own address; of its store nothing is left, so that it dials nobody.
    bob.crash();
    const successor = await world.homeserver("bob", { keys: { seed: otherWords, noise: otherWords } });
    successor.renewRecord({
      recoveryKeyHash: recoveryKeyHashOf(p, words),
      replaces: [said(bob.id, successor.id)],
    });
    await successor.restart();
    await world.clock.until(() => alice.link(successor)?.state === "connected", "alice goes over");
    expect(alice.link(bob)).toBeUndefined();
  });

  test("[R8] a word of another recovery key moves nothing", async () => {
    const { world, alice, bob } = await preparedPair();
    const thief = await replaced(world, bob, { seed: otherWords });
    await world.clock.advance(60_000);
    expect(alice.link(bob)).toMatchObject({ trust: "mutual" });
    expect(alice.link(thief)?.replaced).toBeUndefined();
  });

  test("[R7] a recovery key that was named stays: a record with another one, or none, is not taken", async () => {
    const { world, alice, bob } = await preparedPair();
    const before = known(alice, bob);
    bob.renewRecord({ software: "thief", recoveryKeyHash: recoveryKeyHashOf(p, otherWords) });
    await world.clock.advance(60_000);
    bob.renewRecord({ software: "thief" });
    await world.clock.advance(60_000);
    expect(known(alice, bob)).toEqual(before);
    bob.renewRecord({ software: "renewed", recoveryKeyHash: recoveryKeyHashOf(p, words) });
    await world.clock.until(() => known(alice, bob)?.software === "renewed", "the owner's own is taken");
  });

  test("[R7] a server that came back without the recovery key that it had named is shown what it said of it, once", async () => {
    const { world, alice, bob } = await preparedPair();
    const before = known(alice, bob);
    await bob.restart();
    await world.clock.until(() => bob.link(alice)?.state === "connected", "as it was");
    expect(bob.heldOfUs).toEqual([]);
    bob.crash();
    bob.renewRecord();
    await bob.start();
    await world.clock.until(() => bob.link(alice)?.state === "connected", "from a backup");
    await world.clock.advance(60_000);
    expect(bob.heldOfUs).toEqual([before]);
    expect(known(alice, bob)).toEqual(before);
    prepare(bob);
    await world.clock.until(() => known(alice, bob)?.sequence === bob.own.record.sequence, "taken again");
  });

  test("[R7] what others say that a server said of itself counts where its own key signed it, and once of each connection", async () => {
    const world = new World();
    const alice = await world.homeserver("alice");
    const said = (change: Partial<ServerRecord> = {}) => {
      const record = alice.recordWith(world.clock.now(), { recoveryKeyHash: words, ...change });
      return serverRecord.sign(p, alice.keys.seed, record);
    };
    /** How many counted of these, shown over one connection. */
    const counted = async (name: string, ...records: Uint8Array[]) => {
      const before = alice.heldOfUs.length;
      const peer = await BarePeer.connect(world, alice, name);
      for (const record of records) peer.control({ kind: "recordHeld", record });
      await world.clock.advance(100);
      return alice.heldOfUs.length - before;
    };
    expect(await counted("bob", said(), said({ software: "again" }))).toBe(1);
    const ahead = said({ sequence: world.clock.now() + 2 * 86_400_000 });
    expect(await counted("early", ahead)).toBe(0);
    expect(await counted("forger", said().with(100, said()[100]! ^ 1))).toBe(0);
    expect(await counted("mallory", new BarePeer(world, "mallory", alice).signed)).toBe(0);
    expect(await counted("carol", said())).toBe(1);
  });

  test("[R9] it is heard of from others, and a blocked server stays blocked under its new key", async () => {
    const { world, alice, bob } = await preparedPair();
    const carol = await world.homeserver("carol");
    await world.link(carol, alice);
    await world.link(carol, bob);
    await world.clock.settle(carol.federation.blockServer(bob.id));
    const successor = await replaced(world, bob);
    await world.clock.until(() => carol.link(successor)?.trust === "blocked", "carol heard of it");
    expect(carol.link(bob)).toBeUndefined();
  });
});
