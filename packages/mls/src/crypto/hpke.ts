/** HPKE in base mode (RFC 9180 §5.1.1), single-shot, and its export: what MLS uses of it. */
import { concat, NO_BYTES, utf8 } from "../codec/bytes.ts";
import { LabeledKdf } from "./hpke-kdf.ts";
import type { Kem, KeyPair } from "./kem.ts";
import type { AeadName, HashName, Primitives, RandomSource } from "./primitives.ts";

export interface HpkeSuite {
  readonly kem: Kem;
  /** HKDF with this hash. */
  readonly kdf: HashName;
  readonly aead: AeadName;
}

export interface HpkeSealed {
  readonly kemOutput: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** What a key schedule takes of its `info`: the same for all recipients. */
export type HpkeInfo = Uint8Array & { readonly [infoBrand]: true };
declare const infoBrand: unique symbol;

/** RFC 9180 §5.1, base mode: `key_schedule_context`, of no PSK and this info. */
export function hpkeInfo(p: Primitives, suite: HpkeSuite, info: Uint8Array): HpkeInfo {
  const { kdf, pskIdHash } = constantsOf(p, suite);
  const infoHash = kdf.extract(p, NO_BYTES, "info_hash", info);
  return concat(Uint8Array.of(0), pskIdHash, infoHash) as Uint8Array as HpkeInfo;
}

/** Undefined where the public key is malformed. */
export function hpkeSeal(
  p: Primitives,
  suite: HpkeSuite,
  random: RandomSource,
  publicKey: Uint8Array,
  info: HpkeInfo,
  plaintext: Uint8Array,
): HpkeSealed | undefined {
  const encapsulated = suite.kem.encapsulate(p, publicKey, random.bytes(suite.kem.randomBytes));
  if (encapsulated === undefined) return undefined;
  const { key, nonce } = messageKey(p, suite, encapsulated.sharedSecret, info);
  return {
    kemOutput: encapsulated.kemOutput,
    ciphertext: p.seal(suite.aead, key, nonce, NO_BYTES, plaintext),
  };
}

/** Undefined where the KEM output is malformed or authentication fails. */
export function hpkeOpen(
  p: Primitives,
  suite: HpkeSuite,
  keyPair: KeyPair,
  info: HpkeInfo,
  sealed: HpkeSealed,
): Uint8Array | undefined {
  const sharedSecret = suite.kem.decapsulate(p, keyPair, sealed.kemOutput);
  if (sharedSecret === undefined) return undefined;
  const { key, nonce } = messageKey(p, suite, sharedSecret, info);
  return p.open(suite.aead, key, nonce, NO_BYTES, sealed.ciphertext);
}

/** SetupBaseS and Context.Export with an empty info (RFC 9180 §5.3): a secret for whoever holds the private key. */
export function hpkeExportTo(
  p: Primitives,
  suite: HpkeSuite,
  random: RandomSource,
  publicKey: Uint8Array,
  exporterContext: Uint8Array,
  length: number,
): { readonly kemOutput: Uint8Array; readonly secret: Uint8Array } | undefined {
  const encapsulated = suite.kem.encapsulate(p, publicKey, random.bytes(suite.kem.randomBytes));
  if (encapsulated === undefined) return undefined;
  const secret = exported(p, suite, encapsulated.sharedSecret, exporterContext, length);
  return { kemOutput: encapsulated.kemOutput, secret };
}

/** SetupBaseR and Context.Export with an empty info. */
export function hpkeExportFrom(
  p: Primitives,
  suite: HpkeSuite,
  keyPair: KeyPair,
  kemOutput: Uint8Array,
  exporterContext: Uint8Array,
  length: number,
): Uint8Array | undefined {
  const sharedSecret = suite.kem.decapsulate(p, keyPair, kemOutput);
  if (sharedSecret === undefined) return undefined;
  return exported(p, suite, sharedSecret, exporterContext, length);
}

function exported(
  p: Primitives,
  suite: HpkeSuite,
  sharedSecret: Uint8Array,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const { kdf } = constantsOf(p, suite);
  const secret = contextSecret(p, suite, sharedSecret);
  const exporterSecret = kdf.expand(p, secret, "exp", hpkeInfo(p, suite, NO_BYTES), HASH_BYTES[suite.kdf]);
  return kdf.expand(p, exporterSecret, "sec", context, length);
}

/** RFC 9180 §5.1: `secret`, out of which a context's key, nonce and exporter secret come. */
function contextSecret(p: Primitives, suite: HpkeSuite, sharedSecret: Uint8Array): Uint8Array {
  return constantsOf(p, suite).kdf.extract(p, sharedSecret, "secret", NO_BYTES);
}

function messageKey(p: Primitives, suite: HpkeSuite, sharedSecret: Uint8Array, info: HpkeInfo) {
  const { kdf } = constantsOf(p, suite);
  const secret = contextSecret(p, suite, sharedSecret);
  return {
    key: kdf.expand(p, secret, "key", info, AEAD_KEY_BYTES[suite.aead]),
    nonce: kdf.expand(p, secret, "base_nonce", info, AEAD_NONCE_BYTES),
  };
}

/** What is the same whenever this suite is used. */
interface SuiteConstants {
  readonly kdf: LabeledKdf;
  /** Of no PSK. */
  readonly pskIdHash: Uint8Array;
}

const constants = new WeakMap<HpkeSuite, SuiteConstants>();

function constantsOf(p: Primitives, suite: HpkeSuite): SuiteConstants {
  const known = constants.get(suite);
  if (known !== undefined) return known;
  const kdf = new LabeledKdf(suite.kdf, suiteId(suite));
  const made = { kdf, pskIdHash: kdf.extract(p, NO_BYTES, "psk_id_hash", NO_BYTES) };
  constants.set(suite, made);
  return made;
}

export const AEAD_NONCE_BYTES = 12;
export const AEAD_KEY_BYTES: Record<AeadName, number> = {
  aes128gcm: 16,
  aes256gcm: 32,
  chacha20poly1305: 32,
};
export const HASH_BYTES: Record<HashName, number> = { sha256: 32, sha384: 48, sha512: 64 };

/** RFC 9180 §7.2 and §7.3. */
const KDF_ID: Record<HashName, number> = { sha256: 1, sha384: 2, sha512: 3 };
const AEAD_ID: Record<AeadName, number> = { aes128gcm: 1, aes256gcm: 2, chacha20poly1305: 3 };

function suiteId(suite: HpkeSuite): Uint8Array {
  const kem = suite.kem.id;
  const head = Uint8Array.of(kem >> 8, kem & 0xff, 0, KDF_ID[suite.kdf], 0, AEAD_ID[suite.aead]);
  return concat(utf8("HPKE"), head);
}
