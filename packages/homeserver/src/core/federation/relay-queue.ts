/**
 * What waits to be passed on for others, of all circuits together. Invariants: each direction of a circuit keeps its
 * order; those with something waiting take turns of one piece's size; what leaves is at most what the configuration
 * gives, and no connection is handed more than it takes. [C6]
 */
import type { Clock } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { congestionRetryMs, relayBufferedBytesMax } from "../limits.ts";
import type { Leg } from "./circuit-legs.ts";

/** One direction of one circuit. */
export class Flow {
  readonly to: Leg;
  readonly turns: { bytes: number; send: () => void }[] = [];
  /** What its pieces cost that wait. */
  bytes = 0;

  constructor(to: Leg) {
    this.to = to;
  }

  get congested(): boolean {
    return this.to.connection.bufferedBytes >= relayBufferedBytesMax;
  }
}

export class RelayQueue {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number;
  /** Those with something waiting, in the order of their turns. */
  readonly #flows = new Set<Flow>();
  #bytes = 0;
  /** What may leave now; below nothing after a piece that was larger. */
  #budget: number;
  #filledAt: number;
  /** It is looked again soon. */
  #waits = false;
  #pumping = false;

  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#budget = bytesPerSecond();
    this.#filledAt = clock.now();
  }

  /** What waits, of all flows. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param bytes what this costs; 0 for what only has to come after what waits */
  put(flow: Flow, bytes: number, send: () => void): void {
    this.#flows.add(flow);
    flow.turns.push({ bytes, send });
    flow.bytes += bytes;
    this.#bytes += bytes;
    this.#pump();
  }

  /** Lets go what waits of it. */
  drop(flow: Flow): void {
    this.#bytes -= flow.bytes;
    flow.bytes = 0;
    flow.turns.length = 0;
    this.#flows.delete(flow);
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#fill();
    // As many were passed over in a row as there are: all wait for their connections.
    for (let passedOver = 0; passedOver < this.#flows.size && this.#budget > 0;) {
      const flow: Flow = this.#flows.values().next().value!;
      passedOver = flow.congested ? passedOver + 1 : 0;
      this.#takeTurn(flow);
      this.#flows.delete(flow);
      if (flow.turns.length > 0) this.#flows.add(flow);
    }
    this.#pumping = false;
    if (this.#flows.size > 0) this.#later();
  }

  #takeTurn(flow: Flow): void {
    let left = limits.circuitPieceBytesMax;
    while (left > 0 && this.#budget > 0 && !flow.congested) {
      const turn = flow.turns.shift();
      if (turn === undefined) return;
      left -= turn.bytes;
      flow.bytes -= turn.bytes;
      this.#bytes -= turn.bytes;
      this.#budget -= turn.bytes;
      turn.send();
    }
  }

  #fill(): void {
    const rate = this.#rate;
    const now = this.#clock.now();
    const won = (Math.max(0, now - this.#filledAt) * rate) / 1_000;
    this.#filledAt = now;
    this.#budget = Math.min(rate, this.#budget + won);
  }

  #later(): void {
    const short = this.#budget > 0 ? 0 : Math.ceil(((1 - this.#budget) * 1_000) / this.#rate);
    if (this.#waits) return;
    this.#waits = true;
    this.#clock.after(Math.max(short, congestionRetryMs), () => {
      this.#waits = false;
      this.#pump();
    });
  }

  /** At least a byte: whoever wants to pass on nothing relays for nobody. */
  get #rate(): number {
    return Math.max(1, this.#bytesPerSecond());
  }
}
