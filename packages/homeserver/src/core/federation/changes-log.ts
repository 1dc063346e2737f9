/**
 * In which order servers' records changed here, so that another server can be told what changed since it last asked.
 * Invariant: numbers only rise, with the clock where that is ahead; a server stands at its last change. [G3]
 */
import type { ServerId } from "@fedchat/protocol";
import { nextSequence } from "@fedchat/protocol";

interface Change {
  at: number;
  server: ServerId;
}

/** Entries that a later change of the same server has replaced are dropped when they are more than the others. */
const replacedKept = 64;

export class ChangesLog {
  #changes: Change[] = [];
  readonly #last = new Map<ServerId, number>();
  #count = 0;

  constructor(stored: readonly { server: ServerId; changed: number }[]) {
    for (const { server, changed } of stored.toSorted((a, b) => a.changed - b.changed)) {
      this.#changes.push({ at: changed, server });
      this.#last.set(server, changed);
      this.#count = changed;
    }
  }

  /** The number of the last change. */
  get count(): number {
    return this.#count;
  }

  /** Notes that this server's record changed now, and gives the change its number. */
  changed(server: ServerId, nowMs: number): number {
    this.#count = nextSequence(this.#count, nowMs);
    this.#changes.push({ at: this.#count, server });
    this.#last.set(server, this.#count);
    if (this.#changes.length > 2 * this.#last.size + replacedKept) {
      this.#changes = this.#changes.filter(({ at, server: one }) => this.#last.get(one) === at);
    }
    return this.#count;
  }

  forget(server: ServerId): void {
    this.#last.delete(server);
  }

  /** Servers whose last change came after `since`, in order. A number that was never given counts as 0. */
  *after(since: number): Generator<Change> {
    const from = since > this.#count ? 0 : since;
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#changes[middle]!.at > from) high = middle;
      else low = middle + 1;
    }
    for (let index = low; index < this.#changes.length; index += 1) {
      const change = this.#changes[index]!;
      if (this.#last.get(change.server) === change.at) yield change;
    }
  }
}
