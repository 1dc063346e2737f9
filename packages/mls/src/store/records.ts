/**
 * A state as records for a database: `key → bytes`, where a step rewrites only what it changed. Tree and context are
 * written once an epoch, secrets once, and a message touches its sender's record and at most a branch of the secret
 * tree. Deleting and overwriting these records is what makes forward secrecy real, so every step's `remove` belongs in
 * the same transaction as its `put`. Records are trusted on reading: they are our own.
 */
import { type Codec, encode } from "../codec/codec.ts";
import type { GroupState, PastEpoch } from "../group/state.ts";
import type { MessageKeys, RatchetKind } from "../schedule/message-keys.ts";
import { ratchetTree } from "../tree/ratchet-tree.ts";
import {
  currentSecrets,
  epochContext,
  formerSecrets,
  head,
  headOf,
  messageKey,
  type OwnKeys,
  pendingProposal,
  privateKeys,
  secret,
  senderRecord,
  senderRecordOf,
} from "./record-codecs.ts";

export interface RecordChanges {
  readonly put: ReadonlyMap<string, Uint8Array>;
  readonly remove: readonly string[];
}

/** What a store must do to go from `before` (undefined: nothing stored) to `after`, in one transaction. */
export function recordChanges(before: GroupState | undefined, after: GroupState): RecordChanges {
  const changes = new Changes();
  // All that the head says changes with the epoch alone, and so does this hash.
  const epochOf = (state: GroupState | undefined) => state?.interimTranscriptHash;
  changes.compare("head", epochOf(before), epochOf(after), () => encode(head, headOf(after)));
  const former = new Map(
    before === undefined ? [] : storedEpochs(before).map((epoch) => [epoch.number, epoch]),
  );
  for (const epoch of storedEpochs(after)) {
    epochChanges(changes, epoch.number, former.get(epoch.number), epoch);
    former.delete(epoch.number);
  }
  for (const gone of former.values()) epochChanges(changes, gone.number, gone, undefined);
  mapChanges(changes, "export", before?.exporterTree.nodes, after.exporterTree.nodes, secret);
  proposalChanges(changes, before, after);
  return changes;
}

class Changes implements RecordChanges {
  readonly put = new Map<string, Uint8Array>();
  readonly remove: string[] = [];

  /** Writes the record where it comes from another object than before; removes it where there is none now. */
  compare(key: string, before: object | undefined, after: object | undefined, bytes: () => Uint8Array): void {
    if (before === after) return;
    if (after === undefined) this.remove.push(key);
    else this.put.set(key, bytes());
  }
}

/** An epoch as it is stored: the current one with all its secrets, former ones with what opens late messages. */
interface StoredEpoch extends Pick<PastEpoch, "context" | "tree" | "messageKeys"> {
  readonly number: bigint;
  /** An object that is another when the secrets to store are, and their record. */
  readonly secrets: object;
  readonly secretBytes: () => Uint8Array;
  readonly own: OwnKeys | undefined;
}

function storedEpochs(state: GroupState): StoredEpoch[] {
  const { context, tree, messageKeys, secrets } = state;
  const current: StoredEpoch = {
    number: context.epoch,
    context,
    tree,
    messageKeys,
    secrets,
    secretBytes: () => encode(currentSecrets, secrets),
    own: state,
  };
  const past = state.past.map((former): StoredEpoch => ({
    ...former,
    number: former.context.epoch,
    // Another object than the current epoch's: an epoch that has passed is written again with less in it.
    secrets: former.senderDataSecret,
    secretBytes: () => encode(formerSecrets, former),
    own: undefined,
  }));
  return [current, ...past];
}

function epochChanges(
  changes: Changes,
  number: bigint,
  before: StoredEpoch | undefined,
  after: StoredEpoch | undefined,
): void {
  const at = `epoch/${number}`;
  changes.compare(`${at}/context`, before?.context, after?.context, () =>
    encode(epochContext, after!.context),
  );
  changes.compare(`${at}/tree`, before?.tree, after?.tree, () => encode(ratchetTree, after!.tree));
  changes.compare(`${at}/secrets`, before?.secrets, after?.secrets, () => after!.secretBytes());
  const keysOf = (epoch: StoredEpoch | undefined) => epoch?.own?.privateKeys;
  changes.compare(`${at}/keys`, keysOf(before), keysOf(after), () => encode(privateKeys, after!.own!));
  messageKeyChanges(changes, at, before?.messageKeys, after?.messageKeys);
}

function messageKeyChanges(
  changes: Changes,
  prefix: string,
  before: MessageKeys | undefined,
  after: MessageKeys | undefined,
): void {
  if (before === after) return;
  mapChanges(changes, `${prefix}/node`, before?.tree.nodes, after?.tree.nodes, secret);
  if (before?.senders === after?.senders) return;
  const leaves = Math.max(before?.senders.length ?? 0, after?.senders.length ?? 0);
  for (let leaf = 0; leaf < leaves; leaf += 1) {
    const [then, now] = [before?.senders[leaf], after?.senders[leaf]];
    if (then === now) continue;
    changes.compare(`${prefix}/sender/${leaf}`, then, now, () => encode(senderRecord, senderRecordOf(now!)));
    for (const kind of ["handshake", "application"] as const) {
      const folder = `${prefix}/skipped/${leaf}/${KIND[kind]}`;
      mapChanges(changes, folder, then?.[kind].skipped, now?.[kind].skipped, messageKey);
    }
  }
}

export const KIND: Readonly<Record<RatchetKind, string>> = { handshake: "h", application: "a" };

/** One record an entry of a map whose values never change in place. */
function mapChanges<V>(
  changes: Changes,
  prefix: string,
  before: ReadonlyMap<number, V> | undefined,
  after: ReadonlyMap<number, V> | undefined,
  codec: Codec<V>,
): void {
  if (before === after) return;
  for (const [key, value] of after ?? []) {
    if (before?.get(key) !== value) changes.put.set(`${prefix}/${key}`, encode(codec, value));
  }
  for (const key of before?.keys() ?? [])
    if (after?.has(key) !== true) changes.remove.push(`${prefix}/${key}`);
}

/** Proposals are only added until the epoch ends: their place in the order of arrival is their key. */
function proposalChanges(changes: Changes, before: GroupState | undefined, after: GroupState): void {
  if (before?.proposals === after.proposals) return;
  const [then, now] = [[...(before?.proposals.values() ?? [])], [...after.proposals.values()]];
  for (let i = 0; i < Math.max(then.length, now.length); i += 1) {
    changes.compare(`proposal/${i}`, then[i], now[i], () => encode(pendingProposal, now[i]!));
  }
}
