/**
 * Codecs for the shapes that MIMI's formats use and ours do not: arrays whose elements are fields, and small
 * numbers that stand for words.
 */
import type { CborValue } from "./cbor.ts";
import { DecodeError, type Codec, type TypeOf } from "./codec.ts";

type PositionalOf<F> = { -readonly [K in keyof F]: TypeOf<F[K]> };

/** A CBOR array with exactly these elements, in the order in which the fields are written. */
export function positional<F extends { [name: string]: Codec<unknown> }>(fields: F): Codec<PositionalOf<F>> {
  const list = Object.entries(fields);
  return {
    toCbor: (value) => list.map(([name, codec]) => codec.toCbor(value[name])),
    fromCbor(value, where) {
      if (!Array.isArray(value)) throw new DecodeError(where, "is not an array");
      if (value.length !== list.length) throw new DecodeError(where, `does not have ${list.length} elements`);
      const result: Record<string, unknown> = {};
      for (const [index, [name, codec]] of list.entries()) {
        result[name] = codec.fromCbor(value[index] as CborValue, `${where}.${name}`);
      }
      return result as PositionalOf<F>;
    },
  };
}

/** Words in a program, numbers on the wire. */
export function numbered<const N extends { readonly [word: string]: number }>(
  numbers: N,
): Codec<keyof N & string> {
  const words = new Map<CborValue, string>(Object.entries(numbers).map(([word, number]) => [number, word]));
  return {
    toCbor(word) {
      const number = numbers[word];
      if (number === undefined) throw new TypeError(`cannot encode ${word}, which has no number`);
      return number;
    },
    fromCbor(value, where) {
      const word = words.get(value);
      if (word === undefined) throw new DecodeError(where, `is none of ${[...words.keys()].join(", ")}`);
      return word as keyof N & string;
    },
  };
}
