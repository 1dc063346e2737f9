/**
 * What proves to another member that a message is its sender's: the signature of the MLS message that it was, with what
 * that covers besides the content (RFC 9420 §6.1, FramedContentTBS). Whose the signature key is, is for the verifier to
 * know from its own view of the group. [Z4]
 */
import * as mls from "@fedchat/mls";
import { type MessageProof, type RoomSuite, roomSuites } from "./room-crypto.ts";

export function proofFrom(suite: RoomSuite, made: mls.ApplicationProof): MessageProof {
  const { groupId, epoch, sender: leaf, signatureKey, groupContext: context, signature } = made;
  return { suite, groupId, epoch, leaf, signatureKey, context, signature };
}

/** Whether this data, without authenticated data beside it, is what the sender signed. */
export function proves(primitives: mls.Primitives, proof: MessageProof, data: Uint8Array): boolean {
  const { suite, groupId, epoch, leaf, signatureKey, context: groupContext, signature } = proof;
  const sender = mls.leafIndex(leaf);
  const authenticatedData = new Uint8Array();
  const whole = { groupId, epoch, sender, signatureKey, groupContext, signature, authenticatedData };
  return mls.verifyApplication({ cipherSuite: roomSuites[suite], ...whole }, data, primitives);
}
