/**
 * What may be under way in one direction of a circuit. Invariant: what was paid and not given back is at most a window.
 * Each piece costs its bytes and a little more, so that whoever holds many small ones holds no more than it was paid
 * for. [C5]
 */
import { limits } from "@fedchat/protocol";

export function pieceCost(bytes: number): number {
  return bytes + limits.circuitPieceCostBytes;
}

export class CircuitWindow {
  #left: number = limits.circuitWindowBytes;

  /** What may still be paid. */
  get left(): number {
    return this.#left;
  }

  /** Pays for a piece. False where that is more than there is. */
  pay(cost: number): boolean {
    if (cost > this.#left) return false;
    this.#left -= cost;
    return true;
  }

  /**
   * Takes credit back. False where it is nothing, or more than can have been taken.
   * @param waiting of what was paid, this much was not passed on yet and cannot have been taken
   */
  giveBack(cost: number, waiting = 0): boolean {
    if (cost === 0 || this.#left + waiting + cost > limits.circuitWindowBytes) return false;
    this.#left += cost;
    return true;
  }
}
