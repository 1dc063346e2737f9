/**
 * One linear pass over CBOR bytes before any value is built: accepts exactly the deterministic encoding of
 * RFC 8949 §4.2.1, of a data model, within limits. It allocates nothing that a peer's length field could size,
 * so a header that claims 2^32 items costs no more than its nine bytes.
 */
import { DecodeError } from "./decode-error.ts";
import type { CborLimits } from "./limits.ts";
import { isShortestFloat } from "./shortest-float.ts";

/**
 * `ours` is the model of `cbor.ts`. `foreign` is that of other vendors' MIMI extensions, which we carry unread:
 * floats, tags, undefined and other simple values, 64-bit integers and byte-string keys as well.
 */
export type DataModel = "ours" | "foreign";

/** Throws `DecodeError` with the byte offset unless `bytes` is one canonical data item and nothing after it. */
export function checkCanonical(bytes: Uint8Array, limits: CborLimits, model: DataModel = "ours"): void {
  const end = endOfItem(bytes, 0, limits, model);
  if (end !== bytes.length) throw new DecodeError(`byte ${end}`, "bytes follow the value");
}

/** The offset behind the canonical data item that starts at `start`. Throws `DecodeError` where none does. */
export function endOfItem(bytes: Uint8Array, start: number, limits: CborLimits, model: DataModel): number {
  return new CanonicalScan(bytes, start, limits, model).end();
}

// RFC 8949 §3.1, major types.
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTE_STRING = 2;
const TEXT_STRING = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class CanonicalScan {
  readonly #bytes: Uint8Array;
  readonly #limits: CborLimits;
  readonly #foreign: boolean;
  #position: number;
  #items = 0;

  constructor(bytes: Uint8Array, start: number, limits: CborLimits, model: DataModel) {
    this.#bytes = bytes;
    this.#position = start;
    this.#limits = limits;
    this.#foreign = model === "foreign";
  }

  end(): number {
    this.#item(0);
    return this.#position;
  }

  /** `depth` is the number of containers around this item. */
  #item(depth: number): void {
    if (++this.#items > this.#limits.itemsMax) this.#refuse(`more than ${this.#limits.itemsMax} items`);
    const initial = this.#byte();
    const major = initial >> 5;
    const info = initial & 0x1f;
    switch (major) {
      case UNSIGNED:
      case NEGATIVE:
        return this.#integer(major, this.#argument(info));
      case BYTE_STRING:
        return this.#string(this.#argument(info));
      case TEXT_STRING:
        return this.#text(this.#argument(info));
      case ARRAY: {
        const length = this.#argument(info);
        this.#enter(depth, length);
        for (let i = 0; i < length; i++) this.#item(depth + 1);
        return;
      }
      case MAP: {
        const entries = this.#argument(info);
        this.#enter(depth, entries * 2);
        return this.#entries(entries, depth + 1);
      }
      case TAG:
        if (!this.#foreign) this.#refuse("a tag, and none is known here");
        this.#argument(info);
        this.#enter(depth, 1);
        return this.#item(depth + 1);
      default:
        return this.#simple(info);
    }
  }

  /** RFC 8949 §4.2.1: the argument takes the fewest bytes that hold it. */
  #argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) this.#refuse(info === 31 ? "an indefinite length" : "a reserved length encoding");
    const width = 1 << (info - 24);
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.#byte();
    const least = width === 1 ? 24 : 2 ** (width * 4);
    if (value < least) this.#refuse("a number in more bytes than it needs");
    return value;
  }

  #integer(major: number, argument: number): void {
    // A negative integer stands for −1 − argument.
    const size = major === NEGATIVE ? argument + 1 : argument;
    if (size > Number.MAX_SAFE_INTEGER && !this.#foreign) this.#refuse("an integer beyond ±(2^53 − 1)");
  }

  #string(length: number): void {
    if (length > this.#bytes.length - this.#position) this.#refuse("a string longer than the input");
    this.#position += length;
  }

  #text(length: number): void {
    const bytes = this.#bytes;
    const start = this.#position;
    this.#string(length);
    let ascii = start;
    while (ascii < this.#position && (bytes[ascii] as number) < 0x80) ascii++;
    if (ascii === this.#position) return;
    try {
      utf8.decode(bytes.subarray(start, this.#position));
    } catch {
      this.#refuse("text that is not UTF-8");
    }
    // Text decoders differ in whether they drop a leading byte order mark: two spellings of one value.
    if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) {
      this.#refuse("text that starts with a byte order mark");
    }
  }

  #enter(depth: number, items: number): void {
    const { depthMax, itemsMax } = this.#limits;
    if (depth >= depthMax) this.#refuse(`nested deeper than ${depthMax}`);
    if (items > itemsMax - this.#items) this.#refuse(`more than ${itemsMax} items`);
    // Each item takes a byte at least.
    if (items > this.#bytes.length - this.#position) this.#refuse("more items claimed than bytes are left");
  }

  /** RFC 8949 §4.2.1: keys in ascending bytewise order of their encodings, so that none comes twice. */
  #entries(entries: number, depth: number): void {
    let previousStart = 0;
    let previousEnd = 0;
    for (let i = 0; i < entries; i++) {
      const start = this.#position;
      this.#key(depth);
      if (i > 0 && !this.#ascends(previousStart, previousEnd, start, this.#position)) {
        this.#refuse("a map key that is repeated or out of order");
      }
      previousStart = start;
      previousEnd = this.#position;
      this.#item(depth);
    }
  }

  #key(depth: number): void {
    const major = (this.#bytes[this.#position] ?? 0) >> 5;
    const known = major === UNSIGNED || major === NEGATIVE || major === TEXT_STRING;
    if (!known && !(this.#foreign && major === BYTE_STRING)) {
      this.#refuse("a map key of a type that is not allowed");
    }
    this.#item(depth);
  }

  #ascends(aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
    const bytes = this.#bytes;
    const shared = Math.min(aEnd - aStart, bEnd - bStart);
    for (let i = 0; i < shared; i++) {
      const difference = (bytes[bStart + i] as number) - (bytes[aStart + i] as number);
      if (difference !== 0) return difference > 0;
    }
    return bEnd - bStart > aEnd - aStart;
  }

  /** RFC 8949 §3.3: false, true, null; for foreign values also the rest, floats included. */
  #simple(info: number): void {
    if (info >= 20 && info <= 22) return;
    if (info === 31) this.#refuse("a break without an indefinite length");
    if (info >= 28) this.#refuse("a reserved simple value");
    if (!this.#foreign) {
      this.#refuse(info >= 25 ? "a floating-point number" : "undefined or an unknown simple value");
    }
    if (info < 24) return;
    if (info === 24) {
      // RFC 8949 §3.3: two-byte simple values below 32 are not well-formed.
      if (this.#byte() < 32) this.#refuse("a simple value in more bytes than it needs");
      return;
    }
    const start = this.#position;
    const width = 1 << (info - 24);
    this.#string(width);
    if (!isShortestFloat(this.#bytes, start, width)) this.#refuse("a float that is not in its shortest form");
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) this.#refuse("the input ends inside a value");
    this.#position++;
    return byte;
  }

  #refuse(what: string): never {
    throw new DecodeError(`byte ${this.#position}`, what);
  }
}
