/** A state read back from its records. What is missing or malformed there is our own fault, and thrown. */
import { keyOf } from "../codec/bytes.ts";
import { type Codec, decode } from "../codec/codec.ts";
import { EXPORTER_LEAVES } from "../group/epoch.ts";
import type { GroupState, PastEpoch, PendingProposal } from "../group/state.ts";
import type { MessageKeys, RatchetKind, SenderRatchets } from "../schedule/message-keys.ts";
import type { MessageKey, Ratchet } from "../schedule/ratchet.ts";
import { nodeIndex, type NodeIndex } from "../tree/math.ts";
import { leafCount, ratchetTree } from "../tree/ratchet-tree.ts";
import {
  currentSecrets,
  epochContext,
  formerSecrets,
  head,
  messageKey,
  pendingProposal,
  privateKeys,
  secret,
  senderRecord,
} from "./record-codecs.ts";
import { KIND } from "./records.ts";

/** The state whose `recordChanges` added up to these records. */
export function restoreState(records: Iterable<readonly [string, Uint8Array]>): GroupState {
  const all = new Map(records);
  const { epoch, past, ownLeaf, interimTranscriptHash, confirmationTag, reinit } = one(all, "head", head);
  const prefix = `epoch/${epoch}`;
  const tree = one(all, `${prefix}/tree`, ratchetTree);
  const keysOf = messageKeysReader(all);
  return {
    context: one(all, `${prefix}/context`, epochContext),
    tree,
    interimTranscriptHash,
    confirmationTag,
    secrets: one(all, `${prefix}/secrets`, currentSecrets),
    ownLeaf,
    ...one(all, `${prefix}/keys`, privateKeys),
    messageKeys: keysOf(prefix, leafCount(tree)),
    exporterTree: { leaves: EXPORTER_LEAVES, nodes: nodes(entries(all), "export") },
    proposals: proposals(all),
    past: past.map((former): PastEpoch => {
      const at = `epoch/${former}`;
      const formerTree = one(all, `${at}/tree`, ratchetTree);
      return {
        context: one(all, `${at}/context`, epochContext),
        tree: formerTree,
        ...one(all, `${at}/secrets`, formerSecrets),
        messageKeys: keysOf(at, leafCount(formerTree)),
      };
    }),
    reinit,
  };
}

type Records = ReadonlyMap<string, Uint8Array>;

function one<T>(records: Records, key: string, codec: Codec<T>): T {
  const bytes = records.get(key);
  if (bytes === undefined) throw new Error(`the stored state lacks its record ${key}`);
  return decode(codec, bytes);
}

interface Entry {
  readonly folder: string;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** Records whose key ends in a number, by the folder before it. */
function entries(records: Records): ReadonlyMap<string, readonly Entry[]> {
  const found: Entry[] = [];
  for (const [key, bytes] of records) {
    const cut = key.lastIndexOf("/");
    const index = Number(key.slice(cut + 1));
    if (cut !== -1 && Number.isInteger(index)) found.push({ folder: key.slice(0, cut), index, bytes });
  }
  return Map.groupBy(found, ({ folder }) => folder);
}

function nodes(all: ReadonlyMap<string, readonly Entry[]>, folder: string): Map<NodeIndex, Uint8Array> {
  return new Map(
    (all.get(folder) ?? []).map(({ index, bytes }) => [nodeIndex(index), decode(secret, bytes)]),
  );
}

function messageKeysReader(records: Records): (prefix: string, leaves: number) => MessageKeys {
  const all = entries(records);
  return (prefix, leaves) => {
    const senders = new Array<SenderRatchets | undefined>(leaves).fill(undefined);
    for (const { index, bytes } of all.get(`${prefix}/sender`) ?? []) {
      const stored = decode(senderRecord, bytes);
      const ratchet = (kind: RatchetKind, generation: number, ratchetSecret: Uint8Array): Ratchet => {
        const kept = all.get(`${prefix}/skipped/${index}/${KIND[kind]}`) ?? [];
        const inOrder = kept.toSorted((a, b) => a.index - b.index);
        const skipped = new Map<number, MessageKey>(
          inOrder.map((entry) => [entry.index, decode(messageKey, entry.bytes)]),
        );
        return { generation, secret: ratchetSecret, skipped };
      };
      senders[index] = {
        handshake: ratchet("handshake", stored.handshakeGeneration, stored.handshakeSecret),
        application: ratchet("application", stored.applicationGeneration, stored.applicationSecret),
      };
    }
    return { tree: { leaves, nodes: nodes(all, `${prefix}/node`) }, senders };
  };
}

function proposals(records: Records): Map<string, PendingProposal> {
  const stored = (entries(records).get("proposal") ?? []).toSorted((a, b) => a.index - b.index);
  const pending = stored.map(({ bytes }) => decode(pendingProposal, bytes));
  return new Map(pending.map((one_) => [keyOf(one_.reference), one_]));
}
