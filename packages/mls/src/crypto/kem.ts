/**
 * The KEMs of RFC 9180 §4 and draft-ietf-hpke-pq over the primitives. Randomness is an argument, so that every
 * encapsulation can be replayed.
 */
import { concat, NO_BYTES, utf8 } from "../codec/bytes.ts";
import { LabeledKdf } from "./hpke-kdf.ts";
import type { Encapsulation, Primitives } from "./primitives.ts";

export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface Kem {
  /** RFC 9180 §7.1 or the draft that registers it. */
  readonly id: number;
  /** Whether `encapsulate` takes it: told from the octets alone, so that all members refuse the same keys. */
  isPublicKey(publicKey: Uint8Array): boolean;
  /** How much randomness an encapsulation takes. */
  readonly randomBytes: number;
  deriveKeyPair(p: Primitives, ikm: Uint8Array): KeyPair;
  /** Undefined where the public key is malformed. */
  encapsulate(p: Primitives, publicKey: Uint8Array, randomness: Uint8Array): Encapsulation | undefined;
  /** Undefined where the KEM output is malformed. */
  decapsulate(p: Primitives, key: KeyPair, kemOutput: Uint8Array): Uint8Array | undefined;
}

const x25519Kdf = new LabeledKdf("sha256", concat(utf8("KEM"), Uint8Array.of(0x00, 0x20)));

/** DHKEM(X25519, HKDF-SHA256), RFC 9180 §4.1 and §7.1. */
export const dhkemX25519: Kem = {
  id: 0x0020,
  isPublicKey: isX25519Key,
  randomBytes: 32,

  deriveKeyPair(p, ikm) {
    const prk = x25519Kdf.extract(p, NO_BYTES, "dkp_prk", ikm);
    const privateKey = x25519Kdf.expand(p, prk, "sk", NO_BYTES, 32);
    return { privateKey, publicKey: p.x25519.publicKey(privateKey) };
  },

  encapsulate(p, publicKey, randomness) {
    const ephemeral = dhkemX25519.deriveKeyPair(p, randomness);
    const dh = p.x25519.sharedSecret(ephemeral.privateKey, publicKey);
    if (dh === undefined) return undefined;
    const kemOutput = ephemeral.publicKey;
    return { kemOutput, sharedSecret: extractAndExpand(p, dh, concat(kemOutput, publicKey)) };
  },

  decapsulate(p, key, kemOutput) {
    const dh = p.x25519.sharedSecret(key.privateKey, kemOutput);
    return dh && extractAndExpand(p, dh, concat(kemOutput, key.publicKey));
  },
};

function extractAndExpand(p: Primitives, dh: Uint8Array, context: Uint8Array): Uint8Array {
  const prk = x25519Kdf.extract(p, NO_BYTES, "eae_prk", dh);
  return x25519Kdf.expand(p, prk, "shared_secret", context, 32);
}

const P = 2n ** 255n - 19n;

/** The coordinates of order 8 or less on the curve and on its twist: with these every secret is zero (RFC 7748 §6.1). */
const SMALL_ORDER: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  0x00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0n,
  0x57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5fn,
]);

/** RFC 9180 §7.1.4, RFC 7748 §5: the highest bit is ignored, and what is not below P is reduced. */
function isX25519Key(key: Uint8Array): boolean {
  if (key.length !== 32) return false;
  let u = BigInt(key[31]! & 0x7f);
  for (let at = 30; at >= 0; at -= 1) u = (u << 8n) + BigInt(key[at]!);
  return !SMALL_ORDER.has(u % P);
}

/** FIPS 203 §7.2: every coefficient of an encapsulation key, of 12 bits each, is below q. */
function isReduced(coefficients: Uint8Array): boolean {
  for (let at = 0; at < coefficients.length; at += 3) {
    const [low, middle, high] = [coefficients[at]!, coefficients[at + 1]!, coefficients[at + 2]!];
    if ((middle & 0xf) * 0x100 + low >= Q || high * 0x10 + (middle >> 4) >= Q) return false;
  }
  return true;
}

const Q = 3329;

/** MLKEM768-X25519 (X-Wing), draft-ietf-hpke-pq-05 §4. */
export const mlkem768X25519: Kem = {
  id: 0x647a,
  isPublicKey: (key) =>
    key.length === 1216 && isReduced(key.subarray(0, 1152)) && isX25519Key(key.subarray(1184)),
  randomBytes: 64,

  deriveKeyPair(p, ikm) {
    // SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32), draft-ietf-hpke-hpke-04 §4.
    const label = utf8("DeriveKeyPair");
    const labeled = concat(
      ikm,
      utf8("HPKE-v1KEM"),
      Uint8Array.of(0x64, 0x7a, 0, label.length),
      label,
      Uint8Array.of(0, 32),
    );
    const privateKey = p.shake256(labeled, 32);
    return { privateKey, publicKey: p.xwing.publicKey(privateKey) };
  },

  encapsulate: (p, publicKey, randomness) => p.xwing.encapsulate(publicKey, randomness),
  decapsulate: (p, key, kemOutput) => p.xwing.decapsulate(key.privateKey, kemOutput),
};
