/** Signatures and MACs over framed content (RFC 9420 §6.1, §6.2). */
import type { Writer } from "../codec/writer.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import {
  authenticatedContentTbm,
  type ContentAuth,
  type ContentWireFormat,
  type FramedContent,
  writeFramedContentTbs,
} from "../wire/framed-content.ts";
import type { PublicMessage } from "../wire/public-message.ts";

const LABEL = "FramedContentTBS";

/** `groupContext` is the encoded GroupContext of the content's epoch. */
export function signContent(
  suite: CipherSuite,
  signaturePrivateKey: Uint8Array,
  wireFormat: ContentWireFormat,
  content: FramedContent,
  groupContext: Uint8Array,
): Uint8Array {
  return suite.signWithLabel(signaturePrivateKey, LABEL, (writer) => {
    writeFramedContentTbs(writer, wireFormat, content, groupContext);
  });
}

export function contentSignatureIsValid(
  suite: CipherSuite,
  signatureKey: Uint8Array,
  wireFormat: ContentWireFormat,
  content: FramedContent,
  groupContext: Uint8Array,
  signature: Uint8Array,
): boolean {
  const tbs = (writer: Writer) => writeFramedContentTbs(writer, wireFormat, content, groupContext);
  return suite.verifyWithLabel(signatureKey, LABEL, tbs, signature);
}

export function membershipTag(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  content: FramedContent,
  auth: ContentAuth,
  groupContext: Uint8Array,
): Uint8Array {
  return suite.mac(membershipKey, authenticatedContentTbm(content, auth, groupContext));
}

export function membershipTagIsValid(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  message: PublicMessage,
  groupContext: Uint8Array,
): boolean {
  if (message.membershipTag === undefined) return false;
  const tbm = authenticatedContentTbm(message.content, message.auth, groupContext);
  return suite.macIsValid(membershipKey, tbm, message.membershipTag);
}
