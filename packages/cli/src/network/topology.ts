/** Who links whom in a trial network. */

export const topologies = ["mesh", "star", "chain"] as const;
export type Topology = (typeof topologies)[number];

/** Pairs of member indexes; each pair is linked both ways. */
export function linksOf(topology: Topology, count: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let from = 0; from < count; from++) {
    for (let to = from + 1; to < count; to++) {
      if (
        topology === "mesh" ||
        (topology === "star" && from === 0) ||
        (topology === "chain" && to === from + 1)
      ) {
        pairs.push([from, to]);
      }
    }
  }
  return pairs;
}
