import { decode } from "../../src/codec/codec.ts";
import type { CipherSuite } from "../../src/crypto/suite.ts";
import { leafIndex, leafToNode, type NodeIndex, nodeIndex } from "../../src/tree/math.ts";
import {
  decodeRatchetTree,
  leafAt,
  members,
  type RatchetTree,
  ratchetTreeExtension,
  resolution,
  truncated,
  withLeavesAdded,
  withLeafAndBlankPath,
} from "../../src/tree/ratchet-tree.ts";
import { checkTree } from "../../src/tree/tree-check.ts";
import { subtreeHash, treeHash } from "../../src/tree/tree-hash.ts";
import { decryptPath, encryptPath, freshPath, mergePath } from "../../src/tree/update-path.ts";
import { groupContextBytes } from "../../src/wire/group-context.ts";
import { leafNodeSignatureIsValid } from "../../src/wire/leaf-node.ts";
import { type Proposal, proposal } from "../../src/wire/proposal.ts";
import { updatePath } from "../../src/wire/update-path.ts";
import { seededRandom } from "../seeded-random.ts";
import { unhex } from "../vectors.ts";
import { publishedFile, same } from "./published-file.ts";

interface ValidationCase {
  tree: string;
  group_id: string;
  resolutions: number[][];
  tree_hashes: string[];
}

export const treeValidation = publishedFile<ValidationCase>(
  "tree-validation",
  "[RFC 9420 §4.1.1, §7.8, §7.9] resolutions, hashes, signatures",
  (c, suite) => {
    const tree = decodeRatchetTree(unhex(c.tree));
    same(ratchetTreeExtension(tree).data, c.tree, "written again");
    tree.nodes.forEach((_, i) => {
      same(resolution(tree, nodeIndex(i)), c.resolutions[i], `resolution of ${i}`);
      same(subtreeHash(suite, tree, nodeIndex(i)), c.tree_hashes[i], `hash of ${i}`);
    });
    checkTree(suite, tree);
    for (const { index, leaf } of members(tree)) {
      const place = { groupId: unhex(c.group_id), leafIndex: index };
      same(leafNodeSignatureIsValid(suite, leaf, place), true, `signature of leaf ${index}`);
    }
  },
);

interface OperationsCase {
  tree_before: string;
  proposal: string;
  proposal_sender: number;
  tree_after: string;
  tree_hash_before: string;
  tree_hash_after: string;
}

function applied(tree: RatchetTree, change: Proposal, sender: number): RatchetTree {
  if (change.type === "add") return withLeavesAdded(tree, [change.keyPackage.leafNode]).tree;
  if (change.type === "update") return withLeafAndBlankPath(tree, leafIndex(sender), change.leafNode);
  if (change.type === "remove") return truncated(withLeafAndBlankPath(tree, change.removed, undefined));
  throw new Error(`no tree operation: ${change.type}`);
}

export const treeOperations = publishedFile<OperationsCase>(
  "tree-operations",
  "[RFC 9420 §12.1] add, update and remove",
  (c, suite) => {
    const before = decodeRatchetTree(unhex(c.tree_before));
    same(treeHash(suite, before), c.tree_hash_before, "hash before");
    const after = applied(before, decode(proposal, unhex(c.proposal)), c.proposal_sender);
    same(ratchetTreeExtension(after).data, c.tree_after, "tree after");
    same(treeHash(suite, after), c.tree_hash_after, "hash after");
    same(ratchetTreeExtension(before).data, c.tree_before, "tree before, untouched");
  },
);

interface TreeKemCase {
  group_id: string;
  epoch: number;
  confirmed_transcript_hash: string;
  ratchet_tree: string;
  leaves_private: {
    index: number;
    encryption_priv: string;
    signature_priv: string;
    path_secrets: { node: number; path_secret: string }[];
  }[];
  update_paths: {
    sender: number;
    update_path: string;
    path_secrets: (string | null)[];
    commit_secret: string;
    tree_hash_after: string;
  }[];
}

export const treeKem = publishedFile<TreeKemCase>(
  "treekem",
  "[RFC 9420 §7.5] paths decrypt, and ours for the others",
  (c, suite) => {
    const none = new Set<NodeIndex>();
    const random = seededRandom("treekem");
    const tree = decodeRatchetTree(unhex(c.ratchet_tree));
    const owners = c.leaves_private.map((leaf) => {
      const keys = privateKeys(suite, leaf);
      return { leafIndex: leafIndex(leaf.index), keys, leaf };
    });
    for (const published of c.update_paths) {
      const sender = leafIndex(published.sender);
      const path = decode(updatePath, unhex(published.update_path));
      const merged = mergePath(suite, tree, sender, path, none);
      same(treeHash(suite, merged), published.tree_hash_after, "hash after");
      const context = contextFor(suite, c, merged);
      for (const owner of owners.filter((one) => one.leafIndex !== sender)) {
        const got = decryptPath(suite, merged, owner, sender, path, none, context);
        same(got.commitSecret, published.commit_secret, "commit secret");
        const [first] = got.pathSecrets.values();
        same(first, published.path_secrets[owner.leafIndex], "path secret");
      }

      const self = owners.find((one) => one.leafIndex === sender)!;
      const committer = {
        leafIndex: sender,
        groupId: unhex(c.group_id),
        signaturePrivateKey: unhex(self.leaf.signature_priv),
      };
      const fresh = freshPath(suite, random, tree, committer, leafAt(tree, sender)!);
      const ourContext = contextFor(suite, c, fresh.tree);
      const ours = encryptPath(suite, random, fresh, none, ourContext);
      const theirs = mergePath(suite, tree, sender, ours, none);
      same(treeHash(suite, theirs), treeHash(suite, fresh.tree), "hash of our path");
      for (const owner of owners.filter((one) => one.leafIndex !== sender)) {
        const got = decryptPath(suite, theirs, owner, sender, ours, none, ourContext);
        same(got.commitSecret, fresh.commitSecret, "commit secret of our path");
      }
    }
  },
);

function contextFor(suite: CipherSuite, c: TreeKemCase, tree: RatchetTree): Uint8Array {
  return groupContextBytes({
    version: 1,
    cipherSuite: suite.id,
    groupId: unhex(c.group_id),
    epoch: BigInt(c.epoch),
    treeHash: treeHash(suite, tree),
    confirmedTranscriptHash: unhex(c.confirmed_transcript_hash),
    extensions: [],
  });
}

function privateKeys(
  suite: CipherSuite,
  leaf: TreeKemCase["leaves_private"][number],
): Map<NodeIndex, Uint8Array> {
  const keys = new Map([[leafToNode(leafIndex(leaf.index)), unhex(leaf.encryption_priv)]]);
  for (const { node, path_secret } of leaf.path_secrets) {
    const pair = suite.deriveKeyPair(suite.deriveSecret(unhex(path_secret), "node"));
    keys.set(nodeIndex(node), pair.privateKey);
  }
  return keys;
}
