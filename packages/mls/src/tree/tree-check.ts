/** What must hold of a whole tree that was handed to us, apart from its leaves one by one (RFC 9420 §12.4.3.1). */
import { keyOf } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { check } from "../rules.ts";
import { isInSubtree, type LeafIndex, leafToNode, type NodeIndex, nodeIndex, parent } from "./math.ts";
import { checkParentHashes } from "./parent-hash.ts";
import { encryptionKeyOf, leafAt, leafCount, parentAt, type RatchetTree, truncated } from "./ratchet-tree.ts";

export function checkTree(suite: CipherSuite, tree: RatchetTree): void {
  check(leafCount(truncated(tree)) === leafCount(tree), "tree.size");
  checkUnmergedLeaves(tree);
  checkKeys(suite, tree);
  checkParentHashes(suite, tree);
}

function checkUnmergedLeaves(tree: RatchetTree): void {
  for (let at = 1; at < tree.nodes.length; at += 2) {
    const node = nodeIndex(at);
    let before = -1;
    for (const leaf of parentAt(tree, node)?.unmergedLeaves ?? []) {
      check(leaf > before, "tree.unmerged-leaves", `node ${at}: not in ascending order`);
      before = leaf;
      check(isUnmergedBelow(tree, leaf, node), "tree.unmerged-leaves", `node ${at}, leaf ${leaf}`);
    }
  }
}

/** The leaf is a member below `ancestor`, and every non-blank node between them lists it too. */
function isUnmergedBelow(tree: RatchetTree, leaf: LeafIndex, ancestor: NodeIndex): boolean {
  if (!isInSubtree(leafToNode(leaf), ancestor) || leafAt(tree, leaf) === undefined) return false;
  for (let node = parent(leafToNode(leaf)); node !== ancestor; node = parent(node)) {
    const between = parentAt(tree, node);
    if (between !== undefined && !between.unmergedLeaves.includes(leaf)) return false;
  }
  return true;
}

function checkKeys(suite: CipherSuite, tree: RatchetTree): void {
  const seen = new Set<string>();
  const signers = new Set<string>();
  for (const node of tree.nodes) {
    if (node === undefined) continue;
    const key = encryptionKeyOf(node);
    check(key.length === suite.publicKeyBytes, "leaf.encryption-key-form");
    const text = keyOf(key);
    check(!seen.has(text), "leaf.encryption-key-unique");
    seen.add(text);
    if (node.kind !== "leaf") continue;
    const signer = keyOf(node.leaf.signatureKey);
    check(!signers.has(signer), "leaf.signature-key-unique");
    signers.add(signer);
  }
}
