/**
 * A cipher suite bound to a backend: the labelled operations of RFC 9420 §5 and §8 from which everything above is
 * built. Secrets go in and out as plain arrays; who derives one also erases it.
 */
import { concat, equalConstantTime, NO_BYTES, utf8 } from "../codec/bytes.ts";
import { Writer } from "../codec/writer.ts";
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, HASH_BYTES, hpkeExportFrom, hpkeExportTo } from "./hpke.ts";
import { type HpkeInfo, hpkeInfo, hpkeOpen, type HpkeSealed, hpkeSeal } from "./hpke.ts";
import { hkdfExpand } from "./hpke-kdf.ts";
import type { KeyPair } from "./kem.ts";
import type { Primitives, RandomSource } from "./primitives.ts";
import { type SuiteParameters, suiteParameters } from "./suites.ts";

/** Bytes, or what writes them; then they are never in an array of their own. */
export type Content = Uint8Array | ((writer: Writer) => void);

/** Undefined where the public key is malformed. */
type EncryptTo = (
  random: RandomSource,
  publicKey: Uint8Array,
  plaintext: Uint8Array,
) => HpkeSealed | undefined;

export class CipherSuite {
  readonly id: number;
  readonly name: string;
  /** KDF.Nh: octets of a secret and of a hash. */
  readonly secretBytes: number;
  /** AEAD.Nk and AEAD.Nn. */
  readonly keyBytes: number;
  readonly nonceBytes = AEAD_NONCE_BYTES;
  readonly #p: Primitives;
  readonly #parameters: SuiteParameters;

  constructor(primitives: Primitives, parameters: SuiteParameters) {
    this.#p = primitives;
    this.#parameters = parameters;
    this.id = parameters.id;
    this.name = parameters.name;
    this.secretBytes = HASH_BYTES[parameters.hpke.kdf];
    this.keyBytes = AEAD_KEY_BYTES[parameters.hpke.aead];
  }

  hash(data: Uint8Array): Uint8Array {
    return this.#p.hash(this.#parameters.hpke.kdf, data);
  }

  /** The hash of what `writer` holds, which is given up with it. */
  hashOf(writer: Writer): Uint8Array {
    return writer.lend((bytes) => this.#p.hash(this.#parameters.hpke.kdf, bytes));
  }

  /** RFC 9420 §5.2: a hash that cannot be taken for one of another kind. */
  refHash(label: string, value: Uint8Array): Uint8Array {
    const writer = new Writer();
    writer.opaque(utf8(label));
    writer.opaque(value);
    return this.hashOf(writer);
  }

  mac(key: Uint8Array, data: Uint8Array): Uint8Array {
    return this.#p.hmac(this.#parameters.hpke.kdf, key, data);
  }

  macIsValid(key: Uint8Array, data: Uint8Array, tag: Uint8Array): boolean {
    return equalConstantTime(this.mac(key, data), tag);
  }

  /** KDF.Extract. */
  extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
    return this.#p.hmac(this.#parameters.hpke.kdf, salt, ikm);
  }

  /** RFC 9420 §8. */
  expandWithLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
    const writer = new Writer();
    writer.uint16(length);
    writer.opaque(mlsLabel(label));
    writer.opaque(context);
    const { kdf } = this.#parameters.hpke;
    if (length > this.secretBytes)
      return writer.lend((info) => hkdfExpand(this.#p, kdf, secret, info, length));
    // RFC 5869 §2.3 with a single block: the HMAC of the info and the octet 1.
    writer.uint8(1);
    const block = writer.lend((input) => this.#p.hmac(kdf, secret, input));
    return length === block.length ? block : block.slice(0, length);
  }

  /** RFC 9420 §8. */
  deriveSecret(secret: Uint8Array, label: string): Uint8Array {
    return this.expandWithLabel(secret, label, NO_BYTES, this.secretBytes);
  }

  /** RFC 9420 §9.1. */
  deriveTreeSecret(secret: Uint8Array, label: string, generation: number, length: number): Uint8Array {
    const context = Uint8Array.of(
      generation >>> 24,
      (generation >>> 16) & 0xff,
      (generation >>> 8) & 0xff,
      generation & 0xff,
    );
    return this.expandWithLabel(secret, label, context, length);
  }

  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return this.#p.seal(this.#parameters.hpke.aead, key, nonce, aad, plaintext);
  }

  /** Undefined where authentication fails. */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    return this.#p.open(this.#parameters.hpke.aead, key, nonce, aad, ciphertext);
  }

  signaturePublicKey(privateKey: Uint8Array): Uint8Array {
    return this.#p.ed25519.publicKey(privateKey);
  }

  /** RFC 9420 §5.1.2. `label` may be text or, for the labels of components, bytes. */
  signWithLabel(privateKey: Uint8Array, label: string | Uint8Array, content: Content): Uint8Array {
    return labelled(label, content).lend((bytes) => this.#p.ed25519.sign(privateKey, bytes));
  }

  /** RFC 9420 §5.1.2. */
  verifyWithLabel(
    publicKey: Uint8Array,
    label: string | Uint8Array,
    content: Content,
    signature: Uint8Array,
  ): boolean {
    return labelled(label, content).lend((bytes) => this.#p.ed25519.verify(publicKey, bytes, signature));
  }

  /** Whether one can encrypt to it. */
  isPublicKey(bytes: Uint8Array): boolean {
    return this.#parameters.hpke.kem.isPublicKey(bytes);
  }

  deriveKeyPair(ikm: Uint8Array): KeyPair {
    return this.#parameters.hpke.kem.deriveKeyPair(this.#p, ikm);
  }

  generateKeyPair(random: RandomSource): KeyPair {
    return this.deriveKeyPair(random.bytes(this.secretBytes));
  }

  /** RFC 9420 §5.1.3. Undefined where the public key is malformed. */
  encryptWithLabel(
    random: RandomSource,
    publicKey: Uint8Array,
    label: string | Uint8Array,
    context: Uint8Array,
    plaintext: Uint8Array,
  ): HpkeSealed | undefined {
    return this.encryptingWithLabel(label, context)(random, publicKey, plaintext);
  }

  /** `encryptWithLabel` for many recipients: what is the same for all of them is worked out once. */
  encryptingWithLabel(label: string | Uint8Array, context: Uint8Array): EncryptTo {
    const info = this.#hpkeInfo(label, context);
    return (random, publicKey, plaintext) =>
      hpkeSeal(this.#p, this.#parameters.hpke, random, publicKey, info, plaintext);
  }

  /** RFC 9420 §5.1.3. Undefined where the ciphertext is not for this key, label and context. */
  decryptWithLabel(
    keyPair: KeyPair,
    label: string | Uint8Array,
    context: Uint8Array,
    sealed: HpkeSealed,
  ): Uint8Array | undefined {
    return hpkeOpen(this.#p, this.#parameters.hpke, keyPair, this.#hpkeInfo(label, context), sealed);
  }

  #hpkeInfo(label: string | Uint8Array, context: Uint8Array): HpkeInfo {
    return labelled(label, context).lend((info) => hpkeInfo(this.#p, this.#parameters.hpke, info));
  }

  /** RFC 9420 §8.3, by the joiner. Undefined where the external public key is malformed. */
  externalInitTo(
    random: RandomSource,
    externalPublicKey: Uint8Array,
  ): { readonly kemOutput: Uint8Array; readonly secret: Uint8Array } | undefined {
    const { hpke } = this.#parameters;
    return hpkeExportTo(this.#p, hpke, random, externalPublicKey, EXTERNAL_INIT, this.secretBytes);
  }

  /** RFC 9420 §8.3, by the members. */
  externalInitFrom(external: KeyPair, kemOutput: Uint8Array): Uint8Array | undefined {
    const { hpke } = this.#parameters;
    return hpkeExportFrom(this.#p, hpke, external, kemOutput, EXTERNAL_INIT, this.secretBytes);
  }
}

/** The suite with this registered number, or undefined where we have no such row. */
export function cipherSuite(primitives: Primitives, id: number): CipherSuite | undefined {
  const bound = suitesOf.get(primitives) ?? new Map<number, CipherSuite>();
  suitesOf.set(primitives, bound);
  const known = bound.get(id);
  if (known !== undefined) return known;
  const parameters = suiteParameters(id);
  if (parameters === undefined) return undefined;
  const suite = new CipherSuite(primitives, parameters);
  bound.set(id, suite);
  return suite;
}

const suitesOf = new WeakMap<Primitives, Map<number, CipherSuite>>();

const EXTERNAL_INIT = utf8("MLS 1.0 external init secret");
const PREFIX = utf8("MLS 1.0 ");
const labels = new Map<string, Uint8Array>();

/** Labels are few and fixed in code; each is encoded once. */
function mlsLabel(label: string): Uint8Array {
  const known = labels.get(label);
  if (known !== undefined) return known;
  const bytes = concat(PREFIX, utf8(label));
  if (labels.size < 256) labels.set(label, bytes);
  return bytes;
}

/** SignContent and EncryptContext have one form: the label with its prefix, then the content. */
function labelled(label: string | Uint8Array, content: Content): Writer {
  const writer = new Writer();
  writer.opaque(typeof label === "string" ? mlsLabel(label) : concat(PREFIX, label));
  if (content instanceof Uint8Array) writer.opaque(content);
  else writer.nested(content);
  return writer;
}
