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
    const fromLeft = isVouchedFor(suite, tree, value.parent, l, r);
    const fromRight = isVouchedFor(suite, tree, value.parent, r, l);
    check(fromLeft !== fromRight, "tree.parent-hash", `node ${at}`);
  }
}

/** Whether a node in the resolution of `child` has the parent hash of P with the other child as the copath. */
function isVouchedFor(
  suite: CipherSuite,
  tree: RatchetTree,
  p: ParentNode,
  child: NodeIndex,
  copathChild: NodeIndex,
): boolean {
  const candidates = resolution(tree, child);
  const unmergedHere = new Set(p.unmergedLeaves.map(leafToNode).filter((leaf) => isInSubtree(leaf, child)));
  // §7.9.2: the resolution without the voucher is what of P's unmerged leaves lies below the child. So there is one
  // node that can vouch, however many have its parent hash: whoever made the tree chose how many.
  const [voucher, ...others] = candidates.filter((candidate) => !unmergedHere.has(candidate));
  if (voucher === undefined || others.length > 0 || candidates.length !== unmergedHere.size + 1) return false;
  const siblingHash = subtreeHashWithout(suite, tree, copathChild, p.unmergedLeaves);
  const { encryptionKey, parentHash } = p;
  const expected = suite.hash(encode(parentHashInput, { encryptionKey, parentHash, siblingHash }));
  return equal(parentHashIn(tree.nodes[voucher]!), expected);
}

/** The `parent_hash` field of a node; leaves that came by a key package or an update have none. */
function parentHashIn(node: TreeNode): Uint8Array {
  if (node.kind === "parent") return node.parent.parentHash;
  return node.leaf.source.kind === "commit" ? node.leaf.source.parentHash : NO_BYTES;
}
