/** Welcome and GroupSecrets (RFC 9420 §12.4.3.1). */
import { type Codec, opaque, optional, struct, uint16, vector } from "../codec/codec.ts";
import type { HpkeSealed } from "../crypto/hpke.ts";
import { hpkeCiphertext } from "./hpke-ciphertext.ts";
import { type PskId, pskId } from "./psk-id.ts";

export interface GroupSecrets {
  readonly joinerSecret: Uint8Array;
  /** Of the lowest node above both the committer and the new member, where the Commit had a path. */
  readonly pathSecret: Uint8Array | undefined;
  readonly psks: readonly PskId[];
}

export const groupSecrets: Codec<GroupSecrets> = struct<GroupSecrets>({
  joinerSecret: opaque,
  pathSecret: optional(opaque),
  psks: vector(pskId),
});

export interface EncryptedGroupSecrets {
  /** The KeyPackageRef of whom they are for. */
  readonly newMember: Uint8Array;
  readonly encryptedGroupSecrets: HpkeSealed;
}

export interface Welcome {
  readonly cipherSuite: number;
  readonly secrets: readonly EncryptedGroupSecrets[];
  readonly encryptedGroupInfo: Uint8Array;
}

export const welcome: Codec<Welcome> = struct<Welcome>({
  cipherSuite: uint16,
  secrets: vector(
    struct<EncryptedGroupSecrets>({ newMember: opaque, encryptedGroupSecrets: hpkeCiphertext }),
  ),
  encryptedGroupInfo: opaque,
});
