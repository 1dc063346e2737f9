/**
 * Everything that a run did that could be seen from outside its processes: each frame on the wire, each operation that
 * reached a disk, and when. Two runs of one seed are the same if and only if their traces are.
 */
import { createHash } from "node:crypto";
import type { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";

export class Trace {
  readonly #clock: VirtualClock;
  readonly #hash = createHash("sha256");
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
    const head = `${this.#clock.now()} ${what} `;
    const [first] = details;
    if (this.lines === undefined && first instanceof Uint8Array) {
      // Most events are frames, and most of the time is spent on them.
      this.#hash.update(head).update(first);
      return;
    }
    const encoded = JSON.stringify(details, this.lines === undefined ? bytesAsBase64 : bytesAsText);
    this.#hash.update(`${head}${encoded}\n`);
    this.lines?.push(
      `${head}${encoded.length > 20000 ? `${encoded.slice(0, 120)}… ${digestOf(encoded)}` : encoded}`,
    );
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Needs no escapes. */
function bytesAsBase64(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  return value;
}

function bytesAsText(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  return value;
}

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 12);
