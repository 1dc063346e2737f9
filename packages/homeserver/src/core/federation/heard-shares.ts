/**
 * Which neighbour told which records: where heard records are too many or too large, one goes of the neighbour that
 * brought the most, the farthest and oldest first. So a neighbour that makes up servers pushes out its own; what others
 * told, too, is counted as theirs then, so that having told it first gives no power over it. [G1]
 */
import type { ServerId } from "@fedchat/protocol";
import { otherTellersMax } from "../limits.ts";

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
  /** Who else told a server's record. */
  readonly #others = new Map<ServerId, Set<ServerId>>();
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

  /** The same record came from another neighbour as well. Of too many those with the smallest shares are remembered. */
  toldToo(teller: ServerId, server: ServerId): void {
    const others = this.#others.get(server) ?? new Set();
    this.#others.set(server, others.add(teller));
    if (others.size <= otherTellersMax) return;
    others.delete([...others].reduce((most, other) => (this.#of(other) > this.#of(most) ? other : most)));
  }

  /** Of those who told it, too, the one with the smallest share; it is none of them from now on. */
  heirOf(server: ServerId): ServerId | undefined {
    const others = this.#others.get(server);
    if (others === undefined || others.size === 0) return undefined;
    const heir = [...others].reduce((least, other) => (this.#of(other) < this.#of(least) ? other : least));
    others.delete(heir);
    return heir;
  }

  /** The record is gone, or a newer one takes its place. */
  forget(server: ServerId): void {
    this.#others.delete(server);
  }

  #of(teller: ServerId): number {
    return this.#shares.get(teller)?.count ?? 0;
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
