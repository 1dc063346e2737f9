/**
 * A sender's hash ratchet (RFC 9420 §9.1): one key and nonce per generation, each used once. Secrets that belong to
 * the ratchet one came from are left alone, since that one may yet be needed; secrets passed on the way are erased here.
 */
import type { CipherSuite } from "../crypto/suite.ts";
import type { Retention } from "../limits.ts";

export interface Ratchet {
  /** The generation that `secret` makes; all before it are used, skipped or dropped. */
  readonly generation: number;
  readonly secret: Uint8Array;
  /** Generations that were passed over, oldest first: their messages may still come. */
  readonly skipped: ReadonlyMap<number, MessageKey>;
}

export interface MessageKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

export interface RatchetStep {
  readonly ratchet: Ratchet;
  readonly generation: number;
  readonly messageKey: MessageKey;
  /** Whether the message key was made now, so that its user erases it; kept ones belong to the former ratchet. */
  readonly fresh: boolean;
}

export function startRatchet(secret: Uint8Array): Ratchet {
  return { generation: 0, secret, skipped: new Map() };
}

/** The sender's next key. */
export function nextStep(suite: CipherSuite, ratchet: Ratchet): RatchetStep {
  const { generation, secret } = ratchet;
  return {
    ratchet: { ...ratchet, generation: generation + 1, secret: secretAfter(suite, secret, generation) },
    generation,
    messageKey: keyAt(suite, secret, generation),
    fresh: true,
  };
}

export type RatchetMiss = "message.generation-used" | "message.generation-far";

/** The key of a generation that a message names; the generations passed over on the way are kept for later. */
export function stepTo(
  suite: CipherSuite,
  ratchet: Ratchet,
  generation: number,
  retention: Retention,
): RatchetStep | RatchetMiss {
  if (generation < ratchet.generation) {
    const messageKey = ratchet.skipped.get(generation);
    if (messageKey === undefined) return "message.generation-used";
    const skipped = new Map(ratchet.skipped);
    skipped.delete(generation);
    return { ratchet: { ...ratchet, skipped }, generation, messageKey, fresh: false };
  }
  if (generation - ratchet.generation > retention.forwardGenerations) return "message.generation-far";
  const skipped = new Map(ratchet.skipped);
  let secret = ratchet.secret;
  for (let at = ratchet.generation; ; at += 1) {
    const messageKey = generation - at <= retention.skippedGenerations ? keyAt(suite, secret, at) : undefined;
    const next = secretAfter(suite, secret, at);
    if (at > ratchet.generation) secret.fill(0);
    secret = next;
    // Of what is further back than is kept nothing but the next secret is made: a forger names far generations.
    if (messageKey === undefined) continue;
    if (at === generation) {
      dropOldest(skipped, retention.skippedGenerations);
      return { ratchet: { generation: at + 1, secret, skipped }, generation, messageKey, fresh: true };
    }
    skipped.set(at, messageKey);
  }
}

/** What is secret in a ratchet. */
export function ratchetSecrets({ secret, skipped }: Ratchet): Uint8Array[] {
  return [secret, ...[...skipped.values()].flatMap(({ key, nonce }) => [key, nonce])];
}

function dropOldest(skipped: Map<number, MessageKey>, most: number): void {
  for (const generation of skipped.keys()) {
    if (skipped.size <= most) return;
    skipped.delete(generation);
  }
}

function keyAt(suite: CipherSuite, secret: Uint8Array, generation: number): MessageKey {
  return {
    key: suite.deriveTreeSecret(secret, "key", generation, suite.keyBytes),
    nonce: suite.deriveTreeSecret(secret, "nonce", generation, suite.nonceBytes),
  };
}

function secretAfter(suite: CipherSuite, secret: Uint8Array, generation: number): Uint8Array {
  return suite.deriveTreeSecret(secret, "secret", generation, suite.secretBytes);
}
