/**
 * A member's state of a group. Immutable: every step returns a new one that shares all that did not change, so that
 * the old one stays usable until the caller has stored the new. What the old one held and the new one does not is
 * then erased by `eraseFormer`.
 */
import type { CipherSuite } from "../crypto/suite.ts";
import { cipherSuite } from "../crypto/suite.ts";
import type { EpochSecrets } from "../schedule/key-schedule.ts";
import type { MessageKeys } from "../schedule/message-keys.ts";
import { ratchetSecrets } from "../schedule/ratchet.ts";
import type { SecretTree } from "../schedule/secret-tree.ts";
import type { LeafIndex } from "../tree/math.ts";
import { leafAt, type RatchetTree } from "../tree/ratchet-tree.ts";
import type { PrivateKeys } from "../tree/update-path.ts";
import type { AuthenticatedContent } from "../wire/framed-content.ts";
import type { GroupContext } from "../wire/group-context.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import type { Proposal, ReInit } from "../wire/proposal.ts";
import type { Environment } from "./environment.ts";

export interface GroupState {
  readonly context: GroupContext;
  readonly tree: RatchetTree;
  readonly interimTranscriptHash: Uint8Array;
  /** Of the Commit that began this epoch. */
  readonly confirmationTag: Uint8Array;
  readonly secrets: EpochSecrets;
  readonly ownLeaf: LeafIndex;
  /** Private keys of our leaf and of the nodes above it that we know. */
  readonly privateKeys: PrivateKeys;
  readonly signaturePrivateKey: Uint8Array;
  readonly messageKeys: MessageKeys;
  /** draft-ietf-mls-extensions §4.4. */
  readonly exporterTree: SecretTree;
  /** Proposals of this epoch that a Commit may name, by `keyOf` their reference, in the order of arrival. */
  readonly proposals: ReadonlyMap<string, PendingProposal>;
  /** Former epochs, the latest first. */
  readonly past: readonly PastEpoch[];
  /** Set once a Commit of a ReInit was processed: nothing more is sent (RFC 9420 §12.4.2). */
  readonly reinit: ReInit | undefined;
}

export interface PendingProposal {
  readonly reference: Uint8Array;
  readonly authenticated: AuthenticatedContent;
  readonly proposal: Proposal;
  /** For an Update of our own: the private keys that go with it. */
  readonly own: OwnUpdate | undefined;
}

export interface OwnUpdate {
  readonly leafPrivateKey: Uint8Array;
  readonly signaturePrivateKey: Uint8Array;
}

/** What opens late messages of a former epoch, and proves that we were there. */
export interface PastEpoch {
  readonly context: GroupContext;
  readonly tree: RatchetTree;
  readonly senderDataSecret: Uint8Array;
  readonly resumptionPsk: Uint8Array;
  readonly messageKeys: MessageKeys;
}

/** A state's suite was checked when the state came to be. */
export function suiteOf(env: Environment, state: GroupState): CipherSuite {
  const suite = cipherSuite(env.primitives, state.context.cipherSuite);
  if (suite === undefined) throw new Error("a state of a cipher suite that we do not have");
  return suite;
}

export function ownLeafNode(state: GroupState): LeafNode {
  const leaf = leafAt(state.tree, state.ownLeaf);
  if (leaf === undefined) throw new Error("a state without our own leaf");
  return leaf;
}

/** Every secret that a state holds, each array once. */
export function secretsOf(state: GroupState): Set<Uint8Array> {
  const found = new Set<Uint8Array>();
  for (const secrets of holders(state, undefined).values()) for (const secret of secrets()) found.add(secret);
  return found;
}

/**
 * Overwrites with zeros every secret that `before` holds and `after` does not (RFC 9420 §9.2): call it once the step
 * from one to the other is stored and cannot be taken back. `before` is unusable from then on. The signature key is
 * the caller's and stays. `after` undefined erases the whole state, as after a removal.
 */
export function eraseFormer(before: GroupState, after: GroupState | undefined): void {
  const former = holders(before, after);
  const kept = new Set<Uint8Array>();
  // What holds secrets in both states is unchanged, and no secret in it is anywhere else: only the rest is compared.
  for (const [holder, secrets] of after === undefined ? [] : holders(after, before)) {
    if (former.has(holder)) former.delete(holder);
    else for (const secret of secrets()) kept.add(secret);
  }
  for (const secrets of former.values()) {
    for (const secret of secrets()) if (!kept.has(secret)) secret.fill(0);
  }
}

type Holders = Map<object, () => Iterable<Uint8Array>>;

/**
 * The immutable objects that hold a state's secrets, each with what it holds; without those that `other` has in the
 * same place, which after most steps are nearly all.
 */
function holders(state: GroupState, other: GroupState | undefined): Holders {
  const found: Holders = new Map();
  const { secrets, privateKeys, exporterTree, messageKeys, proposals, past } = state;
  if (secrets !== other?.secrets) found.set(secrets, () => Object.values(secrets));
  if (privateKeys !== other?.privateKeys) found.set(privateKeys, () => privateKeys.values());
  if (exporterTree.nodes !== other?.exporterTree.nodes)
    found.set(exporterTree.nodes, () => exporterTree.nodes.values());
  if (proposals !== other?.proposals) {
    for (const { own } of proposals.values())
      if (own !== undefined) found.set(own, () => [own.leafPrivateKey]);
  }
  addMessageKeys(found, messageKeys, other?.messageKeys);
  if (past === other?.past) return found;
  for (const epoch of past) {
    const { senderDataSecret, resumptionPsk } = epoch;
    found.set(senderDataSecret, () => [senderDataSecret, resumptionPsk]);
    addMessageKeys(found, epoch.messageKeys, undefined);
  }
  return found;
}

function addMessageKeys(
  found: Holders,
  { tree, senders }: MessageKeys,
  other: MessageKeys | undefined,
): void {
  if (tree.nodes !== other?.tree.nodes) found.set(tree.nodes, () => tree.nodes.values());
  if (senders === other?.senders) return;
  for (let leaf = 0; leaf < senders.length; leaf += 1) {
    const sender = senders[leaf];
    if (sender === undefined || sender === other?.senders[leaf]) continue;
    found.set(sender, () => [...ratchetSecrets(sender.handshake), ...ratchetSecrets(sender.application)]);
  }
}
