import { expect, test } from "vitest";
import {
  decode,
  encode,
  lend,
  opaque,
  optional,
  struct,
  uint16,
  uint32,
  uint8,
  vector,
} from "../src/codec/codec.ts";
import { DecodeError } from "../src/codec/decode-error.ts";
import { Reader } from "../src/codec/reader.ts";
import { unhex } from "./vectors.ts";

test("[RFC 9420 §2.1.2] a length in more octets than it needs, or with prefix 3, is refused", () => {
  for (const header of ["4000", "403f", "80003fff", "c0000000", "80", "4f"]) {
    expect(() => new Reader(unhex(header)).length(), header).toThrow(DecodeError);
  }
});

test("a length beyond the bytes that are there is refused before anything is allocated", () => {
  expect(() => decode(opaque, unhex("bfffffff"))).toThrow(DecodeError);
});

test("[RFC 9420 §2.1.1] the presence octet of an optional is 0 or 1", () => {
  expect(decode(optional(uint8), unhex("0105"))).toBe(5);
  expect(decode(optional(uint8), unhex("00"))).toBeUndefined();
  expect(() => decode(optional(uint8), unhex("0205"))).toThrow(DecodeError);
});

test("a vector whose last element is cut off is refused, and so are trailing bytes", () => {
  expect(decode(vector(uint16), unhex("0400010002"))).toEqual([1, 2]);
  expect(() => decode(vector(uint16), unhex("03000100"))).toThrow(DecodeError);
  expect(() => decode(vector(uint16), unhex("02000100"))).toThrow(DecodeError);
});

test("a struct writes its fields in the order of their names in the codec", () => {
  const pair = struct<{ a: number; b: Uint8Array }>({ b: opaque, a: uint8 });
  expect(encode(pair, { a: 1, b: Uint8Array.of(7) })).toEqual(unhex("010701"));
});

test("integers that do not fit are our own fault", () => {
  expect(() => encode(uint8, 256)).toThrow(RangeError);
  expect(() => encode(uint16, -1)).toThrow(RangeError);
  expect(() => encode(uint32, 2 ** 32)).toThrow(RangeError);
  expect(() => encode(uint32, 1.5)).toThrow(RangeError);
  expect(() => encode(uint8, Number.NaN)).toThrow(RangeError);
  expect(encode(uint32, 2 ** 32 - 1)).toEqual(unhex("ffffffff"));
});

test("what a writer lends is wiped when it comes back, whether it was read or not", () => {
  let kept: Uint8Array = unhex("");
  const read = lend(opaque, unhex("0102"), (bytes) => {
    kept = bytes;
    return bytes.slice();
  });
  expect(read).toEqual(unhex("020102"));
  expect(kept).toEqual(new Uint8Array(3));
  const failing = () =>
    lend(opaque, unhex("0304"), (bytes) => {
      kept = bytes;
      throw new Error("unread");
    });
  expect(failing).toThrow("unread");
  expect(kept).toEqual(new Uint8Array(3));
});

test("a vector of more elements than any group needs is refused before they are made", () => {
  const count = vector(uint8);
  expect(decode(count, encode(count, Array(65_536).fill(7)))).toHaveLength(65_536);
  expect(() => decode(count, encode(count, Array(65_537).fill(7)))).toThrow(DecodeError);
});
