/**
 * All message keys of an epoch: the secret tree's frontier and the ratchets of the senders heard so far. This is the
 * part of a state that changes with every message; each sender's part is small and stands for itself.
 */
import { NO_BYTES } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import type { Retention } from "../limits.ts";
import type { LeafIndex } from "../tree/math.ts";
import {
  nextStep,
  type Ratchet,
  type RatchetMiss,
  type RatchetStep,
  startRatchet,
  stepTo,
} from "./ratchet.ts";
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
  readonly tree: SecretTree;
  readonly senders: MessageKeys["senders"];
  readonly ratchets: SenderRatchets;
}

/** A sender's ratchets, started from the secret tree where this is its first message. */
function open(suite: CipherSuite, keys: MessageKeys, leaf: LeafIndex): Opened | undefined {
  const { tree, senders } = keys;
  const known = senders[leaf];
  if (known !== undefined) return { tree, senders, ratchets: known };
  const taken = takeLeaf(suite, tree, leaf);
  if (taken === undefined) return undefined;
  const start = (kind: RatchetKind) =>
    startRatchet(suite.expandWithLabel(taken.secret, kind, NO_BYTES, suite.secretBytes));
  const ratchets = { handshake: start("handshake"), application: start("application") };
  taken.secret.fill(0);
  return { tree: taken.tree, senders, ratchets };
}

function advanced(opened: Opened, leaf: LeafIndex, kind: RatchetKind, step: RatchetStep): KeyStep {
  const senders = opened.senders.slice();
  senders[leaf] = { ...opened.ratchets, [kind]: step.ratchet };
  const { generation, messageKey, fresh } = step;
  return { keys: { tree: opened.tree, senders }, generation, messageKey, fresh };
}
