/**
 * Everything that a run did that could be seen from outside its processes: each frame on the wire, each operation that
 * reached a disk, and when. Two runs of one seed are the same if and only if their traces are.
 */
import { createHash, hash } from "node:crypto";
import type { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";

export class Trace {
  readonly #clock: VirtualClock;
  readonly #digest = new GatheringHash();
  readonly #keep: "nothing" | "digest" | "lines";
  /** One line an event, where they are kept: for finding where two runs part. */
  readonly lines: string[] | undefined;
  events = 0;

  constructor(clock: VirtualClock, keep: "nothing" | "digest" | "lines") {
    this.#clock = clock;
    this.#keep = keep;
    this.lines = keep === "lines" ? [] : undefined;
  }

  add(what: string, ...details: unknown[]): void {
    this.events += 1;
    if (this.#keep === "nothing") return;
    this.#digest.add(this.#clock.now());
    this.#digest.add(what);
    for (const detail of details) this.#digest.add(detail);
    this.lines?.push(`${this.#clock.now()} ${what} ${shown(details)}`);
  }

  digest(): string {
    return this.#digest.hex();
  }
}

/** Larger pieces are hashed by themselves. */
const gatheredBytes = 65_536;
/** UTF-8 takes three bytes for a UTF-16 unit at most. */
const bytesOfUnitMax = 3;
/** Text is written down with so much more of it. */
const gatheredUnits = 2_048;

/** Of values, each with its kind and length. Thousands of small ones are gathered, since each call of a hash costs. */
class GatheringHash {
  readonly #hash = createHash("sha256");
  readonly #gathered = Buffer.allocUnsafe(gatheredBytes);
  #length = 0;
  /** What comes behind the gathered bytes. */
  #unwritten = "";

  add(value: unknown): void {
    if (value instanceof Uint8Array) {
      this.#text(`bytes ${value.length} `);
      this.#bytes(value);
    } else if (Array.isArray(value)) {
      this.#text(`array ${value.length} `);
      for (const element of value) this.add(element);
    } else if (typeof value === "object" && value !== null) {
      const fields = Object.entries(value);
      this.#text(`object ${fields.length} `);
      for (const [name, field] of fields) {
        this.#text(`${name} `);
        this.add(field);
      }
    } else {
      const text = String(value);
      this.#text(`${typeof value} ${text.length} ${text} `);
    }
  }

  hex(): string {
    this.#write();
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #text(text: string): void {
    this.#unwritten += text;
    if (this.#unwritten.length > gatheredUnits) this.#write();
  }

  #write(): void {
    const text = this.#unwritten;
    this.#unwritten = "";
    if (text.length * bytesOfUnitMax > gatheredBytes) return this.#bytes(Buffer.from(text));
    if (text.length * bytesOfUnitMax > gatheredBytes - this.#length) this.#flush();
    this.#length += this.#gathered.write(text, this.#length);
  }

  #bytes(bytes: Uint8Array): void {
    if (this.#unwritten !== "") this.#write();
    if (bytes.length > gatheredBytes - this.#length) this.#flush();
    if (bytes.length > gatheredBytes) {
      this.#hash.update(bytes);
      return;
    }
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #flush(): void {
    this.#hash.update(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  }
}

function shown(details: unknown[]): string {
  const text = JSON.stringify(details, bytesAsText);
  return text.length > 20_000 ? `${text.slice(0, 120)}… ${hash("sha256", text).slice(0, 12)}` : text;
}

function bytesAsText(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  return value;
}
