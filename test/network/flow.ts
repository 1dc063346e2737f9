/** Messages one after the other, both ways at once, and how long the slowest took: what a disturbance meanwhile costs. */
import { until } from "../harness/fedchat-process.ts";
import type { Pair, Resident } from "./residents.ts";

/** As somebody who types fast; each message is one bundle. */
const everyMs = 200;
/** It flows before the disturbance, and after what was said since then arrives again. */
const calmMs = 1_000;
const arrivesWithinMs = 60_000;
let flows = 0;

export class Flow {
  readonly #from: Resident;
  readonly #roomId: string;
  readonly #name: string;
  readonly #sentAt = new Map<string, number>();
  readonly #tookMs = new Map<string, number>();
  #over = false;

  private constructor(from: Resident, roomId: string) {
    this.#from = from;
    this.#roomId = roomId;
    this.#name = `flow ${flows++} of ${from.name}`;
  }

  /**
   * Lets messages flow between two, disturbs them, and goes on until everything arrives again.
   * @returns the longest time that one took from sending to arriving at the other's engine, in milliseconds
   */
  static async through({ a, b, roomId }: Pair, disturb: () => Promise<void>): Promise<number> {
    const both = [
      { flow: new Flow(a, roomId), to: b },
      { flow: new Flow(b, roomId), to: a },
    ];
    await Promise.all(both.map(({ flow, to }) => flow.#listen(to)));
    const sending = Promise.all(both.map(({ flow }) => flow.#send()));
    await Promise.all(both.map(({ flow }) => flow.#arrives(Date.now() + calmMs)));
    await disturb();
    const disturbedAt = Date.now();
    await Promise.all(both.map(({ flow }) => flow.#arrives(disturbedAt + calmMs)));
    for (const { flow } of both) flow.#over = true;
    await sending;
    await Promise.all(both.map(({ flow }) => flow.#allArrive()));
    return Math.max(...both.flatMap(({ flow }) => [...flow.#tookMs.values()]));
  }

  async #send(): Promise<void> {
    for (let count = 0; !this.#over; count += 1) {
      const text = `${this.#name}: ${count}`;
      this.#sentAt.set(text, Date.now());
      await this.#from.say(this.#roomId, text);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  #listen(to: Resident): Promise<void> {
    return to.fedchat.onEvent((event) => {
      if (event.type !== "message.added" || event.message.mine) return;
      const sentAt = this.#sentAt.get(event.message.text);
      if (sentAt !== undefined) this.#tookMs.set(event.message.text, Date.now() - sentAt);
    });
  }

  /** Something arrived that was sent after this time. */
  async #arrives(after: number): Promise<void> {
    await until(
      `${this.#name} arrives`,
      async () => [...this.#tookMs.keys()].some((text) => this.#sentAt.get(text)! > after),
      arrivesWithinMs,
    );
  }

  async #allArrive(): Promise<void> {
    await until(
      `all of ${this.#name} arrives`,
      async () => this.#tookMs.size === this.#sentAt.size,
      arrivesWithinMs,
    );
  }
}
