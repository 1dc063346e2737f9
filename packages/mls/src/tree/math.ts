/**
 * Arithmetic of complete binary trees kept in an array (RFC 9420 Appendix C): leaves at even indices, parents at odd
 * ones. The number of leaves is always a power of two.
 */

declare const leafBrand: unique symbol;
declare const nodeBrand: unique symbol;

/** A position among the leaves. */
export type LeafIndex = number & { readonly [leafBrand]: true };
/** A position in the array of all nodes. */
export type NodeIndex = number & { readonly [nodeBrand]: true };

export const leafIndex = (value: number): LeafIndex => value as LeafIndex;
export const nodeIndex = (value: number): NodeIndex => value as NodeIndex;

/** Up to `LEAVES_MAX` leaves, so 32-bit operations are exact. */
export const leafToNode = (leaf: LeafIndex): NodeIndex => (leaf * 2) as NodeIndex;
export const nodeToLeaf = (node: NodeIndex): LeafIndex => (node / 2) as LeafIndex;
export const isLeaf = (node: NodeIndex): boolean => (node & 1) === 0;

/** Nodes of a tree with `leaves` leaves. */
export const nodeWidth = (leaves: number): number => (leaves === 0 ? 0 : 2 * leaves - 1);
/** Leaves of a tree with `nodes` nodes. */
export const leafWidth = (nodes: number): number => (nodes + 1) / 2;

/** 0 for leaves, 1 for their parents, and so on. */
export function level(node: NodeIndex): number {
  let k = 0;
  while (((node >> k) & 1) === 1) k += 1;
  return k;
}

export function root(leaves: number): NodeIndex {
  return (leaves - 1) as NodeIndex;
}

/** The left child; only parents have one. */
export function left(node: NodeIndex): NodeIndex {
  return (node ^ (1 << (level(node) - 1))) as NodeIndex;
}

/** The right child; only parents have one. */
export function right(node: NodeIndex): NodeIndex {
  return (node ^ (3 << (level(node) - 1))) as NodeIndex;
}

/** The parent; the root has none, which the caller knows. */
export function parent(node: NodeIndex): NodeIndex {
  const k = level(node);
  const side = (node >> (k + 1)) & 1;
  return ((node | (1 << k)) ^ (side << (k + 1))) as NodeIndex;
}

export function sibling(node: NodeIndex): NodeIndex {
  const above = parent(node);
  return node < above ? right(above) : left(above);
}

/** From the parent of `node` up to and including the root. */
export function directPath(node: NodeIndex, leaves: number): NodeIndex[] {
  const top = root(leaves);
  const path: NodeIndex[] = [];
  for (let at = node; at !== top;) {
    at = parent(at);
    path.push(at);
  }
  return path;
}

/** Whether `node` is `ancestor` or below it. */
export function isInSubtree(node: NodeIndex, ancestor: NodeIndex): boolean {
  const span = (1 << level(ancestor)) - 1;
  return node >= ancestor - span && node <= ancestor + span;
}

/** The lowest node that is above, or is, both. */
export function commonAncestor(a: NodeIndex, b: NodeIndex): NodeIndex {
  let at = a;
  while (!isInSubtree(b, at)) at = parent(at);
  return at;
}
