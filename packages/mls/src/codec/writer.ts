/**
 * Appends the primitive types of RFC 9420 §2.1 to one growing buffer. Values out of range are our own fault. Buffers are
 * used again, because allocating them costs more than filling them, and are wiped in between, because secrets pass
 * through them. What is only to be hashed, signed or sealed is lent from the buffer, without a copy.
 */
import { LENGTH_MAX } from "../limits.ts";

/** Wiped buffers for the next writers: as many as nest, and none large enough to matter. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const SPARE_MAX = 8;
const SPARE_BYTES = 4096;
const NOTHING = new Uint8Array(0);

export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor() {
    this.#bytes = spare.pop() ?? new Uint8Array(SPARE_BYTES);
  }

  /** A copy of everything written. The writer is empty then and not to be used again. */
  finish(): Uint8Array<ArrayBuffer> {
    const written = this.#bytes.slice(0, this.#length);
    this.#release();
    return written;
  }

  /** What `read` makes of everything written. It must not keep the bytes: they are wiped when it has returned. */
  lend<T>(read: (written: Uint8Array<ArrayBuffer>) => T): T {
    try {
      return read(this.#bytes.subarray(0, this.#length));
    } finally {
      this.#release();
    }
  }

  /** How many bytes were written so far. */
  position(): number {
    return this.#length;
  }

  uint8(value: number): void {
    if (value !== (value & 0xff)) throw notUnsigned(1);
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  uint16(value: number): void {
    if (value !== (value & 0xffff)) throw notUnsigned(2);
    this.#reserve(2);
    this.#octets16(value);
  }

  uint32(value: number): void {
    if (value !== value >>> 0) throw notUnsigned(4);
    this.#reserve(4);
    this.#octets16(value >>> 16);
    this.#octets16(value & 0xffff);
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError("not a uint64");
    this.uint32(Number(value >> 32n));
    this.uint32(Number(value & 0xffffffffn));
  }

  /** The bytes as they are, without a length. */
  fixed(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  zeros(count: number): void {
    this.#reserve(count);
    this.#bytes.fill(0, this.#length, this.#length + count);
    this.#length += count;
  }

  /** `opaque x<V>`. */
  opaque(bytes: Uint8Array): void {
    this.length(bytes.length);
    this.fixed(bytes);
  }

  /** What `fill` writes, behind its length in bytes. */
  nested(fill: (inner: Writer) => void): void {
    const inner = new Writer();
    fill(inner);
    this.opaque(inner.#bytes.subarray(0, inner.#length));
    inner.#release();
  }

  /** A variable-size length header (RFC 9420 §2.1.2) in its shortest form. */
  length(length: number): void {
    if (length < 0x40) this.uint8(length);
    else if (length < 0x4000) this.uint16(0x4000 + length);
    else if (length <= LENGTH_MAX) this.uint32(0x80000000 + length);
    else throw new RangeError("longer than a vector can be");
  }

  #octets16(value: number): void {
    this.#bytes[this.#length] = value >>> 8;
    this.#bytes[this.#length + 1] = value & 0xff;
    this.#length += 2;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes.fill(0, 0, this.#length);
    this.#bytes = grown;
  }

  #release(): void {
    this.#bytes.fill(0, 0, this.#length);
    if (this.#bytes.length === SPARE_BYTES && spare.length < SPARE_MAX) spare.push(this.#bytes);
    this.#bytes = NOTHING;
    this.#length = 0;
  }
}

function notUnsigned(octets: number): RangeError {
  return new RangeError(`not an unsigned integer of ${octets} octets`);
}
