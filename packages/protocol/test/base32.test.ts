import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBase32, encodeBase32 } from "../src/base32.ts";
import { DecodeError } from "../src/cbor/decode-error.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

test.each([
  ["", ""],
  ["f", "my"],
  ["fo", "mzxq"],
  ["foo", "mzxw6"],
  ["foob", "mzxw6yq"],
  ["fooba", "mzxw6ytb"],
  ["foobar", "mzxw6ytboi"],
])("[RFC 4648 §10] %j is %j", (bytes, text) => {
  expect(encodeBase32(ascii(bytes))).toBe(text);
  expect(decodeBase32(text)).toEqual(ascii(bytes));
});

test.each([
  ["upper case", "MZXQ"],
  ["padding", "my======"],
  ["a digit outside the alphabet", "mzx1"],
  ["a letter outside ASCII", "mzxé"],
  ["a space", "mz q"],
  ["one character", "m"],
  ["three characters", "mzx"],
  ["six characters", "mzxw6y"],
  ["unused bits that are not zero", "mz"],
])("%s is refused", (_name, text) => {
  expect(() => decodeBase32(text)).toThrow(DecodeError);
});

test("bytes and text correspond one to one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(decodeBase32(encodeBase32(bytes))).toEqual(Uint8Array.from(bytes));
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."abcdwxyz234567A=1"), maxLength: 20 }), (text) => {
      let bytes: Uint8Array;
      try {
        bytes = decodeBase32(text);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      expect(encodeBase32(bytes)).toBe(text);
    }),
    { numRuns: 1_000 },
  );
});
