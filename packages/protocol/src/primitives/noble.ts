/**
 * The primitives from the noble libraries, for browsers and wherever there is no node:crypto. They hold no state
 * and read no randomness of their own. Trusts noble for the arithmetic; decides the doubtful cases as `node.ts` does.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 as xwing } from "@noble/post-quantum/hybrid.js";
import { assert } from "./assert.ts";
import { concatBytes, equalBytes } from "./bytes.ts";
import { isAcceptableEd25519Key } from "./ed25519-keys.ts";
import type { Primitives } from "./primitives.ts";

export const noblePrimitives: Primitives = {
  sha256(...parts) {
    const hash = sha256.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  },

  hmacSha256(key, ...parts) {
    const mac = hmac.create(sha256, key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },

  ed25519: {
    publicKey: (seed) => ed25519.getPublicKey(seed),
    sign: (seed, message) => ed25519.sign(message, seed),
    verify: verifyEd25519,
  },

  x25519: {
    publicKey: (privateKey) => x25519.getPublicKey(privateKey),
    sharedSecret(privateKey, publicKey) {
      assert(privateKey.length === 32, "an X25519 private key has 32 bytes");
      return refusable(() => x25519.getSharedSecret(privateKey, publicKey));
    },
  },

  xwing: {
    publicKey: (seed) => xwing.getPublicKey(seed),
    encapsulate(publicKey, random) {
      const coins = random.bytes(64);
      const made = refusable(() => xwing.encapsulate(publicKey, coins));
      return made && { ciphertext: made.cipherText, secret: made.sharedSecret };
    },
    decapsulate(seed, ciphertext) {
      assert(seed.length === 32, "an X-Wing seed has 32 bytes");
      return refusable(() => xwing.decapsulate(ciphertext, seed));
    },
  },

  aes256Gcm(key) {
    assert(key.length === 32, "an AES-256 key has 32 bytes");
    const ownKey = key.slice();
    return {
      seal(nonce, aad, plaintext) {
        assert(nonce.length === 12, "a GCM nonce has 12 bytes");
        return gcm(ownKey, nonce, aad).encrypt(plaintext);
      },
      open(nonce, aad, ciphertext) {
        assert(nonce.length === 12, "a GCM nonce has 12 bytes");
        return refusable(() => gcm(ownKey, nonce, aad).decrypt(ciphertext));
      },
    };
  },
};

/**
 * RFC 8032 §5.1.7 without the cofactor, as OpenSSL does it: [S]B − [k]A must encode to R. (noble's own `verify`
 * multiplies by the cofactor and so takes crafted signatures that OpenSSL refuses.)
 */
function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isAcceptableEd25519Key(publicKey)) return false;
  const { Point } = ed25519;
  const r = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  if (s >= Point.Fn.ORDER) return false;
  const a = refusable(() => Point.fromBytes(publicKey));
  if (a === undefined) return false;
  const k = Point.Fn.create(bytesToNumberLE(sha512(concatBytes(r, publicKey, message))));
  return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k)).toBytes(), r);
}

/** noble throws where a peer's bytes are not acceptable; the lengths of our own arguments are checked before. */
function refusable<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}
