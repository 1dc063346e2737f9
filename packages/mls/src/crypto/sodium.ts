/**
 * The primitives from libsodium (WebAssembly, constant time, the same in Node and browsers) and from the noble
 * libraries for what libsodium lacks: AES-GCM without hardware support, SHA-384 and SHAKE256.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha384 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import sodium from "libsodium-wrappers-sumo";
import { expandedKeys } from "./expanded-keys.ts";
import type { Primitives } from "./primitives.ts";

/** Resolves once libsodium's WebAssembly stands; everything after that is synchronous. */
export async function sodiumPrimitives(): Promise<Primitives> {
  await sodium.ready;
  return PRIMITIVES;
}

const PRIMITIVES: Primitives = {
  name: "libsodium",

  hash(hash, data) {
    if (hash === "sha256") return sodium.crypto_hash_sha256(data);
    return hash === "sha384" ? sha384(data) : sodium.crypto_hash_sha512(data);
  },

  hmac(hash, key, data) {
    if (hash === "sha384") return hmac(sha384, key, data);
    // libsodium's one-shot HMACs take 32-octet keys only; RFC 2104 pads shorter keys with zeros, so that is the same.
    if (hash === "sha256" && key.length === 32) return sodium.crypto_auth_hmacsha256(data, key);
    const state =
      hash === "sha256" ? sodium.crypto_auth_hmacsha256_init(key) : sodium.crypto_auth_hmacsha512_init(key);
    if (hash === "sha256") {
      sodium.crypto_auth_hmacsha256_update(state, data);
      return sodium.crypto_auth_hmacsha256_final(state);
    }
    sodium.crypto_auth_hmacsha512_update(state, data);
    return sodium.crypto_auth_hmacsha512_final(state);
  },

  shake256: (data, length) => shake256(data, { dkLen: length }),

  seal(aead, key, nonce, aad, plaintext) {
    if (aead === "chacha20poly1305") {
      return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key);
    }
    return gcm(key, nonce, aad).encrypt(plaintext);
  },

  open(aead, key, nonce, aad, ciphertext) {
    return attempt(() =>
      aead === "chacha20poly1305"
        ? sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, ciphertext, aad, nonce, key)
        : gcm(key, nonce, aad).decrypt(ciphertext),
    );
  },

  ed25519: {
    publicKey: (privateKey) => expanded(privateKey).slice(32),
    sign: (privateKey, message) => sodium.crypto_sign_detached(message, expanded(privateKey)),
    verify(publicKey, message, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return false;
      return sodium.crypto_sign_verify_detached(signature, message, publicKey);
    },
  },

  x25519: {
    publicKey: (privateKey) => sodium.crypto_scalarmult_base(privateKey),
    sharedSecret(privateKey, publicKey) {
      if (publicKey.length !== 32) return undefined;
      return attempt(() => sodium.crypto_scalarmult(privateKey, publicKey));
    },
  },

  xwing: {
    publicKey: (privateKey) => sodium.crypto_kem_xwing_seed_keypair(privateKey).publicKey,
    encapsulate(publicKey, randomness) {
      if (publicKey.length !== sodium.crypto_kem_xwing_PUBLICKEYBYTES) return undefined;
      const result = attempt(() => sodium.crypto_kem_xwing_enc_deterministic(publicKey, randomness));
      return result && { kemOutput: result.ciphertext, sharedSecret: result.sharedSecret };
    },
    decapsulate(privateKey, kemOutput) {
      if (kemOutput.length !== sodium.crypto_kem_xwing_CIPHERTEXTBYTES) return undefined;
      return attempt(() => sodium.crypto_kem_xwing_dec(kemOutput, privateKey));
    },
  },
};

const expanded = expandedKeys((seed) => sodium.crypto_sign_seed_keypair(seed).privateKey);

/** libsodium and noble throw where a peer's bytes do not authenticate or are no group element. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
