/** What must hold of a whole tree that was handed to us, apart from its leaves one by one (RFC 9420 §12.4.3.1). */
import { equal, keyOf } from "../codec/bytes.ts";
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

/** RFC 9420 §7.3: encryption keys are unique in the whole tree, signature keys among the members. */
function checkKeys(suite: CipherSuite, tree: RatchetTree): void {
  const encryptionKeys = new DistinctKeys();
  const signatureKeys = new DistinctKeys();
  for (const node of tree.nodes) {
    if (node === undefined) continue;
    const key = encryptionKeyOf(node);
    check(suite.isPublicKey(key), "leaf.encryption-key-form");
    check(encryptionKeys.add(key), "leaf.encryption-key-unique");
    if (node.kind === "leaf") check(signatureKeys.add(node.leaf.signatureKey), "leaf.signature-key-unique");
  }
}

/** A set of byte strings, bucketed by their first octets: hybrid keys are long, and nearly always differ at once. */
class DistinctKeys {
  readonly #buckets = new Map<string, Uint8Array[]>();

  /** False where it is there already. */
  add(key: Uint8Array): boolean {
    const head = keyOf(key.subarray(0, 16));
    const bucket = this.#buckets.get(head);
    if (bucket === undefined) this.#buckets.set(head, [key]);
    else if (bucket.some((other) => equal(other, key))) return false;
    else bucket.push(key);
    return true;
  }
}
