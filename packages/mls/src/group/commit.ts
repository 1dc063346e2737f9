/** A Commit made, with the Welcome for those it adds (RFC 9420 §12.4.1). */
import { NO_BYTES } from "../codec/bytes.ts";
import { encode } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { check } from "../rules.ts";
import { isInSubtree, leafToNode, type NodeIndex } from "../tree/math.ts";
import { leafAt } from "../tree/ratchet-tree.ts";
import { encryptPath, type FreshPath, freshPath, keptKeys } from "../tree/update-path.ts";
import type { ProposalOrRef } from "../wire/commit.ts";
import type { ContentWireFormat } from "../wire/framed-content.ts";
import { groupContextBytes } from "../wire/group-context.ts";
import { groupInfo } from "../wire/group-info.ts";
import { keyPackageRef } from "../wire/key-package.ts";
import { encodeMessage } from "../wire/message.ts";
import type { Proposal } from "../wire/proposal.ts";
import type { PskId } from "../wire/psk-id.ts";
import type { UpdatePath } from "../wire/update-path.ts";
import { type EncryptedGroupSecrets, groupSecrets } from "../wire/welcome.ts";
import { type Applied, applyProposals } from "./apply.ts";
import { checkAuthenticatedData } from "./encrypt.ts";
import type { Environment, Scope } from "./environment.ts";
import { epochFields, findPsks, type NextEpoch, nextEpoch, pastAfter, provisionalContext } from "./epoch.ts";
import { type GroupInfoInput, makeGroupInfo } from "./group-info.ts";
import { welcomeKey } from "./join-welcome.ts";
import { checkMemberList } from "./list-check.ts";
import type { Identity } from "./own-key-package.ts";
import { checkCommitterLeaf, checkNewLeaves, type CommitSummary } from "./process-commit.ts";
import type { History, ListedProposal } from "./listed-proposal.ts";
import { checkProposal } from "./proposal-list.ts";
import { selectPending } from "./select-pending.ts";
import { frame, ownContent, signOwn } from "./send.ts";
import { type GroupState, ownLeafNode, suiteOf } from "./state.ts";

export interface CommitInput {
  /** Proposals of our own, sent by value. */
  readonly proposals?: readonly Proposal[];
  /**
   * Whether those that wait are included, or which of them; true unless set. Of these all that are valid together and
   * that we can follow; what the policy's `acceptsCommit` would refuse is to be left out by choice.
   */
  readonly includePending?: boolean | ((waiting: ListedProposal) => boolean);
  /** Without a path only where none is required, and without post-compromise security (§12.4); "always" unless set. */
  readonly path?: "always" | "when-required";
  /** A new credential, signature key, capabilities or extensions for our leaf; needs a path. */
  readonly identity?: Identity;
  readonly wireFormat?: ContentWireFormat;
  readonly authenticatedData?: Uint8Array;
  /** What the Welcome's GroupInfo carries. */
  readonly welcomeInfo?: GroupInfoInput;
}

/**
 * A Commit that is not yet accepted. Store `state` before the Commit leaves: it is the old epoch's, with the key of the
 * Commit used up. On acceptance `next` takes its place; when another Commit wins, `next` is dropped and erased by
 * `eraseFormer(next, state)`.
 */
export interface Committed {
  readonly kind: "committed";
  readonly state: GroupState;
  readonly next: GroupState;
  readonly commit: Uint8Array;
  /** For all new members together; to be sent once the Commit is accepted. */
  readonly welcome: Uint8Array | undefined;
  readonly summary: CommitSummary;
}

/** Throws Refusal. */
export function commit(env: Environment, state: GroupState, input: CommitInput = {}): Committed {
  return commitWithHistory(env, state, input, undefined);
}

/** §11.2, §11.3: the first Commit of a group that comes out of another may carry that history's PSK. */
export function commitWithHistory(
  env: Environment,
  state: GroupState,
  input: CommitInput,
  history: History,
): Committed {
  const suite = suiteOf(env, state);
  const scope: Scope = { suite, policy: env.policy, now: env.now, sending: true };
  check(state.reinit === undefined, "commit.reinitialized");
  checkAuthenticatedData(state.context.extensions, input.authenticatedData ?? NO_BYTES);
  const { list, items } = gather(scope, env, state, input, history);
  const applied = applyList(env, state, list);
  const hasPath = applied.needsPath || input.path !== "when-required" || input.identity !== undefined;
  const review = { committer: state.ownLeaf, proposals: list, tree: state.tree, hasPath };
  check(env.policy.acceptsCommit(review), "list.refused");
  const path = hasPath ? makePath(scope, env, state, applied, input.identity) : undefined;
  const tree = path?.fresh.tree ?? applied.tree;
  const changed = new Set([...applied.added.map(({ index }) => index), ...applied.updated]);
  if (path !== undefined) changed.add(state.ownLeaf);
  checkNewLeaves(scope, tree, applied, changed, undefined);

  const wireFormat = input.wireFormat ?? "private_message";
  const body = { type: "commit", commit: { proposals: items, path: path?.updatePath } } as const;
  const content = ownContent(state, body, input.authenticatedData ?? NO_BYTES);
  const signature = signOwn(suite, state, wireFormat, content);
  const next = nextEpoch(suite, {
    provisional: provisionalContext(suite, state.context, tree, applied.extensions),
    interimBefore: state.interimTranscriptHash,
    initSecret: state.secrets.initSecret,
    commitSecret: path?.fresh.commitSecret ?? new Uint8Array(suite.secretBytes),
    psks: findPsks(env, state, applied.psks),
    wireFormat,
    content,
    signature,
  });
  const auth = { signature, confirmationTag: next.confirmationTag };
  const framed = frame(env, suite, state, { wireFormat, content, auth });
  const nextState: GroupState = {
    ...epochFields(tree, next),
    ownLeaf: state.ownLeaf,
    privateKeys: new Map([...keptKeys(tree, state.tree, state.privateKeys), ...(path?.fresh.keys ?? [])]),
    signaturePrivateKey: input.identity?.signaturePrivateKey ?? state.signaturePrivateKey,
    past: pastAfter(env, framed.state),
    reinit: applied.reinit,
  };
  const welcome = makeWelcome(env, suite, nextState, next, applied, path?.fresh, input.welcomeInfo ?? {});
  eraseWorkings(next, path?.fresh);
  const summary: CommitSummary = {
    committer: state.ownLeaf,
    isExternal: false,
    hasPath,
    proposals: list,
    added: applied.added.map(({ index }) => index),
    removed: applied.removed,
    updated: applied.updated,
  };
  return {
    kind: "committed",
    state: framed.state,
    next: nextState,
    commit: framed.message,
    welcome,
    summary,
  };
}

/** The list to commit, checked, in the form in which the Commit names it: those that wait first, then our own. */
function gather(
  scope: Scope,
  env: Environment,
  state: GroupState,
  input: CommitInput,
  history: History,
): { readonly list: readonly ListedProposal[]; readonly items: readonly ProposalOrRef[] } {
  const sender = { type: "member", leafIndex: state.ownLeaf } as const;
  const own = (input.proposals ?? []).map((proposal): ListedProposal => ({
    proposal,
    sender,
    byReference: false,
  }));
  for (const listed of own) checkProposal(scope, state.context, state.tree, listed, history);
  const { includePending = true } = input;
  const isWanted = typeof includePending === "function" ? includePending : () => includePending;
  const chosen = selectPending(scope, state, isWanted, (waiting) => {
    const applied = applyList(env, state, [...waiting, ...own]);
    findPsks(env, state, applied.psks);
    const fresh = new Set([...applied.added.map(({ index }) => index), ...applied.updated]);
    checkNewLeaves(scope, applied.tree, applied, fresh, undefined);
  });
  const list = [...chosen.map(({ listed }) => listed), ...own];
  const items = [
    ...chosen.map(({ reference }): ProposalOrRef => ({ type: "reference", reference })),
    ...own.map(({ proposal }): ProposalOrRef => ({ type: "proposal", proposal })),
  ];
  return { list, items };
}

/** A list that is valid together, applied as a Commit of ours would. Throws Refusal. */
function applyList(env: Environment, state: GroupState, list: readonly ListedProposal[]): Applied {
  checkMemberList(env.policy, state.tree, state.ownLeaf, list);
  return applyProposals(env.policy, state.tree, state.context.extensions, list);
}

function makePath(
  scope: Scope,
  env: Environment,
  state: GroupState,
  applied: Applied,
  identity: Identity | undefined,
): { readonly fresh: FreshPath; readonly updatePath: UpdatePath } {
  const { suite } = scope;
  const former = ownLeafNode(state);
  const content =
    identity === undefined
      ? former
      : { ...identity, signatureKey: suite.signaturePublicKey(identity.signaturePrivateKey) };
  const committer = {
    leafIndex: state.ownLeaf,
    groupId: state.context.groupId,
    signaturePrivateKey: identity?.signaturePrivateKey ?? state.signaturePrivateKey,
  };
  const fresh = freshPath(suite, env.random, applied.tree, committer, content);
  checkCommitterLeaf(scope, state, fresh.leaf, state.ownLeaf, leafAt(state.tree, state.ownLeaf));
  const provisional = provisionalContext(suite, state.context, fresh.tree, applied.extensions);
  const added = new Set<NodeIndex>(applied.added.map(({ index }) => leafToNode(index)));
  const updatePath = encryptPath(suite, env.random, fresh, added, groupContextBytes(provisional));
  return { fresh, updatePath };
}

function makeWelcome(
  env: Environment,
  suite: CipherSuite,
  next: GroupState,
  epoch: NextEpoch,
  applied: Applied,
  path: FreshPath | undefined,
  info: GroupInfoInput,
): Uint8Array | undefined {
  if (applied.added.length === 0) return undefined;
  const { key, nonce } = welcomeKey(suite, epoch.start.welcomeSecret);
  const encryptedGroupInfo = suite.seal(
    key,
    nonce,
    NO_BYTES,
    encode(groupInfo, makeGroupInfo(suite, next, info)),
  );
  const encryptTo = suite.encryptingWithLabel("Welcome", encryptedGroupInfo);
  const secrets = applied.added.map(({ index, keyPackage }): EncryptedGroupSecrets => {
    const pathSecret = pathSecretFor(path, leafToNode(index));
    const plaintext = secretsFor(epoch.start.joinerSecret, pathSecret, applied.psks);
    const sealed = encryptTo(env.random, keyPackage.initKey, plaintext);
    plaintext.fill(0);
    check(sealed !== undefined, "key-package.init-key");
    return { newMember: keyPackageRef(suite, keyPackage), encryptedGroupSecrets: sealed };
  });
  return encodeMessage({
    wireFormat: "welcome",
    welcome: { cipherSuite: suite.id, secrets, encryptedGroupInfo },
  });
}

/** Of the lowest node of the path above the new leaf. */
function pathSecretFor(path: FreshPath | undefined, leaf: NodeIndex): Uint8Array | undefined {
  const step = path?.steps.find(({ node }) => isInSubtree(leaf, node));
  return step && path?.pathSecrets.get(step.node);
}

function secretsFor(
  joinerSecret: Uint8Array,
  pathSecret: Uint8Array | undefined,
  psks: readonly PskId[],
): Uint8Array {
  return encode(groupSecrets, { joinerSecret, pathSecret, psks });
}

/** §7.5, §9.2: what only the making of the Commit needed. */
function eraseWorkings(next: NextEpoch, path: FreshPath | undefined): void {
  next.start.joinerSecret.fill(0);
  next.start.welcomeSecret.fill(0);
  if (path === undefined) return;
  path.commitSecret.fill(0);
  for (const secret of path.pathSecrets.values()) secret.fill(0);
}
