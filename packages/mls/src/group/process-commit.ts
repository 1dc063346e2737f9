/** A Commit received (RFC 9420 §12.4.2), from the checked signature to the next epoch's state. */
import { equal, equalConstantTime } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { LEAVES_MAX } from "../limits.ts";
import { check } from "../rules.ts";
import { externalKeyPair } from "../schedule/key-schedule.ts";
import { type LeafIndex, leafToNode, type NodeIndex } from "../tree/math.ts";
import { extendedTo, leafAt, leafCount, leftmostBlankLeaf, type RatchetTree } from "../tree/ratchet-tree.ts";
import { decryptPath, keptKeys, mergePath, type PrivateKeys } from "../tree/update-path.ts";
import type { AuthenticatedContent } from "../wire/framed-content.ts";
import { groupContextBytes } from "../wire/group-context.ts";
import type { Commit } from "../wire/commit.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import { type Applied, applyProposals } from "./apply.ts";
import type { Environment, Scope } from "./environment.ts";
import { epochFields, findPsks, nextEpoch, pastAfter, provisionalContext } from "./epoch.ts";
import { checkFreshKeys, checkLeaf, checkLeavesInGroup } from "./leaf-check.ts";
import { checkExternalList, checkMemberList, replacedLeaf } from "./list-check.ts";
import type { ListedProposal } from "./listed-proposal.ts";
import { checkProposal, checkSuccessor, resolveProposals } from "./proposal-list.ts";
import { type GroupState, type OwnUpdate, suiteOf } from "./state.ts";

/** What a Commit changed. */
export interface CommitSummary {
  readonly committer: LeafIndex;
  readonly isExternal: boolean;
  readonly hasPath: boolean;
  readonly proposals: readonly ListedProposal[];
  readonly added: readonly LeafIndex[];
  readonly removed: readonly LeafIndex[];
  readonly updated: readonly LeafIndex[];
}

export type CommitOutcome =
  | { readonly kind: "commit"; readonly state: GroupState; readonly summary: CommitSummary }
  /** We are no member any more; the state may only be erased. */
  | { readonly kind: "removed"; readonly summary: CommitSummary };

/** Throws Refusal. `state` is of the Commit's epoch; the message's own key is already taken from it. */
export function processCommit(
  env: Environment,
  state: GroupState,
  authenticated: AuthenticatedContent,
  commit: Commit,
): CommitOutcome {
  const suite = suiteOf(env, state);
  const scope: Scope = { suite, policy: env.policy, now: env.now, sending: false };
  const { sender } = authenticated.content;
  check(state.reinit === undefined, "commit.reinitialized");
  const list = resolveProposals(state.proposals, commit, sender);
  // Proposals by reference were checked by themselves when they came, in this same epoch.
  for (const listed of list.filter((one) => !one.byReference)) {
    checkProposal(scope, state.context, state.tree, listed, undefined);
  }
  const isExternal = sender.type === "new_member_commit";
  if (sender.type === "member") {
    checkMemberList(env.policy, state.tree, sender.leafIndex, list);
    const review = {
      committer: sender.leafIndex,
      proposals: list,
      tree: state.tree,
      hasPath: commit.path !== undefined,
    };
    check(env.policy.acceptsCommit(review), "list.refused");
  } else checkExternalCommit(scope, state, list, commit);
  const applied = applyProposals(env.policy, state.tree, state.context.extensions, list);
  check(commit.path !== undefined || !applied.needsPath, "commit.path-required");
  const merged = mergeCommit(
    scope,
    state,
    applied,
    commit,
    sender.type === "member" ? sender.leafIndex : undefined,
  );
  const summary: CommitSummary = {
    committer: merged.committer,
    isExternal,
    hasPath: commit.path !== undefined,
    proposals: list,
    added: applied.added.map(({ index }) => index),
    removed: applied.removed,
    updated: applied.updated,
  };
  // Before anyone takes it that it is removed, or alone in not being able to follow: this is the same for all.
  const initSecret = initSecretOf(suite, state, applied);
  if (applied.removed.includes(state.ownLeaf)) return { kind: "removed", summary };
  const next = follow(env, suite, state, authenticated, commit, applied, { ...merged, initSecret });
  return { kind: "commit", state: next, summary };
}

function checkExternalCommit(
  scope: Scope,
  state: GroupState,
  list: readonly ListedProposal[],
  commit: Commit,
): void {
  checkExternalList(state.tree, list);
  const joiner = commit.path?.leafNode;
  check(joiner !== undefined, "external-commit.path");
  const replaced = replacedLeaf(state.tree, list);
  if (replaced !== undefined) checkSuccessor(scope, replaced, joiner);
  const accepted = scope.policy.acceptsExternalCommit({ joiner, replaced, proposals: list });
  check(accepted, "external-commit.refused");
}

interface Merged {
  readonly tree: RatchetTree;
  readonly committer: LeafIndex;
  /** The leaves that the Commit adds: they are in no resolution that the path was encrypted to. */
  readonly addedNodes: ReadonlySet<NodeIndex>;
}

/** All that can be checked in public: the path's keys, the new leaves, the tree as it will be. */
function mergeCommit(
  scope: Scope,
  state: GroupState,
  applied: Applied,
  commit: Commit,
  member: LeafIndex | undefined,
): Merged {
  const committer = member ?? leftmostBlankLeaf(applied.tree);
  const before = member === undefined ? extendedTo(applied.tree, committer) : applied.tree;
  check(leafCount(before) <= LEAVES_MAX, "tree.size");
  const fresh = new Set([...applied.added.map(({ index }) => index), ...applied.updated]);
  const addedNodes = new Set<NodeIndex>(applied.added.map(({ index }) => leafToNode(index)));
  let tree = before;
  if (commit.path !== undefined) {
    const former = member === undefined ? undefined : leafAt(state.tree, member);
    checkCommitterLeaf(scope, state, commit.path.leafNode, committer, former);
    tree = mergePath(scope.suite, before, committer, commit.path, addedNodes);
    fresh.add(committer);
  }
  checkNewLeaves(scope, tree, applied, fresh, member === undefined ? committer : undefined);
  return { tree, committer, addedNodes };
}

/** §7.3, §12.4.2: the leaf of the path, a successor of the committer's former one where there is one. */
export function checkCommitterLeaf(
  scope: Scope,
  state: Pick<GroupState, "context">,
  leaf: LeafNode,
  committer: LeafIndex,
  former: LeafNode | undefined,
): void {
  check(leaf.source.kind === "commit", "leaf.source");
  checkLeaf(scope, leaf, { groupId: state.context.groupId, leafIndex: committer });
  if (former !== undefined) checkSuccessor(scope, former, leaf);
}

/** §12.2: the tree after the Commit is valid, as far as the Commit changed it. */
export function checkNewLeaves(
  scope: Scope,
  tree: RatchetTree,
  applied: Applied,
  fresh: ReadonlySet<LeafIndex>,
  joiner: LeafIndex | undefined,
): void {
  checkLeavesInGroup(tree, applied.extensions, fresh);
  checkFreshKeys(tree, fresh);
  const joinerLeaf = joiner === undefined ? undefined : leafAt(tree, joiner);
  if (joinerLeaf === undefined) return;
  const client = scope.policy.clientOf(joinerLeaf);
  tree.nodes.forEach((node, at) => {
    if (node?.kind !== "leaf" || node.leaf === joinerLeaf || at % 2 === 1) return;
    check(!equal(scope.policy.clientOf(node.leaf), client), "list.already-member");
  });
}

/** The private half: path secret, key schedule, confirmation tag, and the state that comes of them. */
function follow(
  env: Environment,
  suite: CipherSuite,
  state: GroupState,
  { wireFormat, content, auth }: AuthenticatedContent,
  commit: Commit,
  applied: Applied,
  { tree, committer, addedNodes, initSecret }: Merged & { readonly initSecret: Uint8Array },
): GroupState {
  const provisional = provisionalContext(suite, state.context, tree, applied.extensions);
  const kept = new Map(keptKeys(tree, state.tree, state.privateKeys));
  const update = committedUpdate(state, applied);
  if (update !== undefined) kept.set(leafToNode(state.ownLeaf), update.leafPrivateKey);
  let keys: PrivateKeys = kept;
  let commitSecret: Uint8Array = new Uint8Array(suite.secretBytes);
  if (commit.path !== undefined) {
    const own = { leafIndex: state.ownLeaf, keys: kept };
    const bytes = groupContextBytes(provisional);
    const path = decryptPath(suite, tree, own, committer, commit.path, addedNodes, bytes);
    keys = new Map([...kept, ...path.keys]);
    commitSecret = path.commitSecret;
    for (const secret of path.pathSecrets.values()) secret.fill(0);
  }
  const next = nextEpoch(suite, {
    provisional,
    interimBefore: state.interimTranscriptHash,
    initSecret,
    commitSecret,
    psks: findPsks(env, state, applied.psks),
    wireFormat,
    content,
    signature: auth.signature,
  });
  commitSecret.fill(0);
  const tag = auth.confirmationTag;
  check(tag !== undefined && equalConstantTime(tag, next.confirmationTag), "commit.confirmation-tag");
  next.start.joinerSecret.fill(0);
  next.start.welcomeSecret.fill(0);
  return {
    ...epochFields(tree, next),
    ownLeaf: state.ownLeaf,
    privateKeys: keys,
    signaturePrivateKey: update?.signaturePrivateKey ?? state.signaturePrivateKey,
    past: pastAfter(env, state),
    reinit: applied.reinit,
  };
}

/** The private keys of our own Update, where it is the one that the Commit put into our leaf. */
function committedUpdate(
  state: GroupState,
  applied: Pick<Applied, "tree" | "updated">,
): OwnUpdate | undefined {
  if (!applied.updated.includes(state.ownLeaf)) return undefined;
  const leaf = leafAt(applied.tree, state.ownLeaf);
  for (const { proposal, own } of state.proposals.values()) {
    if (proposal.type === "update" && proposal.leafNode === leaf) return own;
  }
  return undefined;
}

function initSecretOf(suite: CipherSuite, state: GroupState, applied: Applied): Uint8Array {
  if (applied.externalInit === undefined) return state.secrets.initSecret;
  const external = externalKeyPair(suite, state.secrets);
  const secret = suite.externalInitFrom(external, applied.externalInit);
  external.privateKey.fill(0);
  check(secret !== undefined, "external-commit.init");
  return secret;
}
