/**
 * All message keys of an epoch: the secret tree's frontier and the ratchets of the senders heard so far. This is the
 * part of a state that changes with every message; each sender's part is small and stands for itself.
 */
import { erase, NO_BYTES } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import type { Retention } from "../limits.ts";
import type { LeafIndex } from "../tree/math.ts";
import {
  nextStep,
  type Ratchet,
  type RatchetMiss,
  ratchetSecrets,
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
  if (typeof step !== "string") return advanced(opened, sender, kind, step);
  const senders = opened.senders.slice();
  senders[sender] = opened.ratchets;
  eraseStep(keys, { tree: opened.tree, senders }, sender);
  return step;
}

/** Overwrites what the step to one sender's message made, where that message turned out to be no good. */
export function eraseStep(before: MessageKeys, after: MessageKeys, sender: LeafIndex): void {
  const [former, made] = [before.senders[sender], after.senders[sender]];
  const kept = new Set<Uint8Array>(former && sendersSecrets(former));
  const secrets = made === undefined || made === former ? [] : sendersSecrets(made);
  if (after.tree !== before.tree) {
    for (const secret of before.tree.nodes.values()) kept.add(secret);
    secrets.push(...after.tree.nodes.values());
  }
  erase(secrets.filter((secret) => !kept.has(secret)));
}

function sendersSecrets({ handshake, application }: SenderRatchets): Uint8Array[] {
  return [...ratchetSecrets(handshake), ...ratchetSecrets(application)];
}

interface Opened {
  readonly tree: SecretTree;
  readonly senders: MessageKeys["senders"];
  readonly ratchets: SenderRatchets;
  /** Whether the ratchets were started here, so that no state holds their secrets yet. */
  readonly started: boolean;
}

/** A sender's ratchets, started from the secret tree where this is its first message. */
function open(suite: CipherSuite, keys: MessageKeys, leaf: LeafIndex): Opened | undefined {
  const { tree, senders } = keys;
  const known = senders[leaf];
  if (known !== undefined) return { tree, senders, ratchets: known, started: false };
  const taken = takeLeaf(suite, tree, leaf);
  if (taken === undefined) return undefined;
  const start = (kind: RatchetKind) =>
    startRatchet(suite.expandWithLabel(taken.secret, kind, NO_BYTES, suite.secretBytes));
  const ratchets = { handshake: start("handshake"), application: start("application") };
  taken.secret.fill(0);
  return { tree: taken.tree, senders, ratchets, started: true };
}

function advanced(opened: Opened, leaf: LeafIndex, kind: RatchetKind, step: RatchetStep): KeyStep {
  const senders = opened.senders.slice();
  senders[leaf] = { ...opened.ratchets, [kind]: step.ratchet };
  if (opened.started) opened.ratchets[kind].secret.fill(0);
  const { generation, messageKey, fresh } = step;
  return { keys: { tree: opened.tree, senders }, generation, messageKey, fresh };
}
