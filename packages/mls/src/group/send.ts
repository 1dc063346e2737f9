/** A member's content signed and framed: as a PublicMessage or, under its next key, as a PrivateMessage (RFC 9420 §6). */
import type { CipherSuite } from "../crypto/suite.ts";
import { membershipTag, signContent } from "../schedule/authentication.ts";
import { sealPrivate } from "../schedule/private-framing.ts";
import type {
  AuthenticatedContent,
  ContentAuth,
  ContentBody,
  ContentWireFormat,
  FramedContent,
} from "../wire/framed-content.ts";
import { groupContextBytes } from "../wire/group-context.ts";
import { encodeMessage } from "../wire/message.ts";
import type { Environment } from "./environment.ts";
import { bucketed } from "./padding.ts";
import type { GroupState } from "./state.ts";

export function ownContent(
  state: GroupState,
  body: ContentBody,
  authenticatedData: Uint8Array,
): FramedContent {
  const { groupId, epoch } = state.context;
  return { groupId, epoch, sender: { type: "member", leafIndex: state.ownLeaf }, authenticatedData, body };
}

export function signOwn(
  suite: CipherSuite,
  state: GroupState,
  wireFormat: ContentWireFormat,
  content: FramedContent,
): Uint8Array {
  const context = groupContextBytes(state.context);
  return signContent(suite, state.signaturePrivateKey, wireFormat, content, context);
}

export interface Framed {
  /** The state with the key used up; this epoch's still. */
  readonly state: GroupState;
  /** An encoded MLSMessage. */
  readonly message: Uint8Array;
  /** Of the ratchet, for PrivateMessages. */
  readonly generation: number | undefined;
}

export function frame(
  env: Environment,
  suite: CipherSuite,
  state: GroupState,
  { wireFormat, content, auth }: AuthenticatedContent,
): Framed {
  if (wireFormat === "public_message") {
    return { state, message: publicBytes(suite, state, content, auth), generation: undefined };
  }
  const { messageKeys, secrets } = state;
  const sealed = sealPrivate(
    suite,
    env.random,
    messageKeys,
    secrets.senderDataSecret,
    content,
    auth,
    bucketed,
  );
  const message = encodeMessage({ wireFormat: "private_message", privateMessage: sealed.message });
  return { state: { ...state, messageKeys: sealed.keys }, message, generation: sealed.generation };
}

function publicBytes(
  suite: CipherSuite,
  state: GroupState,
  content: FramedContent,
  auth: ContentAuth,
): Uint8Array {
  const context = groupContextBytes(state.context);
  const tag = membershipTag(suite, state.secrets.membershipKey, content, auth, context);
  return encodeMessage({
    wireFormat: "public_message",
    publicMessage: { content, auth, membershipTag: tag },
  });
}
