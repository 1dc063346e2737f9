/**
 * Time for a whole network in one process: nothing happens but what `run` makes happen, in an order that depends on
 * nothing but the calls. Invariant: between two events every promise that can settle has settled, so that code under
 * test, which waits for this clock and for promises only, runs the same way each time.
 */
import type { Clock, Timer } from "@fedchat/protocol";

interface Event {
  at: number;
  order: number;
  run: () => void;
  cancelled: boolean;
}

/** A network that is busy for this many events within one `run` will not come to rest. */
const eventsMax = 2_000_000;

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap by time, then by order of calling. */
  readonly #heap: Event[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Timer {
    // Clocks tell whole milliseconds, and timers come no sooner than asked.
    const event = {
      at: this.#now + Math.ceil(Math.max(0, delayMs)),
      order: this.#order,
      run,
      cancelled: false,
    };
    this.#order += 1;
    this.#push(event);
    return { cancel: () => void (event.cancelled = true) };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Runs everything due within the next `durationMs`. */
  advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    return this.#run(() => false, end).then(() => void (this.#now = Math.max(this.#now, end)));
  }

  /** Runs until `done`; fails where that has not come true within `withinMs` of virtual time. */
  async until(done: () => boolean, what: string, withinMs = 600_000): Promise<void> {
    if (!(await this.#run(done, this.#now + withinMs))) {
      throw new Error(`not within ${withinMs} virtual ms: ${what}`);
    }
  }

  /** Runs until the promise settles, and gives its result. */
  async settle<T>(promise: Promise<T>, withinMs = 600_000): Promise<T> {
    let settled = false;
    const mark = () => void (settled = true);
    promise.then(mark, mark);
    await this.until(() => settled, "a promise settles", withinMs);
    return promise;
  }

  /** A clock for one process: once that has crashed, nothing that it scheduled happens any more. */
  process(): ProcessClock {
    return new ProcessClock(this);
  }

  async #run(done: () => boolean, end: number): Promise<boolean> {
    await promisesSettled();
    for (let events = 0; !done(); events += 1) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) return false;
      if (events === eventsMax) throw new Error(`the network does not come to rest in ${eventsMax} events`);
      this.#pop();
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await promisesSettled();
    }
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** One process's view of the clock. */
export class ProcessClock implements Clock {
  readonly #clock: VirtualClock;
  #crashed = false;
  /** How far this machine's wall clock is off. */
  skewMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  crash(): void {
    this.#crashed = true;
  }

  now(): number {
    return this.#clock.now() + this.skewMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#clock.after(delayMs, () => {
      if (!this.#crashed) run();
    });
  }

  soon(run: () => void): void {
    this.after(0, run);
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** The next turn of the real event loop begins when no promise has anything left to do. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
