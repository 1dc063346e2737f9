/** A clock that stands still until a test moves it; a turn ends with the microtask queue. */
import type { Clock, Timer } from "../src/ports.ts";

export class ManualClock implements Clock {
  #now: number;
  #pending: { at: number; run: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.#now + delayMs, run };
    this.#pending.push(timer);
    return { cancel: () => void (this.#pending = this.#pending.filter((other) => other !== timer)) };
  }

  soon(run: () => void): void {
    queueMicrotask(run);
  }

  /** Timers that were neither cancelled nor run. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Runs what falls due within `ms`, earliest first. */
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#pending.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    this.#pending = this.#pending.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
  }
}
