/** A message received: opened, authenticated, and taken into the state (RFC 9420 §6, §12). */
import { equal, keyOf } from "../codec/bytes.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { DEFAULT_RETENTION } from "../limits.ts";
import { check, Refusal } from "../rules.ts";
import { contentSignatureIsValid, membershipTagIsValid } from "../schedule/authentication.ts";
import { eraseStep, type MessageKeys } from "../schedule/message-keys.ts";
import { openPrivate, openSenderData } from "../schedule/private-framing.ts";
import type { LeafIndex } from "../tree/math.ts";
import { leafAt, type RatchetTree } from "../tree/ratchet-tree.ts";
import type { Credential } from "../wire/credential.ts";
import { EXTENSION, findExtension } from "../wire/extension.ts";
import { type ExternalSender, externalSenders } from "../wire/external-sender.ts";
import type { AuthenticatedContent, FramedContent } from "../wire/framed-content.ts";
import { type GroupContext, groupContextBytes } from "../wire/group-context.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import { decodeMessage, type MlsMessage } from "../wire/message.ts";
import type { PrivateMessage } from "../wire/private-message.ts";
import type { Proposal } from "../wire/proposal.ts";
import { EXTERNAL_SENDER_MAY } from "../wire/proposal-type.ts";
import type { PublicMessage } from "../wire/public-message.ts";
import type { Sender } from "../wire/sender.ts";
import { checkAuthenticatedData } from "./encrypt.ts";
import type { Environment } from "./environment.ts";
import { type CommitOutcome, processCommit } from "./process-commit.ts";
import { checkProposal } from "./proposal-list.ts";
import { type ApplicationProof, applicationProof } from "./proof.ts";
import { pendingProposal, withPending } from "./propose.ts";
import { type GroupState, type PastEpoch, suiteOf } from "./state.ts";

export type ReceiveOutcome =
  | ApplicationReceived
  | ProposalReceived
  | CommitOutcome
  /** The group goes on without this message: it is for another group, or came before or after its time, or twice. */
  | { readonly kind: "wrong-group"; readonly groupId: Uint8Array }
  | { readonly kind: "future-epoch"; readonly epoch: bigint }
  | { readonly kind: "stale-epoch"; readonly epoch: bigint }
  | { readonly kind: "duplicate" }
  | { readonly kind: "own-message" };

export interface ApplicationReceived {
  readonly kind: "application";
  readonly state: GroupState;
  readonly data: Uint8Array;
  readonly authenticatedData: Uint8Array;
  readonly sender: LeafIndex;
  readonly credential: Credential;
  /** Below the state's epoch for a late message. */
  readonly epoch: bigint;
  readonly generation: number;
  /** By which others can check a copy. */
  readonly proof: ApplicationProof;
}

export interface ProposalReceived {
  readonly kind: "proposal";
  readonly state: GroupState;
  readonly proposal: Proposal;
  readonly sender: Sender;
  readonly reference: Uint8Array;
}

/** Throws Refusal or DecodeError. */
export function receive(env: Environment, state: GroupState, bytes: Uint8Array): ReceiveOutcome {
  const message = decodeMessage(bytes);
  const head = headOf(message);
  if (!equal(head.groupId, state.context.groupId)) return { kind: "wrong-group", groupId: head.groupId };
  const { epoch } = state.context;
  if (head.epoch > epoch) return { kind: "future-epoch", epoch: head.epoch };
  if (message.wireFormat === "public_message") {
    if (head.epoch < epoch) return { kind: "stale-epoch", epoch: head.epoch };
    return receivePublic(env, state, message.publicMessage);
  }
  if (message.wireFormat !== "private_message") throw new Refusal("message.kind");
  const { privateMessage } = message;
  if (head.epoch === epoch) return duplicateAsValue(() => receivePrivate(env, state, privateMessage));
  const former = state.past.find(({ context }) => context.epoch === head.epoch);
  if (former === undefined || privateMessage.contentType !== "application") {
    return { kind: "stale-epoch", epoch: head.epoch };
  }
  return duplicateAsValue(() => receiveLate(env, state, former, privateMessage));
}

function headOf(message: MlsMessage): { readonly groupId: Uint8Array; readonly epoch: bigint } {
  if (message.wireFormat === "public_message") return message.publicMessage.content;
  if (message.wireFormat === "private_message") return message.privateMessage;
  throw new Refusal("message.kind", message.wireFormat);
}

/** A key that is gone was used, or its message is too late to tell: the same message twice, for all we can know. */
function duplicateAsValue(run: () => ReceiveOutcome): ReceiveOutcome {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.rule === "message.generation-used") return { kind: "duplicate" };
    throw thrown;
  }
}

interface EpochView {
  readonly context: GroupContext;
  readonly tree: RatchetTree;
  readonly senderDataSecret: Uint8Array;
  readonly messageKeys: MessageKeys;
}

interface Opened {
  readonly authenticated: AuthenticatedContent;
  readonly sender: LeafIndex;
  readonly leaf: LeafNode;
  readonly generation: number;
  readonly keys: MessageKeys;
}

/** Undefined where we sent it ourselves. */
function open(
  env: Environment,
  suite: CipherSuite,
  view: EpochView,
  ownLeaf: LeafIndex,
  message: PrivateMessage,
): Opened | undefined {
  const data = openSenderData(suite, view.senderDataSecret, message);
  if (data.leafIndex === ownLeaf) return undefined;
  const leaf = leafAt(view.tree, data.leafIndex);
  check(leaf !== undefined, "message.sender-blank");
  const retention = env.retention ?? DEFAULT_RETENTION;
  const { content, auth, keys } = openPrivate(suite, view.messageKeys, data, retention, message);
  const context = groupContextBytes(view.context);
  const { signatureKey } = leaf;
  const valid = contentSignatureIsValid(
    suite,
    signatureKey,
    "private_message",
    content,
    context,
    auth.signature,
  );
  if (!valid) eraseStep(view.messageKeys, keys, data.leafIndex);
  check(valid, "message.signature");
  checkAuthenticatedData(view.context.extensions, content.authenticatedData);
  const authenticated = { wireFormat: "private_message", content, auth } as const;
  return { authenticated, sender: data.leafIndex, leaf, generation: data.generation, keys };
}

function receivePrivate(env: Environment, state: GroupState, message: PrivateMessage): ReceiveOutcome {
  const suite = suiteOf(env, state);
  const view = { ...state, senderDataSecret: state.secrets.senderDataSecret };
  const opened = open(env, suite, view, state.ownLeaf, message);
  if (opened === undefined) return { kind: "own-message" };
  const advanced = { ...state, messageKeys: opened.keys };
  if (opened.authenticated.content.body.type === "application")
    return received(advanced, state.context, opened);
  return receiveHandshake(env, advanced, opened.authenticated);
}

/** A message of a former epoch (§15.3): only application data, and only while its keys are kept. */
function receiveLate(
  env: Environment,
  state: GroupState,
  former: PastEpoch,
  message: PrivateMessage,
): ReceiveOutcome {
  const suite = suiteOf(env, state);
  // Our leaf never moves, and our state begins where we joined: it was ours in every epoch that is kept.
  const opened = open(env, suite, former, state.ownLeaf, message);
  if (opened === undefined) return { kind: "own-message" };
  const advanced = { ...former, messageKeys: opened.keys };
  const past = state.past.map((epoch) => (epoch === former ? advanced : epoch));
  return received({ ...state, past }, former.context, opened);
}

function received(state: GroupState, context: GroupContext, opened: Opened): ApplicationReceived {
  const { authenticated, sender, leaf } = opened;
  const { content, auth } = authenticated;
  if (content.body.type !== "application") throw new Refusal("message.kind");
  return {
    kind: "application",
    state,
    data: content.body.data,
    authenticatedData: content.authenticatedData,
    sender,
    credential: leaf.credential,
    epoch: content.epoch,
    generation: opened.generation,
    proof: applicationProof(
      context,
      groupContextBytes(context),
      content,
      sender,
      leaf.signatureKey,
      auth.signature,
    ),
  };
}

function receivePublic(env: Environment, state: GroupState, message: PublicMessage): ReceiveOutcome {
  const suite = suiteOf(env, state);
  const { content, auth } = message;
  check(content.body.type !== "application", "message.application-public");
  const context = groupContextBytes(state.context);
  if (content.sender.type === "member") {
    const { membershipKey } = state.secrets;
    check(membershipTagIsValid(suite, membershipKey, message, context), "message.membership-tag");
    if (content.sender.leafIndex === state.ownLeaf) return { kind: "own-message" };
  }
  const key = signatureKeyOf(state, content);
  const valid = contentSignatureIsValid(suite, key, "public_message", content, context, auth.signature);
  check(valid, "message.signature");
  checkAuthenticatedData(state.context.extensions, content.authenticatedData);
  return receiveHandshake(env, state, { wireFormat: "public_message", content, auth });
}

/** RFC 9420 §6.1: whose key must have signed, by the type of the sender. */
function signatureKeyOf(state: GroupState, { sender, body }: FramedContent): Uint8Array {
  switch (sender.type) {
    case "member": {
      const leaf = leafAt(state.tree, sender.leafIndex);
      check(leaf !== undefined, "message.sender-blank");
      return leaf.signatureKey;
    }
    case "external":
      check(body.type === "proposal", "message.sender-type");
      return externalSenderAt(state, sender.senderIndex).signatureKey;
    case "new_member_proposal":
      check(body.type === "proposal" && body.proposal.type === "add", "message.sender-type");
      return body.proposal.keyPackage.leafNode.signatureKey;
    case "new_member_commit":
      check(body.type === "commit", "message.sender-type");
      check(body.commit.path !== undefined, "external-commit.path");
      return body.commit.path.leafNode.signatureKey;
  }
}

function externalSenderAt(state: GroupState, index: number): ExternalSender {
  const senders = findExtension(state.context.extensions, EXTENSION.externalSenders, externalSenders) ?? [];
  const sender = senders[index];
  check(sender !== undefined, "proposal.external-sender");
  return sender;
}

function receiveHandshake(
  env: Environment,
  state: GroupState,
  authenticated: AuthenticatedContent,
): ReceiveOutcome {
  const { body } = authenticated.content;
  if (body.type === "commit") return processCommit(env, state, authenticated, body.commit);
  if (body.type !== "proposal") throw new Refusal("message.kind");
  return receiveProposal(env, state, authenticated, body.proposal);
}

function receiveProposal(
  env: Environment,
  state: GroupState,
  authenticated: AuthenticatedContent,
  proposal: Proposal,
): ReceiveOutcome {
  const suite = suiteOf(env, state);
  const { sender } = authenticated.content;
  check(state.reinit === undefined, "commit.reinitialized");
  check(proposal.type !== "external_init", "list.external-init");
  const isPublic = authenticated.wireFormat === "public_message";
  check(proposal.type !== "self_remove" || isPublic, "proposal.self-remove-public");
  const scope = { suite, policy: env.policy, now: env.now, sending: false };
  checkProposal(scope, state.context, state.tree, { proposal, sender }, undefined);
  if (sender.type === "external") {
    check(EXTERNAL_SENDER_MAY.has(proposal.type), "proposal.external-type", proposal.type);
    const outsider = externalSenderAt(state, sender.senderIndex);
    check(env.policy.acceptsExternalProposal(proposal, outsider), "proposal.external-refused");
  }
  if (sender.type === "new_member_proposal" && proposal.type === "add") {
    const { leafNode } = proposal.keyPackage;
    check(env.policy.acceptsExternalProposal(proposal, leafNode), "proposal.external-refused");
  }
  const pending = pendingProposal(env, state, authenticated, proposal);
  if (state.proposals.has(keyOf(pending.reference))) return { kind: "duplicate" };
  const { reference } = pending;
  return { kind: "proposal", state: withPending(state, pending), proposal, sender, reference };
}
