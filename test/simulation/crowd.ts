/**
 * Many homeservers, each with a light person and no engine: how links, streams and inboxes do in networks of hundreds.
 * People whose homeservers are linked send each other envelopes while links and homeservers fail; then the network is
 * left alone, must come to rest, and is looked at.
 */
import { deliveries, queues, unrest } from "./checkers.ts";
import type { FaultCounts, FaultKind } from "./faults.ts";
import { Faults } from "./faults.ts";
import type { SimulationOptions } from "./simulate.ts";
import { Simulation } from "./simulate.ts";

export interface CrowdOptions extends Pick<
  SimulationOptions,
  "seed" | "homeservers" | "topology" | "reachable" | "configure" | "bytesPerMs" | "mutation"
> {
  /** Of all together. */
  envelopes: number;
  /** How long faults strike; 0: none do. */
  faultsForMs?: number;
  payloadBytes?: number;
}

export interface CrowdTold {
  links: number;
  faults: FaultCounts;
  /** What was wrong; empty for a good run. */
  wrong: string[];
  /** Real time, and memory once all was done. */
  cost: { openMs: number; linkMs: number; sendMs: number; heapBytes: number };
  virtualMs: number;
}

const kinds: readonly FaultKind[] = [
  ...(["cutLink", "cutClient", "partitionLink", "partitionSets", "abandonLink", "lagLink"] as const),
  ...(["crashHomeserver", "crashHomeserverAtStep", "restart", "fillHomeserverDisk", "stall"] as const),
];
const faultEveryMs = { min: 100, max: 1_000 };
const sendWithinMs = 20_000;
const restWithinMs = 60 * 60_000;

export async function crowd(options: CrowdOptions): Promise<CrowdTold> {
  const { envelopes, faultsForMs = 0, payloadBytes = 200 } = options;
  const began = performance.now();
  await using simulation = new Simulation({ ...options, people: [], watched: false });
  await simulation.openAll();
  const opened = performance.now();
  await simulation.linkAll();
  const linked = performance.now();
  const startedAt = simulation.clock.now();
  const faults = new Faults(simulation);
  await simulation.during(send(simulation, { envelopes, payloadBytes, faults, faultsForMs }));
  const wrong = await simulation.during(rest(simulation), 2 * restWithinMs);
  wrong.push(...deliveries(simulation), ...queues(simulation), ...simulation.violations.found);
  const sendMs = performance.now() - linked;
  return {
    links: simulation.links.length,
    faults: faults.counts,
    wrong,
    cost: {
      openMs: opened - began,
      linkMs: linked - opened,
      sendMs,
      heapBytes: process.memoryUsage().heapUsed,
    },
    virtualMs: simulation.clock.now() - startedAt,
  };
}

interface Sending {
  envelopes: number;
  payloadBytes: number;
  faults: Faults;
  faultsForMs: number;
}

async function send(simulation: Simulation, { envelopes, payloadBytes, faults, faultsForMs }: Sending) {
  const { clock, links } = simulation;
  const chance = simulation.random.fork("crowd");
  const people = new Map(simulation.lightPeople.map((person) => [person.name, person]));
  const raging = faultsForMs > 0 ? faults.rage(faultEveryMs, kinds) : undefined;
  const over = clock.sleep(faultsForMs).then(() => faults.heal());
  const sending = Array.from({ length: envelopes }, async () => {
    const pair = chance.pick(links);
    const [from, to] = chance.chance(0.5) ? pair : pair.toReversed();
    const payload = chance.bytes(payloadBytes);
    await clock.sleep(chance.between(0, sendWithinMs));
    await people.get(from!)!.send(people.get(to!)!, payload);
  });
  await Promise.all([...sending, over, raging]);
}

async function rest(simulation: Simulation): Promise<string[]> {
  const { clock } = simulation;
  const begun = clock.now();
  let restless = await unrest(simulation);
  while (restless.length > 0 && clock.now() < begun + restWithinMs) {
    await clock.sleep(5_000);
    restless = await unrest(simulation);
  }
  return restless.length > 0 ? ["the network does not come to rest", ...restless] : [];
}
