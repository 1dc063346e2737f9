/** HKDF with SHA-256 (RFC 5869), under Noise and HPKE alike. */
import { assert } from "./assert.ts";
import { concatBytes } from "./bytes.ts";
import type { Primitives } from "./primitives.ts";

/** RFC 5869 §2.2, over the parts of the input keying material in order. 32 bytes. An empty salt counts as 32 zeros. */
export function hkdfExtract(primitives: Primitives, salt: Uint8Array, ...inputKey: Uint8Array[]): Uint8Array {
  return primitives.hmacSha256(salt, ...inputKey);
}

/** RFC 5869 §2.3: `length` bytes, at most 8,160, bound to the parts of `info` in order. */
export function hkdfExpand(
  primitives: Primitives,
  pseudorandomKey: Uint8Array,
  info: Uint8Array[],
  length: number,
): Uint8Array {
  assert(length > 0 && length <= 255 * 32, "HKDF gives 1 to 8160 bytes");
  const blocks: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array(0);
  for (let counter = 1; blocks.length * 32 < length; counter++) {
    previous = primitives.hmacSha256(pseudorandomKey, previous, ...info, Uint8Array.of(counter));
    blocks.push(previous);
  }
  return blocks.length === 1 ? previous.slice(0, length) : concatBytes(...blocks).slice(0, length);
}
