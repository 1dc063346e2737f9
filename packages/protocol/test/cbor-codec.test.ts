import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { encodeCbor, type CborValue } from "../src/cbor/cbor.ts";
import {
  anyText,
  array,
  bool,
  brand,
  bytes,
  checked,
  decode,
  DecodeError,
  encode,
  literals,
  nullable,
  optional,
  struct,
  tagged,
  text,
  uint,
  type Branded,
  type Codec,
  type TypeOf,
} from "../src/cbor/codec.ts";
import { numbered, positional } from "../src/cbor/positional.ts";
import { hex, mutated, unhex } from "./cbor-cases.ts";

/** What `codec` says about an encoded `value`. */
const refusal = (codec: Codec<unknown>, value: CborValue): string => {
  try {
    decode(codec, encodeCbor(value));
    return "accepted";
  } catch (error) {
    return (error as DecodeError).message;
  }
};

const person = struct({
  key: brand<"PersonKey">()(bytes(2)),
  name: text({ min: 1, max: 20 }),
  age: optional(uint({ max: 150 })),
  likes: array(literals("tea", "coffee"), { max: 2 }),
  boss: nullable(text({ max: 20 })),
  contact: tagged("kind", {
    mail: struct({ address: text({ max: 40 }) }),
    letter: struct({ street: text({ max: 40 }), abroad: optional(bool) }),
  }),
});
type Person = TypeOf<typeof person>;

const bob: Person = {
  key: Uint8Array.of(1, 2) as Person["key"],
  name: "Bob",
  likes: ["tea"],
  boss: null,
  contact: { kind: "mail", address: "bob@example.com" },
};
const bobAsCbor = () => new Map<string | number, CborValue>(person.toCbor(bob));

describe("one declaration gives type, encoder, decoder and validation", () => {
  test("a value round-trips, and absent optional fields stay absent", () => {
    const decoded = decode(person, encode(person, bob));
    expect(decoded).toEqual(bob);
    expect("age" in decoded).toBe(false);
    expect(hex(encode(person, decoded))).toBe(hex(encode(person, bob)));
    const older: Person = {
      ...bob,
      age: 40,
      contact: { kind: "letter", street: "High Street 1", abroad: true },
    };
    expect(decode(person, encode(person, older))).toEqual(older);
  });

  test("the inferred type says what the wire says", () => {
    expectTypeOf<Person["key"]>().toEqualTypeOf<Branded<Uint8Array, "PersonKey">>();
    expectTypeOf<Person["likes"]>().toEqualTypeOf<("tea" | "coffee")[]>();
    expectTypeOf<Pick<Person, "age">>().toEqualTypeOf<{ age?: number }>();
    expectTypeOf<Person["contact"]>().toEqualTypeOf<
      { kind: "mail"; address: string } | { kind: "letter"; street: string; abroad?: boolean }
    >();
  });

  test("keys of a newer version are ignored", () => {
    const newer = bobAsCbor().set("shoeSize", [44, "EU"]);
    expect(decode(person, encodeCbor(newer))).toEqual(bob);
  });

  test.each<[string, string, CborValue | undefined, string]>([
    ["a missing field", "name", undefined, "value: lacks name"],
    ["an optional field that is null", "age", null, "value.age: is not a whole number"],
    ["a number out of range", "age", 151, "value.age: is more than 150"],
    ["a negative number", "age", -1, "value.age: is not a whole number"],
    ["bytes that are too short", "key", Uint8Array.of(1), "value.key: is not 2 bytes long"],
    ["text for bytes", "key", "ab", "value.key: is not a byte string"],
    ["empty text", "name", "", "value.name: is shorter than 1 bytes"],
    ["text too long in UTF-8", "name", "ü".repeat(11), "value.name: is longer than 20 bytes"],
    ["text too long in UTF-16 already", "name", "x".repeat(21), "value.name: is longer than 20 bytes"],
    ["an unknown word", "likes", ["tea", "milk"], "value.likes[1]: is none of tea, coffee"],
    ["a word's number", "likes", [0], "value.likes[0]: is none of tea, coffee"],
    ["too many elements", "likes", ["tea", "tea", "tea"], "value.likes: does not have 0 to 2 elements"],
    ["a map for an array", "likes", new Map(), "value.likes: is not an array"],
    ["an array for a map", "contact", [], "value.contact: is not a map"],
    [
      "an unknown variant",
      "contact",
      new Map([["kind", "fax"]]),
      "value.contact.kind: is missing or unknown",
    ],
    [
      "a variant named as a property of every object",
      "contact",
      new Map([["kind", "constructor"]]),
      "value.contact.kind: is missing or unknown",
    ],
    ["no variant", "contact", new Map([["address", "x"]]), "value.contact.kind: is missing or unknown"],
    [
      "another variant's fields",
      "contact",
      new Map([
        ["kind", "mail"],
        ["street", "x"],
      ]),
      "value.contact: lacks address",
    ],
    [
      "a key that is a number",
      "contact",
      new Map<string | number, string>([
        ["kind", "mail"],
        [1, "x"],
      ]),
      "value.contact: has a key that is not text",
    ],
  ])("%s is refused, with its place", (_name, field, value, message) => {
    const map = bobAsCbor();
    if (value === undefined) map.delete(field);
    else map.set(field, value);
    expect(refusal(person, map)).toBe(message);
  });

  test.each<[string, Codec<unknown>, unknown]>([
    ["bytes of a wrong length", bytes(2), new Uint8Array(3)],
    ["a missing field", person, { ...bob, name: undefined }],
    ["too long a text", person, { ...bob, name: "x".repeat(21) }],
    ["too many elements", person, { ...bob, likes: ["tea", "tea", "tea"] }],
    ["an unknown variant", person, { ...bob, contact: { kind: "fax" } }],
    ["a fraction", uint(), 1.5],
    ["a word without number", numbered({ yes: 1 }), "no"],
  ])("encoding %s is our own mistake", (_name, codec, value) => {
    expect(() => encode(codec, value)).toThrow(TypeError);
  });

  test("a variant may not have a field of the tag's name", () => {
    expect(() => tagged("kind", { a: struct({ kind: bool }) })).toThrow(TypeError);
  });

  test("damaged encodings are refused with a DecodeError, or decode to a valid value", () => {
    fc.assert(
      fc.property(mutated(fc.constant(encode(person, bob))), (damaged) => {
        let decoded: Person;
        try {
          decoded = decode(person, damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(() => encode(person, decoded)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("text", () => {
  const line = text({ max: 100 });
  const note = text({ max: 100, multiline: true });

  test.each([
    ["a letter with its accent composed", "é"],
    ["right-to-left letters", "שלום"],
    ["an emoji of several code points", "👩🏽‍⚕️"],
  ])("%s is accepted", (_name, value) => {
    expect(refusal(line, value)).toBe("accepted");
    expect(refusal(note, value)).toBe("accepted");
  });

  test.each([
    ["NUL", "a\0"],
    ["escape", "a\x1b[2J"],
    ["delete", "a\x7f"],
    ["a C1 control", "a\x9b"],
    ["carriage return", "a\rb"],
    ["a right-to-left override", "a\u202eb"],
    ["an isolate", "a\u2066b"],
  ])("%s is refused in one line and in several", (_name, value) => {
    expect(refusal(line, value)).toMatch(/^value: holds /);
    expect(refusal(note, value)).toMatch(/^value: holds /);
  });

  test.each([
    ["newline", "a\nb"],
    ["tab", "a\tb"],
    ["a decomposed accent", "e\u0301"],
  ])("%s is for text of several lines only", (_name, value) => {
    expect(refusal(line, value)).toMatch(/^value: (holds control|is not in Unicode)/);
    expect(refusal(note, value)).toBe("accepted");
  });

  test("a Unicode line separator is refused in one line", () => {
    expect(refusal(line, "a\u2028b")).toBe("value: holds control characters");
  });

  test("a pattern holds for every occasion, whatever its flags", () => {
    const label = text({ max: 10, pattern: /^[a-z]+$/g });
    expect([refusal(label, "abc"), refusal(label, "abc")]).toEqual(["accepted", "accepted"]);
    expect(refusal(label, "Abc")).toBe("value: does not have the expected form");
  });

  test("text of other formats may hold every character", () => {
    expect(refusal(anyText({ max: 5 }), "a\0\u202e")).toBe("accepted");
    expect(refusal(anyText({ max: 4 }), "a\0\u202e")).toBe("value: is longer than 4 bytes");
  });
});

describe("positional arrays and numbered words", () => {
  const point = positional({ x: uint(), y: uint(), colour: numbered({ red: 0, green: 1 }) });

  test("a value round-trips as an array", () => {
    expect(hex(encode(point, { x: 1, y: 2, colour: "green" }))).toBe("83010201");
    expect(decode(point, unhex("83010200"))).toEqual({ x: 1, y: 2, colour: "red" });
  });

  test.each([
    ["too few elements", [1, 2], "value: does not have 3 elements"],
    ["too many elements", [1, 2, 0, 0], "value: does not have 3 elements"],
    ["no array", 1, "value: is not an array"],
    ["an unknown number", [1, 2, 2], "value.colour: is none of 0, 1"],
    ["a word for a number", [1, 2, "red"], "value.colour: is none of 0, 1"],
  ])("%s is refused", (_name, value, message) => {
    expect(refusal(point, value)).toBe(message);
  });
});

test("a rule between fields is held in both directions", () => {
  const range = checked(positional({ from: uint(), to: uint() }), ({ from, to }) =>
    from > to ? "ends before it starts" : undefined,
  );
  expect(decode(range, unhex("820102"))).toEqual({ from: 1, to: 2 });
  expect(refusal(range, [2, 1])).toBe("value: ends before it starts");
  expect(() => encode(range, { from: 2, to: 1 })).toThrow(TypeError);
});
