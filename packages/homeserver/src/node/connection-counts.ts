/**
 * Sockets from one network address. Those of this machine, its local network and configured proxies are not counted: a
 * proxy brings everybody's, and the limit on all sockets together still holds.
 */
import { connectionsPerAddressMax } from "./limits.ts";
import type { TrustedProxies } from "./remote-address.ts";
import { countedBy, isNear } from "./remote-address.ts";

export class ConnectionCounts {
  readonly #counts = new Map<string, number>();
  readonly #proxies: TrustedProxies;

  constructor(proxies: TrustedProxies) {
    this.#proxies = proxies;
  }

  /** Whether one more may be opened from here; `leave` when it is closed. */
  enter(address: string): boolean {
    if (this.#uncounted(address)) return true;
    const from = countedBy(address);
    const count = this.#counts.get(from) ?? 0;
    if (count >= connectionsPerAddressMax) return false;
    this.#counts.set(from, count + 1);
    return true;
  }

  leave(address: string): void {
    if (this.#uncounted(address)) return;
    const from = countedBy(address);
    const count = (this.#counts.get(from) ?? 0) - 1;
    if (count > 0) this.#counts.set(from, count);
    else this.#counts.delete(from);
  }

  #uncounted(address: string): boolean {
    return isNear(address) || this.#proxies.has(address);
  }
}
