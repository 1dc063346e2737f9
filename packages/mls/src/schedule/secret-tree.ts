/**
 * A tree of secrets (RFC 9420 §9): one per leaf out of one at the root. Only the frontier is held: taking a leaf's
 * secret consumes every node above it and leaves their other children. The secret tree of messages and the exporter
 * tree (draft-ietf-mls-extensions §4.4) are both of this kind.
 */
import { utf8 } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import {
  isInSubtree,
  left,
  leafToNode,
  type LeafIndex,
  type NodeIndex,
  nodeIndex,
  nodeWidth,
  right,
  root,
} from "../tree/math.ts";

export interface SecretTree {
  readonly leaves: number;
  /** The frontier by node; a node that is missing is consumed, or still inside the secret of one above. */
  readonly nodes: ReadonlyMap<NodeIndex, Uint8Array>;
}

const LEFT = utf8("left");
const RIGHT = utf8("right");

export function secretTree(leaves: number, rootSecret: Uint8Array): SecretTree {
  return { leaves, nodes: new Map([[root(leaves), rootSecret]]) };
}

export interface TakenLeaf {
  readonly tree: SecretTree;
  readonly secret: Uint8Array;
}

/** Undefined where the leaf's secret was taken before or the leaf is outside the tree. */
export function takeLeaf(suite: CipherSuite, tree: SecretTree, leaf: LeafIndex): TakenLeaf | undefined {
  const target = leafToNode(leaf);
  if (target >= nodeWidth(tree.leaves)) return undefined;
  let at = root(tree.leaves);
  while (!tree.nodes.has(at)) {
    if (at === target) return undefined;
    at = childTowards(at, target);
  }
  const nodes = new Map(tree.nodes);
  let secret = nodes.get(at)!;
  const start = at;
  nodes.delete(at);
  while (at !== target) {
    const children = {
      left: suite.expandWithLabel(secret, "tree", LEFT, suite.secretBytes),
      right: suite.expandWithLabel(secret, "tree", RIGHT, suite.secretBytes),
    };
    if (at !== start) secret.fill(0);
    const towards = childTowards(at, target);
    const goesLeft = towards === left(at);
    nodes.set(goesLeft ? right(at) : left(at), goesLeft ? children.right : children.left);
    secret = goesLeft ? children.left : children.right;
    at = towards;
  }
  // A leaf that stood in the frontier itself still belongs to the former tree, whose owner erases it.
  return { tree: { leaves: tree.leaves, nodes }, secret: start === target ? secret.slice() : secret };
}

function childTowards(node: NodeIndex, target: NodeIndex): NodeIndex {
  const l = left(node);
  return isInSubtree(target, l) ? l : nodeIndex(right(node));
}
