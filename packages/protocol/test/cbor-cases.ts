/** What the CBOR and content tests share: hex, arbitrary values, and damaged encodings. */
import fc from "fast-check";
import type { CborValue } from "../src/cbor/cbor.ts";

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** What `run` throws; undefined where it returns. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const wellFormed = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .filter((text) => !text.startsWith("\ufeff"));
/** Without −0, which CBOR integers do not have. */
const integer = fc.oneof(fc.integer(), fc.maxSafeInteger()).map((value) => value + 0);

/** Any value of our data model. */
export const cborValue: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    integer,
    wellFormed,
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
    fc.array(tie("value"), { maxLength: 6 }),
    fc
      .array(fc.tuple(fc.oneof(integer, wellFormed), tie("value")), { maxLength: 6 })
      .map((list) => new Map(list)),
  ),
})).value;

/** Encodings with a few bytes changed, removed or put in. */
export function mutated(encoded: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("set", "remove", "insert"),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  return fc.tuple(encoded, fc.array(change, { minLength: 1, maxLength: 3 })).map(([original, changes]) => {
    const bytes = [...original];
    for (const { at, kind, byte } of changes) {
      const index = at % (bytes.length + 1);
      if (kind === "set" && index < bytes.length) bytes[index] = byte;
      else bytes.splice(index, kind === "remove" ? 1 : 0, ...(kind === "insert" ? [byte] : []));
    }
    return Uint8Array.from(bytes);
  });
}
