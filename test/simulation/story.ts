/**
 * One run, drawn from its seed: people whose homeservers are linked become contacts by request and write to one another
 * at random moments while everything fails; then the network is left alone, comes to rest, and is looked at.
 */
import { acquaintances, conversations, leftovers, queues, secrecy, unrest } from "./checkers.ts";
import type { FaultCounts, FaultKind } from "./faults.ts";
import { Faults, skewMsMax } from "./faults.ts";
import { linkOneWay } from "./linking.ts";
import { marker } from "./marker.ts";
import type { Simulation, SimulationOptions } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Mutation } from "./surroundings.ts";
import type { Pair } from "./topology.ts";
import { linksOf } from "./topology.ts";

export interface StoryOptions {
  seed: number;
  /** Of all together. */
  messages?: number;
  /** How many homeservers there are, how they are linked and who can dial whom. Absent: two. */
  network?: Pick<SimulationOptions, "homeservers" | "people" | "topology" | "reachable" | "configure">;
  /** Which people write to each other. Absent: those whose homeservers are linked. */
  talk?: (simulation: Simulation) => readonly Pair[];
  mutation?: Mutation;
  keepTrace?: boolean;
  /** Whether homeservers are put back to backups as well; undefined: in every fourth seed. */
  restores?: boolean;
  /** How long the network may take to come to rest once it is left alone. */
  restWithinMs?: number;
}

export interface Told {
  seed: number;
  messages: number;
  faults: FaultCounts;
  /** What was wrong; empty for a good run. */
  wrong: string[];
  digest: string;
  events: number;
  virtualMs: number;
  trace: string[] | undefined;
}

/** Then faults end, whether or not people are done: so that a run is bounded. */
const faultsWithinMs = 90_000;
/** Between the last fault and rest: the longest waits of links and streams, and some: a link that was refused is asked for again hourly. */
const restMsMax = 90 * 60_000;
/** A network that is not at rest by then waits for something slow. */
const soonMs = 300_000;
const restoringSeeds = 4;
/** Something that still comes would come by then. */
const aftermathMs = 120_000;
/** The pace of people is that of this many messages, however many are sent. */
const pacedMessages = 50;

export async function story(options: StoryOptions): Promise<Told> {
  const { seed, messages = 50, mutation, keepTrace, restWithinMs = restMsMax } = options;
  await using simulation = await simulate({
    ...options.network,
    ...{ seed, skewMs: skewMsMax },
    ...(mutation === undefined ? {} : { mutation }),
    ...(keepTrace === undefined ? {} : { keepTrace }),
    ...delaysOf(seed),
  });
  const pairs = (options.talk ?? linkedPairs)(simulation);
  const startedAt = simulation.clock.now();
  const faults = new Faults(simulation);
  const restores = options.restores ?? seed % restoringSeeds === 0;
  const wrong: string[] = [];
  try {
    await simulation.during(live(simulation, faults, { pairs, messages, restores }));
    wrong.push(...(await simulation.during(rest(simulation, restWithinMs), 2 * restMsMax)));
    wrong.push(...(await simulation.during(conversations(simulation, pairs, faults.restored))));
    wrong.push(...(await simulation.during(acquaintances(simulation))));
    wrong.push(...secrecy(simulation), ...leftovers(simulation), ...queues(simulation));
  } catch (error) {
    wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    wrong.push(...(await simulation.during(unrest(simulation))));
  }
  wrong.push(...simulation.violations.found);
  return {
    ...{ seed, messages, faults: faults.counts, wrong },
    ...{ digest: simulation.trace.digest(), events: simulation.trace.events, trace: simulation.trace.lines },
    virtualMs: simulation.clock.now() - startedAt,
  };
}

/** People with engines whose homeservers are linked: bundles find no other way than a link. */
function linkedPairs({ links, devices }: Simulation): readonly Pair[] {
  const names = new Set(devices.map(({ name }) => name));
  return links.filter((pair) => pair.every((name) => names.has(name)));
}

/** From a good local network to a bad satellite. */
function delaysOf(seed: number): { delayMs: { min: number; max: number } } {
  return {
    delayMs: [
      { min: 0, max: 2 },
      { min: 1, max: 40 },
      { min: 50, max: 400 },
    ][seed % 3]!,
  };
}

async function live(
  simulation: Simulation,
  faults: Faults,
  { pairs, messages, restores }: { pairs: readonly Pair[]; messages: number; restores: boolean },
): Promise<void> {
  const chance = simulation.random.fork("people");
  const { clock } = simulation;
  const diskMsMax = chance.pick([5, 50, 400]);
  for (const { disk } of simulation.homeservers) disk.delayMs = { min: 0, max: diskMsMax };
  for (const [from, to] of strangers(simulation, pairs)) {
    if (chance.chance(0.5)) await linkOneWay(simulation, from, to);
  }
  const raging = faults.rage({ min: 100, max: chance.pick([500, 1_500, 4_000]) });
  void clock.sleep(faultsWithinMs).then(() => faults.heal());
  await Promise.all(pairs.map((pair) => becomeContacts(simulation, chance.chance(0.3), pair)));
  const rare: FaultKind[] = restores ? ["restoreBackup", "restoreBackup"] : [];
  for (const kind of rare) void clock.sleep(chance.between(0, 20_000)).then(() => faults.strike(kind));
  const everyMs = (chance.pick([50, 500, 2_000]) * pacedMessages) / Math.max(pacedMessages, messages);
  const sending: Promise<unknown>[] = [];
  for (let n = 0; n < messages; n++) {
    await clock.sleep(chance.between(0, everyMs));
    const pair = chance.pick(pairs);
    const [from, to] = chance.chance(0.5) ? pair : pair.toReversed();
    const sent = simulation.device(from!).send(`${n} of ${from}: ${marker}`, simulation.device(to!));
    // Awaited below, with all others.
    sent.catch(() => undefined);
    sending.push(sent);
  }
  await Promise.all(sending);
  // Faults that begin with the last words matter as well.
  await clock.sleep(chance.between(0, 10_000));
  await faults.heal();
  await raging;
  // Whatever was lost before shows once something follows it.
  for (const [a, b] of pairs) {
    const [one, other] = [simulation.device(a), simulation.device(b)];
    await one.send(`the last of ${a} to ${b}: ${marker}`, other);
    await other.send(`the last of ${b} to ${a}: ${marker}`, one);
  }
}

/** Pairs that neither are linked nor talk, the one end of which can dial the other. */
function strangers(simulation: Simulation, pairs: readonly Pair[]): Pair[] {
  const names = simulation.devices.map(({ name }) => name);
  const acquainted = [...simulation.links, ...pairs];
  return linksOf("mesh", names)
    .filter(([a, b]) => !acquainted.some((pair) => pair.includes(a) && pair.includes(b)))
    .flatMap(([a, b]): Pair[] =>
      simulation.reaches(a, b) ? [[a, b]] : simulation.reaches(b, a) ? [[b, a]] : [],
    );
}

/** By a request of one, or by requests of both that cross. Absent: the only two. */
export async function becomeContacts(
  simulation: Simulation,
  crossed: boolean,
  pair: Pair = simulation.links[0]!,
): Promise<void> {
  const { clock, acquaintance } = simulation;
  const [one, other] = [simulation.device(pair[0]), simulation.device(pair[1])];
  acquaintance.acquaint(...pair);
  const ask = async (from: SimulatedDevice, to: SimulatedDevice) =>
    from.call("requests.send", { who: to.account, text: marker });
  await Promise.all(crossed ? [ask(one, other), ask(other, one)] : [ask(one, other)]);
  const meet = async (device: SimulatedDevice, peer: SimulatedDevice) => {
    while ((await device.pairWith(peer)) === undefined) {
      const requests = await device.call("requests.list", {});
      const theirs = requests.find(
        ({ direction, state, account }) =>
          direction === "incoming" && state === "pending" && account === peer.account,
      );
      if (theirs !== undefined) await device.attempt("requests.accept", { requestId: theirs.requestId });
      await clock.sleep(300);
    }
  };
  await Promise.all([meet(one, other), meet(other, one)]);
}

/** Waits until nothing is under way, and a while longer. */
async function rest(simulation: Simulation, withinMs: number): Promise<string[]> {
  const { clock, violations } = simulation;
  const begun = clock.now();
  let restless = await unrest(simulation);
  while (restless.length > 0 && violations.found.length === 0 && clock.now() < begun + withinMs) {
    await clock.sleep(clock.now() < begun + soonMs ? 1_000 : 20_000);
    restless = await unrest(simulation);
  }
  if (restless.length > 0) return ["the network does not come to rest", ...restless];
  await clock.sleep(aftermathMs);
  return unrest(simulation);
}
