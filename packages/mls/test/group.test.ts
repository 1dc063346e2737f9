import { expect, test } from "vitest";
import { encode } from "../src/codec/codec.ts";
import { commit, EXTENSION, leafIndex, type ListedProposal } from "../src/index.ts";
import { requiredCapabilities } from "../src/wire/required-capabilities.ts";
import { backends } from "./backends.ts";
import { forgedLeaf, forgedProposal } from "./forge.ts";
import { add, groupOf, remove, want, wantRefused, World } from "./world.ts";

const suites = [0x0001, 0x0003, 0x004f];

for (const cipherSuite of suites) {
  for (const primitives of backends) {
    test(`Alice, Bob and Carol talk: suite ${cipherSuite} on ${primitives.name}`, () => {
      const world = new World({ seed: `talk ${cipherSuite}`, cipherSuite, primitives });
      const [alice, bob, carol] = groupOf(world, "alice", "bob", "carol");
      expect(bob.read(alice.send("hi"))).toBe("hi");
      const hello = carol.send("hello");
      expect([alice.read(hello), bob.read(hello)]).toEqual(["hello", "hello"]);

      const update = bob.commit();
      for (const client of [alice, carol]) want(client.receive(update.commit), "commit");
      bob.accept(update);
      expect(new Set([alice, bob, carol].map((client) => client.authenticator)).size).toBe(1);

      const removal = carol.commit({ proposals: [remove(leafIndex(0))] });
      want(alice.receive(removal.commit), "removed");
      want(bob.receive(removal.commit), "commit");
      carol.accept(removal);
      expect(bob.authenticator).toBe(carol.authenticator);

      const dave = world.client("dave");
      const info = bob.groupInfo();
      const entry = dave.joinExternally(info);
      for (const client of [bob, carol]) want(client.receive(entry), "commit");
      expect(carol.read(dave.send("I am in"))).toBe("I am in");

      const erin = world.client("erin");
      const kp = erin.keyPackage();
      const addition = dave.commit({ proposals: [add(kp)], path: "when-required" });
      dave.accept(addition);
      for (const client of [bob, carol]) want(client.receive(addition.commit), "commit");
      erin.join(addition.welcome!, [kp]);
      for (const client of [bob, carol, dave, erin]) client.restart();
      const late = erin.send("from the store");
      expect([bob, carol, dave].map((client) => client.read(late))).toEqual(Array(3).fill("from the store"));
    });
  }
}

test("a key that was used while a Commit waited is not in what the Commit's epoch keeps of the former one", () => {
  const world = new World({ seed: "meanwhile", cipherSuite: 0x0003, primitives: backends[0]! });
  const [alice, bob, carol] = groupOf(world, "alice", "bob", "carol");
  const made = alice.commit();
  alice.state = made.state;
  const [early, late] = [bob.send("meanwhile"), bob.send("later")];
  expect(alice.read(early)).toBe("meanwhile");
  alice.accept(made);
  expect(alice.receive(early).kind).toBe("duplicate");
  expect(alice.read(late)).toBe("later");
  for (const client of [bob, carol]) want(client.receive(made.commit), "commit");
  expect(carol.authenticator).toBe(alice.authenticator);
});

test("a committer chooses among the proposals that wait; what it leaves out still waits for others", () => {
  const world = new World({ seed: "choose", cipherSuite: 0x0003, primitives: backends[0]! });
  const [alice, bob, carol, dave] = groupOf(world, "alice", "bob", "carol", "dave");
  const wishes = [bob.propose(remove(leafIndex(2))), bob.propose(remove(leafIndex(3)))];
  for (const client of [alice, carol, dave]) {
    for (const wish of wishes) want(client.receive(wish), "proposal");
  }
  const isOfDave = ({ proposal }: ListedProposal) => proposal.type === "remove" && proposal.removed === 3;
  const made = alice.commit({ includePending: isOfDave });
  expect(made.summary.removed).toEqual([3]);
  expect(alice.state.proposals.size).toBe(2);
  // Another commit may name both: it wins here.
  const both = bob.commit();
  expect(both.summary.removed).toEqual([2, 3]);
  want(alice.receive(both.commit), "commit");
  bob.accept(both);
  expect(alice.authenticator).toBe(bob.authenticator);
});

test("[§12.2] whom a Commit removes need not know its other proposals' types", () => {
  const world = new World({ seed: "old client leaves" });
  const old = world.client("old");
  Object.assign(old.identity, { capabilities: { ...old.identity.capabilities, proposals: [] } });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const kp = old.keyPackage();
  const addition = alice.commit({ proposals: [add(kp)] });
  alice.accept(addition);
  want(bob.receive(addition.commit), "commit");
  const news = { type: "app_ephemeral", componentId: 0x8000, data: new Uint8Array(3) } as const;
  wantRefused(commit(alice.state, { proposals: [news] }, world.env()), "proposal.unsupported-type");
  const made = alice.commit({ proposals: [news, remove(leafIndex(2))] });
  alice.accept(made);
  want(bob.receive(made.commit), "commit");
  expect(bob.authenticator).toBe(alice.authenticator);
});

test("what waits and cannot be applied, or followed by the committer, keeps nobody from making Commits", () => {
  const world = new World({ seed: "unusable proposals" });
  const [alice, bob, mallory] = groupOf(world, "alice", "bob", "mallory");
  const nonce = world.random.bytes(32);
  const source = { type: "external", id: new TextEncoder().encode("nobody has it") } as const;
  const nobodyKnows = {
    type: EXTENSION.requiredCapabilities,
    data: encode(requiredCapabilities, { extensions: [0x7777], proposals: [], credentials: [] }),
  };
  const unusable = [
    forgedProposal(mallory, { type: "psk", psk: { source, nonce } }),
    forgedProposal(mallory, { type: "app_data_update", componentId: 0x8000, update: undefined }),
    forgedProposal(mallory, { type: "group_context_extensions", extensions: [nobodyKnows] }),
  ];
  const usable = mallory.propose(remove(leafIndex(1)));
  for (const client of [alice, bob]) {
    for (const waiting of [...unusable, usable]) want(client.receive(waiting), "proposal");
  }
  const made = alice.commit();
  expect(made.summary.removed).toEqual([1]);
  expect(made.summary.proposals).toHaveLength(1);
  expect(bob.receive(made.commit).kind).toBe("removed");
});

test("a member whose key is none to encrypt to cannot keep the others from making Commits", () => {
  const world = new World({ seed: "keyless" });
  const [alice, bob, mallory] = groupOf(world, "alice", "bob", "mallory");
  const leafNode = forgedLeaf(mallory, { encryptionKey: new Uint8Array(32) });
  const update = forgedProposal(mallory, { type: "update", leafNode });
  for (const client of [alice, bob]) client.receive(update);
  const first = alice.commit();
  want(bob.receive(first.commit), "commit");
  expect(bob.commit().summary.updated).toEqual([]);
});
