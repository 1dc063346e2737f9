/**
 * TLS presentation language (RFC 8446 §3) as RFC 9420 §2.1 uses it: fixed integers, vectors with a variable-size
 * length header, optionals, structs and tagged unions.
 *
 * A `Codec<T>` keeps encoder and decoder of one structure together. Decoding trusts nothing: every length is
 * checked against the bytes that are there before anything is allocated, non-minimal lengths are refused, and
 * `decode` refuses trailing bytes.
 */
import { VECTOR_ELEMENTS_MAX } from "../limits.ts";
import { DecodeError } from "./decode-error.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** The bytes of `value`, alone. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/** What `read` makes of the bytes of `value`, which it must not keep. */
export function lend<T, R>(codec: Pick<Codec<T>, "write">, value: T, read: (bytes: Uint8Array) => R): R {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.lend(read);
}

/** The value that `bytes` hold, all of them; throws DecodeError otherwise. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  if (reader.remaining() !== 0) throw new DecodeError("bytes follow the end of the structure");
  return value;
}

export const uint8: Codec<number> = { write: (w, v) => w.uint8(v), read: (r) => r.uint8() };
export const uint16: Codec<number> = { write: (w, v) => w.uint16(v), read: (r) => r.uint16() };
export const uint32: Codec<number> = { write: (w, v) => w.uint32(v), read: (r) => r.uint32() };
export const uint64: Codec<bigint> = { write: (w, v) => w.uint64(v), read: (r) => r.uint64() };

/** `opaque x<V>`: bytes behind a variable-size length header. */
export const opaque: Codec<Uint8Array> = { write: (w, v) => w.opaque(v), read: (r) => r.opaque() };

/**
 * `T x<V>`: elements one after the other behind the length of all of them in bytes.
 * @param max elements at most: decoded, one of a single octet takes a hundred
 */
export function vector<T>(element: Codec<T>, max = VECTOR_ELEMENTS_MAX): Codec<readonly T[]> {
  return {
    write(writer, values) {
      writer.nested((inner) => {
        for (const value of values) element.write(inner, value);
      });
    },
    read(reader) {
      const inner = new Reader(reader.opaqueView());
      const values: T[] = [];
      while (inner.remaining() > 0) {
        if (values.length === max) throw new DecodeError(`a vector of more than ${max} elements`);
        values.push(element.read(inner));
      }
      return values;
    },
  };
}

/** `optional<T>` (RFC 9420 §2.1.1). */
export function optional<T>(element: Codec<T>): Codec<T | undefined> {
  return {
    write(writer, value) {
      writer.uint8(value === undefined ? 0 : 1);
      if (value !== undefined) element.write(writer, value);
    },
    read(reader) {
      const present = reader.uint8();
      if (present > 1) throw new DecodeError("the presence octet of an optional is neither 0 nor 1");
      return present === 1 ? element.read(reader) : undefined;
    },
  };
}

/** A struct: its fields in the order in which they are named here. */
export function struct<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    write(writer, value) {
      for (const name of names) fields[name].write(writer, value[name]);
    },
    read(reader) {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].read(reader);
      return value as T;
    },
  };
}

/** A one-octet enum whose values have names here; any other octet is refused. */
export function octetEnum<Name extends string>(values: Readonly<Record<Name, number>>): Codec<Name> {
  const names = new Map<number, Name>();
  for (const name of Object.keys(values) as Name[]) names.set(values[name], name);
  return {
    write: (writer, name) => writer.uint8(values[name]),
    read(reader) {
      const octet = reader.uint8();
      const name = names.get(octet);
      if (name === undefined) throw new DecodeError(`${octet} is not a value of this enum`);
      return name;
    },
  };
}
