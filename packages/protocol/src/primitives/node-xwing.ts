/**
 * X-Wing (draft-connolly-cfrg-xwing-kem §5) over node:crypto. Encapsulating is noble's, since OpenSSL takes no coins
 * from outside and would draw them itself; it is rare beside decapsulating, and sees no private key.
 */
import { createHash, createPrivateKey, createPublicKey, decapsulate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { assert } from "./assert.ts";
import { concatBytes } from "./bytes.ts";
import type { Primitives } from "./primitives.ts";

const PUBLIC_KEY_BYTES = 1216;
const CIPHERTEXT_BYTES = 1120;
/** Where the ML-KEM part of a public key or ciphertext ends and the X25519 part begins. */
const KEM_PUBLIC_KEY_BYTES = 1184;
const KEM_CIPHERTEXT_BYTES = 1088;

/** draft-connolly-cfrg-xwing-kem §5.3: the six characters `\.//^\`. */
const LABEL = Buffer.from("5c2e2f2f5e5c", "hex");
/** The fixed DER around a 64-byte ML-KEM-768 seed (draft-ietf-lamps-kyber-certificates, the seed-only form). */
const SEED_PREFIX = Buffer.from("3054020100300b060960864801650304040204428040", "hex");

export function nodeXWing(x25519: Primitives["x25519"]): Primitives["xwing"] {
  return {
    publicKey(seed) {
      const key = expand(seed, x25519);
      return concatBytes(kemPublicKey(key.kem), key.publicX);
    },

    encapsulate(publicKey, random) {
      const coins = random.bytes(64);
      if (publicKey.length !== PUBLIC_KEY_BYTES) return undefined;
      const publicX = publicKey.subarray(KEM_PUBLIC_KEY_BYTES);
      const ephemeral = coins.subarray(32);
      const secretX = x25519.sharedSecret(ephemeral, publicX);
      const kem = encapsulateKem(publicKey.subarray(0, KEM_PUBLIC_KEY_BYTES), coins.subarray(0, 32));
      if (secretX === undefined || kem === undefined) return undefined;
      const ciphertextX = x25519.publicKey(ephemeral);
      return {
        ciphertext: concatBytes(kem.cipherText, ciphertextX),
        secret: combine(kem.sharedSecret, secretX, ciphertextX, publicX),
      };
    },

    decapsulate(seed, ciphertext) {
      if (ciphertext.length !== CIPHERTEXT_BYTES) return undefined;
      const key = expand(seed, x25519);
      const ciphertextX = ciphertext.subarray(KEM_CIPHERTEXT_BYTES);
      const secretX = x25519.sharedSecret(key.privateX, ciphertextX);
      if (secretX === undefined) return undefined;
      const secretKem = decapsulate(key.kem, ciphertext.subarray(0, KEM_CIPHERTEXT_BYTES));
      return combine(secretKem, secretX, ciphertextX, key.publicX);
    },
  };
}

interface ExpandedKey {
  readonly kem: KeyObject;
  readonly privateX: Uint8Array;
  readonly publicX: Uint8Array;
}

/** draft-connolly-cfrg-xwing-kem §5.2. */
function expand(seed: Uint8Array, x25519: Primitives["x25519"]): ExpandedKey {
  assert(seed.length === 32, "an X-Wing seed has 32 bytes");
  const expanded = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  const der = Buffer.concat([SEED_PREFIX, expanded.subarray(0, 64)]);
  const privateX = new Uint8Array(expanded.subarray(64));
  const kem = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  expanded.fill(0);
  return { kem, privateX, publicX: x25519.publicKey(privateX) };
}

function kemPublicKey(kem: KeyObject): Uint8Array {
  return createPublicKey(kem).export({ format: "der", type: "spki" }).subarray(-KEM_PUBLIC_KEY_BYTES);
}

/** Undefined where the key is not the canonical encoding of one (FIPS 203 §7.2). */
function encapsulateKem(publicKey: Uint8Array, coins: Uint8Array) {
  try {
    return ml_kem768.encapsulate(publicKey, coins);
  } catch {
    return undefined;
  }
}

/** draft-connolly-cfrg-xwing-kem §5.3. */
function combine(
  secretKem: Uint8Array,
  secretX: Uint8Array,
  ciphertextX: Uint8Array,
  publicX: Uint8Array,
): Uint8Array {
  const hash = createHash("sha3-256");
  for (const part of [secretKem, secretX, ciphertextX, publicX, LABEL]) hash.update(part);
  return new Uint8Array(hash.digest());
}
