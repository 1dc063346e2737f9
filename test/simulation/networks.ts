/** The networks that seeds are told in, each seed in one of them. */
import type { SimulationOptions } from "./simulate.ts";
import type { Pair, Topology } from "./topology.ts";
import { linksOf, namesOf } from "./topology.ts";

type Network = Pick<SimulationOptions, "homeservers" | "people" | "topology" | "reachable">;

/** Networks of this shape, in turn. */
const shapes = 6;

export function networkOf(seed: number, homeservers: number): Network {
  const names = namesOf(homeservers);
  switch (seed % shapes) {
    case 0:
      return { homeservers, topology: "mesh" };
    case 1:
      return { homeservers, topology: "star" };
    case 2:
      return behindNats(names, "ring");
    case 3:
      return behindNats(names, "chain");
    case 4:
      // All but the one in the middle stand behind NATs.
      return { homeservers, topology: "star", reachable: (_from, to) => to === names[0] };
    default:
      return behindNats(names, meshWithGaps(names));
  }
}

/** Whoever is not linked cannot dial each other, and of those who are, one can. */
function behindNats(names: string[], topology: Topology): Network {
  const links = linksOf(topology, names);
  const reachable = (from: string, to: string) => links.some(([a, b]) => a === from && b === to);
  return { homeservers: names, topology, reachable };
}

/** All with all, but for some pairs that have no homeserver in common. */
function meshWithGaps(names: string[]): Pair[] {
  const gap = ([a, b]: Pair) => names.indexOf(a) % 2 === 0 && names.indexOf(b) === names.indexOf(a) + 1;
  return linksOf("mesh", names).filter((pair) => !gap(pair));
}
