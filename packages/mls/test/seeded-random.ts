/** A reproducible random source, the same in Node and in a browser: SHA-256 in counter mode over the seed. */
import { sha256 } from "@noble/hashes/sha2.js";
import type { RandomSource } from "../src/crypto/primitives.ts";

export interface SeededRandom extends RandomSource {
  /** A number from 0 on, below `bound`. */
  below(bound: number): number;
}

export function seededRandom(seed: string): SeededRandom {
  let counter = 0;
  const bytes = (length: number): Uint8Array => {
    const output = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      counter += 1;
      const block = sha256(new TextEncoder().encode(`${seed}/${counter}`));
      output.set(block.subarray(0, length - at), at);
    }
    return output;
  };
  return {
    bytes,
    below: (bound) => new DataView(bytes(4).buffer).getUint32(0) % bound,
  };
}
