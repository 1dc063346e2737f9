/** ParentNode (RFC 9420 §7.1). */
import { type Codec, opaque, struct, uint32, vector } from "../codec/codec.ts";
import type { LeafIndex } from "../tree/math.ts";

export interface ParentNode {
  readonly encryptionKey: Uint8Array;
  readonly parentHash: Uint8Array;
  /** In ascending order: leaves below that do not know the private key. */
  readonly unmergedLeaves: readonly LeafIndex[];
}

export const parentNode: Codec<ParentNode> = struct<ParentNode>({
  encryptionKey: opaque,
  parentHash: opaque,
  unmergedLeaves: vector(uint32 as Codec<LeafIndex>),
});
