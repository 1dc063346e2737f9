/**
 * libsodium as native code (sodium-native's prebuilds) for what is slow without it: Ed25519, X25519 and
 * ChaCha20-Poly1305. The same library as in `sodium.ts`, so it decides alike; what it fails to load for, or does not
 * have, is the other backend's. Every length is checked here, before native code sees an array.
 */
import { createRequire } from "node:module";
import { expandedKeys } from "./expanded-keys.ts";
import type { Primitives } from "./primitives.ts";

/** `base` with sodium-native for curves and ChaCha20-Poly1305; `base` itself where there is none for this platform. */
export function withNativeSodium(base: Primitives): Primitives {
  const sodium = nativeSodium();
  if (sodium === undefined) return base;

  const expanded = expandedKeys((seed) => {
    const [publicKey, privateKey] = [new Uint8Array(KEY_BYTES), new Uint8Array(2 * KEY_BYTES)];
    sodium.crypto_sign_seed_keypair(publicKey, privateKey, exactly(KEY_BYTES, seed));
    return privateKey;
  });

  return {
    ...base,
    name: `sodium-native and ${base.name}`,

    seal(aead, key, nonce, aad, plaintext) {
      if (aead !== "chacha20poly1305") return base.seal(aead, key, nonce, aad, plaintext);
      exactly(KEY_BYTES, key);
      exactly(NONCE_BYTES, nonce);
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(sealed, plaintext, aad, null, nonce, key);
      return sealed;
    },

    open(aead, key, nonce, aad, ciphertext) {
      if (aead !== "chacha20poly1305") return base.open(aead, key, nonce, aad, ciphertext);
      if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES)
        return undefined;
      const plaintext = new Uint8Array(ciphertext.length - TAG_BYTES);
      try {
        sodium.crypto_aead_chacha20poly1305_ietf_decrypt(plaintext, null, ciphertext, aad, nonce, key);
      } catch {
        return undefined;
      }
      return plaintext;
    },

    ed25519: {
      publicKey: (privateKey) => expanded(privateKey).slice(KEY_BYTES),
      sign(privateKey, message) {
        const signature = new Uint8Array(SIGNATURE_BYTES);
        sodium.crypto_sign_detached(signature, message, expanded(privateKey));
        return signature;
      },
      verify(publicKey, message, signature) {
        if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
        return sodium.crypto_sign_verify_detached(signature, message, publicKey);
      },
    },

    x25519: {
      publicKey(privateKey) {
        const publicKey = new Uint8Array(KEY_BYTES);
        sodium.crypto_scalarmult_base(publicKey, exactly(KEY_BYTES, privateKey));
        return publicKey;
      },
      sharedSecret(privateKey, publicKey) {
        if (privateKey.length !== KEY_BYTES || publicKey.length !== KEY_BYTES) return undefined;
        const secret = new Uint8Array(KEY_BYTES);
        try {
          sodium.crypto_scalarmult(secret, privateKey, publicKey);
        } catch {
          return undefined;
        }
        return secret;
      },
    },
  };
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const SIGNATURE_BYTES = 64;
const TAG_BYTES = 16;

/**
 * What is used of sodium-native, which brings no types. Results go into the first array; it throws where bytes do not
 * authenticate or are no group element.
 */
interface NativeSodium {
  crypto_sign_seed_keypair(publicKey: Uint8Array, privateKey: Uint8Array, seed: Uint8Array): void;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, privateKey: Uint8Array): void;
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  crypto_scalarmult_base(publicKey: Uint8Array, privateKey: Uint8Array): void;
  crypto_scalarmult(secret: Uint8Array, privateKey: Uint8Array, publicKey: Uint8Array): void;
  crypto_aead_chacha20poly1305_ietf_encrypt(
    ciphertext: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void;
  crypto_aead_chacha20poly1305_ietf_decrypt(
    plaintext: Uint8Array,
    secretNonce: null,
    ciphertext: Uint8Array,
    aad: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void;
}

/** Undefined where it is not installed, or has no build that loads here (as on musl). */
function nativeSodium(): NativeSodium | undefined {
  try {
    return createRequire(import.meta.url)("sodium-native") as NativeSodium;
  } catch {
    return undefined;
  }
}

function exactly(length: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`${bytes.length} octets where there must be ${length}`);
  return bytes;
}
