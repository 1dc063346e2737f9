/** GroupInfo (RFC 9420 §12.4.3): a member's signed account of an epoch, for those who join. */
import { type Codec, encode, opaque, struct, uint32 } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import type { LeafIndex } from "../tree/math.ts";
import { type Extension, extensions } from "./extension.ts";
import { type GroupContext, groupContext } from "./group-context.ts";

export interface UnsignedGroupInfo {
  readonly groupContext: GroupContext;
  readonly extensions: readonly Extension[];
  readonly confirmationTag: Uint8Array;
  readonly signer: LeafIndex;
}

export interface GroupInfo extends UnsignedGroupInfo {
  readonly signature: Uint8Array;
}

const leaf = uint32 as Codec<LeafIndex>;

const tbs: Codec<UnsignedGroupInfo> = struct<UnsignedGroupInfo>({
  groupContext,
  extensions,
  confirmationTag: opaque,
  signer: leaf,
});

export const groupInfo: Codec<GroupInfo> = struct<GroupInfo>({
  groupContext,
  extensions,
  confirmationTag: opaque,
  signer: leaf,
  signature: opaque,
});

export function signGroupInfo(
  suite: CipherSuite,
  signaturePrivateKey: Uint8Array,
  unsigned: UnsignedGroupInfo,
): GroupInfo {
  return {
    ...unsigned,
    signature: suite.signWithLabel(signaturePrivateKey, "GroupInfoTBS", encode(tbs, unsigned)),
  };
}

export function groupInfoSignatureIsValid(
  suite: CipherSuite,
  signatureKey: Uint8Array,
  info: GroupInfo,
): boolean {
  return suite.verifyWithLabel(signatureKey, "GroupInfoTBS", encode(tbs, info), info.signature);
}
