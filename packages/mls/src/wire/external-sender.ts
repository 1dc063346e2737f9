/** ExternalSender (RFC 9420 §12.1.8.1), a GroupContext extension: who may propose without being a member. */
import { equal } from "../codec/bytes.ts";
import { type Codec, opaque, struct, vector } from "../codec/codec.ts";
import { type Credential, credential, sameCredential } from "./credential.ts";

export interface ExternalSender {
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
}

export const externalSenders: Codec<readonly ExternalSender[]> = vector(
  struct<ExternalSender>({ signatureKey: opaque, credential }),
);

/** A known key under another credential is somebody else, for the application to judge anew (§5.3.1). */
export function sameExternalSender(a: ExternalSender, b: ExternalSender): boolean {
  return equal(a.signatureKey, b.signatureKey) && sameCredential(a.credential, b.credential);
}
