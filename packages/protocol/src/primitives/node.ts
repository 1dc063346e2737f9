/**
 * The primitives from node:crypto (OpenSSL): several times faster than JavaScript, and an AES key is expanded once
 * and kept outside the JavaScript heap. Results are plain arrays that own their memory. Needs Node 24.7 for ML-KEM.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  randomFillSync,
  sign,
  verify,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { RandomSource } from "../ports.ts";
import { assert } from "./assert.ts";
import { isAcceptableEd25519Key } from "./ed25519-keys.ts";
import { nodeXWing } from "./node-xwing.ts";
import type { Aead, Primitives } from "./primitives.ts";

/** A call to OpenSSL's generator costs as much for four octets as for a thousand. */
const drawnBytes = 1024;
const drawn = new Uint8Array(drawnBytes);
let drawnLeft = 0;

/**
 * The operating system's random source, through OpenSSL. Small amounts come out of a larger draw, each octet once, and
 * wiped from it as it leaves.
 */
export const nodeRandom: RandomSource = {
  bytes(length) {
    if (length > drawnBytes / 4) return randomFillSync(new Uint8Array(length));
    if (length > drawnLeft) {
      randomFillSync(drawn);
      drawnLeft = drawnBytes;
    }
    const taken = drawn.subarray(drawnLeft - length, drawnLeft);
    const bytes = taken.slice();
    taken.fill(0);
    drawnLeft -= length;
    return bytes;
  },
};

const x25519: Primitives["x25519"] = {
  publicKey: (privateKey) => rawPublicKey(importPrivate("x25519", privateKey)),
  sharedSecret(privateKey, publicKey) {
    if (publicKey.length !== 32) return undefined;
    const keys = {
      privateKey: importPrivate("x25519", privateKey),
      publicKey: importPublic("x25519", publicKey),
    };
    try {
      return plain(diffieHellman(keys));
    } catch {
      return undefined; // OpenSSL refuses to give an all-zero result.
    }
  },
};

export const nodePrimitives: Primitives = {
  sha256(...parts) {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return plain(hash.digest());
  },

  hmacSha256(key, ...parts) {
    const mac = createHmac("sha256", key);
    for (const part of parts) mac.update(part);
    return plain(mac.digest());
  },

  ed25519: {
    publicKey: (seed) => rawPublicKey(importPrivate("ed25519", seed)),
    sign: (seed, message) => plain(sign(null, message, importPrivate("ed25519", seed))),
    verify(publicKey, message, signature) {
      if (signature.length !== 64 || !isAcceptableEd25519Key(publicKey)) return false;
      return verify(null, message, verifyingKey(publicKey), signature);
    },
  },

  x25519,
  xwing: nodeXWing(x25519),
  aes256Gcm,
};

function aes256Gcm(key: Uint8Array): Aead {
  assert(key.length === 32, "an AES-256 key has 32 bytes");
  const expanded = createSecretKey(key);
  return {
    seal(nonce, aad, plaintext) {
      assert(nonce.length === 12, "a GCM nonce has 12 bytes");
      const cipher = createCipheriv("aes-256-gcm", expanded, nonce);
      if (aad.length > 0) cipher.setAAD(aad);
      const sealed = new Uint8Array(plaintext.length + 16);
      sealed.set(cipher.update(plaintext));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plaintext.length);
      return sealed;
    },
    open(nonce, aad, ciphertext) {
      assert(nonce.length === 12, "a GCM nonce has 12 bytes");
      const tagOffset = ciphertext.length - 16;
      if (tagOffset < 0) return undefined;
      const decipher = createDecipheriv("aes-256-gcm", expanded, nonce, { authTagLength: 16 });
      if (aad.length > 0) decipher.setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(tagOffset));
      const plaintext = decipher.update(ciphertext.subarray(0, tagOffset));
      try {
        decipher.final();
      } catch {
        return undefined; // Authentication failed; what `update` gave is dropped unread.
      }
      return plain(plaintext);
    },
  };
}

type Curve = "ed25519" | "x25519";

// RFC 8410: the fixed DER around a raw key.
const pkcs8Prefix: Record<Curve, Buffer> = {
  ed25519: Buffer.from("302e020100300506032b657004220420", "hex"),
  x25519: Buffer.from("302e020100300506032b656e04220420", "hex"),
};
const spkiPrefix: Record<Curve, Buffer> = {
  ed25519: Buffer.from("302a300506032b6570032100", "hex"),
  x25519: Buffer.from("302a300506032b656e032100", "hex"),
};

function importPrivate(curve: Curve, key: Uint8Array): KeyObject {
  assert(key.length === 32, "a private key has 32 bytes");
  const der = Buffer.concat([pkcs8Prefix[curve], key]);
  const imported = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return imported;
}

function importPublic(curve: Curve, key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix[curve], key]), format: "der", type: "spki" });
}

/** Servers and accounts sign again and again, and to import a key costs a third of a verification. */
const verifyingKeysMax = 1_024;
const verifyingKeys = new Map<string, KeyObject>();

function verifyingKey(publicKey: Uint8Array): KeyObject {
  const octets = String.fromCharCode(...publicKey);
  const key = verifyingKeys.get(octets) ?? importPublic("ed25519", publicKey);
  verifyingKeys.delete(octets);
  verifyingKeys.set(octets, key);
  if (verifyingKeys.size > verifyingKeysMax) verifyingKeys.delete(verifyingKeys.keys().next().value!);
  return key;
}

function rawPublicKey(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32));
}

/** A plain array that owns its memory: a pooled Buffer would keep, and post to a worker, its whole slab. */
function plain(buffer: Buffer): Uint8Array {
  return buffer.byteLength === buffer.buffer.byteLength
    ? new Uint8Array(buffer.buffer)
    : new Uint8Array(buffer);
}
