/**
 * Steps between servers at which a way failed lately, either direction. Such a step is left out where another way is
 * known, for a time that doubles with every failure, or until either end has a newer record: its news may be that it is
 * reached otherwise. [C7]
 */
import type { Clock, ServerId, ServerRecord } from "@fedchat/protocol";
import { brokenEdgeMs, brokenEdgeMsMax, brokenEdgesMax } from "../limits.ts";

interface BrokenEdge {
  until: number;
  /** How long it is left out this time. */
  lastsMs: number;
  sequences: string;
}

export class BrokenEdges {
  readonly #clock: Pick<Clock, "now">;
  readonly #record: (server: ServerId) => ServerRecord | undefined;
  /** The latest failure comes last. */
  readonly #edges = new Map<string, BrokenEdge>();

  constructor(clock: Pick<Clock, "now">, record: (server: ServerId) => ServerRecord | undefined) {
    this.#clock = clock;
    this.#record = record;
  }

  broken(a: ServerId, b: ServerId): boolean {
    if (this.#edges.size === 0) return false;
    const edge = this.#edges.get(keyOf(a, b));
    return edge !== undefined && this.#clock.now() < edge.until && edge.sequences === this.#sequences(a, b);
  }

  failed(a: ServerId, b: ServerId): void {
    const key = keyOf(a, b);
    const sequences = this.#sequences(a, b);
    const before = this.#edges.get(key);
    // Ways that were tried side by side failed at the same time, and count once.
    if (before !== undefined && this.broken(a, b)) return;
    const again = before?.sequences === sequences;
    const lastsMs = again ? Math.min(brokenEdgeMsMax, before.lastsMs * 2) : brokenEdgeMs;
    this.#edges.delete(key);
    this.#edges.set(key, { until: this.#clock.now() + lastsMs, lastsMs, sequences });
    const [oldest] = this.#edges.keys();
    if (this.#edges.size > brokenEdgesMax && oldest !== undefined) this.#edges.delete(oldest);
  }

  /** Something passed here. */
  worked(a: ServerId, b: ServerId): void {
    this.#edges.delete(keyOf(a, b));
  }

  #sequences(a: ServerId, b: ServerId): string {
    const [lower, higher] = a < b ? [a, b] : [b, a];
    return `${this.#record(lower)?.sequence ?? 0} ${this.#record(higher)?.sequence ?? 0}`;
  }
}

function keyOf(a: ServerId, b: ServerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
