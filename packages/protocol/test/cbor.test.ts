import { encode as cborgEncode, rfc8949EncodeOptions } from "cborg";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCbor, encodeCbor, type CborValue } from "../src/cbor/cbor.ts";
import { checkCanonical } from "../src/cbor/canonical.ts";
import { DecodeError } from "../src/cbor/decode-error.ts";
import { CBOR_LIMITS } from "../src/cbor/limits.ts";
import { cborValue, hex, mutated, thrownBy, unhex } from "./cbor-cases.ts";

describe("[RFC 8949 appendix A] published examples", () => {
  const examples: [string, CborValue][] = [
    ["00", 0],
    ["17", 23],
    ["1818", 24],
    ["1903e8", 1000],
    ["1a000f4240", 1_000_000],
    ["1b000000e8d4a51000", 1_000_000_000_000],
    ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["20", -1],
    ["3863", -100],
    ["3b001ffffffffffffe", Number.MIN_SAFE_INTEGER],
    ["f4", false],
    ["f5", true],
    ["f6", null],
    ["40", new Uint8Array(0)],
    ["4401020304", Uint8Array.of(1, 2, 3, 4)],
    ["60", ""],
    ["6449455446", "IETF"],
    ["62c3bc", "ü"],
    ["64f0908591", "𐅑"],
    ["80", []],
    ["8301820203820405", [1, [2, 3], [4, 5]]],
    ["a0", new Map()],
    [
      "a26161016162820203",
      new Map<string, CborValue>([
        ["a", 1],
        ["b", [2, 3]],
      ]),
    ],
  ];
  test.each(examples)("%s", (encoded, value) => {
    expect(decodeCbor(unhex(encoded))).toEqual(value);
    expect(hex(encodeCbor(value))).toBe(encoded);
  });
});

describe("[RFC 8949 §4.2.1] what is not the deterministic encoding of our data model is refused", () => {
  const refusals: [name: string, encoded: string, reason: string][] = [
    ["nothing", "", "the input ends inside a value"],
    ["bytes after the value", "0000", "bytes follow the value"],
    ["23 in two bytes", "1817", "a number in more bytes than it needs"],
    ["255 in three bytes", "1900ff", "a number in more bytes than it needs"],
    ["65535 in five bytes", "1a0000ffff", "a number in more bytes than it needs"],
    ["2^32 − 1 in nine bytes", "1b00000000ffffffff", "a number in more bytes than it needs"],
    ["−24 in two bytes", "3817", "a number in more bytes than it needs"],
    ["a byte string's length in two bytes", "580100", "a number in more bytes than it needs"],
    ["a text's length in two bytes", "780161", "a number in more bytes than it needs"],
    ["an array's length in two bytes", "980100", "a number in more bytes than it needs"],
    ["a map's length in two bytes", "b8010000", "a number in more bytes than it needs"],
    ["2^53", "1b0020000000000000", "an integer beyond ±(2^53 − 1)"],
    ["−2^53", "3b001fffffffffffff", "an integer beyond ±(2^53 − 1)"],
    ["2^64 − 1", "1bffffffffffffffff", "an integer beyond ±(2^53 − 1)"],
    ["a reserved length", "1c", "a reserved length encoding"],
    ["an indefinite array", "9f00ff", "an indefinite length"],
    ["an indefinite map", "bf616100ff", "an indefinite length"],
    ["an indefinite byte string", "5f4100ff", "an indefinite length"],
    ["an indefinite text", "7f6161ff", "an indefinite length"],
    ["a break alone", "ff", "a break without an indefinite length"],
    ["keys out of order", "a2616200616100", "a map key that is repeated or out of order"],
    ["a repeated key", "a2616100616101", "a map key that is repeated or out of order"],
    ["keys in the order of RFC 7049", "a22000181800", "a map key that is repeated or out of order"],
    ["a key that is an array", "a18000", "a map key of a type that is not allowed"],
    ["a key that is bytes", "a1410000", "a map key of a type that is not allowed"],
    ["undefined", "f7", "undefined or an unknown simple value"],
    ["a simple value", "f0", "undefined or an unknown simple value"],
    ["a simple value in two bytes", "f8ff", "undefined or an unknown simple value"],
    ["a reserved simple value", "fc", "a reserved simple value"],
    ["1.5 as a half", "f93e00", "a floating-point number"],
    ["a float", "fa47c35000", "a floating-point number"],
    ["a double", "fb3ff199999999999a", "a floating-point number"],
    ["a date tag", "c11a514b67b0", "a tag, and none is known here"],
    ["a bignum", "c249010000000000000000", "a tag, and none is known here"],
    ["overlong UTF-8", "62c080", "text that is not UTF-8"],
    ["a UTF-8 surrogate", "63eda080", "text that is not UTF-8"],
    ["a cut character", "61c3", "text that is not UTF-8"],
    ["a byte order mark", "64efbbbf61", "text that starts with a byte order mark"],
    ["a string that is cut", "4261", "a string longer than the input"],
    ["an array that is cut", "820081", "more items claimed than bytes are left"],
    ["an array that is cut inside an item", "820019", "the input ends inside a value"],
    ["a header that is cut", "19", "the input ends inside a value"],
  ];
  test.each(refusals)("%s", (_name, encoded, reason) => {
    const error = thrownBy(() => decodeCbor(unhex(encoded)));
    expect(error).toBeInstanceOf(DecodeError);
    expect((error as DecodeError).what).toBe(reason);
  });
});

describe("what claims more than there is, or nests too deep, is refused before anything is built", () => {
  test.each([
    ["an array of 2^53 − 1 items", "9b001fffffffffffff"],
    ["an array of 2^64 − 1 items", "9bffffffffffffffff"],
    ["a map of 2^32 entries", "bb0000000100000000"],
    ["a byte string of 2^32 bytes", "5b0000000100000000"],
    ["a text of 2^32 bytes", "7b0000000100000000"],
    ["an array of 1000 items in 5 bytes", "9903e80000"],
    ["100,000 arrays inside each other", "81".repeat(100_000)],
    ["100,000 maps inside each other", "a100".repeat(100_000)],
  ])("%s", (_name, encoded) => {
    expect(() => decodeCbor(unhex(encoded))).toThrow(DecodeError);
  });

  test("the limits hold exactly", () => {
    const nested = (depth: number) => unhex("81".repeat(depth) + "00");
    expect(() => decodeCbor(nested(CBOR_LIMITS.depthMax))).not.toThrow();
    expect(() => decodeCbor(nested(CBOR_LIMITS.depthMax + 1))).toThrow("nested deeper than 16");
    const limits = { depthMax: 1, itemsMax: 4 };
    expect(decodeCbor(unhex("83000000"), limits)).toEqual([0, 0, 0]);
    expect(() => decodeCbor(unhex("8400000000"), limits)).toThrow("more than 4 items");
    expect(() => decodeCbor(unhex("a2000001000200"), limits)).toThrow("more than 4 items");
    expect(() => decodeCbor(unhex("8180"), limits)).toThrow("nested deeper than 1");
  });
});

describe("encoding", () => {
  test("map keys stand in the bytewise order of their encodings", () => {
    const map = new Map<string | number, CborValue>([
      ["aa", 0],
      ["b", 0],
      [-1, 0],
      [24, 0],
      [10, 0],
    ]);
    expect(hex(encodeCbor(map))).toBe("a50a001818002000616200626161" + "00");
  });

  test.each([
    ["a fraction", 1.5],
    ["not a number", Number.NaN],
    ["an unsafe integer", 2 ** 53],
    ["a bigint", 1n],
    ["undefined", undefined],
    ["a lone surrogate", "\ud800"],
    ["a byte order mark", "\ufeffx"],
    ["a plain object", {}],
    ["undefined inside", [undefined]],
    ["a fraction inside", new Map([["x", 0.5]])],
  ])("%s is our own mistake", (_name, value) => {
    expect(() => encodeCbor(value as CborValue)).toThrow(TypeError);
  });

  test("the result has a buffer of its own and is no Buffer", () => {
    for (const value of [0, "x".repeat(40), [new Uint8Array(300)], new Map([["k", "v".repeat(200)]])]) {
      const encoded = encodeCbor(value);
      expect(encoded.constructor).toBe(Uint8Array);
      expect(encoded.buffer.byteLength).toBe(encoded.length);
    }
  });
});

describe("for every value and every input", () => {
  test("a value decodes as itself, and its encoding is cborg's own RFC 8949 one", () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        const encoded = encodeCbor(value);
        expect(decodeCbor(encoded)).toEqual(value);
        expect(hex(encoded)).toBe(hex(cborgEncode(value, rfc8949EncodeOptions)));
      }),
      { numRuns: 500 },
    );
  });

  test("other bytes are refused with a DecodeError, or are the one encoding of what they decode to", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated(cborValue.map(encodeCbor))), (bytes) => {
        let value: CborValue;
        try {
          value = decodeCbor(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(hex(encodeCbor(value))).toBe(hex(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  test("the foreign data model refuses with a DecodeError too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const error = thrownBy(() => checkCanonical(bytes, CBOR_LIMITS, "foreign"));
        expect(error === undefined || error instanceof DecodeError).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test("a foreign float is accepted in the shortest of the widths that hold it, and in no other", () => {
    const number = fc.oneof(
      fc.double({ noNaN: true }),
      fc.float({ noNaN: true }),
      fc.integer({ min: -0xffff, max: 0xffff }).map((steps) => steps / 2 ** 24),
      fc.integer({ min: -0xffff, max: 0xffff }),
      fc.constantFrom(
        65_504,
        65_505,
        65_536,
        Infinity,
        -Infinity,
        -0,
        2 ** -24,
        2 ** -25,
        1 + 2 ** -10,
        1 + 2 ** -11,
      ),
    );
    fc.assert(
      fc.property(number, (value) => {
        const inHalf = value === half(value).getFloat16(1);
        const inSingle = value === Math.fround(value);
        if (inHalf) expect(acceptsForeign(half(value))).toBe(true);
        if (inSingle) expect(acceptsForeign(single(value))).toBe(!inHalf);
        expect(acceptsForeign(double(value))).toBe(!inSingle);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** ES2025, which the type library of the target does not know yet. */
interface Float16View extends DataView {
  getFloat16(offset: number): number;
  setFloat16(offset: number, value: number): void;
}

function header(initial: number, length: number): Float16View {
  const view = new DataView(new ArrayBuffer(length)) as Float16View;
  view.setUint8(0, initial);
  return view;
}

function half(value: number): Float16View {
  const view = header(0xf9, 3);
  view.setFloat16(1, value);
  return view;
}

function single(value: number): DataView {
  const view = header(0xfa, 5);
  view.setFloat32(1, value);
  return view;
}

function double(value: number): DataView {
  const view = header(0xfb, 9);
  view.setFloat64(1, value);
  return view;
}

function acceptsForeign(view: DataView): boolean {
  return thrownBy(() => checkCanonical(new Uint8Array(view.buffer), CBOR_LIMITS, "foreign")) === undefined;
}
