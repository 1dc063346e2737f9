/**
 * The public part of a ratchet tree (RFC 9420 §4, §7): an immutable array of nodes. Every change makes a new tree that
 * shares all other nodes, and the hashes of untouched subtrees, with the one before.
 */
import { type Codec, decode, encode, octetEnum, optional, vector } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { LEAVES_MAX } from "../limits.ts";
import { EXTENSION, type Extension } from "../wire/extension.ts";
import { type LeafNode, leafNode } from "../wire/leaf-node.ts";
import { type ParentNode, parentNode } from "../wire/parent-node.ts";
import {
  directPath,
  isLeaf,
  left,
  type LeafIndex,
  leafIndex,
  leafToNode,
  leafWidth,
  type NodeIndex,
  nodeIndex,
  nodeWidth,
  right,
  root,
  sibling,
} from "./math.ts";

export type TreeNode =
  | { readonly kind: "leaf"; readonly leaf: LeafNode }
  | { readonly kind: "parent"; readonly parent: ParentNode };

export interface RatchetTree {
  /** A power of two of leaves and the parents between them; undefined is a blank node. */
  readonly nodes: readonly (TreeNode | undefined)[];
  /** Tree hashes known so far, by node index: a memo that `tree-hash.ts` fills. */
  readonly hashes: (Uint8Array | undefined)[];
}

export function emptyTree(): RatchetTree {
  return { nodes: [], hashes: [] };
}

export function leafCount(tree: RatchetTree): number {
  return tree.nodes.length === 0 ? 0 : leafWidth(tree.nodes.length);
}

export function rootOf(tree: RatchetTree): NodeIndex {
  return root(leafCount(tree));
}

export function leafAt(tree: RatchetTree, index: LeafIndex): LeafNode | undefined {
  const node = tree.nodes[leafToNode(index)];
  return node?.kind === "leaf" ? node.leaf : undefined;
}

export function parentAt(tree: RatchetTree, index: NodeIndex): ParentNode | undefined {
  const node = tree.nodes[index];
  return node?.kind === "parent" ? node.parent : undefined;
}

export function encryptionKeyOf(node: TreeNode): Uint8Array {
  return node.kind === "leaf" ? node.leaf.encryptionKey : node.parent.encryptionKey;
}

/** The members, in the order of their leaves. */
export function* members(
  tree: RatchetTree,
): Generator<{ readonly index: LeafIndex; readonly leaf: LeafNode }> {
  for (let at = 0; at < tree.nodes.length; at += 2) {
    const node = tree.nodes[at];
    if (node?.kind === "leaf") yield { index: leafIndex(at / 2), leaf: node.leaf };
  }
}

export function directPathOf(tree: RatchetTree, leaf: LeafIndex): NodeIndex[] {
  return directPath(leafToNode(leaf), leafCount(tree));
}

/** RFC 9420 §4.1.1: the smallest set of non-blank nodes that covers everyone below `node`, from left to right. */
export function resolution(tree: RatchetTree, node: NodeIndex): NodeIndex[] {
  const found: NodeIndex[] = [];
  collectResolution(tree, node, found);
  return found;
}

function collectResolution(tree: RatchetTree, node: NodeIndex, found: NodeIndex[]): void {
  const value = tree.nodes[node];
  if (value?.kind === "parent") {
    found.push(node);
    for (const unmerged of value.parent.unmergedLeaves) found.push(leafToNode(unmerged));
  } else if (value !== undefined) found.push(node);
  else if (!isLeaf(node)) {
    collectResolution(tree, left(node), found);
    collectResolution(tree, right(node), found);
  }
}

/** A node of a filtered direct path (RFC 9420 §4.1.2) with the child that is not on the path. */
export interface PathStep {
  readonly node: NodeIndex;
  readonly copathChild: NodeIndex;
}

export function filteredDirectPath(tree: RatchetTree, leaf: LeafIndex): PathStep[] {
  const steps: PathStep[] = [];
  let below = leafToNode(leaf);
  for (const node of directPathOf(tree, leaf)) {
    const copathChild = sibling(below);
    if (!isVacant(tree, copathChild)) steps.push({ node, copathChild });
    below = node;
  }
  return steps;
}

/** Whether a subtree's resolution is empty. */
function isVacant(tree: RatchetTree, node: NodeIndex): boolean {
  if (tree.nodes[node] !== undefined) return false;
  return isLeaf(node) || (isVacant(tree, left(node)) && isVacant(tree, right(node)));
}

/** Replaces nodes; forgets the hashes of these and of everything above them. */
export function withNodes(
  tree: RatchetTree,
  changes: Iterable<readonly [NodeIndex, TreeNode | undefined]>,
): RatchetTree {
  const nodes = tree.nodes.slice();
  const hashes = tree.hashes.slice();
  const leaves = leafCount(tree);
  for (const [index, node] of changes) {
    nodes[index] = node;
    hashes[index] = undefined;
    for (const above of directPath(index, leaves)) hashes[above] = undefined;
  }
  return { nodes, hashes };
}

/** Sets a leaf and blanks what is above it (RFC 9420 §12.1.2; with undefined §12.1.3 before truncation). */
export function withLeafAndBlankPath(
  tree: RatchetTree,
  index: LeafIndex,
  leaf: LeafNode | undefined,
): RatchetTree {
  const blank = directPathOf(tree, index).map((node) => [node, undefined] as const);
  return withNodes(tree, [[leafToNode(index), leaf && { kind: "leaf", leaf }], ...blank]);
}

/** The leftmost blank leaf, or the first beyond the tree where there is none. */
export function leftmostBlankLeaf(tree: RatchetTree): LeafIndex {
  return leftmostBlankLeaves(tree, 1)[0]!;
}

/** RFC 9420 §7.7: doubled until it has `index`. */
export function extendedTo(tree: RatchetTree, index: LeafIndex): RatchetTree {
  if (index < leafCount(tree)) return tree;
  let leaves = Math.max(1, leafCount(tree));
  while (leaves <= index) leaves *= 2;
  const nodes = tree.nodes.slice();
  while (nodes.length < nodeWidth(leaves)) nodes.push(undefined);
  return { nodes, hashes: tree.hashes.slice() };
}

/**
 * RFC 9420 §12.1.1: each new leaf takes the leftmost blank one, and is unmerged at every non-blank node above it.
 * `indices` are where they went, in their order.
 */
export function withLeavesAdded(
  tree: RatchetTree,
  leaves: readonly LeafNode[],
): { readonly tree: RatchetTree; readonly indices: readonly LeafIndex[] } {
  const indices = leftmostBlankLeaves(tree, leaves.length);
  const extended = indices.length === 0 ? tree : extendedTo(tree, indices.at(-1)!);
  const changes = new Map<NodeIndex, TreeNode>();
  const unmerged = new Map<NodeIndex, LeafIndex[]>();
  leaves.forEach((leaf, at) => {
    const index = indices[at]!;
    changes.set(leafToNode(index), { kind: "leaf", leaf });
    for (const node of directPathOf(extended, index)) {
      if (parentAt(extended, node) === undefined) continue;
      const below = unmerged.get(node);
      if (below === undefined) unmerged.set(node, [index]);
      else below.push(index);
    }
  });
  for (const [node, below] of unmerged) {
    const parent = parentAt(extended, node)!;
    const unmergedLeaves = [...parent.unmergedLeaves, ...below].toSorted((a, b) => a - b);
    changes.set(node, { kind: "parent", parent: { ...parent, unmergedLeaves } });
  }
  return { tree: withNodes(extended, changes), indices };
}

function leftmostBlankLeaves(tree: RatchetTree, count: number): readonly LeafIndex[] {
  const found: LeafIndex[] = [];
  for (let leaf = 0; found.length < count; leaf += 1)
    if (tree.nodes[2 * leaf] === undefined) found.push(leafIndex(leaf));
  return found;
}

/** RFC 9420 §7.7: halved while the right half has no member. */
export function truncated(tree: RatchetTree): RatchetTree {
  let leaves = leafCount(tree);
  while (leaves > 1 && !hasMemberFrom(tree, leaves / 2, leaves)) leaves /= 2;
  if (leaves === leafCount(tree)) return tree;
  return { nodes: tree.nodes.slice(0, nodeWidth(leaves)), hashes: tree.hashes.slice(0, nodeWidth(leaves)) };
}

function hasMemberFrom(tree: RatchetTree, from: number, to: number): boolean {
  for (let leaf = from; leaf < to; leaf += 1) if (tree.nodes[2 * leaf] !== undefined) return true;
  return false;
}

const nodeKind = octetEnum({ leaf: 1, parent: 2 });

const treeNode: Codec<TreeNode> = {
  write(writer, node) {
    nodeKind.write(writer, node.kind);
    if (node.kind === "leaf") leafNode.write(writer, node.leaf);
    else parentNode.write(writer, node.parent);
  },
  read(reader) {
    const kind = nodeKind.read(reader);
    if (kind === "leaf") return { kind, leaf: leafNode.read(reader) };
    return { kind, parent: parentNode.read(reader) };
  },
};

const nodeList = vector(optional(treeNode), 2 * LEAVES_MAX);

/** `optional<Node> ratchet_tree<V>` (RFC 9420 §12.4.3.3): blank nodes at the right end are left out. */
export const ratchetTree: Codec<RatchetTree> = {
  write(writer, tree) {
    let end = tree.nodes.length;
    while (end > 0 && tree.nodes[end - 1] === undefined) end -= 1;
    nodeList.write(writer, tree.nodes.slice(0, end));
  },
  read(reader) {
    const sent = nodeList.read(reader);
    if (sent.length === 0) throw new DecodeError("a ratchet tree without nodes");
    if (sent.at(-1) === undefined) throw new DecodeError("a ratchet tree ends in a blank node");
    if (sent.length > nodeWidth(LEAVES_MAX))
      throw new DecodeError("a ratchet tree larger than any that we take");
    sent.forEach((node, index) => {
      if (node !== undefined && (node.kind === "leaf") !== isLeaf(nodeIndex(index))) {
        throw new DecodeError("a ratchet tree has a leaf in a parent's place or a parent in a leaf's");
      }
    });
    let leaves = 1;
    while (nodeWidth(leaves) < sent.length) leaves *= 2;
    const nodes = sent.slice();
    while (nodes.length < nodeWidth(leaves)) nodes.push(undefined);
    return { nodes, hashes: [] };
  },
};

export function ratchetTreeExtension(tree: RatchetTree): Extension {
  return { type: EXTENSION.ratchetTree, data: encode(ratchetTree, tree) };
}

/** Throws DecodeError. */
export function decodeRatchetTree(bytes: Uint8Array): RatchetTree {
  return decode(ratchetTree, bytes);
}
