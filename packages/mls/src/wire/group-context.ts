/** GroupContext (RFC 9420 §8.1): what all members agree on in an epoch. */
import { type Codec, encode, opaque, struct, uint16, uint64 } from "../codec/codec.ts";
import { type Extension, extensions } from "./extension.ts";

export interface GroupContext {
  readonly version: number;
  readonly cipherSuite: number;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly treeHash: Uint8Array;
  readonly confirmedTranscriptHash: Uint8Array;
  readonly extensions: readonly Extension[];
}

export const groupContext: Codec<GroupContext> = struct<GroupContext>({
  version: uint16,
  cipherSuite: uint16,
  groupId: opaque,
  epoch: uint64,
  treeHash: opaque,
  confirmedTranscriptHash: opaque,
  extensions,
});

const encodings = new WeakMap<GroupContext, Uint8Array>();

/** Every signature of an epoch covers its context: the encoding is kept beside it. */
export function groupContextBytes(context: GroupContext): Uint8Array {
  const known = encodings.get(context);
  if (known !== undefined) return known;
  const bytes = encode(groupContext, context);
  encodings.set(context, bytes);
  return bytes;
}
