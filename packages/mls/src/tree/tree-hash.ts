/** Tree hashes (RFC 9420 §7.8), kept per subtree until something below changes. */
import { Writer } from "../codec/writer.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { leafNode } from "../wire/leaf-node.ts";
import { parentNode } from "../wire/parent-node.ts";
import {
  isInSubtree,
  isLeaf,
  left,
  type LeafIndex,
  leafToNode,
  type NodeIndex,
  nodeToLeaf,
  right,
} from "./math.ts";
import { type RatchetTree, rootOf, type TreeNode } from "./ratchet-tree.ts";

/** The hash of the whole tree, as the GroupContext names it. */
export function treeHash(suite: CipherSuite, tree: RatchetTree): Uint8Array {
  return subtreeHash(suite, tree, rootOf(tree));
}

export function subtreeHash(suite: CipherSuite, tree: RatchetTree, node: NodeIndex): Uint8Array {
  const known = tree.hashes[node];
  if (known !== undefined) return known;
  const hash = isLeaf(node)
    ? leafHash(suite, node, tree.nodes[node])
    : parentHash(
        suite,
        tree.nodes[node],
        subtreeHash(suite, tree, left(node)),
        subtreeHash(suite, tree, right(node)),
      );
  tree.hashes[node] = hash;
  return hash;
}

/**
 * The hash of a subtree as if `absent` leaves were blank and in no list of unmerged leaves: the original sibling tree
 * hash of RFC 9420 §7.9. Subtrees without such leaves are taken as they are.
 */
export function subtreeHashWithout(
  suite: CipherSuite,
  tree: RatchetTree,
  node: NodeIndex,
  absent: readonly LeafIndex[],
): Uint8Array {
  const here = absent.filter((leaf) => isInSubtree(leafToNode(leaf), node));
  if (here.length === 0) return subtreeHash(suite, tree, node);
  if (isLeaf(node)) return leafHash(suite, node, undefined);
  const value = tree.nodes[node];
  return parentHash(
    suite,
    value?.kind === "parent" ? withoutUnmerged(value, here) : undefined,
    subtreeHashWithout(suite, tree, left(node), here),
    subtreeHashWithout(suite, tree, right(node), here),
  );
}

function withoutUnmerged(node: TreeNode & { kind: "parent" }, absent: readonly LeafIndex[]): TreeNode {
  const gone = new Set(absent);
  const unmergedLeaves = node.parent.unmergedLeaves.filter((leaf) => !gone.has(leaf));
  return { kind: "parent", parent: { ...node.parent, unmergedLeaves } };
}

function leafHash(suite: CipherSuite, node: NodeIndex, value: TreeNode | undefined): Uint8Array {
  const writer = new Writer();
  writer.uint8(1);
  writer.uint32(nodeToLeaf(node));
  writer.uint8(value === undefined ? 0 : 1);
  if (value?.kind === "leaf") leafNode.write(writer, value.leaf);
  return suite.hashOf(writer);
}

function parentHash(
  suite: CipherSuite,
  value: TreeNode | undefined,
  leftHash: Uint8Array,
  rightHash: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  writer.uint8(2);
  writer.uint8(value === undefined ? 0 : 1);
  if (value?.kind === "parent") parentNode.write(writer, value.parent);
  writer.opaque(leftHash);
  writer.opaque(rightHash);
  return suite.hashOf(writer);
}
