/**
 * Wire structures declared once: a codec gives the TypeScript type, the encoder, the decoder and the validation.
 * `decode` trusts nothing and throws `DecodeError` with the path of what is wrong. `encode` holds our own values
 * to the same rules, so that we never send what a peer must refuse; there a violation is our bug, a TypeError.
 */
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from "./cbor.ts";
import { DecodeError } from "./decode-error.ts";
import { CBOR_LIMITS, type CborLimits } from "./limits.ts";
import { lengthFault, textFault, type TextRules } from "./text-rules.ts";

export { DecodeError };

export interface Codec<T> {
  toCbor(value: T): CborValue;
  /** Throws `DecodeError`; `where` is the path of `value`, for its message. */
  fromCbor(value: CborValue, where: string): T;
}

/** The type that a codec encodes and decodes. */
export type TypeOf<C> = C extends Codec<infer T> ? T : never;

/** The deterministic CBOR bytes of `value`. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  return encodeCbor(codec.toCbor(value));
}

/** Throws `DecodeError` unless `bytes` are the canonical encoding of a valid value and nothing more. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, limits: CborLimits = CBOR_LIMITS): T {
  return codec.fromCbor(decodeCbor(bytes, limits), "value");
}

/** A byte string of exactly `size` bytes, or of `min` (default 0) to `max` bytes. */
export function bytes(size: number | { min?: number; max: number }): Codec<Uint8Array> {
  const { min = 0, max } = typeof size === "number" ? { min: size, max: size } : size;
  const expected = min === max ? `${max} bytes` : `${min} to ${max} bytes`;
  return leaf((value) => {
    if (!(value instanceof Uint8Array)) return "is not a byte string";
    return value.length < min || value.length > max ? `is not ${expected} long` : undefined;
  });
}

/** Text under `rules` (see `text-rules.ts`). */
export function text(rules: TextRules): Codec<string> {
  return leaf((value) => (typeof value === "string" ? textFault(value, rules) : "is not text"));
}

/** Any text at all up to `max` UTF-8 bytes, for formats of others. A screen must expect every character in it. */
export function anyText({ max }: { max: number }): Codec<string> {
  return leaf((value) => (typeof value === "string" ? lengthFault(value, { max }) : "is not text"));
}

/** A whole number from 0 to `max`, by default 2^53 − 1. */
export function uint({ max = Number.MAX_SAFE_INTEGER }: { max?: number } = {}): Codec<number> {
  return leaf((value) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      return "is not a whole number";
    return value > max ? `is more than ${max}` : undefined;
  });
}

export const bool: Codec<boolean> = leaf((value) =>
  typeof value === "boolean" ? undefined : "is not true or false",
);

/** One of the given words. */
export function literals<const W extends readonly string[]>(...words: W): Codec<W[number]> {
  const known = new Set<CborValue>(words);
  return leaf((value) => (known.has(value) ? undefined : `is none of ${words.join(", ")}`));
}

/** The value or null. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    toCbor: (value) => (value === null ? null : codec.toCbor(value)),
    fromCbor: (value, where) => (value === null ? null : codec.fromCbor(value, where)),
  };
}

/** `min` (default 0) to `max` elements. */
export function array<T>(codec: Codec<T>, { min = 0, max }: { min?: number; max: number }): Codec<T[]> {
  const sizeFault = (length: number) =>
    length < min || length > max ? `does not have ${min} to ${max} elements` : undefined;
  return {
    toCbor(value) {
      assertNone(sizeFault(value.length));
      return value.map((element) => codec.toCbor(element));
    },
    fromCbor(value, where) {
      if (!Array.isArray(value)) throw new DecodeError(where, "is not an array");
      refuseIf(sizeFault(value.length), where);
      return value.map((element: CborValue, index) => codec.fromCbor(element, `${where}[${index}]`));
    },
  };
}

/** Marks a field of a `struct` that may be absent. */
export function optional<T>(codec: Codec<T>): OptionalField<T> {
  return { optional: codec };
}

export interface OptionalField<T> {
  readonly optional: Codec<T>;
}

/** The fields of a `struct` by name. */
export interface Fields {
  [name: string]: Codec<unknown> | OptionalField<unknown>;
}

type RequiredNames<F> = { [K in keyof F]: F[K] extends OptionalField<unknown> ? never : K }[keyof F];
type OptionalNames<F> = { [K in keyof F]: F[K] extends OptionalField<unknown> ? K : never }[keyof F];
type ValueOf<C> = C extends OptionalField<infer T> ? T : TypeOf<C>;
/** Intersections written out, for readable hovers. */
type Flat<T> = { [K in keyof T]: T[K] } & {};

export type StructOf<F> = Flat<
  { [K in RequiredNames<F>]: ValueOf<F[K]> } & { [K in OptionalNames<F>]?: ValueOf<F[K]> }
>;

export interface StructCodec<T> extends Codec<T> {
  readonly fields: Fields;
  toCbor(value: T): CborMap;
}

/**
 * A map with text keys. Keys that a newer version may have added are ignored; a signature or hash must therefore
 * be taken over the bytes as they came, never over a re-encoding.
 */
export function struct<const F extends Fields>(fields: F): StructCodec<StructOf<F>> {
  const list = Object.entries(fields).map(([name, field]) =>
    "optional" in field
      ? { name, codec: field.optional, required: false }
      : { name, codec: field, required: true },
  );
  return {
    fields,
    toCbor(value) {
      const map = new Map<string, CborValue>();
      for (const { name, codec, required } of list) {
        const field = (value as Record<string, unknown>)[name];
        if (field !== undefined) map.set(name, codec.toCbor(field));
        else if (required) assertNone(`lacks ${name}`);
      }
      return map;
    },
    fromCbor(value, where) {
      const map = asTextMap(value, where);
      const result: Record<string, unknown> = {};
      for (const { name, codec, required } of list) {
        const field = map.get(name);
        if (field !== undefined) result[name] = codec.fromCbor(field, `${where}.${name}`);
        else if (required) throw new DecodeError(where, `lacks ${name}`);
      }
      return result as StructOf<F>;
    },
  };
}

export type TaggedOf<Tag extends string, V> = {
  [K in keyof V & string]: Flat<{ [T in Tag]: K } & TypeOf<V[K]>>;
}[keyof V & string];

/** A discriminated union as one map: the key `tag` names the variant, whose fields stand beside it. */
export function tagged<const Tag extends string, V extends Record<string, StructCodec<unknown>>>(
  tag: Tag,
  variants: V,
): Codec<TaggedOf<Tag, V>> {
  const byName = new Map<unknown, StructCodec<unknown>>(Object.entries(variants));
  for (const [name, variant] of byName) {
    if (tag in variant.fields)
      throw new TypeError(`variant ${String(name)} has a field of the tag's name, ${tag}`);
  }
  return {
    toCbor(value) {
      const name = (value as Record<string, unknown>)[tag];
      const variant = byName.get(name);
      if (typeof name !== "string" || variant === undefined) throw unencodable(`has an unknown ${tag}`);
      return new Map([...variant.toCbor(value), [tag, name]]);
    },
    fromCbor(value, where) {
      const name = asTextMap(value, where).get(tag);
      const variant = byName.get(name);
      if (variant === undefined) throw new DecodeError(`${where}.${tag}`, "is missing or unknown");
      return { [tag]: name, ...(variant.fromCbor(value, where) as object) } as TaggedOf<Tag, V>;
    },
  };
}

/** `codec` with a rule on top, between fields for instance: `fault` says what is wrong with a value, if anything. */
export function checked<T>(codec: Codec<T>, fault: (value: T) => string | undefined): Codec<T> {
  return {
    toCbor(value) {
      assertNone(fault(value));
      return codec.toCbor(value);
    },
    fromCbor(value, where) {
      const result = codec.fromCbor(value, where);
      refuseIf(fault(result), where);
      return result;
    },
  };
}

declare const brandName: unique symbol;

/** A `T` that only its own codec or an explicit cast makes: a `RoomId` is not a `DeviceId`. */
export type Branded<T, B extends string> = T & { readonly [brandName]: B };

/** `brand<"ServerId">()(bytes(32))` is a codec of `Branded<Uint8Array, "ServerId">`. */
export function brand<B extends string>() {
  return <T>(codec: Codec<T>) => codec as unknown as Codec<Branded<T, B>>;
}

/** A codec whose CBOR value is the value itself; `fault` says what is wrong with it, if anything. */
function leaf<T extends CborValue>(fault: (value: CborValue) => string | undefined): Codec<T> {
  return {
    toCbor(value) {
      assertNone(fault(value));
      return value;
    },
    fromCbor(value, where) {
      refuseIf(fault(value), where);
      return value as T;
    },
  };
}

function asTextMap(value: CborValue, where: string): ReadonlyMap<string, CborValue> {
  if (!(value instanceof Map)) throw new DecodeError(where, "is not a map");
  for (const key of value.keys()) {
    if (typeof key !== "string") throw new DecodeError(where, "has a key that is not text");
  }
  return value;
}

function refuseIf(fault: string | undefined, where: string): void {
  if (fault !== undefined) throw new DecodeError(where, fault);
}

function assertNone(fault: string | undefined): void {
  if (fault !== undefined) throw unencodable(fault);
}

function unencodable(fault: string): TypeError {
  return new TypeError(`cannot encode a value that ${fault}`);
}
