/**
 * All message keys of an epoch: the secret tree's frontier and the ratchets of the senders heard so far. This is the
 * part of a state that changes with every message; each sender's part is small and stands for itself.
 */
import type { CipherSuite } from "../crypto/suite.ts";
import type { Retention } from "../limits.ts";
import { leafWidth, type LeafIndex } from "../tree/math.ts";
import { nextStep, type Ratchet, type RatchetMiss, type RatchetStep, startRatchet, stepTo } from "./ratchet.ts";
import { type SecretTree, secretTree, takeLeaf } from "./secret-tree.ts";

/** Proposals and Commits run on one ratchet, application data on another (RFC 9420 §9.1). */
export type RatchetKind = "handshake" | "application";

export type SenderRatchets = Readonly<Record<RatchetKind, Ratchet>>;

export interface MessageKeys {
  readonly tree: SecretTree;
  /** By leaf; undefined until the sender's first message. */
  readonly senders: readonly (SenderRatchets | undefined)[];
}

export interface KeyStep extends Omit<RatchetStep, "ratchet"> {
  readonly keys: MessageKeys;
}

export function messageKeys(leaves: number, encryptionSecret: Uint8Array): MessageKeys {
  const senders = new Array<SenderRatchets | undefined>(leaves).fill(undefined);
  return { tree: secretTree(leaves, encryptionSecret), senders };
}

/** Our own next key of this kind. */
export function nextKey(suite: CipherSuite, keys: MessageKeys, own: LeafIndex, kind: RatchetKind): KeyStep {
  const opened = open(suite, keys, own);
  if (opened === undefined) throw new Error("our own leaf has no place in the secret tree");
  return advanced(opened, own, kind, nextStep(suite, opened.ratchets[kind]));
}

/** The key that a received message names. */
export function keyFor(
  suite: CipherSuite,
  keys: MessageKeys,
  sender: LeafIndex,
  kind: RatchetKind,
  generation: number,
  retention: Retention,
): KeyStep | RatchetMiss {
  const opened = open(suite, keys, sender);
  if (opened === undefined) return "message.generation-used";
  const step = stepTo(suite, opened.ratchets[kind], generation, retention);
  return typeof step === "string" ? step : advanced(opened, sender, kind, step);
}

interface Opened {
  readonly keys: MessageKeys;
  readonly ratchets: SenderRatchets;
  readonly consumed: readonly Uint8Array[];
}

const NOTHING = new Uint8Array(0);

/** A sender's ratchets, started from the secret tree where this is its first message. */
function open(suite: CipherSuite, keys: MessageKeys, leaf: LeafIndex): Opened | undefined {
  const known = keys.senders[leaf];
  if (known !== undefined) return { keys, ratchets: known, consumed: [] };
  if (leaf >= leafWidth(keys.tree.nodes.length)) return undefined;
  const taken = takeLeaf(suite, keys.tree, leaf);
  if (taken === undefined) return undefined;
  const derive = (kind: RatchetKind) =>
    startRatchet(suite.expandWithLabel(taken.secret, kind, NOTHING, suite.secretBytes));
  return {
    keys: { tree: taken.tree, senders: keys.senders },
    ratchets: { handshake: derive("handshake"), application: derive("application") },
    consumed: [...taken.consumed, taken.secret],
  };
}

function advanced(opened: Opened, leaf: LeafIndex, kind: RatchetKind, step: RatchetStep): KeyStep {
  const senders = opened.keys.senders.slice();
  senders[leaf] = { ...opened.ratchets, [kind]: step.ratchet };
  const { generation, messageKey } = step;
  const consumed = [...opened.consumed, ...step.consumed];
  return { keys: { tree: opened.keys.tree, senders }, generation, messageKey, consumed };
}

/** Every secret in it, for erasing an epoch as a whole. */
export function secretsIn(keys: MessageKeys): Uint8Array[] {
  const found = keys.tree.nodes.filter((node) => node !== undefined);
  for (const sender of keys.senders) {
    for (const ratchet of sender === undefined ? [] : [sender.handshake, sender.application]) {
      found.push(ratchet.secret);
      for (const { key, nonce } of ratchet.skipped.values()) found.push(key, nonce);
    }
  }
  return found;
}

