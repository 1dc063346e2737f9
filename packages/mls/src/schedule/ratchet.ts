/** A sender's hash ratchet (RFC 9420 §9.1): one key and nonce per generation, each used once. */
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
  /** To be erased once the new ratchet is stored; the message key is among them. */
  readonly consumed: readonly Uint8Array[];
}

export function startRatchet(secret: Uint8Array): Ratchet {
  return { generation: 0, secret, skipped: new Map() };
}

/** The sender's next key. */
export function nextStep(suite: CipherSuite, ratchet: Ratchet): RatchetStep {
  const { messageKey, next } = turn(suite, ratchet.secret, ratchet.generation);
  return {
    ratchet: { ...ratchet, generation: ratchet.generation + 1, secret: next },
    generation: ratchet.generation,
    messageKey,
    consumed: [ratchet.secret, messageKey.key, messageKey.nonce],
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
    const consumed = [messageKey.key, messageKey.nonce];
    return { ratchet: { ...ratchet, skipped }, generation, messageKey, consumed };
  }
  if (generation - ratchet.generation > retention.forwardGenerations) return "message.generation-far";
  const skipped = new Map(ratchet.skipped);
  const consumed: Uint8Array[] = [];
  let secret = ratchet.secret;
  for (let at = ratchet.generation; ; at += 1) {
    consumed.push(secret);
    const { messageKey, next } = turn(suite, secret, at);
    secret = next;
    if (at === generation) {
      consumed.push(messageKey.key, messageKey.nonce, ...trim(skipped, retention));
      return { ratchet: { generation: at + 1, secret, skipped }, generation, messageKey, consumed };
    }
    skipped.set(at, messageKey);
  }
}

/** Drops the oldest skipped keys above the bound; returns what was dropped. */
function trim(skipped: Map<number, MessageKey>, retention: Retention): Uint8Array[] {
  const dropped: Uint8Array[] = [];
  for (const [generation, { key, nonce }] of skipped) {
    if (skipped.size <= retention.skippedGenerations) break;
    skipped.delete(generation);
    dropped.push(key, nonce);
  }
  return dropped;
}

function turn(
  suite: CipherSuite,
  secret: Uint8Array,
  generation: number,
): { readonly messageKey: MessageKey; readonly next: Uint8Array } {
  return {
    messageKey: {
      key: suite.deriveTreeSecret(secret, "key", generation, suite.keyBytes),
      nonce: suite.deriveTreeSecret(secret, "nonce", generation, suite.nonceBytes),
    },
    next: suite.deriveTreeSecret(secret, "secret", generation, suite.secretBytes),
  };
}
