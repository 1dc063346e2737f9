/**
 * What a network of many homeserver cores costs in one process: npm run simulation:scale -- [--homeservers 1000]
 * [--topology star|ring|chain|random] [--envelopes 2000]. Each core has one light person; random: about four links each.
 */
import { parseArgs } from "node:util";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { crowd } from "./crowd.ts";
import type { Topology } from "./topology.ts";
import { namesOf, randomGraph } from "./topology.ts";

const { values } = parseArgs({
  options: {
    homeservers: { type: "string", default: "1000" },
    topology: { type: "string", default: "random" },
    envelopes: { type: "string", default: "2000" },
  },
});
const homeservers = Number(values.homeservers);
const shapes: Record<string, Topology> = {
  ...{ star: "star", ring: "ring", chain: "chain" },
  random: randomGraph(namesOf(homeservers), 4, new SeededRandom("scale")),
};
const topology = shapes[values.topology];
if (topology === undefined || !(homeservers >= 2)) {
  console.error("--homeservers takes a number from 2 on, --topology one of star, ring, chain, random.");
  process.exit(2);
}

const envelopes = Number(values.envelopes);
const { cost, links, wrong } = await crowd({ seed: 1, homeservers, topology, envelopes });
const { openMs, linkMs, sendMs, heapBytes } = cost;
console.log(
  JSON.stringify({
    ...{ homeservers, topology: values.topology, links, envelopes },
    openMs: Math.round(openMs),
    linkMs: Math.round(linkMs),
    sendMs: Math.round(sendMs),
    heapMB: Math.round(heapBytes / 1e6),
    residentMB: Math.round(process.memoryUsage().rss / 1e6),
  }),
);
for (const sentence of wrong) console.error(sentence);
process.exitCode = wrong.length > 0 ? 1 : 0;
