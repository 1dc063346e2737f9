/**
 * The primitives with node:crypto (OpenSSL) where that is faster than WebAssembly: hashes, AES-GCM and Ed25519.
 * HMAC, ChaCha20-Poly1305 and X25519 stay libsodium's: building OpenSSL's objects for them costs more than the work.
 * What OpenSSL decides differently from libsodium is decided as libsodium does: see `verify`.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hash as hashOnce,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { equal } from "../codec/bytes.ts";
import type { Primitives } from "./primitives.ts";

export { withNativeSodium } from "./native.ts";

/** Node's primitives; `base` (libsodium's) serves the rest and gives the ruling on doubtful signatures. */
export function nodePrimitives(base: Primitives): Primitives {
  return {
    ...base,
    name: "node:crypto",
    hash: (hash, data) => own(hashOnce(hash, data, "buffer")),
    shake256: (data, length) => own(createHash("shake256", { outputLength: length }).update(data).digest()),

    seal(aead, key, nonce, aad, plaintext) {
      if (aead === "chacha20poly1305") return base.seal(aead, key, nonce, aad, plaintext);
      const cipher = createCipheriv(GCM[aead], createSecretKey(key), nonce);
      cipher.setAAD(aad);
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
      sealed.set(cipher.update(plaintext));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plaintext.length);
      return sealed;
    },

    open(aead, key, nonce, aad, ciphertext) {
      if (aead === "chacha20poly1305") return base.open(aead, key, nonce, aad, ciphertext);
      if (ciphertext.length < TAG_BYTES) return undefined;
      const split = ciphertext.length - TAG_BYTES;
      const decipher = createDecipheriv(GCM[aead], createSecretKey(key), nonce);
      decipher.setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(split));
      const plaintext = decipher.update(ciphertext.subarray(0, split));
      try {
        decipher.final();
      } catch {
        return undefined;
      }
      return own(plaintext);
    },

    ed25519: {
      publicKey: base.ed25519.publicKey,
      sign: (privateKey, message) => own(sign(null, message, signingKey(privateKey))),
      verify(publicKey, message, signature) {
        if (publicKey.length !== 32 || signature.length !== 64) return false;
        const key = verifyingKey(publicKey);
        if (key === undefined) return base.ed25519.verify(publicKey, message, signature);
        // OpenSSL takes points of small order and such as are not in canonical form, which libsodium refuses. A
        // signature that OpenSSL takes under an ordinary key and point is valid for both; in every other case libsodium
        // decides, so that no crafted signature splits a group.
        const settled = verify(null, message, key, signature);
        if (settled && isOrdinaryPoint(publicKey) && isOrdinaryPoint(signature.subarray(0, 32))) return true;
        return base.ed25519.verify(publicKey, message, signature);
      },
    },
  };
}

const TAG_BYTES = 16;

/** Keys go in as KeyObjects: finding out that a plain array is none costs more than making one. */
const GCM = { aes128gcm: "aes-128-gcm", aes256gcm: "aes-256-gcm" } as const;

/** RFC 8410: the fixed octets around a raw Ed25519 key in PKCS #8 and in SubjectPublicKeyInfo. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

interface Imported {
  readonly raw: Uint8Array;
  readonly key: KeyObject;
}

interface Seen {
  readonly raw: Uint8Array;
  readonly key: KeyObject | undefined;
}

/** Importing costs as much as signing; imported keys live as long as the array that they came from. */
const signingKeys = new WeakMap<Uint8Array, Imported>();
const verifyingKeys = new WeakMap<Uint8Array, Seen>();

function signingKey(raw: Uint8Array): KeyObject {
  const known = signingKeys.get(raw);
  // An erased or overwritten array must not sign with the key that it held.
  if (known !== undefined && equal(known.raw, raw)) return known.key;
  if (raw.length !== 32) throw new RangeError(`${raw.length} octets where a seed has 32`);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, raw]), format: "der", type: "pkcs8" });
  signingKeys.set(raw, { raw: raw.slice(), key });
  return key;
}

/**
 * Undefined for a key that is seen for the first time, because most leaves of a tree sign once and never speak, and for
 * one that OpenSSL refuses.
 */
function verifyingKey(raw: Uint8Array): KeyObject | undefined {
  const known = verifyingKeys.get(raw);
  if (known === undefined || !equal(known.raw, raw)) {
    verifyingKeys.set(raw, { raw: raw.slice(), key: undefined });
    return undefined;
  }
  if (known.key !== undefined) return known.key;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: "der", type: "spki" });
    verifyingKeys.set(raw, { raw: known.raw, key });
    return key;
  } catch {
    return undefined;
  }
}

/**
 * Whether an encoded point is certainly canonical and not of small order. The y of the eight small-order points are
 * 0, 1, −1 and two values that begin with these octets; a y that is not canonical ends in 0xff 0x7f (or 0xff 0xff).
 * A false alarm only costs a second verification.
 */
function isOrdinaryPoint(point: Uint8Array): boolean {
  const last = point[31]! & 0x7f;
  if (last === 0x7f && point[30] === 0xff) return false;
  if (last === 0 && point[30] === 0 && point[29] === 0) return false;
  return point[0] !== 0x26 && point[0] !== 0xc7;
}

/** Small buffers are views into a shared pool; an array of our own lets that pool go and cannot be read through it. */
function own(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer);
}
