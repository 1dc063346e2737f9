/** The key schedule (RFC 9420 §8): from one epoch's init secret to the next epoch's secrets. */
import type { KeyPair } from "../crypto/kem.ts";
import type { CipherSuite } from "../crypto/suite.ts";

/** What an epoch is run with. Those that RFC 9420 §9.2 wants gone at once are not here. */
export interface EpochSecrets {
  readonly senderDataSecret: Uint8Array;
  readonly exporterSecret: Uint8Array;
  readonly externalSecret: Uint8Array;
  readonly confirmationKey: Uint8Array;
  readonly membershipKey: Uint8Array;
  readonly resumptionPsk: Uint8Array;
  readonly epochAuthenticator: Uint8Array;
  readonly initSecret: Uint8Array;
}

export interface EpochStart {
  readonly joinerSecret: Uint8Array;
  readonly welcomeSecret: Uint8Array;
  /** The root of the secret tree (§9). */
  readonly encryptionSecret: Uint8Array;
  /** The root of the exporter tree (draft-ietf-mls-extensions §4.4). */
  readonly applicationExportSecret: Uint8Array;
  readonly secrets: EpochSecrets;
}

export interface EpochInput {
  readonly initSecret: Uint8Array;
  readonly commitSecret: Uint8Array;
  readonly pskSecret: Uint8Array;
  /** The new epoch's encoded GroupContext. */
  readonly groupContext: Uint8Array;
}

export function startEpoch(suite: CipherSuite, input: EpochInput): EpochStart {
  const mixed = suite.extract(input.initSecret, input.commitSecret);
  const joinerSecret = suite.expandWithLabel(mixed, "joiner", input.groupContext, suite.secretBytes);
  mixed.fill(0);
  return startFromJoiner(suite, joinerSecret, input.pskSecret, input.groupContext);
}

/** The way of a new member, who learns the joiner secret from its Welcome. */
export function startFromJoiner(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  groupContext: Uint8Array,
): EpochStart {
  const intermediate = suite.extract(joinerSecret, pskSecret);
  const epochSecret = suite.expandWithLabel(intermediate, "epoch", groupContext, suite.secretBytes);
  const start = startFromEpochSecret(suite, epochSecret);
  const welcomeSecret = suite.deriveSecret(intermediate, "welcome");
  intermediate.fill(0);
  epochSecret.fill(0);
  return { joinerSecret, welcomeSecret, ...start };
}

/** All that an epoch secret makes; the group's creator begins here (§11). */
export function startFromEpochSecret(
  suite: CipherSuite,
  epochSecret: Uint8Array,
): Omit<EpochStart, "joinerSecret" | "welcomeSecret"> {
  const derive = (label: string) => suite.deriveSecret(epochSecret, label);
  return {
    encryptionSecret: derive("encryption"),
    applicationExportSecret: derive("application_export"),
    secrets: {
      senderDataSecret: derive("sender data"),
      exporterSecret: derive("exporter"),
      externalSecret: derive("external"),
      confirmationKey: derive("confirm"),
      membershipKey: derive("membership"),
      resumptionPsk: derive("resumption"),
      epochAuthenticator: derive("authentication"),
      initSecret: derive("init"),
    },
  };
}

/** The welcome secret alone, before the GroupContext is known (§12.4.3.1). */
export function welcomeSecretOf(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Uint8Array {
  const intermediate = suite.extract(joinerSecret, pskSecret);
  const secret = suite.deriveSecret(intermediate, "welcome");
  intermediate.fill(0);
  return secret;
}

/** The key pair whose public part a GroupInfo offers to external joiners (§8). */
export function externalKeyPair(suite: CipherSuite, secrets: EpochSecrets): KeyPair {
  return suite.deriveKeyPair(secrets.externalSecret);
}

/** MLS-Exporter (§8.5). */
export function mlsExporter(
  suite: CipherSuite,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const derived = suite.deriveSecret(exporterSecret, label);
  const exported = suite.expandWithLabel(derived, "exported", suite.hash(context), length);
  derived.fill(0);
  return exported;
}
