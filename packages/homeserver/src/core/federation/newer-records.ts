/**
 * When a server's newer record is taken: some at once, then one a minute, since each is written and passed on by every
 * server. Of those that come too fast the last waits for its turn, so that what a server says in the end is known
 * everywhere. Bounded in servers that wait. [G4] [R5]
 */
import type { Clock, ServerId, Timer } from "@fedchat/protocol";
import { newerRecordsRate, newerRecordsWaitingMax } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";

export class NewerRecords {
  readonly #clock: Clock;
  readonly #rate: RateLimits<ServerId>;
  readonly #waiting = new Map<ServerId, { order: number; take: () => void; timer: Timer }>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rate = new RateLimits(newerRecordsRate, clock);
  }

  /**
   * @param subject whose record it is, proved: others shall not use up its turns
   * @param order of two that wait the higher counts
   * @param take runs at once, later, or never where a newer one comes meanwhile
   */
  take(subject: ServerId, order: number, take: () => void): void {
    const waiting = this.#waiting.get(subject);
    if (waiting !== undefined) {
      if (order >= waiting.order) Object.assign(waiting, { order, take });
      return;
    }
    const waitMs = this.#rate.take(subject);
    if (waitMs === 0) return take();
    if (this.#waiting.size >= newerRecordsWaitingMax) this.#letGo();
    const timer = this.#clock.after(waitMs, () => {
      const due = this.#waiting.get(subject);
      this.#waiting.delete(subject);
      if (due !== undefined) this.take(subject, due.order, due.take);
    });
    this.#waiting.set(subject, { order, take, timer });
  }

  stop(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  #letGo(): void {
    const oldest = this.#waiting.entries().next();
    if (oldest.done === true) return;
    const [subject, { timer }] = oldest.value;
    timer.cancel();
    this.#waiting.delete(subject);
  }
}
