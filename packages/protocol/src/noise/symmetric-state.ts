/**
 * What both ends of a Noise handshake know so far, as a chaining key and a hash of everything said (Noise §5.2).
 * Two ends that disagree on one byte of the past cannot open each other's next message.
 */
import { assert } from "../primitives/assert.ts";
import { concatBytes } from "../primitives/bytes.ts";
import { hkdfExpand, hkdfExtract } from "../primitives/hkdf.ts";
import type { Primitives } from "../primitives/primitives.ts";
import { CipherState } from "./cipher-state.ts";

const noInfo: Uint8Array[] = [];

export class SymmetricState {
  readonly #primitives: Primitives;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | undefined;

  /** Noise §5.2 InitializeSymmetric. The names of our patterns fit a hash, so they are padded and never hashed. */
  constructor(primitives: Primitives, protocolName: string) {
    const name = new TextEncoder().encode(protocolName);
    this.#primitives = primitives;
    assert(name.length <= 32, "a protocol name has at most 32 bytes");
    this.#hash = concatBytes(name, new Uint8Array(32 - name.length));
    this.#chainingKey = this.#hash.slice();
  }

  /** Whether a key has been agreed, so that what is sent is encrypted. */
  get hasKey(): boolean {
    return this.#cipher !== undefined;
  }

  /** After the last message: identifies this session and no other, for channel binding (Noise §11.2). */
  get handshakeHash(): Uint8Array {
    return this.#hash.slice();
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#primitives.sha256(this.#hash, data);
  }

  mixKey(inputKey: Uint8Array): void {
    const [chainingKey, key] = this.#derive(inputKey);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(this.#primitives, key);
    key.fill(0);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher === undefined ? plaintext : this.#cipher.seal(plaintext, this.#hash);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Undefined where authentication fails; the handshake is over then. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext =
      this.#cipher === undefined ? ciphertext.slice() : this.#cipher.open(ciphertext, this.#hash);
    if (plaintext !== undefined) this.mixHash(ciphertext);
    return plaintext;
  }

  /** The transport ciphers: first the initiator's direction, then the responder's. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(new Uint8Array(0));
    const ciphers: [CipherState, CipherState] = [
      new CipherState(this.#primitives, first),
      new CipherState(this.#primitives, second),
    ];
    for (const secret of [first, second, this.#chainingKey]) secret.fill(0);
    return ciphers;
  }

  /** Noise §4.3: its HKDF is RFC 5869 with the chaining key as salt and no info. */
  #derive(inputKey: Uint8Array): [Uint8Array, Uint8Array] {
    const output = hkdfExpand(
      this.#primitives,
      hkdfExtract(this.#primitives, this.#chainingKey, inputKey),
      noInfo,
      64,
    );
    return [output.slice(0, 32), output.slice(32)];
  }
}
