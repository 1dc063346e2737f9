/** Parent hashes (RFC 9420 §7.9): who put the keys of a parent node there, provable from a leaf's signature. */
import { equal, NO_BYTES } from "../codec/bytes.ts";
import { encode, opaque, struct } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { check } from "../rules.ts";
import type { ParentNode } from "../wire/parent-node.ts";
import { isInSubtree, left, leafToNode, type NodeIndex, nodeIndex, right } from "./math.ts";
import { type RatchetTree, resolution, type TreeNode } from "./ratchet-tree.ts";
import { subtreeHash, subtreeHashWithout } from "./tree-hash.ts";

const parentHashInput = struct<{
  encryptionKey: Uint8Array;
  parentHash: Uint8Array;
  siblingHash: Uint8Array;
}>({
  encryptionKey: opaque,
  parentHash: opaque,
  siblingHash: opaque,
});

/** The parent hash of a node that an UpdatePath sets now: nothing below its copath child is unmerged yet. */
export function freshParentHash(
  suite: CipherSuite,
  tree: RatchetTree,
  key: { readonly encryptionKey: Uint8Array; readonly parentHash: Uint8Array },
  copathChild: NodeIndex,
): Uint8Array {
  const siblingHash = subtreeHash(suite, tree, copathChild);
  return suite.hash(encode(parentHashInput, { ...key, siblingHash }));
}

/** Refuses by `tree.parent-hash` unless each non-blank parent has exactly one descendant that vouches for it (§7.9.2). */
export function checkParentHashes(suite: CipherSuite, tree: RatchetTree): void {
  for (let at = 1; at < tree.nodes.length; at += 2) {
    const value = tree.nodes[at];
    if (value?.kind !== "parent") continue;
    const node = nodeIndex(at);
    const [l, r] = [left(node), right(node)];
    const vouching = vouchers(suite, tree, value.parent, l, r) + vouchers(suite, tree, value.parent, r, l);
    check(vouching === 1, "tree.parent-hash", `node ${at}`);
  }
}

/** How many nodes in the resolution of `child` have the parent hash of P with the other child as the copath. */
function vouchers(
  suite: CipherSuite,
  tree: RatchetTree,
  p: ParentNode,
  child: NodeIndex,
  copathChild: NodeIndex,
): number {
  const candidates = resolution(tree, child);
  const unmergedHere = p.unmergedLeaves.map(leafToNode).filter((leaf) => isInSubtree(leaf, child));
  // §7.9.2: the resolution without the voucher is what of P's unmerged leaves lies below the child.
  if (candidates.length !== unmergedHere.length + 1) return 0;
  const siblingHash = subtreeHashWithout(suite, tree, copathChild, p.unmergedLeaves);
  const { encryptionKey, parentHash } = p;
  const expected = suite.hash(encode(parentHashInput, { encryptionKey, parentHash, siblingHash }));
  return candidates.filter(
    (candidate) =>
      equal(parentHashIn(tree.nodes[candidate]!), expected) &&
      candidates.every((other) => other === candidate || unmergedHere.includes(other)),
  ).length;
}

/** The `parent_hash` field of a node; leaves that came by a key package or an update have none. */
function parentHashIn(node: TreeNode): Uint8Array {
  if (node.kind === "parent") return node.parent.parentHash;
  return node.leaf.source.kind === "commit" ? node.leaf.source.parentHash : NO_BYTES;
}
