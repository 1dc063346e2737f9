/** What many runs came to, as lines for people. */
import type { FaultCounts } from "./faults.ts";
import type { Told } from "./story.ts";

export class Tally {
  readonly #faults: FaultCounts = {};
  #runs = 0;
  #messages = 0;
  #virtualMs = 0;

  add({ faults, messages, virtualMs }: Pick<Told, "faults" | "messages" | "virtualMs">): void {
    this.#runs += 1;
    this.#messages += messages;
    this.#virtualMs += virtualMs;
    for (const [what, n] of Object.entries(faults)) this.#faults[what] = (this.#faults[what] ?? 0) + n;
  }

  /** Kinds of faults that never struck. */
  missing(kinds: readonly string[]): string[] {
    return kinds.filter((kind) => (this.#faults[kind] ?? 0) === 0);
  }

  toString(): string {
    const faults = Object.entries(this.#faults)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, n]) => `${what} ${n}`);
    const hours = (this.#virtualMs / 3_600_000).toFixed(1);
    return `${this.#runs} seeds, ${this.#messages} messages, ${hours} hours of their time: ${faults.join(", ")}`;
  }
}
