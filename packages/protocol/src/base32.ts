/**
 * Base32 (RFC 4648 §6) as identifiers are written: lower case, no padding. Decoding is strict, so that one sequence
 * of bytes has one text and identifiers can be compared as text.
 */
import { DecodeError } from "./cbor/decode-error.ts";

export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let pending = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((pending >> bits) & 31);
    }
    pending &= (1 << bits) - 1;
  }
  if (bits > 0) text += alphabet.charAt((pending << (5 - bits)) & 31);
  return text;
}

/** Throws `DecodeError` for upper case, padding, other characters, an impossible length, or unused bits that are not zero. */
export function decodeBase32(text: string): Uint8Array {
  // A last group of 1, 3 or 6 characters holds no whole number of bytes that fewer would not hold.
  if (unusableRemainders.has(text.length % 8)) throw new DecodeError("base32", "has an impossible length");
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let length = 0;
  let bits = 0;
  let pending = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digits[text.charCodeAt(i)] ?? NO_DIGIT;
    if (digit === NO_DIGIT) throw new DecodeError(`base32[${i}]`, "is not a lower-case base32 character");
    pending = (pending << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = pending >> bits;
      pending &= (1 << bits) - 1;
    }
  }
  if (pending !== 0) throw new DecodeError("base32", "has unused bits that are not zero");
  return bytes;
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const NO_DIGIT = 255;
const digits = new Uint8Array(128).fill(NO_DIGIT);
for (let i = 0; i < alphabet.length; i++) digits[alphabet.charCodeAt(i)] = i;
const unusableRemainders = new Set([1, 3, 6]);
