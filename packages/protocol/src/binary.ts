/**
 * Fixed big-endian layouts for the hot path (envelopes, bundle headers, client frames): no CBOR where every message
 * passes. A reader refuses to read past its end; what is left over is the caller's to refuse.
 */
import { ProtocolError } from "./errors.ts";
import { assert } from "./primitives/assert.ts";

export class BinaryWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** @param size exactly the number of bytes that will be written */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): this {
    assertWithin(value, 0xff);
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    assertWithin(value, 0xffff);
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    assertWithin(value, 0xffff_ffff);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
    return this;
  }

  /** A non-negative safe integer as 64 bits. */
  u64(value: number): this {
    assertWithin(value, Number.MAX_SAFE_INTEGER);
    this.#view.setUint32(this.#at, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(this.#at + 4, value >>> 0);
    this.#at += 8;
    return this;
  }

  raw(source: Uint8Array): this {
    this.#bytes.set(source, this.#at);
    this.#at += source.length;
    return this;
  }

  finish(): Uint8Array {
    if (this.#at !== this.#bytes.length) throw new Error(`wrote ${this.#at} of ${this.#bytes.length} bytes`);
    return this.#bytes;
  }
}

/** A number out of range would be cut silently and mean another one. */
function assertWithin(value: number, max: number): void {
  assert(Number.isSafeInteger(value) && value >= 0 && value <= max, "a number fits its field");
}

export class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what named in errors */
  constructor(source: Uint8Array, what: string) {
    this.#bytes = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.#what = what;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  u64(): number {
    const at = this.#advance(8);
    const high = this.#view.getUint32(at);
    if (high > 0x1f_ffff) throw this.malformed("integer too large");
    return high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.#at);
  }

  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  end(): void {
    if (!this.atEnd) throw this.malformed("bytes left over");
  }

  malformed(what: string): ProtocolError {
    return new ProtocolError("malformed", `${this.#what}: ${what}`);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw this.malformed("truncated");
    this.#at = at + length;
    return at;
  }
}
