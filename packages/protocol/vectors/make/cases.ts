/** The two kinds of case that every file of vectors has, and ways to spoil an encoding. */
import { decodeCbor, encodeCbor, type CborValue } from "../../src/cbor/cbor.ts";
import { toHex, toJson, type Json } from "./json.ts";
import { structures } from "./structures.ts";

export function valid(structure: string, name: string, value: unknown): Json {
  const kind = structures[structure];
  if (kind === undefined) throw new Error(`no structure ${structure}`);
  return { structure, name, value: toJson(value), encoded: toHex(kind.encode(value)) };
}

export function invalid(structure: string, name: string, encoded: Uint8Array, error = "malformed"): Json {
  return { structure, name, encoded: toHex(encoded), error };
}

export type Fields = Map<string, CborValue>;

/** The same CBOR map with something changed, in canonical form again. */
export function changed(encoded: Uint8Array, change: (fields: Fields) => void): Uint8Array {
  const fields = decodeCbor(encoded) as unknown as Fields;
  change(fields);
  return encodeCbor(fields);
}

/** One field of a CBOR map with another value. */
export function withField(encoded: Uint8Array, name: string, value: CborValue): Uint8Array {
  return changed(encoded, (fields) => fields.set(name, value));
}

export function withoutField(encoded: Uint8Array, name: string): Uint8Array {
  return changed(encoded, (fields) => fields.delete(name));
}

/** A fixed layout with other bytes at an offset. */
export function patched(encoded: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = encoded.slice();
  copy.set(bytes, at);
  return copy;
}

export function joined(...parts: (Uint8Array | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
