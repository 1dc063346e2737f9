/** HKDF (RFC 5869) and the labelled forms of RFC 9180 §4. */
import { concat, utf8 } from "../codec/bytes.ts";
import type { HashName, Primitives } from "./primitives.ts";

export function hkdfExpand(
  p: Primitives,
  hash: HashName,
  prk: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const first = p.hmac(hash, prk, concat(info, Uint8Array.of(1)));
  if (length <= first.length) return first.length === length ? first : first.slice(0, length);
  const output = new Uint8Array(length);
  let block = first;
  for (let counter = 1, at = 0; ; counter += 1) {
    output.set(block.subarray(0, length - at), at);
    at += block.length;
    if (at >= length) return output;
    block = p.hmac(hash, prk, concat(block, info, Uint8Array.of(counter + 1)));
  }
}

const VERSION = utf8("HPKE-v1");

export function labeledExtract(
  p: Primitives,
  hash: HashName,
  suiteId: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Uint8Array {
  return p.hmac(hash, salt, concat(VERSION, suiteId, utf8(label), ikm));
}

export function labeledExpand(
  p: Primitives,
  hash: HashName,
  suiteId: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const prefix = concat(Uint8Array.of(length >> 8, length & 0xff), VERSION, suiteId, utf8(label), info);
  return hkdfExpand(p, hash, prk, prefix, length);
}
