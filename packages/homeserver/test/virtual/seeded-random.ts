/** Chance that replays: the same seed gives the same bytes, and a fork has a course of its own. */
import { createHash } from "node:crypto";
import type { RandomSource } from "@fedchat/protocol";

export class SeededRandom implements RandomSource {
  readonly #seed: string;
  #block = 0;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(seed: string | number) {
    this.#seed = String(seed);
  }

  bytes(length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (this.#at === this.#pool.length) this.#refill();
      const part = this.#pool.subarray(this.#at, this.#at + length - filled);
      result.set(part, filled);
      this.#at += part.length;
      filled += part.length;
    }
    return result;
  }

  /** Independent of this one's course. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${label}`);
  }

  /** From 0 to 1, without 1. */
  fraction(): number {
    return new DataView(this.bytes(4).buffer).getUint32(0) / 0x1_0000_0000;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length - 1)]!;
  }

  #refill(): void {
    const hash = createHash("shake256", { outputLength: 1_024 });
    this.#pool = new Uint8Array(hash.update(`${this.#seed} ${this.#block}`).digest());
    this.#block += 1;
    this.#at = 0;
  }
}
