/** KeyPackage (RFC 9420 §10): what a client publishes so that others can add it while it is away. */
import { type Codec, encode, opaque, struct, uint16 } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { type Extension, extensions } from "./extension.ts";
import { type LeafNode, leafNode } from "./leaf-node.ts";

export interface UnsignedKeyPackage {
  readonly version: number;
  readonly cipherSuite: number;
  readonly initKey: Uint8Array;
  readonly leafNode: LeafNode;
  readonly extensions: readonly Extension[];
}

export interface KeyPackage extends UnsignedKeyPackage {
  readonly signature: Uint8Array;
}

const tbs: Codec<UnsignedKeyPackage> = struct<UnsignedKeyPackage>({
  version: uint16,
  cipherSuite: uint16,
  initKey: opaque,
  leafNode,
  extensions,
});

export const keyPackage: Codec<KeyPackage> = struct<KeyPackage>({
  version: uint16,
  cipherSuite: uint16,
  initKey: opaque,
  leafNode,
  extensions,
  signature: opaque,
});

export function signKeyPackage(
  suite: CipherSuite,
  signaturePrivateKey: Uint8Array,
  unsigned: UnsignedKeyPackage,
): KeyPackage {
  const signature = suite.signWithLabel(signaturePrivateKey, "KeyPackageTBS", encode(tbs, unsigned));
  return { ...unsigned, signature };
}

export function keyPackageSignatureIsValid(suite: CipherSuite, kp: KeyPackage): boolean {
  const { signatureKey } = kp.leafNode;
  return suite.verifyWithLabel(signatureKey, "KeyPackageTBS", encode(tbs, kp), kp.signature);
}

/** KeyPackageRef (RFC 9420 §5.2). */
export function keyPackageRef(suite: CipherSuite, kp: KeyPackage): Uint8Array {
  return suite.refHash("MLS 1.0 KeyPackage Reference", encode(keyPackage, kp));
}
