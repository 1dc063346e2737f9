/** Who is linked with whom, as pairs of numbers from 0 on. */
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";

export type Edge = readonly [number, number];

export interface Shape {
  name: string;
  edges(servers: number, random: SeededRandom): Edge[];
  /** Whether a server stands behind a NAT, and relays for nobody. */
  isLeaf(server: number, servers: number): boolean;
}

/** Leaves of one relay. */
const leavesOfRelay = 49;
const relaysOf = (servers: number) => Math.max(1, Math.ceil(servers / (leavesOfRelay + 1)));

export const shapes: Shape[] = [
  {
    // Relays linked at random, each with its leaves; ten servers have one relay.
    name: "stars of relays",
    edges(servers, random) {
      const relays = relaysOf(servers);
      const leaves = Array.from({ length: servers - relays }, (_, n): Edge => [n % relays, relays + n]);
      return [...connected(relays, Math.min(8, relays - 1), random), ...leaves];
    },
    isLeaf: (server, servers) => server >= relaysOf(servers),
  },
  {
    name: "random, degree 4",
    edges: (servers, random) => connected(servers, 4, random),
    isLeaf: () => false,
  },
  {
    name: "random, degree 8",
    edges: (servers, random) => connected(servers, 8, random),
    isLeaf: () => false,
  },
];

/** A random tree, and chords until each has `degree` edges on average. */
function connected(servers: number, degree: number, random: SeededRandom): Edge[] {
  const edges = new Map<number, Edge>();
  const add = (a: number, b: number) => {
    if (a !== b) edges.set(Math.min(a, b) * servers + Math.max(a, b), [a, b]);
  };
  for (let server = 1; server < servers; server += 1) add(random.between(0, server - 1), server);
  const wanted = Math.min(Math.floor((servers * degree) / 2), (servers * (servers - 1)) / 2);
  for (let tries = 0; edges.size < wanted && tries < wanted * 20; tries += 1) {
    add(random.between(0, servers - 1), random.between(0, servers - 1));
  }
  return [...edges.values()];
}

/** For each server those that it has an edge with. */
export function neighboursOf(servers: number, edges: readonly Edge[]): number[][] {
  const neighbours = Array.from({ length: servers }, (): number[] => []);
  for (const [a, b] of edges) {
    neighbours[a]!.push(b);
    neighbours[b]!.push(a);
  }
  return neighbours;
}
