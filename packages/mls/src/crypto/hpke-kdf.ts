/** HKDF (RFC 5869) and the labelled forms of RFC 9180 §4. */
import { concat, utf8 } from "../codec/bytes.ts";
import { Writer } from "../codec/writer.ts";
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

/** LabeledExtract and LabeledExpand under one `suite_id`. */
export class LabeledKdf {
  readonly #hash: HashName;
  readonly #suiteId: Uint8Array;
  /** "HPKE-v1" ‖ suite_id ‖ label: labels are few and fixed in code. */
  readonly #prefixes = new Map<string, Uint8Array>();

  constructor(hash: HashName, suiteId: Uint8Array) {
    this.#hash = hash;
    this.#suiteId = suiteId;
  }

  extract(p: Primitives, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array {
    const writer = new Writer();
    writer.fixed(this.#prefix(label));
    writer.fixed(ikm);
    return writer.lend((input) => p.hmac(this.#hash, salt, input));
  }

  expand(p: Primitives, prk: Uint8Array, label: string, info: Uint8Array, length: number): Uint8Array {
    const writer = new Writer();
    writer.uint16(length);
    writer.fixed(this.#prefix(label));
    writer.fixed(info);
    return writer.lend((labeled) => hkdfExpand(p, this.#hash, prk, labeled, length));
  }

  #prefix(label: string): Uint8Array {
    const known = this.#prefixes.get(label);
    if (known !== undefined) return known;
    const prefix = concat(VERSION, this.#suiteId, utf8(label));
    this.#prefixes.set(label, prefix);
    return prefix;
  }
}
