/** From one epoch to the next: transcript, key schedule, confirmation tag, and what is kept of the former one. */
import { equal } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { DEFAULT_RETENTION } from "../limits.ts";
import { check } from "../rules.ts";
import { type EpochStart, startEpoch } from "../schedule/key-schedule.ts";
import { messageKeys } from "../schedule/message-keys.ts";
import { type Psk, pskSecret } from "../schedule/psk-secret.ts";
import { secretTree } from "../schedule/secret-tree.ts";
import { confirmedTranscriptHash, interimTranscriptHash } from "../schedule/transcript.ts";
import { leafCount, type RatchetTree } from "../tree/ratchet-tree.ts";
import { treeHash } from "../tree/tree-hash.ts";
import type { Extension } from "../wire/extension.ts";
import type { ContentWireFormat, FramedContent } from "../wire/framed-content.ts";
import { type GroupContext, groupContextBytes } from "../wire/group-context.ts";
import type { PskId } from "../wire/psk-id.ts";
import type { Environment } from "./environment.ts";
import type { GroupState, PastEpoch } from "./state.ts";

/** RFC 9420 §12.4.1: the next epoch's context, still with the old confirmed transcript hash. */
export function provisionalContext(
  suite: CipherSuite,
  before: GroupContext,
  tree: RatchetTree,
  extensions: readonly Extension[],
): GroupContext {
  return { ...before, epoch: before.epoch + 1n, treeHash: treeHash(suite, tree), extensions };
}

export interface Transition {
  readonly provisional: GroupContext;
  /** Interim transcript hash of the epoch that the Commit ends. */
  readonly interimBefore: Uint8Array;
  readonly initSecret: Uint8Array;
  readonly commitSecret: Uint8Array;
  readonly psks: readonly Psk[];
  readonly wireFormat: ContentWireFormat;
  readonly content: FramedContent;
  readonly signature: Uint8Array;
}

export interface NextEpoch {
  readonly context: GroupContext;
  readonly start: EpochStart;
  readonly confirmationTag: Uint8Array;
  readonly interimTranscriptHash: Uint8Array;
}

export function nextEpoch(suite: CipherSuite, t: Transition): NextEpoch {
  const { interimBefore, wireFormat, content, signature } = t;
  const confirmed = confirmedTranscriptHash(suite, interimBefore, wireFormat, content, signature);
  const context = { ...t.provisional, confirmedTranscriptHash: confirmed };
  const combined = pskSecret(suite, t.psks);
  const start = startEpoch(suite, {
    initSecret: t.initSecret,
    commitSecret: t.commitSecret,
    pskSecret: combined,
    groupContext: groupContextBytes(context),
  });
  combined.fill(0);
  const confirmationTag = suite.mac(start.secrets.confirmationKey, confirmed);
  const interim = interimTranscriptHash(suite, confirmed, confirmationTag);
  return { context, start, confirmationTag, interimTranscriptHash: interim };
}

/** The fields of a state that begin anew with each epoch. */
export function epochFields(
  tree: RatchetTree,
  next: Omit<NextEpoch, "start"> & {
    readonly start: Pick<EpochStart, "secrets" | "encryptionSecret" | "applicationExportSecret">;
  },
) {
  const { context, start, confirmationTag, interimTranscriptHash: interim } = next;
  return {
    context,
    tree,
    interimTranscriptHash: interim,
    confirmationTag,
    secrets: start.secrets,
    messageKeys: messageKeys(leafCount(tree), start.encryptionSecret),
    exporterTree: secretTree(EXPORTER_LEAVES, start.applicationExportSecret),
    proposals: new Map(),
    reinit: undefined,
  } as const;
}

/** draft-ietf-mls-extensions §4.4: one leaf for each ComponentID. */
export const EXPORTER_LEAVES = 0x10000;

/** The former epochs of the state that follows `state`. */
export function pastAfter(env: Environment, state: GroupState): PastEpoch[] {
  const { context, tree, messageKeys: keys, secrets } = state;
  const { senderDataSecret, resumptionPsk } = secrets;
  const { epochs } = env.retention ?? DEFAULT_RETENTION;
  const former = { context, tree, messageKeys: keys, senderDataSecret, resumptionPsk };
  return [former, ...state.past].slice(0, epochs);
}

/**
 * A Commit's `next` when the Commit is accepted. `current` is what the epoch that it ends has become meanwhile: keys that
 * messages used up since are not in what is kept of it. Where `next` does not come out of `current` it stays as it is.
 */
export function acceptedEpoch(env: Environment, current: GroupState, next: GroupState): GroupState {
  const follows =
    equal(current.context.groupId, next.context.groupId) &&
    current.context.epoch + 1n === next.context.epoch &&
    next.past.length > 0;
  return follows ? { ...next, past: pastAfter(env, current) } : next;
}

/** The secrets of pre-shared keys (RFC 9420 §8.4): the group's own history first, then what the application has. */
export function findPsks(env: Environment, state: GroupState | undefined, ids: readonly PskId[]): Psk[] {
  return ids.map((id) => {
    const secret = ownResumptionPsk(state, id) ?? env.psk?.(id.source);
    check(secret !== undefined, "psk.unknown");
    return { id, secret };
  });
}

function ownResumptionPsk(state: GroupState | undefined, { source }: PskId): Uint8Array | undefined {
  if (state === undefined || source.type !== "resumption") return undefined;
  if (!equal(source.groupId, state.context.groupId)) return undefined;
  if (source.epoch === state.context.epoch) return state.secrets.resumptionPsk;
  return state.past.find(({ context }) => context.epoch === source.epoch)?.resumptionPsk;
}
