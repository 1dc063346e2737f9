/** The networks that seeds are told in, each seed in one of them. */
import type { StoryOptions } from "./story.ts";

type Network = NonNullable<StoryOptions["network"]>;

export function networkOf(seed: number, homeservers: number): Network {
  switch (seed % 5) {
    case 0:
      return { homeservers, topology: "mesh" };
    case 1:
      return { homeservers, topology: "star" };
    case 2:
      return { homeservers, topology: "ring" };
    case 3:
      return { homeservers, topology: "chain" };
    default:
      // All but the one in the middle stand behind NATs.
      return { homeservers, topology: "star", reachable: (_from, to) => to === "alice" };
  }
}
