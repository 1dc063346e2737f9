/**
 * What a homeserver opens and seals, as its simulation sees it: whatever it learns passes here in the clear, from links,
 * from its clients and out of bundles, whether or not it keeps it.
 */
import type { Aead, Primitives } from "@fedchat/protocol";
import { bundleAadBytes, bundleVersion } from "@fedchat/protocol";

export interface PrimitivesWatch {
  opened: (plaintext: Uint8Array) => void;
  /** The authenticated header of a bundle of a stream. [B2] */
  bundleSealed: (aad: Uint8Array) => void;
}

export function watchedPrimitives(primitives: Primitives, watch: PrimitivesWatch): Primitives {
  return { ...primitives, aes256Gcm: (key) => watchedAead(primitives.aes256Gcm(key), watch) };
}

function watchedAead(aead: Aead, { opened, bundleSealed }: PrimitivesWatch): Aead {
  return {
    seal(nonce, aad, plaintext) {
      if (isStreamBundle(aad)) bundleSealed(aad);
      return aead.seal(nonce, aad, plaintext);
    },
    open(nonce, aad, ciphertext) {
      const plaintext = aead.open(nonce, aad, ciphertext);
      if (plaintext !== undefined) opened(plaintext);
      return plaintext;
    },
  };
}

/** Bundles of class control, whose code is 0, have no place in a stream. [B10] */
function isStreamBundle(aad: Uint8Array): boolean {
  return aad.length === bundleAadBytes && aad[0] === bundleVersion && aad[1] !== 0;
}
