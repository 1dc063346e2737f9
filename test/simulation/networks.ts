/** The networks that seeds are told in, each seed in one of them. */
import type { HomeserverConfig } from "../../packages/homeserver/src/core/homeserver.ts";
import { relayBytesPerSecond, relayStorageBytes } from "../../packages/homeserver/src/core/limits.ts";
import type { StoryOptions } from "./story.ts";
import type { Pair, Topology } from "./topology.ts";
import { linksOf, namesOf } from "./topology.ts";

type Told = Pick<StoryOptions, "network" | "movers">;
type Network = NonNullable<StoryOptions["network"]>;

/** One of so many seeds has real groups; which one turns, so that all that is drawn meets them. */
const realGroupsEvery = 6;
/** Networks of this shape, in turn. */
const shapes = 6;
/** A quarter of it is a source's: some bundles. */
const scarceStorageBytes = 60_000;

export function networkOf(seed: number, homeservers: number): Told {
  const names = namesOf(homeservers);
  const { movers, ...network } = shapeOf(seed, names);
  const groups = groupsOf(seed);
  return { network: { homeservers: names, groups, ...network, configure: () => relayingOf(seed) }, movers };
}

export function groupsOf(seed: number): "real" | "stub" {
  return seed % realGroupsEvery === Math.floor(seed / realGroupsEvery) % realGroupsEvery ? "real" : "stub";
}

/** Movers can dial somebody who stays, or else nobody would ever hear where they are. */
interface Shape extends Pick<Network, "topology" | "reachable"> {
  movers: string[];
}

function shapeOf(seed: number, names: string[]): Shape {
  switch (seed % shapes) {
    case 0:
      return { topology: "mesh", movers: names };
    case 1:
      return { topology: "star", movers: names.slice(0, 1) };
    case 2:
      // Two that moved would leave a ring in two parts.
      return { ...behindNats(names, "ring"), movers: names.slice(0, 1) };
    case 3:
      // Whoever dials the one that moved hears of it through that one only.
      return { ...behindNats(names, "chain"), movers: [] };
    case 4:
      // All but the one in the middle stand behind NATs, and would never hear where that went.
      return { topology: "star", reachable: (_from, to) => to === names[0], movers: names.slice(1) };
    default:
      return { ...behindNats(names, meshWithGaps(names)), movers: names.slice(0, 2) };
  }
}

/** For some or for anyone, with much room or little. */
function relayingOf(seed: number): Pick<HomeserverConfig, "relaying"> {
  const relaysFor = seed % 5 === 0 ? "anyone" : "linked";
  const storageBytesMax = Math.floor(seed / shapes) % 3 === 2 ? scarceStorageBytes : relayStorageBytes;
  return { relaying: { relaysFor, bytesPerSecond: relayBytesPerSecond, storageBytesMax } };
}

/** Whoever is not linked cannot dial each other, and of those who are, one can. */
function behindNats(names: string[], topology: Topology): Pick<Network, "topology" | "reachable"> {
  const links = linksOf(topology, names);
  const reachable = (from: string, to: string) => links.some(([a, b]) => a === from && b === to);
  return { topology, reachable };
}

/** All with all, but for some pairs that have no homeserver in common. */
function meshWithGaps(names: string[]): Pair[] {
  const gap = ([a, b]: Pair) => names.indexOf(a) % 2 === 0 && names.indexOf(b) === names.indexOf(a) + 1;
  return linksOf("mesh", names).filter((pair) => !gap(pair));
}
