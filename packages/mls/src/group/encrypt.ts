/** Application data sent (RFC 9420 §15). */
import { NO_BYTES } from "../codec/bytes.ts";
import { decode } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { check } from "../rules.ts";
import { COMPONENT, componentData, componentDictionary } from "../wire/app-data.ts";
import type { Extension } from "../wire/extension.ts";
import { groupContextBytes } from "../wire/group-context.ts";
import type { Environment } from "./environment.ts";
import { type ApplicationProof, applicationProof } from "./proof.ts";
import { type Framed, frame, ownContent, signOwn } from "./send.ts";
import { type GroupState, ownLeafNode, suiteOf } from "./state.ts";

export interface ApplicationInput {
  readonly data: Uint8Array;
  /** Sent in the clear, but authenticated. */
  readonly authenticatedData?: Uint8Array;
}

export interface EncryptedApplication extends Framed {
  /** By which others can check a copy: the same as its receivers get. */
  readonly proof: ApplicationProof;
}

/** Throws Refusal. */
export function encryptApplication(
  env: Environment,
  state: GroupState,
  input: ApplicationInput,
): EncryptedApplication {
  const suite = suiteOf(env, state);
  check(state.reinit === undefined, "commit.reinitialized");
  const clear = state.proposals.size === 0 || env.policy.sendsWithPendingProposals;
  check(clear, "message.proposals-pending");
  const authenticatedData = input.authenticatedData ?? NO_BYTES;
  checkAuthenticatedData(state.context.extensions, authenticatedData);
  const content = ownContent(state, { type: "application", data: input.data }, authenticatedData);
  const signature = signOwn(suite, state, "private_message", content);
  const auth = { signature, confirmationTag: undefined };
  const framed = frame(env, suite, state, { wireFormat: "private_message", content, auth });
  const { context, ownLeaf } = state;
  const { signatureKey } = ownLeafNode(state);
  const proof = applicationProof(
    context,
    groupContextBytes(context),
    content,
    ownLeaf,
    signatureKey,
    signature,
  );
  return { ...framed, proof };
}

/** draft-ietf-mls-extensions §4.9: in a group with the safe_aad component, authenticated data is a SafeAAD. */
export function checkAuthenticatedData(extensions: readonly Extension[], data: Uint8Array): void {
  if (componentData(extensions, COMPONENT.safeAad) === undefined) return;
  try {
    decode(componentDictionary, data);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    check(false, "message.authenticated-data");
  }
}
