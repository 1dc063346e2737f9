/**
 * What is let in. The part of ts-mls that was measured to be right is narrow (one Add by the creator, then
 * application messages), so everything a peer sends is held to exactly the form that this module itself makes, before
 * the library acts on it. Faults are answers, in words for logs.
 */
import type { Primitives } from "@fedchat/protocol";
import type { CiphersuiteImpl, KeyPackage, LeafNode, PrivateKeyPackage, Welcome } from "ts-mls";
import { ratchetTreeFromExtension } from "ts-mls/groupInfo.js";
import { makeKeyPackageRef, verifyKeyPackage } from "ts-mls/keyPackage.js";
import { verifyLeafNodeSignatureKeyPackage } from "ts-mls/leafNode.js";
import { DependencyError, MlsError } from "ts-mls/mlsError.js";
import { decryptGroupInfo, decryptGroupSecrets } from "ts-mls/welcome.js";
import { clockSkewMs, credentialBytesMax, keyPackageLifetimeMs } from "./limits.ts";
import { equalBytes } from "./ts-mls-bytes.ts";
import { keyBytes, suiteName } from "./ts-mls-suite.ts";

/** The leaves of a pair. */
export const creatorIndex = 0;
export const joinerIndex = 1;

/** Creation is epoch 0; the commit that adds the peer begins epoch 1, the last one. */
const pairEpoch = 1n;

/** RFC 9420 §10.1 and §7.3: what is wrong with a key package at `nowMs`, if anything. */
export async function keyPackageFault(
  keyPackage: KeyPackage,
  nowMs: number,
  suite: CiphersuiteImpl,
  x25519: Primitives["x25519"],
): Promise<string | undefined> {
  const { leafNode, initKey } = keyPackage;
  const { notBefore, notAfter } = leafNode.lifetime;
  const now = seconds(nowMs);
  if (keyPackage.version !== "mls10" || keyPackage.cipherSuite !== suiteName) return "another cipher suite";
  if (keyPackage.extensions.length > 0 || !isPlainLeaf(leafNode)) return "unknown features";
  if (notBefore > now) return "not valid yet";
  if (notAfter < now) return "expired";
  if (notAfter - notBefore > seconds(keyPackageLifetimeMs + clockSkewMs)) return "too long a lifetime";
  if (equalBytes(initKey, leafNode.hpkePublicKey)) return "one key for two purposes";
  if (![initKey, leafNode.hpkePublicKey].every((key) => isUsableX25519Key(key, x25519))) return "a weak key";
  if (!(await verifyLeafNodeSignatureKeyPackage(leafNode, suite.signature))) return "a wrong leaf signature";
  if (!(await verifyKeyPackage(keyPackage, suite.signature))) return "a wrong signature";
  return undefined;
}

/**
 * Why a Welcome is not of the kind that a creator here makes. ts-mls would derive secrets for as many leaves as the
 * tree claims, and take extensions and PSKs, which a pair never has.
 */
export async function welcomeFault(
  welcome: Welcome,
  keyPackage: KeyPackage,
  keys: PrivateKeyPackage,
  suite: CiphersuiteImpl,
): Promise<string | undefined> {
  if (welcome.cipherSuite !== suiteName) return "another cipher suite";
  const reference = await makeKeyPackageRef(keyPackage, suite.hash);
  const isForUs = welcome.secrets.some((secret) => equalBytes(secret.newMember, reference));
  if (!isForUs) return "for another key package";
  const initKey = await suite.hpke.importPrivateKey(keys.initPrivateKey);
  const secrets = await decryptGroupSecrets(initKey, reference, welcome, suite.hpke);
  if (secrets === undefined) return "secrets that cannot be read";
  if (secrets.psks.length > 0 || secrets.pathSecret !== undefined) return "more secrets than a pair has";
  const noPsk = new Uint8Array(keyBytes);
  const info = await decryptGroupInfo(welcome, secrets.joinerSecret, noPsk, suite);
  wipe([secrets.joinerSecret]);
  if (info === undefined) return "a GroupInfo that cannot be read";
  const { epoch, extensions } = info.groupContext;
  if (epoch !== pairEpoch || info.signer !== creatorIndex) return "not a group's first commit";
  if (extensions.length > 0 || info.extensions.length !== 1) return "unknown extensions";
  const tree = ratchetTreeFromExtension(info);
  if (tree === undefined) return "no ratchet tree";
  const [creator, parent, joiner] = tree;
  if (tree.length !== 3 || parent !== undefined) return "not a group of two";
  if (creator?.nodeType !== "leaf" || joiner?.nodeType !== "leaf") return "not a group of two";
  if (!equalBytes(joiner.leaf.signature, keyPackage.leafNode.signature))
    return "this device does not join by it";
  return isPlainLeaf(creator.leaf) ? undefined : "a member with unknown features";
}

/**
 * The reason in an error that a peer's bytes caused. Anything else (memory, a missing library, our own mistake) is
 * thrown on: a message must not be given up because this machine failed.
 */
export function peersFault(error: unknown): string {
  if (error instanceof MlsError && !(error instanceof DependencyError)) return error.message;
  throw error;
}

/** Overwrites secrets that no state holds any more. */
export function wipe(secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/** A time as MLS counts it (RFC 9420 §7.2). */
export function seconds(timeMs: number): bigint {
  return BigInt(Math.floor(timeMs / 1000));
}

export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`assertion: ${rule}`);
}

/** A leaf as a key package of ours has it: a basic credential, and nothing beyond the suite. */
function isPlainLeaf(leaf: LeafNode): boolean {
  return (
    leaf.leafNodeSource === "key_package" &&
    leaf.credential.credentialType === "basic" &&
    leaf.credential.identity.length <= credentialBytesMax &&
    leaf.signaturePublicKey.length === keyBytes &&
    leaf.extensions.length === 0 &&
    leaf.capabilities.versions.includes("mls10") &&
    leaf.capabilities.ciphersuites.includes(suiteName) &&
    leaf.capabilities.credentials.includes("basic")
  );
}

/** RFC 7748 §6.1: a point of small order gives zero with every private key, this one too. */
function isUsableX25519Key(publicKey: Uint8Array, x25519: Primitives["x25519"]): boolean {
  const anyPrivateKey = new Uint8Array(keyBytes).fill(1);
  return x25519.sharedSecret(anyPrivateKey, publicKey) !== undefined;
}
