/** UpdatePath (RFC 9420 §7.6): a committer's new leaf and the new keys of the nodes above it. */
import { type Codec, opaque, struct, vector } from "../codec/codec.ts";
import type { HpkeSealed } from "../crypto/hpke.ts";
import { hpkeCiphertext } from "./hpke-ciphertext.ts";
import { type LeafNode, leafNode } from "./leaf-node.ts";

export interface UpdatePathNode {
  readonly encryptionKey: Uint8Array;
  /** One for each node of the copath child's resolution, without the leaves that this Commit adds. */
  readonly encryptedPathSecrets: readonly HpkeSealed[];
}

export interface UpdatePath {
  readonly leafNode: LeafNode;
  /** Along the filtered direct path, from the leaf upwards. */
  readonly nodes: readonly UpdatePathNode[];
}

const updatePathNode: Codec<UpdatePathNode> = struct<UpdatePathNode>({
  encryptionKey: opaque,
  encryptedPathSecrets: vector(hpkeCiphertext),
});

export const updatePath: Codec<UpdatePath> = struct<UpdatePath>({ leafNode, nodes: vector(updatePathNode) });
