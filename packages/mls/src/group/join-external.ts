/** Joining by an external Commit (RFC 9420 §12.4.3.2), also in the place of a former self. */
import { equal, NO_BYTES } from "../codec/bytes.ts";
import { decode, opaque } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { LEAVES_MAX } from "../limits.ts";
import { check } from "../rules.ts";
import { contentSignatureIsValid, signContent } from "../schedule/authentication.ts";
import { interimTranscriptHash } from "../schedule/transcript.ts";
import { type LeafIndex } from "../tree/math.ts";
import { extendedTo, leafAt, leafCount, leftmostBlankLeaf, type RatchetTree } from "../tree/ratchet-tree.ts";
import { encryptPath, freshPath } from "../tree/update-path.ts";
import type { ProposalOrRef } from "../wire/commit.ts";
import { EXTENSION } from "../wire/extension.ts";
import { type FramedContent, proposalRef } from "../wire/framed-content.ts";
import { groupContextBytes } from "../wire/group-context.ts";
import type { GroupInfo } from "../wire/group-info.ts";
import { decodeMessage, encodeMessage } from "../wire/message.ts";
import type { Proposal } from "../wire/proposal.ts";
import type { PskSource } from "../wire/psk-id.ts";
import { applyProposals } from "./apply.ts";
import { checkAuthenticatedData } from "./encrypt.ts";
import { type Environment, requireSuite, type Scope } from "./environment.ts";
import { epochFields, findPsks, nextEpoch, provisionalContext } from "./epoch.ts";
import { checkGroupInfo, treeFor } from "./group-info.ts";
import { checkExternalList, replacedLeaf } from "./list-check.ts";
import type { Identity } from "./own-key-package.ts";
import { checkCommitterLeaf, checkNewLeaves, type CommitSummary } from "./process-commit.ts";
import type { ListedProposal } from "./listed-proposal.ts";
import { checkProposal, checkSuccessor } from "./proposal-list.ts";
import type { GroupState } from "./state.ts";

export interface ExternalJoinInput {
  /** An MLSMessage with a GroupInfo that has an external public key. */
  readonly groupInfo: Uint8Array;
  /** The encoded tree, where it does not travel inside. */
  readonly ratchetTree?: Uint8Array | undefined;
  readonly identity: Identity;
  /** Our former leaf, to be removed in the same Commit. */
  readonly replaces?: LeafIndex;
  readonly psks?: readonly PskSource[];
  /** SelfRemove proposals that wait in the group, as PublicMessages (draft-ietf-mls-extensions §6.3). */
  readonly selfRemoves?: readonly Uint8Array[];
  readonly authenticatedData?: Uint8Array;
  readonly isKnownGroup?: (groupId: Uint8Array) => boolean;
}

export interface ExternallyJoined {
  readonly kind: "joined-externally";
  /** In force once the Commit is accepted. */
  readonly state: GroupState;
  /** A PublicMessage for the members. */
  readonly commit: Uint8Array;
  readonly summary: CommitSummary;
}

/** Throws Refusal or DecodeError. */
export function joinExternally(env: Environment, input: ExternalJoinInput): ExternallyJoined {
  const message = decodeMessage(input.groupInfo);
  check(message.wireFormat === "group_info", "message.kind");
  const info = message.groupInfo;
  const before = info.groupContext;
  const suite = requireSuite(env, before.cipherSuite, "welcome.suite");
  const receiving: Scope = { suite, policy: env.policy, now: env.now, sending: false };
  const scope: Scope = { ...receiving, sending: true };
  const known = input.replaces === undefined && input.isKnownGroup?.(before.groupId) === true;
  check(!known, "welcome.group-known");
  const tree = treeFor(info, input.ratchetTree);
  checkGroupInfo(receiving, info, tree);
  checkAuthenticatedData(before.extensions, input.authenticatedData ?? NO_BYTES);

  const external = suite.externalInitTo(env.random, externalPubOf(info));
  check(external !== undefined, "welcome.external-pub");
  const { list, items } = proposalsOf(env, scope, info, tree, input, external.kemOutput);
  checkExternalList(tree, list);
  const applied = applyProposals(env.policy, tree, before.extensions, list);
  const ownLeaf = leftmostBlankLeaf(applied.tree);
  const placed = extendedTo(applied.tree, ownLeaf);
  check(leafCount(placed) <= LEAVES_MAX, "tree.size");

  const { identity } = input;
  const { signaturePrivateKey } = identity;
  const committer = { leafIndex: ownLeaf, groupId: before.groupId, signaturePrivateKey };
  const leafContent = { ...identity, signatureKey: suite.signaturePublicKey(signaturePrivateKey) };
  const fresh = freshPath(suite, env.random, placed, committer, leafContent);
  checkCommitterLeaf(scope, { context: before }, fresh.leaf, ownLeaf, undefined);
  const replaced = replacedLeaf(tree, list);
  if (replaced !== undefined) checkSuccessor(scope, replaced, fresh.leaf);
  checkNewLeaves(scope, fresh.tree, applied, new Set([ownLeaf]), ownLeaf);

  const provisional = provisionalContext(suite, before, fresh.tree, applied.extensions);
  const path = encryptPath(suite, env.random, fresh, new Set(), groupContextBytes(provisional));
  const content: FramedContent = {
    groupId: before.groupId,
    epoch: before.epoch,
    sender: { type: "new_member_commit" },
    authenticatedData: input.authenticatedData ?? NO_BYTES,
    body: { type: "commit", commit: { proposals: items, path } },
  };
  const signature = signContent(
    suite,
    signaturePrivateKey,
    "public_message",
    content,
    groupContextBytes(before),
  );
  const next = nextEpoch(suite, {
    provisional,
    interimBefore: interimTranscriptHash(suite, before.confirmedTranscriptHash, info.confirmationTag),
    initSecret: external.secret,
    commitSecret: fresh.commitSecret,
    psks: findPsks(env, undefined, applied.psks),
    wireFormat: "public_message",
    content,
    signature,
  });
  const auth = { signature, confirmationTag: next.confirmationTag };
  for (const secret of [external.secret, fresh.commitSecret, ...fresh.pathSecrets.values()]) secret.fill(0);
  next.start.joinerSecret.fill(0);
  next.start.welcomeSecret.fill(0);
  const state: GroupState = {
    ...epochFields(fresh.tree, next),
    ownLeaf,
    privateKeys: fresh.keys,
    signaturePrivateKey,
    past: [],
  };
  const summary: CommitSummary = {
    committer: ownLeaf,
    isExternal: true,
    hasPath: true,
    proposals: list,
    added: [],
    removed: applied.removed,
    updated: [],
  };
  const publicMessage = { content, auth, membershipTag: undefined };
  const commit = encodeMessage({ wireFormat: "public_message", publicMessage });
  return { kind: "joined-externally", state, commit, summary };
}

function externalPubOf(info: GroupInfo): Uint8Array {
  const found = info.extensions.find(({ type }) => type === EXTENSION.externalPub);
  check(found !== undefined, "welcome.external-pub");
  return decode(opaque, found.data);
}

function proposalsOf(
  env: Environment,
  scope: Scope,
  info: GroupInfo,
  tree: RatchetTree,
  input: ExternalJoinInput,
  kemOutput: Uint8Array,
): { readonly list: ListedProposal[]; readonly items: ProposalOrRef[] } {
  const sender = { type: "new_member_commit" } as const;
  const proposals: Proposal[] = [{ type: "external_init", kemOutput }];
  if (input.replaces !== undefined) proposals.push({ type: "remove", removed: input.replaces });
  for (const source of input.psks ?? []) {
    proposals.push({ type: "psk", psk: { source, nonce: env.random.bytes(scope.suite.secretBytes) } });
  }
  const list = proposals.map((proposal): ListedProposal => ({ proposal, sender, byReference: false }));
  const items = proposals.map((proposal): ProposalOrRef => ({ type: "proposal", proposal }));
  for (const listed of list) checkProposal(scope, info.groupContext, tree, listed, undefined);
  for (const bytes of input.selfRemoves ?? []) {
    const { listed, reference } = waitingSelfRemove(scope.suite, info, tree, bytes);
    checkProposal(scope, info.groupContext, tree, listed, undefined);
    // Whom we replace is removed by our own proposal already.
    if (listed.sender.type === "member" && listed.sender.leafIndex === input.replaces) continue;
    list.push(listed);
    items.push({ type: "reference", reference });
  }
  return { list, items };
}

/** draft-ietf-mls-extensions §6.3: valid but for the membership tag, which only members can check. */
function waitingSelfRemove(
  suite: CipherSuite,
  info: GroupInfo,
  tree: RatchetTree,
  bytes: Uint8Array,
): { readonly listed: ListedProposal; readonly reference: Uint8Array } {
  const message = decodeMessage(bytes);
  check(message.wireFormat === "public_message", "proposal.self-remove-public");
  const { content, auth } = message.publicMessage;
  const { groupId, epoch } = info.groupContext;
  check(equal(content.groupId, groupId), "message.group");
  check(content.epoch === epoch, "message.epoch");
  const { sender, body } = content;
  const isSelfRemove =
    sender.type === "member" && body.type === "proposal" && body.proposal.type === "self_remove";
  check(isSelfRemove, "external-commit.types");
  const leaf = leafAt(tree, sender.leafIndex);
  check(leaf !== undefined, "message.sender-blank");
  const context = groupContextBytes(info.groupContext);
  const valid = contentSignatureIsValid(
    suite,
    leaf.signatureKey,
    "public_message",
    content,
    context,
    auth.signature,
  );
  check(valid, "message.signature");
  return {
    listed: { proposal: body.proposal, sender, byReference: true },
    reference: proposalRef(suite, { wireFormat: "public_message", content, auth }),
  };
}
