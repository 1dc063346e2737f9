/** Reads the primitive types of RFC 9420 §2.1 from untrusted bytes; never reads or allocates past their end. */
import { NO_BYTES } from "./bytes.ts";
import { DecodeError } from "./decode-error.ts";

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** How many bytes were read so far. */
  position(): number {
    return this.#at;
  }

  /** A copy of what was read since `start`, a former `position()`. */
  since(start: number): Uint8Array {
    return this.#bytes.slice(start, this.#at);
  }

  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    const at = this.#take(2);
    return this.#bytes[at]! * 0x100 + this.#bytes[at + 1]!;
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  uint64(): bigint {
    const high = this.uint32();
    return (BigInt(high) << 32n) + BigInt(this.uint32());
  }

  /** `length` bytes, copied. */
  fixed(length: number): Uint8Array {
    const at = this.#take(length);
    return length === 0 ? NO_BYTES : this.#bytes.slice(at, at + length);
  }

  /** `opaque x<V>`, copied. */
  opaque(): Uint8Array {
    return this.fixed(this.length());
  }

  /** `opaque x<V>` without a copy: for decoding what is inside at once. */
  opaqueView(): Uint8Array {
    const length = this.length();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Whether nothing but zeros is left. */
  restIsZero(): boolean {
    let all = 0;
    for (let at = this.#bytes.length - 1; at >= this.#at; at -= 1) all |= this.#bytes[at]!;
    return all === 0;
  }

  /** A variable-size length header (RFC 9420 §2.1.2), in its shortest form only. */
  length(): number {
    const first = this.uint8();
    switch (first >> 6) {
      case 0:
        return first;
      case 1:
        return minimal((first & 0x3f) * 0x100 + this.uint8(), 0x40);
      case 2: {
        const high = (first & 0x3f) * 0x100 + this.uint8();
        return minimal(high * 0x10000 + this.uint16(), 0x4000);
      }
      default:
        throw new DecodeError("a length header begins with the invalid prefix 3");
    }
  }

  #take(length: number): number {
    if (length > this.remaining()) throw new DecodeError("the bytes end inside the structure");
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

function minimal(length: number, least: number): number {
  if (length < least) throw new DecodeError("a length header is longer than it needs to be");
  return length;
}
