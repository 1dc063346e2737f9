/**
 * The primitives from node:crypto (OpenSSL), several times faster than WebAssembly. What OpenSSL decides
 * differently from libsodium is decided as libsodium does: see `verify`.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash as hashOnce,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { concat, equal } from "../codec/bytes.ts";
import type { AeadName, Primitives } from "./primitives.ts";

/** Node's primitives; `base` (libsodium's) serves X-Wing and gives the ruling on doubtful signatures. */
export function nodePrimitives(base: Primitives): Primitives {
  return {
    name: "node:crypto",
    hash: (hash, data) => new Uint8Array(hashOnce(hash, data, "buffer")),
    hmac: (hash, key, data) => own(createHmac(hash, key).update(data).digest()),
    shake256: (data, length) => own(createHash("shake256", { outputLength: length }).update(data).digest()),

    seal(aead, key, nonce, aad, plaintext) {
      const cipher = createCipheriv(CIPHERS[aead] as GcmName, key, nonce, { authTagLength: 16 });
      cipher.setAAD(aad);
      const body = cipher.update(plaintext);
      cipher.final();
      return concat(body, cipher.getAuthTag());
    },

    open(aead, key, nonce, aad, ciphertext) {
      if (ciphertext.length < 16) return undefined;
      const split = ciphertext.length - 16;
      const decipher = createDecipheriv(CIPHERS[aead] as GcmName, key, nonce, { authTagLength: 16 });
      decipher.setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(split));
      const body = decipher.update(ciphertext.subarray(0, split));
      try {
        decipher.final();
      } catch {
        return undefined;
      }
      return own(body);
    },

    ed25519: {
      publicKey: (privateKey) => rawPublic(imported("ed25519", privateKey)),
      sign: (privateKey, message) => own(sign(null, message, signingKey(privateKey))),
      verify(publicKey, message, signature) {
        if (publicKey.length !== 32 || signature.length !== 64) return false;
        const key = verifyingKey(publicKey);
        // OpenSSL compares encodings where libsodium multiplies by the cofactor and refuses points of small order or
        // not in canonical form. A signature that OpenSSL takes under an ordinary key and point is valid for both; in
        // every other case libsodium decides, so that no crafted signature splits a group.
        const settled = key !== undefined && verify(null, message, key, signature);
        if (settled && ordinaryPoint(publicKey) && ordinaryPoint(signature.subarray(0, 32))) return true;
        return base.ed25519.verify(publicKey, message, signature);
      },
    },

    x25519: {
      publicKey: (privateKey) => rawPublic(imported("x25519", privateKey)),
      sharedSecret(privateKey, publicKey) {
        if (publicKey.length !== 32) return undefined;
        try {
          const key = createPublicKey({ key: spki("x25519", publicKey), format: "der", type: "spki" });
          return own(diffieHellman({ privateKey: imported("x25519", privateKey), publicKey: key }));
        } catch {
          return undefined; // OpenSSL throws where the result would be all zero.
        }
      },
    },

    xwing: base.xwing,
  };
}

const CIPHERS = {
  aes128gcm: "aes-128-gcm",
  aes256gcm: "aes-256-gcm",
  chacha20poly1305: "chacha20-poly1305",
} as const satisfies Record<AeadName, string>;

/** Node's types know the options of each AEAD by its name; the three take the same ones. */
type GcmName = "aes-128-gcm";

type Curve = "ed25519" | "x25519";

/** RFC 8410: the object identifiers end in 110 (X25519) and 112 (Ed25519); all else in these encodings is fixed. */
const CURVE_OCTET: Record<Curve, number> = { x25519: 0x6e, ed25519: 0x70 };

function pkcs8(curve: Curve, raw: Uint8Array): Buffer {
  const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, CURVE_OCTET[curve], 4, 0x22, 4, 0x20];
  return Buffer.concat([Buffer.from(head), raw]);
}

function spki(curve: Curve, raw: Uint8Array): Buffer {
  const head = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, CURVE_OCTET[curve], 3, 0x21, 0];
  return Buffer.concat([Buffer.from(head), raw]);
}

function imported(curve: Curve, raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: pkcs8(curve, raw), format: "der", type: "pkcs8" });
}

function rawPublic(privateKey: KeyObject): Uint8Array {
  return own(createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32));
}

/** Importing costs as much as signing; imported keys live as long as the array that they came from. */
const signingKeys = new WeakMap<Uint8Array, { readonly raw: Uint8Array; readonly key: KeyObject }>();
const verifyingKeys = new WeakMap<Uint8Array, { readonly raw: Uint8Array; readonly key: KeyObject }>();

function signingKey(raw: Uint8Array): KeyObject {
  const known = signingKeys.get(raw);
  if (known !== undefined && equal(known.raw, raw)) return known.key;
  const key = imported("ed25519", raw);
  signingKeys.set(raw, { raw: raw.slice(), key });
  return key;
}

function verifyingKey(raw: Uint8Array): KeyObject | undefined {
  const known = verifyingKeys.get(raw);
  if (known !== undefined && equal(known.raw, raw)) return known.key;
  try {
    const key = createPublicKey({ key: spki("ed25519", raw), format: "der", type: "spki" });
    verifyingKeys.set(raw, { raw: raw.slice(), key });
    return key;
  } catch {
    return undefined;
  }
}

/**
 * Whether an encoded point is certainly canonical and not of small order. The y of the eight small-order points are
 * 0, 1, −1 and two large values that begin with these octets; a y of at least 2^255 − 19 − 1 ends in 0x7f (or 0xff).
 * A false alarm only costs a second verification.
 */
function ordinaryPoint(point: Uint8Array): boolean {
  const last = point[31]! & 0x7f;
  if (last === 0x7f && point[30] === 0xff) return false;
  if (last === 0 && point[30] === 0 && point[29] === 0) return false;
  const first = point[0];
  return first !== 0x26 && first !== 0xc7;
}

/** Small buffers are views into a shared pool; an array of our own lets that pool go and cannot be read through it. */
function own(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer);
}
