/** Messaging Layer Security (RFC 9420): synchronous, deterministic, made for a database. See the README. */
export {
  accept,
  branch,
  checkKeyPackage,
  commit,
  createGroup,
  createKeyPackage,
  encrypt,
  groupInfo,
  join,
  joinExternally,
  keyPackageReference,
  propose,
  proposeExternally,
  proposeSelf,
  receive,
  reinitialize,
} from "./api.ts";
export { inspectMessage, type MessageHead } from "./inspect.ts";
export { erase } from "./codec/bytes.ts";
export { decode, encode } from "./codec/codec.ts";
export { DecodeError } from "./codec/decode-error.ts";
export type { Primitives, RandomSource } from "./crypto/primitives.ts";
export { sodiumPrimitives } from "./crypto/sodium.ts";
export {
  SUITE_IDS,
  SUITE_MLKEM768_X25519_AES128GCM,
  SUITE_X25519_AES128GCM,
  SUITE_X25519_CHACHA20POLY1305,
  suiteParameters,
} from "./crypto/suites.ts";
export type { CommitInput, Committed } from "./group/commit.ts";
export type { GroupParameters } from "./group/create.ts";
export type { Environment } from "./group/environment.ts";
export { exportComponentSecret, exportSecret } from "./group/export.ts";
export type { GroupInfoInput } from "./group/group-info.ts";
export type { ExternalJoinInput, ExternallyJoined } from "./group/join-external.ts";
export type { Joined, WelcomeInput } from "./group/join-welcome.ts";
export type { Diverged, Refused } from "./group/outcome.ts";
export {
  eraseKeyPackage,
  type Identity,
  type KeyPackageInput,
  ownCapabilities,
  type OwnKeyPackage,
  supportedComponents,
} from "./group/own-key-package.ts";
export { bucketed } from "./group/padding.ts";
export { type CommitReview, type ExternalCommitReview, type Policy, policy } from "./group/policy.ts";
export type { CommitSummary } from "./group/process-commit.ts";
export type { ListedProposal } from "./group/listed-proposal.ts";
export { type ApplicationProof, verifyApplication } from "./group/proof.ts";
export type { ExternalProposalInput, ProposeInput, Proposed } from "./group/propose.ts";
export type { ApplicationReceived, ProposalReceived, ReceiveOutcome } from "./group/receive.ts";
export { eraseFormer, type GroupState, ownLeafNode } from "./group/state.ts";
export type { SuccessorInput } from "./group/successor.ts";
export { DEFAULT_RETENTION, type Retention } from "./limits.ts";
export { type Rule, RULES } from "./rules.ts";
export { type RecordChanges, recordChanges } from "./store/records.ts";
export { restoreState } from "./store/restore.ts";
export { type LeafIndex, leafIndex } from "./tree/math.ts";
export {
  decodeRatchetTree,
  leafAt,
  members,
  type RatchetTree,
  ratchetTreeExtension,
} from "./tree/ratchet-tree.ts";
export * from "./wire/app-data.ts";
export type { Capabilities } from "./wire/capabilities.ts";
export type { Credential } from "./wire/credential.ts";
export { EXTENSION, type Extension } from "./wire/extension.ts";
export { type ExternalSender, externalSenders } from "./wire/external-sender.ts";
export { type GroupContext, groupContextBytes } from "./wire/group-context.ts";
export { type KeyPackage, keyPackage as keyPackageCodec } from "./wire/key-package.ts";
export type { LeafNode } from "./wire/leaf-node.ts";
export type { Lifetime } from "./wire/lifetime.ts";
export { decodeMessage, encodeMessage, type MlsMessage } from "./wire/message.ts";
export type { Proposal } from "./wire/proposal.ts";
export { PROPOSAL_TYPE } from "./wire/proposal-type.ts";
export type { PskSource } from "./wire/psk-id.ts";
export { type RequiredCapabilities, requiredCapabilities } from "./wire/required-capabilities.ts";
