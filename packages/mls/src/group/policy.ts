/**
 * What MLS leaves to the application (RFC 9420 §5.3.1, §12.2, §12.4.3.2, RFC 9750). Every hook refuses until it is
 * given. Hooks decide on what they are shown and nothing else: no clock, no local list, or members will disagree.
 */
import { equal } from "../codec/bytes.ts";
import { encode } from "../codec/codec.ts";
import type { LeafIndex } from "../tree/math.ts";
import type { RatchetTree } from "../tree/ratchet-tree.ts";
import { type Credential, credential, sameCredential } from "../wire/credential.ts";
import type { ExternalSender } from "../wire/external-sender.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import type { Proposal } from "../wire/proposal.ts";
import type { ListedProposal } from "./listed-proposal.ts";

export interface Policy {
  /** Whether the credential vouches for the signature key (§5.3.1). */
  acceptsCredential(credential: Credential, signatureKey: Uint8Array): boolean;
  /** Whether a member may replace its leaf by this one (§5.3.1, §12.1.2). */
  acceptsSuccessor(before: LeafNode, after: LeafNode): boolean;
  /**
   * What a leaf stands for: two leaves of which this is the same are one client (§12.2), as are two with one signature
   * key.
   */
  clientOf(leaf: LeafNode): Uint8Array;
  /** Whether two leaves of different groups present one identity (§11.2, §11.3). */
  isSameIdentity(a: LeafNode, b: LeafNode): boolean;
  /** The application's own rules on a Commit whose proposals are valid by themselves (§12.2). */
  acceptsCommit(review: CommitReview): boolean;
  /** Whether a newcomer may commit itself into the group (§12.4.3.2). */
  acceptsExternalCommit(review: ExternalCommitReview): boolean;
  /** Whether this outsider may propose this (§12.1.8). A new member's own Add comes with its leaf as the sender. */
  acceptsExternalProposal(proposal: Proposal, sender: ExternalSender | LeafNode): boolean;
  /** Whether a GroupContext may name this external sender (§12.1.8.1). */
  acceptsExternalSender(sender: ExternalSender): boolean;
  /** The longest lifetime that a leaf may claim, in seconds (§7.2). */
  readonly lifetimeSecondsMax: bigint;
  /** Whether lifetimes are also held against our clock on receipt (§7.3 recommends it; logs that must replay cannot). */
  readonly checksLifetimeOnReceipt: boolean;
  /** Whether application data may be sent while proposals wait for a Commit (§12.4 says no). */
  readonly sendsWithPendingProposals: boolean;
  /**
   * The new data of a component of the group after these updates, in order (draft-ietf-mls-extensions §4.6); undefined
   * refuses, as for a component that the application does not know.
   */
  applyAppData(
    componentId: number,
    current: Uint8Array | undefined,
    updates: readonly Uint8Array[],
  ): Uint8Array | undefined;
  /** Whether a component's data may be removed from the group (draft-ietf-mls-extensions §4.6). */
  acceptsAppDataRemoval(componentId: number): boolean;
  /** Whether a component takes this ephemeral data (draft-ietf-mls-extensions §4.7). */
  acceptsAppEphemeral(componentId: number, data: Uint8Array): boolean;
}

export interface CommitReview {
  readonly committer: LeafIndex;
  readonly proposals: readonly ListedProposal[];
  /** Before the Commit. */
  readonly tree: RatchetTree;
  readonly hasPath: boolean;
}

export interface ExternalCommitReview {
  readonly joiner: LeafNode;
  /** The joiner's former leaf, where the Commit removes one. */
  readonly replaced: LeafNode | undefined;
  readonly proposals: readonly ListedProposal[];
}

const refuse = (): boolean => false;

const REFUSING: Policy = {
  acceptsCredential: refuse,
  acceptsSuccessor: (before, after) =>
    sameCredential(before.credential, after.credential) && equal(before.signatureKey, after.signatureKey),
  clientOf: ({ credential: own }) => encode(credential, own),
  isSameIdentity: (a, b) => sameCredential(a.credential, b.credential),
  acceptsCommit: () => true,
  acceptsExternalCommit: refuse,
  acceptsExternalProposal: refuse,
  acceptsExternalSender: refuse,
  lifetimeSecondsMax: 90n * 86_400n,
  checksLifetimeOnReceipt: true,
  sendsWithPendingProposals: false,
  applyAppData: () => undefined,
  acceptsAppDataRemoval: refuse,
  acceptsAppEphemeral: refuse,
};

/** The policy that refuses everything but what these hooks accept. */
export function policy(hooks: Partial<Policy>): Policy {
  return { ...REFUSING, ...hooks };
}
