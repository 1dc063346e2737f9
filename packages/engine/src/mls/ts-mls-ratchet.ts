/**
 * Where a message's key stands in its sender's ratchet (RFC 9420 §9.1). Asked before ts-mls decrypts, because it has
 * one error for several causes, and takes a long way forward so slowly that a forged message could stop the engine.
 */
import type { CiphersuiteImpl, ClientState, SecretTree } from "ts-mls";
import { deriveTreeSecret } from "ts-mls/crypto/kdf.js";
import { skippedGenerationsMax, skippedKeysMax } from "./limits.ts";
import { assert } from "./ts-mls-checks.ts";

/** Which key: the sender data of a message names it. */
export interface KeyPosition {
  readonly leafIndex: number;
  readonly generation: number;
}

/** Why the key cannot be had, if so. */
export function generationFault(
  state: ClientState,
  { leafIndex, generation }: KeyPosition,
): "duplicate" | "too-far-ahead" | undefined {
  const ratchet = applicationRatchet(state.secretTree, leafIndex);
  if (generation < ratchet.generation) {
    return ratchet.unusedGenerations[generation] === undefined ? "duplicate" : undefined;
  }
  return generation - ratchet.generation > skippedGenerationsMax ? "too-far-ahead" : undefined;
}

/** The state moved forward past those keys that decrypting the message would derive and drop at once. */
export async function withoutHopelessKeys(
  state: ClientState,
  { leafIndex, generation }: KeyPosition,
  suite: CiphersuiteImpl,
): Promise<ClientState> {
  const ratchet = applicationRatchet(state.secretTree, leafIndex);
  const firstKept = generation - skippedKeysMax;
  if (firstKept <= ratchet.generation) return state;
  let secret = ratchet.secret;
  for (let at = ratchet.generation; at < firstKept; at++) {
    const next = await deriveTreeSecret(secret, "secret", at, suite.kdf.size, suite.kdf);
    secret.fill(0);
    secret = next;
  }
  const application = { secret, generation: firstKept, unusedGenerations: {} };
  const secretTree = state.secretTree.map((node, index) =>
    index === nodeIndex(leafIndex) ? { ...node, application } : node,
  );
  return { ...state, secretTree };
}

function applicationRatchet(tree: SecretTree, leafIndex: number): SecretTree[number]["application"] {
  const node = tree[nodeIndex(leafIndex)];
  assert(node !== undefined, "the secret tree has every member");
  return node.application;
}

/** RFC 9420 appendix C. */
function nodeIndex(leafIndex: number): number {
  return 2 * leafIndex;
}
