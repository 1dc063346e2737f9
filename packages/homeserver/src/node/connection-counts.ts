/**
 * Sockets from one network address. Those of this machine and its local network are not counted: a proxy there brings
 * everybody's, and the limit on all sockets together still holds.
 */
import { connectionsPerAddressMax } from "./limits.ts";
import { countedBy, isNear } from "./remote-address.ts";

export class ConnectionCounts {
  readonly #counts = new Map<string, number>();

  /** Whether one more may be opened from here; `leave` when it is closed. */
  enter(address: string): boolean {
    if (isNear(address)) return true;
    const from = countedBy(address);
    const count = this.#counts.get(from) ?? 0;
    if (count >= connectionsPerAddressMax) return false;
    this.#counts.set(from, count + 1);
    return true;
  }

  leave(address: string): void {
    if (isNear(address)) return;
    const from = countedBy(address);
    const count = (this.#counts.get(from) ?? 0) - 1;
    if (count > 0) this.#counts.set(from, count);
    else this.#counts.delete(from);
  }
}
