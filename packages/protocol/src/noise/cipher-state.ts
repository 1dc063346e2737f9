/**
 * One direction of a Noise session: AES-256-GCM under one key, with a counter as nonce that both ends keep in step
 * (Noise §5.1). A counter value is used once; a message that does not authenticate moves nothing.
 */
import { assert } from "../primitives/assert.ts";
import type { Aead, Primitives } from "../primitives/primitives.ts";

/** Bytes that `seal` adds. */
export const tagBytes = 16;

/**
 * Noise reserves 2^64 − 1 as the nonce of a rekey and allows every lower one; we stop at the largest integer that a
 * number holds exactly, which at a million messages a second is 285 years away.
 */
export const nonceMax: number = Number.MAX_SAFE_INTEGER;

const nothing = new Uint8Array(0);

/** What `seal` and `open` hand to either end after the handshake. */
export type TransportCipher = Pick<CipherState, "nonce" | "exhausted" | "seal" | "open" | "rekey">;

export class CipherState {
  readonly #primitives: Primitives;
  #aead: Aead;
  #counter: number;
  /** Four zero bytes and the counter, big-endian (Noise §12, AESGCM). Both backends copy it. */
  readonly #nonceBytes = new Uint8Array(12);
  readonly #nonceView = new DataView(this.#nonceBytes.buffer);

  /** @param nonce where the counter starts (Noise §5.1 SetNonce); both ends must agree on it. */
  constructor(primitives: Primitives, key: Uint8Array, nonce = 0) {
    assert(Number.isSafeInteger(nonce) && nonce >= 0, "a nonce is a counter");
    this.#primitives = primitives;
    this.#aead = primitives.aes256Gcm(key);
    this.#counter = nonce;
  }

  /** The counter that the next message takes. */
  get nonce(): number {
    return this.#counter;
  }

  /** True once every nonce of this key is used: the session must end. A rekey does not turn the counter back. */
  get exhausted(): boolean {
    return this.#counter >= nonceMax;
  }

  /** Encrypts under the next nonce; the result is 16 bytes longer. Asserts that the key is not exhausted. */
  seal(plaintext: Uint8Array, aad: Uint8Array = nothing): Uint8Array {
    assert(!this.exhausted, "the nonces of this key are used up");
    const sealed = this.#aead.seal(this.#writeNonce(), aad, plaintext);
    this.#counter++;
    return sealed;
  }

  /**
   * Decrypts under the next nonce. Undefined where the bytes do not authenticate or the peer went beyond the last
   * nonce: the counter stays, and on an ordered carrier nothing that follows can be trusted, so the session ends.
   */
  open(ciphertext: Uint8Array, aad: Uint8Array = nothing): Uint8Array | undefined {
    if (this.exhausted) return undefined;
    const plaintext = this.#aead.open(this.#writeNonce(), aad, ciphertext);
    if (plaintext !== undefined) this.#counter++;
    return plaintext;
  }

  /**
   * Replaces the key by a one-way function of itself (Noise §4.2 REKEY, §11.3), so that a key stolen later opens
   * nothing sent before. Both ends do it after the same message; the counter runs on.
   */
  rekey(): void {
    this.#nonceBytes.fill(0xff, 4);
    const block = this.#aead.seal(this.#nonceBytes, nothing, new Uint8Array(32));
    this.#aead = this.#primitives.aes256Gcm(block.subarray(0, 32));
    block.fill(0);
  }

  #writeNonce(): Uint8Array {
    this.#nonceView.setUint32(4, Math.floor(this.#counter / 0x1_0000_0000));
    this.#nonceView.setUint32(8, this.#counter % 0x1_0000_0000);
    return this.#nonceBytes;
  }
}
