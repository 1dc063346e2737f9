/** ExternalSender (RFC 9420 §12.1.8.1), a GroupContext extension: who may propose without being a member. */
import { type Codec, opaque, struct, vector } from "../codec/codec.ts";
import { type Credential, credential } from "./credential.ts";

export interface ExternalSender {
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
}

export const externalSenders: Codec<readonly ExternalSender[]> = vector(
  struct<ExternalSender>({ signatureKey: opaque, credential }),
);
