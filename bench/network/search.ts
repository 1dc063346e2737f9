/** How long one server that knows everybody takes to find ways, and what knowing everybody takes in memory. */
import { RelayGraph } from "../../packages/homeserver/src/core/federation/relay-graph.ts";
import { findWays } from "../../packages/homeserver/src/core/federation/ways.ts";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { Population } from "./records.ts";
import { recordOf } from "./records.ts";

const searches = 400;
/** As many as are tried side by side. */
const atMost = 3;
const now = Date.UTC(2026, 0, 1);

export interface SearchCost {
  /** Processor time of one search. */
  ms: number;
  /** Of the shortest way, where there is one. */
  relays: number;
  /** Searches that found a way, of those between servers that are not linked. */
  found: number;
  recordBytes: number;
}

export function search(population: Population): SearchCost {
  const { ids, neighbours } = population;
  const graph = new RelayGraph();
  let bytes = 0;
  for (let server = 0; server < ids.length; server += 1) {
    const { record, signed } = recordOf(population, server, now);
    bytes += signed.length;
    graph.put(record);
  }
  const random = new SeededRandom("search");
  let [tried, relays, found, tookMs] = [0, 0, 0, 0];
  for (let count = 0; count < searches; count += 1) {
    const from = random.between(0, ids.length - 1);
    const to = (from + random.between(1, ids.length - 1)) % ids.length;
    if (neighbours[from]!.includes(to)) continue;
    tried += 1;
    const connected = neighbours[from]!.map((server) => ids[server]!);
    const linked = new Set(connected);
    const known = {
      self: ids[from]!,
      graph,
      connected: () => connected,
      trust: (server: (typeof ids)[number]) => (linked.has(server) ? ("mutual" as const) : ("none" as const)),
      broken: () => false,
    };
    const start = process.cpuUsage();
    const [way] = findWays(known, ids[to]!, { atMost });
    const { user, system } = process.cpuUsage(start);
    tookMs += (user + system) / 1_000;
    if (way === undefined) continue;
    found += 1;
    relays += way.length;
  }
  return {
    ms: tookMs / tried,
    relays: relays / Math.max(1, found),
    found: found / tried,
    recordBytes: bytes / ids.length,
  };
}
