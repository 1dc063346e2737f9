/** Validation of leaf nodes (RFC 9420 §7.3) and key packages (§10.1). */
import { equal } from "../codec/bytes.ts";
import { check } from "../rules.ts";
import { type LeafIndex, leafIndex } from "../tree/math.ts";
import { encryptionKeyOf, leafAt, members, type RatchetTree } from "../tree/ratchet-tree.ts";
import { supportsCredential, supportsExtension, supportsRequired } from "../wire/capabilities.ts";
import { type Credential, credentialType } from "../wire/credential.ts";
import { EXTENSION, type Extension, findExtension } from "../wire/extension.ts";
import { type KeyPackage, keyPackageSignatureIsValid } from "../wire/key-package.ts";
import { type LeafNode, leafNodeSignatureIsValid, type LeafPlace } from "../wire/leaf-node.ts";
import type { Lifetime } from "../wire/lifetime.ts";
import { requiredCapabilities } from "../wire/required-capabilities.ts";
import { MLS10 } from "../wire/version.ts";
import type { Scope } from "./environment.ts";

/** What a leaf must satisfy by itself, wherever it stands. `place` is needed for leaves of updates and commits. */
export function checkLeaf(scope: Scope, leaf: LeafNode, place: LeafPlace | undefined): void {
  const { suite, policy } = scope;
  check(suite.isPublicKey(leaf.encryptionKey), "leaf.encryption-key-form");
  checkLists(leaf.extensions);
  const { capabilities } = leaf;
  const listed = capabilities.versions.includes(MLS10) && capabilities.cipherSuites.includes(suite.id);
  check(listed, "leaf.version-and-suite");
  check(supportsCredential(capabilities, leaf.credential), "leaf.own-credential-listed");
  const known = leaf.extensions.every(({ type }) => supportsExtension(capabilities, type));
  check(known, "leaf.extensions-listed");
  if (leaf.source.kind === "key_package") checkLifetime(scope, leaf.source.lifetime);
  check(leafNodeSignatureIsValid(suite, leaf, place), "leaf.signature");
  check(policy.acceptsCredential(leaf.credential, leaf.signatureKey), "leaf.credential");
}

/** §7.2, §7.3: finite always; on receipt against the clock only where the policy says so. */
function checkLifetime(scope: Scope, lifetime: Lifetime): void {
  const { policy, sending, now } = scope;
  const span = lifetime.notAfter - lifetime.notBefore;
  check(span >= 0n && span <= policy.lifetimeSecondsMax, "leaf.lifetime-length");
  if (!sending && !policy.checksLifetimeOnReceipt) return;
  const seconds = BigInt(Math.floor(now / 1000));
  check(lifetime.notBefore <= seconds && seconds <= lifetime.notAfter, "leaf.lifetime");
}

/** §13.4: one extension of a type. */
export function checkLists(list: readonly Extension[]): void {
  const types = new Set(list.map((extension) => extension.type));
  check(types.size === list.length, "extensions.duplicate");
}

export function checkKeyPackage(scope: Scope, kp: KeyPackage): void {
  const { suite } = scope;
  check(kp.version === MLS10 && kp.cipherSuite === suite.id, "key-package.version-and-suite");
  check(kp.leafNode.source.kind === "key_package", "leaf.source");
  checkLeaf(scope, kp.leafNode, undefined);
  checkLists(kp.extensions);
  const { capabilities } = kp.leafNode;
  const listed = kp.extensions.every(({ type }) => supportsExtension(capabilities, type));
  check(listed, "key-package.extensions-listed");
  const usable = suite.isPublicKey(kp.initKey) && !equal(kp.initKey, kp.leafNode.encryptionKey);
  check(usable, "key-package.init-key");
  check(keyPackageSignatureIsValid(suite, kp), "key-package.signature");
}

/** What new leaves and the others must grant each other (§7.3), over the tree as it will be. */
export function checkLeavesInGroup(
  tree: RatchetTree,
  groupExtensions: readonly Extension[],
  fresh: ReadonlySet<LeafIndex>,
): void {
  const required = findExtension(groupExtensions, EXTENSION.requiredCapabilities, requiredCapabilities);
  const inUse = new Set<number>();
  const freshTypes = new Map<number, Credential>();
  const all = [...members(tree)];
  for (const { index, leaf } of all) {
    inUse.add(credentialType(leaf.credential));
    if (fresh.has(index)) freshTypes.set(credentialType(leaf.credential), leaf.credential);
  }
  for (const { index, leaf } of all) {
    const { capabilities } = leaf;
    const supportsAll = [...freshTypes.keys()].every((type) => capabilities.credentials.includes(type));
    check(supportsAll, "leaf.credential-supported");
    if (!fresh.has(index)) continue;
    check(
      [...inUse].every((type) => capabilities.credentials.includes(type)),
      "leaf.supports-credentials",
    );
    check(required === undefined || supportsRequired(capabilities, required), "leaf.required-capabilities");
    const supported = groupExtensions.every(({ type }) => supportsExtension(capabilities, type));
    check(supported, "leaf.group-extensions");
  }
}

/** §7.3: the keys of new leaves against every other node of the tree as it will be. */
export function checkFreshKeys(tree: RatchetTree, fresh: ReadonlySet<LeafIndex>): void {
  const encryption = new Keys();
  const signature = new Keys();
  for (const index of fresh) {
    const leaf = leafAt(tree, index);
    if (leaf === undefined) continue;
    check(encryption.add(leaf.encryptionKey), "leaf.encryption-key-unique");
    check(signature.add(leaf.signatureKey), "leaf.signature-key-unique");
  }
  tree.nodes.forEach((node, at) => {
    if (node === undefined || (at % 2 === 0 && fresh.has(leafIndex(at / 2)))) return;
    check(!encryption.has(encryptionKeyOf(node)), "leaf.encryption-key-unique");
    if (node.kind === "leaf") check(!signature.has(node.leaf.signatureKey), "leaf.signature-key-unique");
  });
}

/** Keys by their first octets: those of a whole tree are looked up, and hybrid ones are long. */
class Keys {
  readonly #byHead = new Map<number, Uint8Array[]>();

  /** False where it is there already. */
  add(key: Uint8Array): boolean {
    if (this.has(key)) return false;
    const alike = this.#byHead.get(headOf(key));
    if (alike === undefined) this.#byHead.set(headOf(key), [key]);
    else alike.push(key);
    return true;
  }

  has(key: Uint8Array): boolean {
    return this.#byHead.get(headOf(key))?.some((other) => equal(other, key)) === true;
  }
}

function headOf(key: Uint8Array): number {
  return (key[0] ?? 0) | ((key[1] ?? 0) << 8) | ((key[2] ?? 0) << 16) | ((key[3] ?? 0) << 24);
}
