/**
 * TreeKEM (RFC 9420 §7.4 to §7.6): a committer's new keys along its filtered direct path, their secrets encrypted to
 * everyone below, and the way back.
 */
import { equal, keyOf, NO_BYTES } from "../codec/bytes.ts";
import type { KeyPair } from "../crypto/kem.ts";
import type { RandomSource } from "../crypto/primitives.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { check } from "../rules.ts";
import { type LeafNode, signLeafNode, type UnsignedLeafNode } from "../wire/leaf-node.ts";
import type { UpdatePath, UpdatePathNode } from "../wire/update-path.ts";
import { isInSubtree, type LeafIndex, leafToNode, type NodeIndex } from "./math.ts";
import { freshParentHash } from "./parent-hash.ts";
import {
  directPathOf,
  encryptionKeyOf,
  filteredDirectPath,
  type PathStep,
  type RatchetTree,
  resolution,
  type TreeNode,
  withNodes,
} from "./ratchet-tree.ts";

/** The private keys that one member knows, by node; its own leaf's among them. */
export type PrivateKeys = ReadonlyMap<NodeIndex, Uint8Array>;

/** Secrets of a path from one node upwards. */
export interface PathKeys {
  readonly keys: PrivateKeys;
  readonly commitSecret: Uint8Array;
  /** By node, so that new members can be told theirs. Erased when the Commit is made. */
  readonly pathSecrets: ReadonlyMap<NodeIndex, Uint8Array>;
}

export interface FreshPath extends PathKeys {
  readonly tree: RatchetTree;
  readonly leaf: LeafNode;
  readonly steps: readonly (PathStep & { readonly publicKey: Uint8Array })[];
}

/** What a committer's leaf keeps or changes; its keys and parent hash are made here. */
export type LeafContent = Pick<
  UnsignedLeafNode,
  "signatureKey" | "credential" | "capabilities" | "extensions"
>;

/** RFC 9420 §7.4: new keys for the committer's leaf and path, merged into the tree. */
export function freshPath(
  suite: CipherSuite,
  random: RandomSource,
  tree: RatchetTree,
  committer: {
    readonly leafIndex: LeafIndex;
    readonly groupId: Uint8Array;
    readonly signaturePrivateKey: Uint8Array;
  },
  content: LeafContent,
): FreshPath {
  const steps = filteredDirectPath(tree, committer.leafIndex);
  const climbed = climb(suite, random.bytes(suite.secretBytes), steps);
  const withKeys = steps.map((step, i) => ({ ...step, publicKey: climbed.publicKeys[i]! }));
  const { tree: merged, parentHash } = withPathKeys(suite, tree, committer.leafIndex, withKeys);
  const leafKey = suite.generateKeyPair(random);
  const { signatureKey, credential, capabilities, extensions } = content;
  const leaf = signLeafNode(
    suite,
    committer.signaturePrivateKey,
    {
      encryptionKey: leafKey.publicKey,
      signatureKey,
      credential,
      capabilities,
      source: { kind: "commit", parentHash },
      extensions,
    },
    committer,
  );
  const ownNode = leafToNode(committer.leafIndex);
  return {
    tree: withNodes(merged, [[ownNode, { kind: "leaf", leaf }]]),
    leaf,
    steps: withKeys,
    keys: new Map([...climbed.keys, [ownNode, leafKey.privateKey]]),
    commitSecret: climbed.commitSecret,
    pathSecrets: climbed.pathSecrets,
  };
}

/** RFC 9420 §7.5, §7.6: each path secret encrypted to the resolution of the copath child, without `added` leaves. */
export function encryptPath(
  suite: CipherSuite,
  random: RandomSource,
  path: FreshPath,
  added: ReadonlySet<NodeIndex>,
  provisionalContext: Uint8Array,
): UpdatePath {
  const encryptTo = suite.encryptingWithLabel("UpdatePathNode", provisionalContext);
  const nodes = path.steps.map((step): UpdatePathNode => {
    const pathSecret = path.pathSecrets.get(step.node)!;
    const encryptedPathSecrets = recipientsOf(path.tree, step, added).map((node) => {
      const publicKey = encryptionKeyOf(path.tree.nodes[node]!);
      const sealed = encryptTo(random, publicKey, pathSecret);
      if (sealed === undefined) throw new Error("a key in our own validated tree is no public key");
      return sealed;
    });
    return { encryptionKey: step.publicKey, encryptedPathSecrets };
  });
  return { leafNode: path.leaf, nodes };
}

/**
 * RFC 9420 §7.5, first part: the committer's new public keys merged; checks lengths, freshness and the parent hash, all
 * that everyone can, those included who are removed.
 */
export function mergePath(
  suite: CipherSuite,
  tree: RatchetTree,
  committer: LeafIndex,
  path: UpdatePath,
  added: ReadonlySet<NodeIndex>,
): RatchetTree {
  const steps = filteredDirectPath(tree, committer);
  check(steps.length === path.nodes.length, "commit.path-length");
  steps.forEach((step, i) => {
    const recipients = recipientsOf(tree, step, added).length;
    check(path.nodes[i]!.encryptedPathSecrets.length === recipients, "commit.path-ciphertexts");
  });
  checkFresh(suite, tree, path);
  const withKeys = steps.map((step, i) => ({ ...step, publicKey: path.nodes[i]!.encryptionKey }));
  const { tree: merged, parentHash } = withPathKeys(suite, tree, committer, withKeys);
  const { source } = path.leafNode;
  check(source.kind === "commit" && equal(source.parentHash, parentHash), "commit.parent-hash");
  return withNodes(merged, [[leafToNode(committer), { kind: "leaf", leaf: path.leafNode }]]);
}

/** RFC 9420 §7.6: the nodes whose keys a step's path secret is encrypted to. */
function recipientsOf(tree: RatchetTree, step: PathStep, added: ReadonlySet<NodeIndex>): NodeIndex[] {
  return resolution(tree, step.copathChild).filter((node) => !added.has(node));
}

/** RFC 9420 §12.4.2: no key of the path is in the tree yet, and none comes twice. */
function checkFresh(suite: CipherSuite, tree: RatchetTree, path: UpdatePath): void {
  const keys = [path.leafNode.encryptionKey, ...path.nodes.map((node) => node.encryptionKey)];
  for (const key of keys) check(suite.isPublicKey(key), "commit.path-key-form");
  const fresh = new Set(keys.map(keyOf));
  check(fresh.size === keys.length, "commit.path-key-fresh");
  for (const node of tree.nodes) {
    if (node === undefined) continue;
    const key = encryptionKeyOf(node);
    check(!keys.some((candidate) => equal(candidate, key)), "commit.path-key-fresh");
  }
}

/** RFC 9420 §7.5, second part: the path secret meant for us, and what follows from it up to the root. */
export function decryptPath(
  suite: CipherSuite,
  tree: RatchetTree,
  own: { readonly leafIndex: LeafIndex; readonly keys: PrivateKeys },
  committer: LeafIndex,
  path: UpdatePath,
  added: ReadonlySet<NodeIndex>,
  provisionalContext: Uint8Array,
): PathKeys {
  const steps = filteredDirectPath(tree, committer);
  const ownNode = leafToNode(own.leafIndex);
  const at = steps.findIndex((step) => isInSubtree(ownNode, step.copathChild));
  check(at !== -1, "commit.path-secret");
  const recipients = recipientsOf(tree, steps[at]!, added);
  const position = recipients.findIndex((node) => own.keys.has(node));
  check(position !== -1, "commit.path-secret");
  const node = recipients[position]!;
  const keyPair: KeyPair = {
    privateKey: own.keys.get(node)!,
    publicKey: encryptionKeyOf(tree.nodes[node]!),
  };
  const sealed = path.nodes[at]!.encryptedPathSecrets[position]!;
  const pathSecret = suite.decryptWithLabel(keyPair, "UpdatePathNode", provisionalContext, sealed);
  check(pathSecret !== undefined && pathSecret.length === suite.secretBytes, "commit.path-secret");
  const above = steps.slice(at);
  const climbed = climb(suite, pathSecret, above);
  above.forEach((_, i) => {
    check(equal(climbed.publicKeys[i]!, path.nodes[at + i]!.encryptionKey), "commit.path-key");
  });
  return climbed;
}

/** RFC 9420 §12.4.3.1: what a new member learns from the path secret in its Welcome. */
export function keysFromWelcome(
  suite: CipherSuite,
  tree: RatchetTree,
  own: LeafIndex,
  committer: LeafIndex,
  pathSecret: Uint8Array,
): PrivateKeys {
  const ownNode = leafToNode(own);
  const above = filteredDirectPath(tree, committer).filter((step) => isInSubtree(ownNode, step.node));
  const climbed = climb(suite, pathSecret, above);
  above.forEach((step, i) => {
    const node = tree.nodes[step.node];
    check(node !== undefined && equal(encryptionKeyOf(node), climbed.publicKeys[i]!), "welcome.path-key");
  });
  return climbed.keys;
}

/** From a path secret upwards: `path_secret[n] = DeriveSecret(path_secret[n-1], "path")`, and the keys of each node. */
function climb(
  suite: CipherSuite,
  first: Uint8Array,
  steps: readonly PathStep[],
): PathKeys & { readonly publicKeys: readonly Uint8Array[] } {
  const keys = new Map<NodeIndex, Uint8Array>();
  const pathSecrets = new Map<NodeIndex, Uint8Array>();
  const publicKeys: Uint8Array[] = [];
  let pathSecret = first;
  for (const { node } of steps) {
    const nodeSecret = suite.deriveSecret(pathSecret, "node");
    const pair = suite.deriveKeyPair(nodeSecret);
    nodeSecret.fill(0);
    keys.set(node, pair.privateKey);
    publicKeys.push(pair.publicKey);
    pathSecrets.set(node, pathSecret);
    pathSecret = suite.deriveSecret(pathSecret, "path");
  }
  return { keys, pathSecrets, publicKeys, commitSecret: pathSecret };
}

/** The path's public keys in the tree with their parent hashes, from the root down; blank where the path is filtered. */
function withPathKeys(
  suite: CipherSuite,
  tree: RatchetTree,
  committer: LeafIndex,
  steps: FreshPath["steps"],
): { readonly tree: RatchetTree; readonly parentHash: Uint8Array } {
  const changes = new Map<NodeIndex, TreeNode | undefined>();
  for (const node of directPathOf(tree, committer)) changes.set(node, undefined);
  let parentHash = NO_BYTES;
  for (const { node, copathChild, publicKey } of steps.toReversed()) {
    const parent = { encryptionKey: publicKey, parentHash, unmergedLeaves: [] };
    changes.set(node, { kind: "parent", parent });
    parentHash = freshParentHash(suite, tree, parent, copathChild);
  }
  return { tree: withNodes(tree, changes), parentHash };
}

/** The keys that remain of ours when nodes were blanked or replaced, with new ones laid over them. */
export function keptKeys(
  tree: RatchetTree,
  before: RatchetTree,
  keys: PrivateKeys,
): Map<NodeIndex, Uint8Array> {
  const kept = new Map<NodeIndex, Uint8Array>();
  for (const [node, key] of keys) {
    const [now, then] = [tree.nodes[node], before.nodes[node]];
    if (now === undefined || then === undefined) continue;
    if (equal(encryptionKeyOf(now), encryptionKeyOf(then))) kept.set(node, key);
  }
  return kept;
}
