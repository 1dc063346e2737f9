/**
 * The servers that were heard of in the local network, from the answers of each machine there. Invariants: the list is
 * bounded, however much is said; one machine fills only a small part of it; what somebody else says of a server stands
 * beside what the server itself says and never in its place; what is not said again is forgotten. [Y2] [Y3]
 */
import type { NearbyServer, ServerAddress, ServerId } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { nearbyForgottenAfterMs, nearbyPerSourceMax, nearbySourcesMax } from "./limits.ts";
import type { NearbyAnswer } from "./nearby-answer.ts";

interface Heard extends NearbyAnswer {
  at: number;
}

export class NearbyList {
  /** By server and source, the longest standing first. */
  readonly #heard = new Map<ServerId, Heard[]>();

  /** Whether it tells anything new. What is beyond a bound is let go. */
  hear(answer: NearbyAnswer, now: number): boolean {
    const known = this.#heard.get(answer.server) ?? [];
    const before = known.find(({ source }) => source === answer.source);
    if (before !== undefined) {
      const isNew = before.name !== answer.name || key(before.addresses) !== key(answer.addresses);
      Object.assign(before, answer, { at: now });
      return isNew;
    }
    if (known.length >= nearbySourcesMax || this.#saidBy(answer.source) >= nearbyPerSourceMax) return false;
    if (known.length === 0 && this.#heard.size >= limits.nearbyServersMax) return false;
    this.#heard.set(answer.server, [...known, { ...answer, at: now }]);
    return true;
  }

  /** The machine said that this server is gone. */
  leave(server: ServerId, source: string): boolean {
    return this.#keep((heard) => heard.server !== server || heard.source !== source);
  }

  /** Forgets what was not said for long. */
  expire(now: number): boolean {
    return this.#keep(({ at }) => now - at < nearbyForgottenAfterMs);
  }

  clear(): boolean {
    return this.#keep(() => false);
  }

  servers(): NearbyServer[] {
    return [...this.#heard.values()].map((heard) => ({
      server: heard[0]!.server,
      name: heard[0]!.name,
      addresses: byTurns(heard.map(({ addresses }) => addresses)),
      heardAt: Math.max(...heard.map(({ at }) => at)),
    }));
  }

  #saidBy(source: string): number {
    return [...this.#heard.values()].flat().filter((heard) => heard.source === source).length;
  }

  #keep(wanted: (heard: Heard) => boolean): boolean {
    let changed = false;
    for (const [server, heard] of this.#heard) {
      const kept = heard.filter(wanted);
      if (kept.length === heard.length) continue;
      changed = true;
      if (kept.length === 0) this.#heard.delete(server);
      else this.#heard.set(server, kept);
    }
    return changed;
  }
}

/** One of each source after the other, so that all sources have a place among the first. */
function byTurns(lists: readonly (readonly ServerAddress[])[]): ServerAddress[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  const turns = Array.from({ length: longest }, (_, turn) => lists.flatMap((list) => list[turn] ?? []));
  const all = new Map(turns.flat().map((address) => [key([address]), address]));
  return [...all.values()].slice(0, limits.nearbyAddressesMax);
}

const key = (addresses: readonly ServerAddress[]): string =>
  addresses
    .map(({ host, port }) => `${host} ${port}`)
    .toSorted()
    .join();
