/**
 * Deterministic CBOR (RFC 8949 §4.2.1) for everything that is signed, stored or controlled: one value has exactly
 * one encoding, so a signature or hash over the bytes is one over the value. `canonical.ts` proves the bytes
 * before cborg builds values from them; cborg is trusted to build what they say.
 */
import { decode, encode, type DecodeOptions, type EncodeOptions } from "cborg";
import { checkCanonical } from "./canonical.ts";
import { CBOR_LIMITS, type CborLimits } from "./limits.ts";

/** The whole data model: no floats, no tags, no undefined, integers within ±(2^53 − 1). */
export type CborValue = null | boolean | number | string | Uint8Array | readonly CborValue[] | CborMap;
export type CborMap = ReadonlyMap<CborKey, CborValue>;
export type CborKey = number | string;

/**
 * The deterministic encoding of `value`, in an array of its own.
 * A value outside the data model is a mistake of the caller: TypeError.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  // Copied, because cborg may answer with a view of a pooled buffer, and whoever keeps or transfers that view
  // carries the pool along.
  return new Uint8Array(encode(value, encodeOptions));
}

/** The value that `bytes` encode. Throws `DecodeError` unless they are canonical, complete and within `limits`. */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = CBOR_LIMITS): CborValue {
  checkCanonical(bytes, limits);
  return decode(bytes, decodeOptions) as CborValue;
}

const decodeOptions: DecodeOptions = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
};

/**
 * Each hook returns null where cborg's own encoding is the right one. cborg's default order of map keys (by type,
 * then length, then bytes) is RFC 8949's bytewise order for the keys of this model, and twice as fast as its
 * general sorter; a test holds the two equal.
 */
const encodeOptions: EncodeOptions = {
  typeEncoders: {
    number: (value: number) => (Number.isSafeInteger(value) ? null : outsideModel(`the number ${value}`)),
    string: (value: string) => (isEncodableText(value) ? null : outsideModel("text that UTF-8 cannot carry")),
    bigint: () => outsideModel("a bigint"),
    undefined: () => outsideModel("undefined"),
    Object: () => outsideModel("a plain object (maps are Map)"),
  },
};

/** No lone surrogates, which UTF-8 would silently replace, and no byte order mark, which decoders may drop. */
function isEncodableText(value: string): boolean {
  return value.isWellFormed() && !value.startsWith("\ufeff");
}

function outsideModel(what: string): never {
  throw new TypeError(`cannot encode ${what} as CBOR`);
}
