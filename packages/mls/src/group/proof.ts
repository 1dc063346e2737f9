/**
 * What proves to a third member that application data is its sender's (RFC 9420 §6.1): the signature with all that it
 * covers besides the data. Whoever kept it can hand the message on, and nobody can hand on another in its place.
 */
import type { Primitives } from "../crypto/primitives.ts";
import { cipherSuite } from "../crypto/suite.ts";
import { contentSignatureIsValid } from "../schedule/authentication.ts";
import type { LeafIndex } from "../tree/math.ts";
import type { FramedContent } from "../wire/framed-content.ts";
import type { GroupContext } from "../wire/group-context.ts";

export interface ApplicationProof {
  readonly cipherSuite: number;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  /** The encoded GroupContext of that epoch: one array for all its messages. */
  readonly groupContext: Uint8Array;
  readonly sender: LeafIndex;
  /** The sender's in that epoch. Whose it is, is for the verifier to know from its own view of the group. */
  readonly signatureKey: Uint8Array;
  readonly authenticatedData: Uint8Array;
  readonly signature: Uint8Array;
}

export function applicationProof(
  context: GroupContext,
  groupContext: Uint8Array,
  content: FramedContent,
  sender: LeafIndex,
  signatureKey: Uint8Array,
  signature: Uint8Array,
): ApplicationProof {
  const { groupId, epoch, authenticatedData } = content;
  const suite = context.cipherSuite;
  return {
    cipherSuite: suite,
    groupId,
    epoch,
    groupContext,
    sender,
    signatureKey,
    authenticatedData,
    signature,
  };
}

/** Whether this data is what the sender signed. False for a cipher suite that we do not have. */
export function verifyApplication(
  proof: ApplicationProof,
  data: Uint8Array,
  primitives: Primitives,
): boolean {
  const suite = cipherSuite(primitives, proof.cipherSuite);
  if (suite === undefined) return false;
  const { groupId, epoch, authenticatedData, signatureKey, groupContext, signature } = proof;
  const sender = { type: "member", leafIndex: proof.sender } as const;
  const content = { groupId, epoch, sender, authenticatedData, body: { type: "application", data } } as const;
  return contentSignatureIsValid(suite, signatureKey, "private_message", content, groupContext, signature);
}
