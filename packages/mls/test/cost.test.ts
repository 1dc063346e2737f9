/** What a stranger makes us read may cost what its length costs, and not the square or the cube of it. */
import { expect, test } from "vitest";
import { encode, opaque, struct } from "../src/codec/codec.ts";
import { applyProposals } from "../src/group/apply.ts";
import { checkFreshKeys } from "../src/group/leaf-check.ts";
import { checkMemberList } from "../src/group/list-check.ts";
import { checkKeyPackage, join, leafIndex, type ListedProposal } from "../src/index.ts";
import { leafToNode, nodeIndex } from "../src/tree/math.ts";
import { type TreeNode } from "../src/tree/ratchet-tree.ts";
import { subtreeHash } from "../src/tree/tree-hash.ts";
import type { ParentNode } from "../src/wire/parent-node.ts";
import { forgedPackage, forgedWelcome, suiteFor } from "./forge.ts";
import { add, groupOf, TRUSTING, want, wantRefused, World } from "./world.ts";

test("[§7.9.2] a Welcome whose tree has thousands of leaves with one parent hash is judged at once", () => {
  const half = 4096;
  const world = new World({ seed: "one parent hash" });
  const [mallory] = groupOf(world, "mallory");
  const suite = suiteFor(mallory);
  const own = world.client("bob").keyPackage();
  const signer = leafIndex(half);
  const nodes = new Array<TreeNode | undefined>(4 * half - 1).fill(undefined);
  nodes[leafToNode(signer)] = mallory.state.tree.nodes[0];
  const siblingHash = subtreeHash(suite, { nodes, hashes: [] }, nodeIndex(3 * half - 1));
  const key: Pick<ParentNode, "encryptionKey" | "parentHash"> = {
    encryptionKey: world.random.bytes(32),
    parentHash: new Uint8Array(0),
  };
  const input = struct<typeof key & { siblingHash: Uint8Array }>({
    encryptionKey: opaque,
    parentHash: opaque,
    siblingHash: opaque,
  });
  const source = {
    kind: "commit",
    parentHash: suite.hash(encode(input, { ...key, siblingHash })),
  } as const;
  const all = Array.from({ length: half }, (_, at) => leafIndex(at));
  for (const leaf of all) {
    const [encryptionKey, signatureKey] = [world.random.bytes(32), world.random.bytes(32)];
    nodes[leafToNode(leaf)] = {
      kind: "leaf",
      leaf: { ...own.keyPackage.leafNode, encryptionKey, signatureKey, source },
    };
  }
  // All but the last are unmerged, so it is the last that vouches, and each of the others looks as if it might.
  nodes[2 * half - 1] = { kind: "parent", parent: { ...key, unmergedLeaves: all.slice(0, -1) } };
  const welcome = forgedWelcome(mallory, own, { nodes, hashes: [] }, { info: { signer } });
  const before = performance.now();
  wantRefused(join({ welcome, keyPackages: [own] }, world.env()), "leaf.signature");
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("[§7.2] a key package that lists and carries tens of thousands of extensions is judged at once", () => {
  const world = new World({ seed: "many extensions" });
  const [alice] = groupOf(world, "alice");
  const mallory = world.client("mallory");
  const types = Array.from({ length: 60_000 }, (_, at) => 0x100 + at);
  const listed = [...new Array<number>(200_000).fill(0xf000), ...types];
  const { keyPackage } = forgedPackage(suiteFor(alice), mallory, {
    leaf: {
      capabilities: { ...mallory.identity.capabilities, extensions: listed },
      extensions: types.map((type) => ({ type, data: new Uint8Array(0) })),
    },
  });
  const before = performance.now();
  want(checkKeyPackage(keyPackage, world.env()), "valid");
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("[§12.3] a Commit that fills a tree with thousands of Adds is applied at once", () => {
  const world = new World({ seed: "many adds" });
  const [alice] = groupOf(world, "alice");
  const { keyPackage } = world.client("new").keyPackage();
  const list = Array.from({ length: 8_192 }, (): ListedProposal => {
    const [encryptionKey, signatureKey] = [world.random.bytes(32), world.random.bytes(32)];
    const credential = { type: "basic", identity: world.random.bytes(16) } as const;
    const leafNode = { ...keyPackage.leafNode, encryptionKey, signatureKey, credential };
    const proposal = { type: "add", keyPackage: { ...keyPackage, leafNode } } as const;
    return { proposal, sender: { type: "member", leafIndex: leafIndex(0) }, byReference: false };
  });
  const before = performance.now();
  const { tree, context } = alice.state;
  checkMemberList(TRUSTING, tree, leafIndex(0), list);
  const applied = applyProposals(TRUSTING, tree, context.extensions, list);
  checkFreshKeys(applied.tree, new Set(applied.added.map(({ index }) => index)));
  expect(applied.added.map(({ index }) => index)).toEqual(list.map((_, at) => at + 1));
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("[§12.4] a committer sorts out hundreds of waiting Adds, of which some are for one client, at once", () => {
  const world = new World({ seed: "many waiting" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const names = Array.from({ length: 200 }, (_, at) => `client ${at % 190}`);
  for (const name of names) {
    const waiting = bob.propose(add(world.client(name).keyPackage()));
    want(alice.receive(waiting), "proposal");
  }
  const before = performance.now();
  const made = alice.commit();
  expect(made.summary.added).toHaveLength(190);
  expect(performance.now() - before).toBeLessThan(5_000);
});
