/** Key packages of our own (RFC 9420 §10), with the private keys that go with them. */
import { erase } from "../codec/bytes.ts";
import { encode } from "../codec/codec.ts";
import type { RandomSource } from "../crypto/primitives.ts";
import { SUITE_IDS } from "../crypto/suites.ts";
import { check } from "../rules.ts";
import { appDataExtension, COMPONENT, componentIds } from "../wire/app-data.ts";
import type { Capabilities } from "../wire/capabilities.ts";
import { type Credential, credentialType } from "../wire/credential.ts";
import { EXTENSION, type Extension } from "../wire/extension.ts";
import { type KeyPackage, keyPackageRef, signKeyPackage } from "../wire/key-package.ts";
import { signLeafNode } from "../wire/leaf-node.ts";
import type { Lifetime } from "../wire/lifetime.ts";
import { PROPOSAL_TYPE } from "../wire/proposal-type.ts";
import { MLS10 } from "../wire/version.ts";
import { type Environment, requireSuite } from "./environment.ts";
import { checkKeyPackage } from "./leaf-check.ts";

/** A client as it signs for itself in every group. */
export interface Identity {
  readonly credential: Credential;
  readonly signaturePrivateKey: Uint8Array;
  readonly capabilities: Capabilities;
  /** Extensions of its leaf nodes. */
  readonly extensions: readonly Extension[];
}

export interface OwnKeyPackage {
  readonly keyPackage: KeyPackage;
  readonly reference: Uint8Array;
  readonly initPrivateKey: Uint8Array;
  readonly leafPrivateKey: Uint8Array;
  readonly signaturePrivateKey: Uint8Array;
}

export interface KeyPackageInput {
  readonly cipherSuite: number;
  readonly identity: Identity;
  readonly lifetime: Lifetime;
  /** Marked as one that may be used more than once (draft-ietf-mls-extensions §6.4). */
  readonly isLastResort?: boolean;
}

/** Throws Refusal where what it would make is no valid key package. */
export function createKeyPackage(env: Environment, input: KeyPackageInput): OwnKeyPackage {
  const { identity, lifetime } = input;
  const suite = requireSuite(env, input.cipherSuite, "key-package.version-and-suite");
  const [init, leafKey] = [suite.generateKeyPair(env.random), suite.generateKeyPair(env.random)];
  const leafNode = signLeafNode(suite, identity.signaturePrivateKey, {
    encryptionKey: leafKey.publicKey,
    signatureKey: suite.signaturePublicKey(identity.signaturePrivateKey),
    credential: identity.credential,
    capabilities: identity.capabilities,
    source: { kind: "key_package", lifetime },
    extensions: identity.extensions,
  });
  const marked = [
    appDataExtension([{ componentId: COMPONENT.lastResortKeyPackage, data: new Uint8Array(0) }]),
  ];
  const keyPackage = signKeyPackage(suite, identity.signaturePrivateKey, {
    version: MLS10,
    cipherSuite: suite.id,
    initKey: init.publicKey,
    leafNode,
    extensions: input.isLastResort === true ? marked : [],
  });
  checkKeyPackage({ suite, policy: env.policy, now: env.now, sending: true }, keyPackage);
  return {
    keyPackage,
    reference: keyPackageRef(suite, keyPackage),
    initPrivateKey: init.privateKey,
    leafPrivateKey: leafKey.privateKey,
    signaturePrivateKey: identity.signaturePrivateKey,
  };
}

/** Refuses a key package that we were given and may not use (RFC 9420 §10.1). Throws Refusal. */
export function validateKeyPackage(env: Environment, keyPackage: KeyPackage): void {
  const suite = requireSuite(env, keyPackage.cipherSuite, "key-package.version-and-suite");
  check(keyPackage.leafNode.source.kind === "key_package", "leaf.source");
  checkKeyPackage({ suite, policy: env.policy, now: env.now, sending: true }, keyPackage);
}

/** RFC 9420 §10, §16.8: once it has been used to join, unless it is a last resort. */
export function eraseKeyPackage(own: OwnKeyPackage): void {
  erase([own.initPrivateKey, own.leafPrivateKey]);
}

/**
 * All that this package understands, with one reserved value in each list so that others learn to ignore it (§13.5).
 * A leaf with these capabilities also carries `supportedComponents` (draft-ietf-mls-extensions §4.5).
 */
export function ownCapabilities(random: RandomSource, credential: Credential): Capabilities {
  const grease = (): number => (random.bytes(1)[0]! % 15) * 0x1010 + 0x0a0a;
  const { app_data_update, app_ephemeral, self_remove } = PROPOSAL_TYPE;
  return {
    versions: [MLS10],
    cipherSuites: [...SUITE_IDS, grease()],
    extensions: [EXTENSION.appDataDictionary, grease()],
    proposals: [app_data_update, app_ephemeral, self_remove, grease()],
    credentials: [credentialType(credential), grease()],
  };
}

/** The leaf extension that names the components that a client supports (draft-ietf-mls-extensions §5). */
export function supportedComponents(components: readonly number[]): Extension {
  const listed = [COMPONENT.appComponents, ...components].toSorted((a, b) => a - b);
  return appDataExtension([{ componentId: COMPONENT.appComponents, data: encode(componentIds, listed) }]);
}
