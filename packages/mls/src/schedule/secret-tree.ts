/**
 * The secret tree (RFC 9420 §9): one secret per leaf out of the encryption secret. Only the frontier is held: taking a
 * leaf's secret consumes every node above it and leaves their other children.
 */
import { utf8 } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { isInSubtree, left, leafToNode, type LeafIndex, type NodeIndex, nodeWidth, right, root } from "../tree/math.ts";

export interface SecretTree {
  /** By node index; undefined is consumed, or still inside the secret of a node above. */
  readonly nodes: readonly (Uint8Array | undefined)[];
}

const LEFT = utf8("left");
const RIGHT = utf8("right");

export function secretTree(leaves: number, encryptionSecret: Uint8Array): SecretTree {
  const nodes = new Array<Uint8Array | undefined>(nodeWidth(leaves)).fill(undefined);
  nodes[root(leaves)] = encryptionSecret;
  return { nodes };
}

export interface TakenLeaf {
  readonly tree: SecretTree;
  readonly secret: Uint8Array;
  /** Node secrets above the leaf, to be erased once the new tree is stored. */
  readonly consumed: readonly Uint8Array[];
}

/** Undefined where the leaf's secret was taken before or the leaf is outside the tree. */
export function takeLeaf(suite: CipherSuite, tree: SecretTree, leaf: LeafIndex): TakenLeaf | undefined {
  const target = leafToNode(leaf);
  if (target >= tree.nodes.length) return undefined;
  let at: NodeIndex = root((tree.nodes.length + 1) / 2);
  while (tree.nodes[at] === undefined) {
    if (at === target) return undefined;
    at = childTowards(at, target);
  }
  const nodes = tree.nodes.slice();
  const consumed: Uint8Array[] = [];
  let secret = nodes[at]!;
  nodes[at] = undefined;
  while (at !== target) {
    consumed.push(secret);
    const [l, r] = [left(at), right(at)];
    nodes[l] = suite.expandWithLabel(secret, "tree", LEFT, suite.secretBytes);
    nodes[r] = suite.expandWithLabel(secret, "tree", RIGHT, suite.secretBytes);
    at = childTowards(at, target);
    secret = nodes[at]!;
    nodes[at] = undefined;
  }
  return { tree: { nodes }, secret, consumed };
}

function childTowards(node: NodeIndex, target: NodeIndex): NodeIndex {
  const l = left(node);
  return isInSubtree(target, l) ? l : right(node);
}
