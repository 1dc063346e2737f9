/**
 * Where this server stands in the network, as its own record says: servers through which it may be reached, and linked
 * servers that relay. Invariant: what the record says follows the links slowly, so that links that come and go issue no
 * records: changes settle first, an edge outlives its connection for some minutes, and records are limited in rate. [G6]
 */
import type { Clock, ServerId, ServerRecord, Timer } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import {
  edgeOutlivesMs,
  firstStandingSettlesMs,
  ownRelaysMax,
  standingCheckEveryMs,
  standingRate,
  standingSettlesMs,
} from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Link } from "./link.ts";

export type Standing = Pick<ServerRecord, "relays" | "neighbours">;

export interface NeighbourhoodOptions {
  clock: Clock;
  links: () => Iterable<Link>;
  record: (server: ServerId) => ServerRecord | undefined;
  /** What our record says at the start. */
  standing: Standing;
  /** Our record should say something else now. */
  reachedFromOutside: () => boolean;
  onChange: () => void;
}

export class Neighbourhood {
  readonly #options: NeighbourhoodOptions;
  readonly #rate: RateLimits<"record">;
  /** When a direct connection ended, of those that ended lately. */
  readonly #endedAt = new Map<ServerId, number>();
  #standing: Standing;
  #timer: Timer;
  #settling = false;

  constructor(options: NeighbourhoodOptions) {
    const { clock } = options;
    const { relays, neighbours } = options.standing;
    this.#options = options;
    this.#rate = new RateLimits(standingRate, clock);
    this.#standing = { relays, neighbours };
    for (const server of [...relays, ...neighbours]) this.#endedAt.set(server, clock.now());
    this.#timer = this.#checkAfter(standingCheckEveryMs);
  }

  /** What our record should say. */
  get standing(): Standing {
    return this.#standing;
  }

  /** Through which servers this one is reached now: what our record says once that has settled. */
  get relays(): ServerId[] {
    // Whoever is reached from outside has custody in mind: those that it dials itself are better at that than its leaves.
    const relays = this.#edges(this.#options.reachedFromOutside() ? "dialled" : "all");
    return chosen(relays, this.#standing.relays, ownRelaysMax);
  }

  /** A connection opened, or some server's trust or record changed. */
  changed(): void {
    if (this.#settling) return;
    this.#settling = true;
    this.#timer.cancel();
    const { relays, neighbours } = this.#standing;
    const isFirst = relays.length + neighbours.length === 0;
    this.#timer = this.#checkAfter(isFirst ? firstStandingSettlesMs : standingSettlesMs);
  }

  /** A connection ended. */
  closed(server: ServerId, direct: boolean): void {
    if (direct) this.#endedAt.set(server, this.#options.clock.now());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #checkAfter(delayMs: number): Timer {
    return this.#options.clock.after(delayMs, () => {
      this.#settling = false;
      const waitMs = this.#check();
      this.#timer = this.#checkAfter(waitMs > 0 ? waitMs : standingCheckEveryMs);
    });
  }

  /** @returns how long a record that is due must wait, in milliseconds */
  #check(): number {
    const standing: Standing = {
      relays: this.relays,
      neighbours: chosen(this.#edges(), this.#standing.neighbours, limits.serverNeighboursMax),
    };
    if (JSON.stringify(standing) === JSON.stringify(this.#standing)) return 0;
    const waitMs = this.#rate.take("record");
    if (waitMs > 0) return waitMs;
    this.#standing = standing;
    this.#options.onChange();
    return 0;
  }

  /** Mutually linked servers that relay and are, or were a little while ago, connected directly; the longest first. */
  #edges(which: "all" | "dialled" = "all"): ServerId[] {
    const { clock, links, record } = this.#options;
    for (const [server, at] of this.#endedAt) {
      if (clock.now() - at > edgeOutlivesMs) this.#endedAt.delete(server);
    }
    return [...links()]
      .filter(
        ({ standing, server }) =>
          standing === "mutual" && (record(server)?.relaysFor ?? "nobody") !== "nobody",
      )
      .flatMap(({ server, connection, connected }) => {
        const direct = connected && connection?.via.length === 0;
        if (direct)
          return which === "all" || connection.dialled ? [{ server, since: connection.openedAt }] : [];
        const stays = which === "all" || this.#standing.relays.includes(server);
        return stays && this.#endedAt.has(server) ? [{ server, since: Number.MAX_SAFE_INTEGER }] : [];
      })
      .sort((a, b) => a.since - b.since || (a.server < b.server ? -1 : 1))
      .map(({ server }) => server);
  }
}

/** Those listed before stay where they can, so that nothing but an end changes what the record says of them. */
function chosen(edges: ServerId[], before: readonly ServerId[], atMost: number): ServerId[] {
  const possible = new Set(edges);
  const staying = new Set(before.filter((server) => possible.has(server)));
  return [...staying, ...edges.filter((server) => !staying.has(server))].slice(0, atMost);
}
