/**
 * The cryptographic primitives under MLS, by name, synchronous and free of I/O. `sodium.ts` implements them with
 * libsodium (noble for what it lacks) wherever JavaScript runs; `node.ts` with node:crypto where that is faster, and
 * `native.ts` with native libsodium where it is installed. All are tested against each other, and nothing else here
 * names a cryptographic library.
 *
 * What goes in is lent for the call: it is wiped and used again after it, so no backend may keep it. Keys are the
 * exception: a backend may remember what it made of one, as long as it notices that the array holds another.
 *
 * All backends must decide alike what is valid: members who disagree on one signature have split the group.
 */

export type HashName = "sha256" | "sha384" | "sha512";
export type AeadName = "aes128gcm" | "aes256gcm" | "chacha20poly1305";

export interface Primitives {
  readonly name: string;

  hash(hash: HashName, data: Uint8Array): Uint8Array;
  hmac(hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** FIPS 202, `length` octets. */
  shake256(data: Uint8Array, length: number): Uint8Array;

  /** The ciphertext with its 16-octet tag at the end. */
  seal(
    aead: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
  ): Uint8Array;
  /** Undefined where authentication fails. */
  open(
    aead: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined;

  /** RFC 8032. The private key is the 32-octet seed. */
  readonly ed25519: {
    publicKey(privateKey: Uint8Array): Uint8Array;
    sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array;
    /** False for wrong signatures and for keys or signatures that are malformed, not canonical or of small order. */
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  };

  /** RFC 7748. */
  readonly x25519: {
    publicKey(privateKey: Uint8Array): Uint8Array;
    /** Undefined for keys of the wrong size and where the result would be all zero (RFC 7748 §6.1). */
    sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  };

  /** X-Wing (draft-connolly-cfrg-xwing-kem): X25519 with ML-KEM-768. The private key is the 32-octet seed. */
  readonly xwing: {
    publicKey(privateKey: Uint8Array): Uint8Array;
    /** `randomness` is 64 octets. Undefined where the public key is not one. */
    encapsulate(publicKey: Uint8Array, randomness: Uint8Array): Encapsulation | undefined;
    decapsulate(privateKey: Uint8Array, kemOutput: Uint8Array): Uint8Array | undefined;
  };
}

export interface Encapsulation {
  readonly kemOutput: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

/** Cryptographically strong in production, seeded in tests and simulations. */
export interface RandomSource {
  /** A fresh array of `length` random octets that the caller owns. */
  bytes(length: number): Uint8Array;
}
