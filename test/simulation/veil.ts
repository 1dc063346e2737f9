/**
 * Makes what the stub's groups send unreadable for whoever does not know the run's key, so that a search for plaintext
 * means something. Still no cryptography: one key for the whole run, known to its checkers.
 */
import { hash } from "node:crypto";

/** The same veil serves all engines of a run. */
export class Veil {
  readonly #key: DataView;

  constructor(key: Uint8Array) {
    this.#key = viewOf(key);
  }

  put(bytes: Uint8Array): Uint8Array {
    const nonce = hash("sha256", bytes, "buffer").subarray(0, 16);
    const veiled = new Uint8Array(16 + bytes.length);
    veiled.set(nonce);
    veiled.set(this.#stream(nonce, bytes), 16);
    return veiled;
  }

  lift(veiled: Uint8Array): Uint8Array {
    return this.#stream(veiled.subarray(0, 16), veiled.subarray(16));
  }

  /** XOR with Marsaglia's xorshift128, since every message passes here several times. */
  #stream(nonce: Uint8Array, bytes: Uint8Array): Uint8Array {
    if (nonce.length !== 16) return new Uint8Array();
    const start = viewOf(nonce);
    const word = (at: number) => start.getUint32(at) ^ this.#key.getUint32(at);
    let [x, y, z, w] = [word(0), word(4), word(8), word(12) | 1];
    const result = new Uint8Array(bytes.length);
    for (let index = 0; index < bytes.length; index++) {
      const mixed = x ^ (x << 11);
      x = y;
      y = z;
      z = w;
      w = w ^ (w >>> 19) ^ mixed ^ (mixed >>> 8);
      result[index] = bytes[index]! ^ w;
    }
    return result;
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
