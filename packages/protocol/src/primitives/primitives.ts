/**
 * The cryptographic primitives that the protocol is built from, synchronous and free of I/O. Two backends
 * implement them (`node.ts` on node:crypto, `noble.ts` on the noble libraries for browsers) and are tested
 * against each other; nothing else in this package names a cryptographic library.
 */
import type { RandomSource } from "../ports.ts";

export interface Primitives {
  /** Over the parts in order, as if they were one; so is the next. */
  sha256(...parts: Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array;
  /**
   * RFC 8032. A seed is the 32-byte private key. All backends judge alike: public keys of small order or not in
   * canonical form are refused, and the equation is checked without the cofactor.
   */
  ed25519: {
    publicKey(seed: Uint8Array): Uint8Array;
    sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
    /** False for a wrong signature and for malformed keys or signatures alike. */
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  };
  /** RFC 7748. */
  x25519: {
    publicKey(privateKey: Uint8Array): Uint8Array;
    /** Undefined where the public key is malformed or the result would be all zero (RFC 7748 §6.1). */
    sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  };
  /** X-Wing (X25519 + ML-KEM-768, draft-connolly-cfrg-xwing-kem): 32-byte seed, 1216-byte public key, 1120-byte ciphertext. */
  xwing: {
    publicKey(seed: Uint8Array): Uint8Array;
    /** Takes 64 random bytes. Undefined where the public key is malformed or its X25519 part of low order. */
    encapsulate(
      publicKey: Uint8Array,
      random: RandomSource,
    ): { ciphertext: Uint8Array; secret: Uint8Array } | undefined;
    /** Undefined where the ciphertext is malformed; a forged one gives a secret that nobody else has. */
    decapsulate(seed: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  };
  /** AES-256-GCM under one key; a backend may keep the expanded key inside the returned object. */
  aes256Gcm(key: Uint8Array): Aead;
}

/**
 * Authenticated encryption under one key. Ciphertexts carry their 16-byte tag at the end, nonces have 12 bytes, and
 * what is returned owns its memory. The caller may reuse the nonce's array at once, the nonce never.
 */
export interface Aead {
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Undefined where authentication fails. */
  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}
