/** Wrong passwords with good links, by network address: nobody tries forever. The oldest address is forgotten when there are many. */
import { pairingAddressesMax, pairingFailuresMax, pairingFailuresWithinMs } from "../limits.ts";

export class PairingFailures {
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; since: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  tooMany(address: string): boolean {
    const known = this.#failures.get(address);
    if (known === undefined || this.#now() - known.since >= pairingFailuresWithinMs) return false;
    return known.count >= pairingFailuresMax;
  }

  add(address: string): void {
    const known = this.#failures.get(address);
    const isFresh = known !== undefined && this.#now() - known.since < pairingFailuresWithinMs;
    this.#failures.delete(address);
    this.#failures.set(
      address,
      isFresh ? { ...known, count: known.count + 1 } : { count: 1, since: this.#now() },
    );
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > pairingAddressesMax) this.#failures.delete(oldest!);
  }
}
