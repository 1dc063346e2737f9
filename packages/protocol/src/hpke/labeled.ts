/** The labelled key derivation of HPKE (RFC 9180 §4), HKDF-SHA256 only. Every output is bound to suite and purpose. */
import { hkdfExpand, hkdfExtract } from "../primitives/hkdf.ts";
import type { Primitives } from "../primitives/primitives.ts";

const utf8 = new TextEncoder();
const version = utf8.encode("HPKE-v1");
const empty = new Uint8Array(0);

/** LabeledExtract and LabeledExpand under one suite id. */
export interface LabeledKdf {
  extract(salt: Uint8Array, label: string, inputKey: Uint8Array): Uint8Array;
  /** `length` bytes, at most 8,160, bound to all of `info` in order. */
  expand(pseudorandomKey: Uint8Array, label: string, info: Uint8Array[], length: number): Uint8Array;
}

/** @param suiteId such as `KEM` or `HPKE`, followed by the registered numbers of the algorithms, two bytes each. */
export function labeledKdf(primitives: Primitives, suiteName: string, ...algorithms: number[]): LabeledKdf {
  const suiteId = new Uint8Array([...utf8.encode(suiteName), ...algorithms.flatMap((id) => [...uint16(id)])]);
  return {
    extract: (salt, label, inputKey) =>
      hkdfExtract(primitives, salt, version, suiteId, utf8.encode(label), inputKey),
    expand: (pseudorandomKey, label, info, length) =>
      length === 0
        ? empty
        : hkdfExpand(
            primitives,
            pseudorandomKey,
            [uint16(length), version, suiteId, utf8.encode(label), ...info],
            length,
          ),
  };
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}
