import { expect, test } from "vitest";
import { branch, encrypt, join, leafIndex, receive, reinitialize, verifyApplication } from "../src/index.ts";
import { add, groupOf, want, World } from "./world.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("[RFC 9420 §11.2] a ReInit closes the group, and its successor has the members and the new suite", () => {
  const world = new World({ seed: "reinit" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const reinit = {
    type: "reinit",
    groupId: bytes("successor"),
    version: 1,
    cipherSuite: 0x004f,
    extensions: [],
  } as const;
  const committed = alice.commit({ proposals: [reinit] });
  want(bob.receive(committed.commit), "commit");
  alice.accept(committed);
  expect(bob.state.reinit?.cipherSuite).toBe(0x004f);

  const [own, others] = [alice.keyPackage({ cipherSuite: 0x004f }), bob.keyPackage({ cipherSuite: 0x004f })];
  const made = want(
    reinitialize(alice.state, { own, others: [others.keyPackage] }, world.env()),
    "committed",
  );
  const welcome = made.welcome!;
  const joined = want(join({ welcome, keyPackages: [others], origin: bob.state }, world.env()), "joined");
  expect(joined.state.secrets.epochAuthenticator).toEqual(made.next.secrets.epochAuthenticator);
  expect(joined.state.context.groupId).toEqual(bytes("successor"));
});

test("[RFC 9420 §11.3] a branch has some of the members, bound to the group that they come from", () => {
  const world = new World({ seed: "branch" });
  const [alice, bob, carol] = groupOf(world, "alice", "bob", "carol");
  const [own, others] = [alice.keyPackage(), carol.keyPackage()];
  const input = { own, others: [others.keyPackage], groupId: bytes("aside") };
  const made = want(branch(alice.state, input, world.env()), "committed");
  const welcome = made.welcome!;
  const joined = want(join({ welcome, keyPackages: [others], origin: carol.state }, world.env()), "joined");
  expect(joined.state.secrets.epochAuthenticator).toEqual(made.next.secrets.epochAuthenticator);
  // Whoever was not in the group at that epoch lacks the PSK.
  const stranger = join({ welcome, keyPackages: [others] }, world.env());
  expect(stranger).toMatchObject({ kind: "refused", rule: "psk.unknown" });
  expect(bob.isMember).toBe(true);
});

test("[RFC 9420 §11.2] [§11.3] who says where a group is to come from takes no Welcome that proves nothing of it", () => {
  const world = new World({ seed: "from nowhere" });
  const [, bob] = groupOf(world, "alice", "bob");
  const mallory = world.client("mallory");
  const kp = bob.keyPackage();
  mallory.create();
  const added = mallory.commit({ proposals: [add(kp)] });
  const joined = join({ welcome: added.welcome!, keyPackages: [kp], origin: bob.state }, world.env());
  expect(joined).toMatchObject({ kind: "refused", rule: "welcome.branch" });
});

test("[RFC 9420 §12.4.2] a member that lost its PSK diverges and says so; the others go on", () => {
  const world = new World({ seed: "lost psk" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  world.psks.set("shared", world.random.bytes(32));
  const source = { type: "external", id: bytes("shared") } as const;
  const psk = { type: "psk", psk: { source, nonce: world.random.bytes(32) } } as const;
  const committed = alice.commit({ proposals: [psk] });
  const outcome = receive(bob.state, committed.commit, world.env({ psk: () => undefined }));
  expect(outcome).toMatchObject({ kind: "diverged", rule: "psk.unknown" });
  want(bob.receive(committed.commit), "commit");
});

test("a message for the next epoch, for another group, and one of long ago are told apart", () => {
  const world = new World({ seed: "routing" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const [other] = groupOf(world, "someone");
  const old = alice.send("old");
  want(bob.receive(other.send("x")), "wrong-group");
  for (let i = 0; i < 6; i += 1) {
    const committed = alice.commit();
    alice.accept(committed);
    want(bob.receive(alice.send("too early")), "future-epoch");
    want(bob.receive(committed.commit), "commit");
  }
  want(bob.receive(old), "stale-epoch");
  want(alice.receive(alice.send("mine")), "own-message");
});

test("[RFC 9420 §15.3] messages of a former epoch open while it is kept, each once", () => {
  const world = new World({ seed: "late" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const late = alice.send("late");
  const committed = bob.commit();
  bob.accept(committed);
  const outcome = want(bob.receive(late), "application");
  expect([outcome.epoch, outcome.sender]).toEqual([1n, leafIndex(0)]);
  want(bob.receive(late), "duplicate");
});

test("[RFC 9420 §6.1] a message that was handed on verifies as its sender's, and no other in its place", () => {
  const world = new World({ seed: "proof" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const { proof, data } = want(bob.receive(alice.send("as I said")), "application");
  expect(verifyApplication(proof, data, world.primitives)).toBe(true);
  expect(verifyApplication(proof, bytes("as I never said"), world.primitives)).toBe(false);
  expect(verifyApplication({ ...proof, epoch: 7n }, data, world.primitives)).toBe(false);
  expect(verifyApplication({ ...proof, sender: leafIndex(1) }, data, world.primitives)).toBe(false);
  expect(verifyApplication({ ...proof, cipherSuite: 2 }, data, world.primitives)).toBe(false);
});

test("[RFC 9420 §6.1] a sender keeps the same proof of its message as its receivers", () => {
  const world = new World({ seed: "own proof" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const sealed = want(encrypt(alice.state, { data: bytes("mine") }, world.env()), "encrypted");
  const { proof, data } = want(bob.receive(sealed.message), "application");
  expect(sealed.proof).toEqual(proof);
  expect(verifyApplication(sealed.proof, data, world.primitives)).toBe(true);
});
