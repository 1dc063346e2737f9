import { expect, test, vi } from "vitest";
import type { Primitives } from "../src/crypto/primitives.ts";
import {
  createGroup,
  decodeMessage,
  eraseFormer,
  eraseKeyPackage,
  receive,
  recordChanges,
  restoreState,
  suiteParameters,
} from "../src/index.ts";
import { secretsOf } from "../src/group/state.ts";
import { bucketed } from "../src/group/padding.ts";
import { keyFor } from "../src/schedule/message-keys.ts";
import { openPrivate } from "../src/schedule/private-framing.ts";
import { leafIndex } from "../src/tree/math.ts";
import { node, sodium } from "./backends.ts";
import { suiteFor } from "./forge.ts";
import { hex } from "./vectors.ts";
import { add, type Client, groupOf, want, World } from "./world.ts";

const stored = (client: Client): string => [...client.store.values()].map(hex).join();

test("a state that was stored step by step is the state", () => {
  const world = new World({ seed: "store" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  bob.read(alice.send("1"));
  const [skipped, next] = [alice.send("2"), alice.send("3")];
  bob.read(next);
  alice.propose({ type: "update" });
  const committed = bob.commit();
  bob.accept(committed);
  for (const client of [alice, bob]) {
    const before = client.state;
    client.restart();
    expect(recordChanges(undefined, client.state)).toEqual(recordChanges(undefined, before));
    expect(new Set([...recordChanges(undefined, client.state).put.keys()])).toEqual(
      new Set(client.store.keys()),
    );
  }
  expect(bob.read(skipped)).toBe("2");
});

test("[RFC 9420 §9.2] a key that was used is nowhere in the store, nor the secrets that made it", () => {
  const world = new World({ seed: "forward secrecy" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const suite = suiteFor(bob);
  const retention = { epochs: 5, skippedGenerations: 256, forwardGenerations: 2000 };
  const first = bob.store.get("epoch/1/node/1");
  expect(first).toBeDefined();
  const key = keyFor(suite, bob.state.messageKeys, leafIndex(0), "application", 0, retention);
  if (typeof key === "string") throw new Error(key);
  const used = hex(key.messageKey.key);
  const [one, two, three] = [alice.send("1"), alice.send("2"), alice.send("3")];
  bob.read(one);
  // The root of the secret tree made this key: it has gone with it.
  expect(stored(bob)).not.toContain(hex(first!).slice(4));
  expect(stored(bob)).not.toContain(used);
  const ratchet = hex(bob.state.messageKeys.senders[0]!.application.secret);
  expect(stored(bob)).toContain(ratchet);
  bob.read(three);
  expect(stored(bob)).not.toContain(ratchet);
  const kept = hex(bob.state.messageKeys.senders[0]!.application.skipped.get(1)!.key);
  expect(stored(bob)).toContain(kept);
  bob.read(two);
  expect(stored(bob)).not.toContain(kept);
});

test("[RFC 9420 §8, §9.2] an epoch that has passed keeps nothing that makes later ones", () => {
  const world = new World({ seed: "epoch secrets" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const { initSecret, exporterSecret, membershipKey, confirmationKey, senderDataSecret } = bob.state.secrets;
  const gone = [initSecret, exporterSecret, membershipKey, confirmationKey].map(hex);
  const late = hex(senderDataSecret);
  const ownKeys = [...bob.state.privateKeys.values()].map(hex);
  const committed = bob.commit();
  bob.accept(committed);
  for (const secret of [...gone, ...ownKeys]) expect(stored(bob)).not.toContain(secret);
  expect(stored(bob)).toContain(late);
  want(alice.receive(committed.commit), "commit");
  for (let i = 0; i < 5; i += 1) bob.accept(bob.commit());
  expect(stored(bob)).not.toContain(late);
});

test("erasing overwrites what the former state alone held, and leaves the new one whole", () => {
  const world = new World({ seed: "erase" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const before = bob.state;
  const message = alice.send("x");
  const outcome = want(receive(before, message, world.env()), "application");
  const whole = [...secretsOf(outcome.state)].map(hex);
  const gone = [...secretsOf(before)].filter((secret) => !secretsOf(outcome.state).has(secret));
  eraseFormer(before, outcome.state);
  expect(gone.length).toBeGreaterThan(0);
  for (const secret of gone) expect(hex(secret)).toMatch(/^0*$/);
  expect([...secretsOf(outcome.state)].map(hex)).toEqual(whole);
  eraseFormer(outcome.state, undefined);
  for (const secret of secretsOf(outcome.state)) expect(hex(secret)).toMatch(/^0*$/);
});

test("a Commit that lost leaves the state as usable as before, but for the key that it used", () => {
  const world = new World({ seed: "lost race" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const [lost, won] = [alice.commit(), bob.commit()];
  want(alice.receive(won.commit), "commit");
  bob.accept(won);
  expect(lost.next.context.epoch).toBe(alice.state.context.epoch);
  expect(alice.authenticator).toBe(bob.authenticator);
  const { initSecret } = lost.next.secrets;
  eraseFormer(lost.next, alice.state);
  expect(hex(initSecret)).toMatch(/^0+$/);
  expect(bob.read(alice.send("still here"))).toBe("still here");
});

test("at 1,000 members a message rewrites less than 2 kB", { timeout: 60_000 }, () => {
  const world = new World({ seed: "thousand" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  // The size of a step depends on the tree's width, not on who is in it: a secret tree of 1,024 leaves.
  const wide = (client: Client) => {
    const { tree, senders } = client.state.messageKeys;
    const [root] = tree.nodes.values();
    const messageKeys = {
      tree: { leaves: 1024, nodes: new Map([[1023, root!]]) as unknown as typeof tree.nodes },
      senders: [...senders, ...Array<undefined>(1022).fill(undefined)],
    };
    client.state = { ...client.state, messageKeys };
  };
  wide(alice);
  wide(bob);
  for (const text of ["the first message opens a branch of the secret tree", "the second does not"]) {
    const before = bob.state;
    const { state } = want(receive(before, alice.send(text), world.env()), "application");
    const { put } = recordChanges(before, state);
    const written = [...put].reduce((sum, [key, bytes]) => sum + key.length + bytes.length, 0);
    expect(written).toBeLessThan(2000);
    bob.state = state;
  }
});

test("the same seed and clock make the same bytes, and another backend does too", () => {
  const run = (primitives: Primitives): string => {
    const world = new World({ seed: "replay", cipherSuite: 0x004f, primitives });
    const [alice, bob] = groupOf(world, "alice", "bob");
    const kp = world.client("carol").keyPackage();
    const committed = bob.commit({ proposals: [add(kp)] });
    return [alice.send("x"), committed.commit, committed.welcome!].map(hex).join();
  };
  expect(run(node)).toBe(run(node));
  expect(run(node)).toBe(run(sodium));
  expect(suiteParameters(0x004f)?.name).toBe("MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519");
});

test("a record of another version is not misread", () => {
  const world = new World({ seed: "version" });
  const [alice] = groupOf(world, "alice");
  const head = alice.store.get("head")!.slice();
  head[0] = 9;
  expect(() => restoreState(new Map(alice.store).set("head", head))).toThrow("version 9");
  const without = new Map(alice.store);
  without.delete("epoch/0/tree");
  expect(() => restoreState(without)).toThrow("epoch/0/tree");
});

test("[RFC 9420 §15.1] lengths fall into buckets of at most an eighth more", () => {
  expect([1, 128, 129, 200, 1000, 5000].map(bucketed)).toEqual([128, 128, 144, 208, 1024, 5120]);
  for (let length = 129; length < 4000; length += 7) {
    expect(bucketed(length)).toBeGreaterThanOrEqual(length);
    expect(bucketed(length)).toBeLessThanOrEqual(length * 1.125);
    expect(bucketed(bucketed(length))).toBe(bucketed(length));
  }
});

test("[RFC 9420 §10] erasing a used key package leaves the groups that were made with it alone", () => {
  const world = new World({ seed: "used package" });
  const alice = world.client("alice");
  const own = alice.keyPackage();
  const created = want(createGroup(own, { groupId: world.random.bytes(32) }, world.env()), "created");
  eraseKeyPackage(own);
  expect(hex(own.leafPrivateKey)).toMatch(/^0+$/);
  expect([...created.state.privateKeys.values()].map(hex).join()).not.toMatch(/^0+$/);
});

test("[RFC 9420 §9.2] a message that does not open costs one derivation a generation, and leaves nothing in memory", () => {
  const world = new World({ seed: "forged" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const before = stored(bob);
  const suite = suiteFor(bob);
  const decoded = decodeMessage(alice.send("1"));
  if (decoded.wireFormat !== "private_message") throw new Error(decoded.wireFormat);
  // After Alice, whose suite it is as well.
  using derived = vi.spyOn(suite, "deriveTreeSecret");
  using expanded = vi.spyOn(suite, "expandWithLabel");
  const made = () => [...new Set([derived, expanded].flatMap(({ mock }) => mock.results.map(valueOf)))];
  const retention = { epochs: 5, skippedGenerations: 4, forwardGenerations: 1_000 };
  const forged = { leafIndex: leafIndex(0), generation: 1_000, reuseGuard: new Uint8Array(4) };
  const open = () => openPrivate(suite, bob.state.messageKeys, forged, retention, decoded.privateMessage);
  expect(open).toThrow(expect.objectContaining({ rule: "message.ciphertext" }));
  // 1,001 next secrets, and the keys and nonces of the five last generations.
  expect(made().length).toBeGreaterThan(1_001 + 10);
  expect(made().length).toBeLessThan(1_001 + 20);
  expect(made().filter((secret) => secret.some((byte) => byte !== 0))).toEqual([]);
  derived.mockClear();
  expanded.mockClear();
  forged.generation = 1_001;
  expect(open).toThrow(expect.objectContaining({ rule: "message.generation-far" }));
  expect(made().length).toBeGreaterThan(0);
  expect(made().filter((secret) => secret.some((byte) => byte !== 0))).toEqual([]);
  expect([...recordChanges(undefined, bob.state).put.values()].map(hex).join()).toBe(before);
  expect(bob.read(alice.send("2"))).toBe("2");
});

function valueOf({ type, value }: { type: string; value: unknown }): Uint8Array {
  if (type !== "return" || !(value instanceof Uint8Array)) throw new Error(type);
  return value;
}
