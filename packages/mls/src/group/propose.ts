/** Proposals sent: by members, by new members and by external senders (RFC 9420 §12.1). */
import { keyOf, NO_BYTES } from "../codec/bytes.ts";
import { PENDING_PROPOSALS_MAX } from "../limits.ts";
import { check } from "../rules.ts";
import { signContent } from "../schedule/authentication.ts";
import type { AuthenticatedContent, ContentWireFormat, FramedContent } from "../wire/framed-content.ts";
import { proposalRef } from "../wire/framed-content.ts";
import type { GroupContext } from "../wire/group-context.ts";
import { signLeafNode } from "../wire/leaf-node.ts";
import { encodeMessage } from "../wire/message.ts";
import type { Proposal } from "../wire/proposal.ts";
import { EXTERNAL_SENDER_MAY } from "../wire/proposal-type.ts";
import { type Environment, requireSuite } from "./environment.ts";
import { checkAuthenticatedData } from "./encrypt.ts";
import type { ListedProposal } from "./listed-proposal.ts";
import { checkSupported } from "./list-check.ts";
import { checkProposal } from "./proposal-list.ts";
import type { Identity, OwnKeyPackage } from "./own-key-package.ts";
import { type Framed, frame, ownContent, signOwn } from "./send.ts";
import { type GroupState, ownLeafNode, type OwnUpdate, type PendingProposal, suiteOf } from "./state.ts";

export interface ProposeInput {
  /** `update` means a new leaf for ourselves, which is made here. */
  readonly proposal:
    | Exclude<Proposal, { type: "update" }>
    | { readonly type: "update"; readonly identity?: Identity };
  /** Private unless set; a SelfRemove is always public. */
  readonly wireFormat?: ContentWireFormat;
  readonly authenticatedData?: Uint8Array;
}

export interface Proposed extends Framed {
  readonly kind: "proposed";
  readonly reference: Uint8Array;
}

/** Throws Refusal. The proposal also waits in our own state for whoever commits it, ourselves included. */
export function propose(env: Environment, state: GroupState, input: ProposeInput): Proposed {
  const suite = suiteOf(env, state);
  check(state.reinit === undefined, "commit.reinitialized");
  const { proposal, own } = completed(env, state, input.proposal);
  check(proposal.type !== "external_init", "list.external-init");
  const wireFormat =
    proposal.type === "self_remove" ? "public_message" : (input.wireFormat ?? "private_message");
  const authenticatedData = input.authenticatedData ?? NO_BYTES;
  checkAuthenticatedData(state.context.extensions, authenticatedData);
  const content = ownContent(state, { type: "proposal", proposal }, authenticatedData);
  const scope = { suite, policy: env.policy, now: env.now, sending: true };
  const listed: ListedProposal = { proposal, sender: content.sender, byReference: true };
  checkProposal(scope, state.context, state.tree, listed, undefined);
  // Some Commit might remove whoever does not know it, but none is to be expected.
  checkSupported(state.tree, [listed]);
  const auth = { signature: signOwn(suite, state, wireFormat, content), confirmationTag: undefined };
  const authenticated = { wireFormat, content, auth };
  const framed = frame(env, suite, state, authenticated);
  const pending = pendingProposal(env, state, authenticated, proposal, own);
  return {
    ...framed,
    kind: "proposed",
    state: withPending(framed.state, pending),
    reference: pending.reference,
  };
}

function completed(
  env: Environment,
  state: GroupState,
  wanted: ProposeInput["proposal"],
): { readonly proposal: Proposal; readonly own: OwnUpdate | undefined } {
  if (wanted.type !== "update" || "leafNode" in wanted)
    return { proposal: wanted as Proposal, own: undefined };
  const suite = suiteOf(env, state);
  const key = suite.generateKeyPair(env.random);
  const signaturePrivateKey = wanted.identity?.signaturePrivateKey ?? state.signaturePrivateKey;
  const { credential, capabilities, extensions } = wanted.identity ?? ownLeafNode(state);
  const leafNode = signLeafNode(
    suite,
    signaturePrivateKey,
    {
      encryptionKey: key.publicKey,
      signatureKey: suite.signaturePublicKey(signaturePrivateKey),
      credential,
      capabilities,
      source: { kind: "update" },
      extensions,
    },
    { groupId: state.context.groupId, leafIndex: state.ownLeaf },
  );
  const own = { leafPrivateKey: key.privateKey, signaturePrivateKey };
  return { proposal: { type: "update", leafNode }, own };
}

export function pendingProposal(
  env: Environment,
  state: GroupState,
  authenticated: AuthenticatedContent,
  proposal: Proposal,
  own?: OwnUpdate,
): PendingProposal {
  return { reference: proposalRef(suiteOf(env, state), authenticated), authenticated, proposal, own };
}

/** At the bound further proposals are refused. */
export function withPending(state: GroupState, pending: PendingProposal): GroupState {
  check(state.proposals.size < PENDING_PROPOSALS_MAX, "proposal.too-many");
  return { ...state, proposals: new Map(state.proposals).set(keyOf(pending.reference), pending) };
}

/** A new member's Add of itself (§12.1.8): a PublicMessage for the group of this id and epoch. */
export function proposeSelf(
  env: Environment,
  group: Pick<GroupContext, "groupId" | "epoch">,
  own: OwnKeyPackage,
): Uint8Array {
  const proposal: Proposal = { type: "add", keyPackage: own.keyPackage };
  const content: FramedContent = {
    groupId: group.groupId,
    epoch: group.epoch,
    sender: { type: "new_member_proposal" },
    authenticatedData: NO_BYTES,
    body: { type: "proposal", proposal },
  };
  return outsideMessage(env, own.keyPackage.cipherSuite, own.signaturePrivateKey, content);
}

export interface ExternalProposalInput {
  readonly cipherSuite: number;
  readonly group: Pick<GroupContext, "groupId" | "epoch">;
  /** Our place in the group's `external_senders`. */
  readonly senderIndex: number;
  readonly signaturePrivateKey: Uint8Array;
  readonly proposal: Proposal;
}

/** A proposal by someone whom the group's context names (§12.1.8). Throws Refusal. */
export function proposeExternally(env: Environment, input: ExternalProposalInput): Uint8Array {
  const { group, proposal, senderIndex } = input;
  check(EXTERNAL_SENDER_MAY.has(proposal.type), "proposal.external-type", proposal.type);
  const content: FramedContent = {
    groupId: group.groupId,
    epoch: group.epoch,
    sender: { type: "external", senderIndex },
    authenticatedData: NO_BYTES,
    body: { type: "proposal", proposal },
  };
  return outsideMessage(env, input.cipherSuite, input.signaturePrivateKey, content);
}

function outsideMessage(
  env: Environment,
  cipherSuite: number,
  signaturePrivateKey: Uint8Array,
  content: FramedContent,
): Uint8Array {
  const suite = requireSuite(env, cipherSuite, "welcome.suite");
  // §6.1: from outside the group, the signature does not cover its context.
  const signature = signContent(suite, signaturePrivateKey, "public_message", content, NO_BYTES);
  const auth = { signature, confirmationTag: undefined };
  return encodeMessage({
    wireFormat: "public_message",
    publicMessage: { content, auth, membershipTag: undefined },
  });
}
