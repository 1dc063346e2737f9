/**
 * The receiving side of one stream: which bundle is next, which came early, which came before. Pure state: opening,
 * committing and acknowledging are its caller's. Invariants: positions only rise within a stream, streams only rise;
 * what is held early is bounded in number and bytes. [B4] to [B8]
 */
import { limits } from "@fedchat/protocol";
import { streamIdMax } from "../limits.ts";

/** Where a bundle stands. Only one that is `expected`, now or once those before it came, is kept. */
export type Standing = "expected" | "duplicate" | "older-stream" | "beyond-window";

export class IncomingStream {
  #stream: number;
  #committed: number;
  /** The last sequence of the run that is being committed; `committed` where there is none. */
  #running: number;
  readonly #held = new Map<number, Uint8Array>();
  #heldBytes = 0;

  constructor(stored: { stream: number; committed: number } | undefined) {
    this.#stream = stored?.stream ?? 0;
    this.#committed = stored?.committed ?? 0;
    this.#running = this.#committed;
  }

  get state(): { stream: number; committed: number } {
    return { stream: this.#stream, committed: this.#committed };
  }

  /** Where a bundle with this header would stand, if it is authentic. */
  standing(stream: number, sequence: number): Standing {
    if (stream < this.#stream) return "older-stream";
    if (stream > streamIdMax) return "beyond-window";
    const had = stream > this.#stream ? 0 : this.#running;
    if (sequence <= had) return "duplicate";
    return sequence > had + limits.streamWindowBundles ? "beyond-window" : "expected";
  }

  /** Whether what comes directly before this is here, be it held or committed. */
  follows(stream: number, sequence: number): boolean {
    if (stream !== this.#stream) return sequence === 1;
    return sequence <= this.#running + 1 || this.#held.has(sequence - 1);
  }

  /** Keeps the opened body of an authentic bundle. False where there is no room: it will be sent again. */
  hold(sequence: number, body: Uint8Array, bytesMax: number): boolean {
    if (this.#held.has(sequence)) return true;
    if (this.#heldBytes + body.length > bytesMax) return false;
    this.#held.set(sequence, body);
    this.#heldBytes += body.length;
    return true;
  }

  /** Begins a newer stream at the position before `floor`. @returns whether it is newer than the present one */
  adopt(stream: number, floor: number): boolean {
    if (stream <= this.#stream || stream > streamIdMax) return false;
    this.#stream = stream;
    this.#committed = floor - 1;
    this.#running = this.#committed;
    this.drop();
    return true;
  }

  /** The source keeps nothing below `floor` of this stream any more. @returns whether the position moved */
  skipTo(floor: number): boolean {
    if (floor <= this.#running + 1) return false;
    this.#committed = floor - 1;
    this.#running = this.#committed;
    for (const sequence of this.#held.keys()) if (sequence < floor) this.#take(sequence);
    return true;
  }

  /**
   * Takes out what can be committed now, in order, as far as `bytesMax` allows; at least one where there is one. Ends
   * by `advance` or `fail`, before the next run.
   */
  run(bytesMax: number): { bodies: Uint8Array[]; stream: number; last: number } {
    const bodies: Uint8Array[] = [];
    let bytes = 0;
    for (let sequence = this.#committed + 1; this.#held.has(sequence); sequence += 1) {
      const body = this.#held.get(sequence)!;
      if (bodies.length > 0 && bytes + body.length > bytesMax) break;
      this.#take(sequence);
      bodies.push(body);
      bytes += body.length;
    }
    this.#running = this.#committed + bodies.length;
    return { bodies, stream: this.#stream, last: this.#running };
  }

  /** The run is on disk. A stream that began meanwhile is not touched. */
  advance(stream: number, last: number): void {
    if (stream === this.#stream) this.#committed = Math.max(this.#committed, last);
  }

  /** The run could not be committed. It is forgotten with all that is held: the source will send it again. */
  fail(): void {
    this.#running = this.#committed;
    this.drop();
  }

  /** Forgets what is held; a run that was taken out goes on. */
  drop(): void {
    this.#held.clear();
    this.#heldBytes = 0;
  }

  #take(sequence: number): void {
    this.#heldBytes -= this.#held.get(sequence)!.length;
    this.#held.delete(sequence);
  }
}
