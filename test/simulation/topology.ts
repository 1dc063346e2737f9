/** Who has linked whom: pairs of names, by shape. Each pair is one mutual link. */
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";

export type Pair = readonly [string, string];

/** star: all with the first · chain, ring: each with the next · mesh: all with all; or these pairs. */
export type Topology = "pair" | "star" | "chain" | "ring" | "mesh" | readonly Pair[];

export function linksOf(topology: Topology, names: readonly string[]): Pair[] {
  const first = names[0]!;
  const next = names.slice(1).map((name, index): Pair => [names[index]!, name]);
  switch (topology) {
    case "pair":
      if (names.length !== 2) throw new Error("assertion: a pair is two homeservers");
      return next;
    case "star":
      return names.slice(1).map((name): Pair => [first, name]);
    case "chain":
      return next;
    case "ring":
      return names.length < 3 ? next : [...next, [names.at(-1)!, first]];
    case "mesh":
      return names.flatMap((name, index) => names.slice(index + 1).map((other): Pair => [name, other]));
    default:
      return topology.map((pair) => pair);
  }
}

/** A connected graph in which each homeserver has linked `degree` others or a few more: a random tree, and chords. */
export function randomGraph(names: readonly string[], degree: number, random: SeededRandom): Pair[] {
  const pairs = new Map<string, Pair>();
  const add = (a: string, b: string) => {
    if (a !== b) pairs.set(pairKey(a, b), [a, b]);
  };
  names.slice(1).forEach((name, index) => add(name, names[random.between(0, index)]!));
  const chords = Math.floor((names.length * (degree - 2)) / 2);
  for (let n = 0; n < chords; n++) add(random.pick(names), random.pick(names));
  return [...pairs.values()];
}

export function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

const firstNames = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];

/** Alice, Bob and so on; from the eleventh on, numbers. */
export function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => firstNames[index] ?? `server${index + 1}`);
}
