/** Key packages of this device and of others, in the form in which they are published, kept and used. */
import type { RandomSource } from "@fedchat/protocol";
import * as mls from "@fedchat/mls";
import type { KeyPackageInfo, MemberIdentity, NewKeyPackage } from "./room-crypto.ts";
import { readPrivatePart, writePrivatePart } from "./key-package-form.ts";
import { clockSkewMs, credentialBytesMax, keyPackageBytesMax, keyPackageLifetimeMs } from "./limits.ts";

/** What every group's policy says of credentials: device certificates that vouch for the leaf's key. [A5] */
export function credentialPolicy(
  vouches: (credential: Uint8Array, signatureKey: Uint8Array) => boolean,
): Pick<mls.Policy, "acceptsCredential" | "lifetimeSecondsMax"> {
  return {
    acceptsCredential: (credential, signatureKey) =>
      credential.type === "basic" &&
      credential.identity.length <= credentialBytesMax &&
      vouches(credential.identity, signatureKey),
    lifetimeSecondsMax: seconds(keyPackageLifetimeMs + clockSkewMs),
  };
}

/** This device as it signs for itself in a group. */
export function mlsIdentity(
  random: RandomSource,
  { signaturePrivateKey, credential }: MemberIdentity,
): mls.Identity {
  const basic = { type: "basic", identity: credential } as const;
  return {
    credential: basic,
    signaturePrivateKey,
    capabilities: mls.ownCapabilities(random, basic),
    extensions: [mls.supportedComponents([])],
  };
}

/** With its private keys. */
export function makeKeyPackage(
  env: mls.Environment,
  cipherSuite: number,
  identity: MemberIdentity,
): mls.OwnKeyPackage {
  const publicKey = env.primitives.ed25519.publicKey(identity.signaturePrivateKey);
  if (!isEqual(publicKey, identity.signaturePublicKey))
    throw new Error("assertion: an identity's public key belongs to its seed");
  const lifetime = {
    notBefore: seconds(env.now - clockSkewMs),
    notAfter: seconds(env.now + keyPackageLifetimeMs),
  };
  const input = { cipherSuite, identity: mlsIdentity(env.random, identity), lifetime };
  const made = mls.createKeyPackage(input, env);
  if (made.kind === "refused") throw new Error(`assertion: our own key package is valid: ${made.reason}`);
  return made;
}

export function publishedForm(own: mls.OwnKeyPackage): NewKeyPackage {
  return {
    keyPackage: mls.encodeMessage({ wireFormat: "key_package", keyPackage: own.keyPackage }),
    privatePart: writePrivatePart(own),
    reference: own.reference,
  };
}

/** As `publishedForm` gave it. */
export function storedKeyPackage(
  env: Pick<mls.Environment, "primitives">,
  stored: Pick<NewKeyPackage, "keyPackage" | "privatePart">,
  identity: MemberIdentity,
): mls.OwnKeyPackage {
  const keyPackage = readKeyPackage(stored.keyPackage);
  if (keyPackage === undefined) throw new Error("assertion: the stored key package can be read");
  if (!isEqual(keyPackage.leafNode.signatureKey, identity.signaturePublicKey))
    throw new Error("assertion: the stored key package is this identity's");
  return {
    keyPackage,
    reference: referenceOf(env, keyPackage),
    ...readPrivatePart(stored.privatePart),
    signaturePrivateKey: identity.signaturePrivateKey,
  };
}

/** Somebody's key package of this suite; undefined unless it is valid now (RFC 9420 §10.1, §7.3). */
export function validKeyPackage(
  env: mls.Environment,
  cipherSuite: number,
  bytes: Uint8Array,
): mls.KeyPackage | undefined {
  const keyPackage = readKeyPackage(bytes);
  if (keyPackage?.cipherSuite !== cipherSuite) return undefined;
  return mls.checkKeyPackage(keyPackage, env).kind === "valid" ? keyPackage : undefined;
}

/** What a valid one says. */
export function keyPackageInfo(
  env: Pick<mls.Environment, "primitives">,
  keyPackage: mls.KeyPackage,
): KeyPackageInfo {
  const { leafNode } = keyPackage;
  if (leafNode.source.kind !== "key_package")
    throw new Error("assertion: a key package's leaf has a lifetime");
  return {
    credential: identityOf(leafNode),
    signatureKey: leafNode.signatureKey,
    reference: referenceOf(env, keyPackage),
    expiresMs: Number(leafNode.source.lifetime.notAfter) * 1000,
  };
}

/** The certificate in a leaf. */
export function identityOf({ credential }: mls.LeafNode): Uint8Array {
  if (credential.type !== "basic") throw new Error("assertion: only basic credentials are let in");
  return credential.identity;
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function readKeyPackage(bytes: Uint8Array): mls.KeyPackage | undefined {
  if (bytes.length > keyPackageBytesMax) return undefined;
  try {
    const message = mls.decodeMessage(bytes);
    return message.wireFormat === "key_package" ? message.keyPackage : undefined;
  } catch (error) {
    if (error instanceof mls.DecodeError) return undefined;
    throw error;
  }
}

function referenceOf(env: Pick<mls.Environment, "primitives">, keyPackage: mls.KeyPackage): Uint8Array {
  const reference = mls.keyPackageReference(keyPackage, env);
  if (reference === undefined) throw new Error("assertion: key packages here are of our cipher suites");
  return reference;
}

const seconds = (ms: number): bigint => BigInt(Math.floor(ms / 1000));
