/**
 * Which neighbour told which records: where heard records are too many or too large, one goes of the neighbour that
 * brought the most, the farthest and oldest first. So a neighbour that makes up servers pushes out its own. [G1]
 */
import type { ServerId } from "@fedchat/protocol";

interface Share {
  count: number;
  bytes: number;
  byHops: Map<number, AtHops>;
}

/** Servers in the order in which they came, and how far that order was taken out: looking from its start costs more with each. */
interface AtHops {
  bytes: Map<ServerId, number>;
  order: Iterator<ServerId>;
}

export class HeardShares {
  readonly #shares = new Map<ServerId, Share>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Once; nothing where it is there. */
  add(teller: ServerId, server: ServerId, hops: number, bytes: number): void {
    const share = this.#shares.get(teller) ?? { count: 0, bytes: 0, byHops: new Map<number, AtHops>() };
    const at = share.byHops.get(hops) ?? inOrder(new Map());
    if (at.bytes.has(server)) return;
    this.#shares.set(teller, share);
    share.byHops.set(hops, at);
    at.bytes.set(server, bytes);
    this.#grow(share, 1, bytes);
  }

  /** Nothing where it is not there. */
  remove(teller: ServerId, server: ServerId, hops: number): void {
    const share = this.#shares.get(teller);
    const at = share?.byHops.get(hops);
    const bytes = at?.bytes.get(server);
    if (share === undefined || at === undefined || bytes === undefined) return;
    at.bytes.delete(server);
    if (at.bytes.size === 0) share.byHops.delete(hops);
    this.#grow(share, -1, -bytes);
    if (share.count === 0) this.#shares.delete(teller);
  }

  /** Takes out one of the neighbour that brought the most records, or the most bytes. */
  takeFirst(by: "count" | "bytes"): ServerId | undefined {
    let largest: [ServerId, Share] | undefined;
    for (const entry of this.#shares) {
      if (largest === undefined || entry[1][by] > largest[1][by]) largest = entry;
    }
    if (largest === undefined) return undefined;
    const [teller, { byHops }] = largest;
    const hops = Math.max(...byHops.keys());
    const at = byHops.get(hops)!;
    let first = at.order.next();
    if (first.done === true) {
      Object.assign(at, inOrder(at.bytes));
      first = at.order.next();
    }
    this.remove(teller, first.value, hops);
    return first.value;
  }

  #grow(share: Share, count: number, bytes: number): void {
    share.count += count;
    share.bytes += bytes;
    this.#count += count;
    this.#bytes += bytes;
  }
}

function inOrder(bytes: Map<ServerId, number>): AtHops {
  return { bytes, order: bytes.keys() };
}
