/**
 * One run, drawn from its seed: two people become contacts by request and write to one another at random moments while
 * everything fails; then the network is left alone, comes to rest, and is looked at.
 */
import { conversation, leftovers, marker, secrecy, unrest } from "./checkers.ts";
import type { FaultCounts, FaultKind } from "./faults.ts";
import { Faults } from "./faults.ts";
import type { Simulation } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Mutation } from "./surroundings.ts";

export interface StoryOptions {
  seed: number;
  /** Of both together. */
  messages?: number;
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

export async function story(options: StoryOptions): Promise<Told> {
  const { seed, messages = 50, mutation, keepTrace, restWithinMs = restMsMax } = options;
  await using simulation = await simulate({
    seed,
    ...(mutation === undefined ? {} : { mutation }),
    ...(keepTrace === undefined ? {} : { keepTrace }),
    ...delaysOf(seed),
  });
  const startedAt = simulation.clock.now();
  const faults = new Faults(simulation);
  const restores = options.restores ?? seed % restoringSeeds === 0;
  const wrong: string[] = [];
  try {
    await simulation.during(live(simulation, faults, { messages, restores }));
    wrong.push(...(await simulation.during(rest(simulation, restWithinMs), 2 * restMsMax)));
    const restored = (faults.counts["backups restored"] ?? 0) > 0;
    wrong.push(...(await simulation.during(conversation(simulation, restored))));
    wrong.push(...secrecy(simulation), ...leftovers(simulation));
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
  { messages, restores }: { messages: number; restores: boolean },
): Promise<void> {
  const chance = simulation.random.fork("people");
  const { clock, devices } = simulation;
  const diskMsMax = chance.pick([5, 50, 400]);
  for (const { disk } of simulation.homeservers) disk.delayMs = { min: 0, max: diskMsMax };
  const raging = faults.rage({ min: 100, max: chance.pick([500, 1_500, 4_000]) });
  void clock.sleep(faultsWithinMs).then(() => faults.heal());
  await becomeContacts(simulation, chance.chance(0.3));
  const rare: FaultKind[] = restores ? ["restoreBackup", "restoreBackup"] : [];
  for (const kind of rare) void clock.sleep(chance.between(0, 20_000)).then(() => faults.strike(kind));
  const everyMs = chance.pick([50, 500, 2_000]);
  const sending: Promise<unknown>[] = [];
  for (let n = 0; n < messages; n++) {
    await clock.sleep(chance.between(0, everyMs));
    const device = chance.pick(devices);
    const sent = device.send(`${n} of ${device.name}: ${marker}`);
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
  for (const device of devices) await device.send(`the last of ${device.name}: ${marker}`);
}

/** By a request of one, or by requests of both that cross. */
export async function becomeContacts({ clock, devices }: Simulation, crossed: boolean): Promise<void> {
  const [alice, bob] = [devices[0]!, devices[1]!];
  const ask = async (from: SimulatedDevice, to: SimulatedDevice) =>
    from.call("requests.send", { who: await to.account(), text: marker });
  await Promise.all(crossed ? [ask(alice, bob), ask(bob, alice)] : [ask(alice, bob)]);
  const meet = async (device: SimulatedDevice) => {
    for (;;) {
      const rooms = await device.call("rooms.list", {});
      if (rooms.some(({ kind, state }) => kind === "pair" && state === "open")) return;
      const requests = await device.call("requests.list", {});
      const theirs = requests.find(({ direction, state }) => direction === "incoming" && state === "pending");
      if (theirs !== undefined) await device.attempt("requests.accept", { requestId: theirs.requestId });
      await clock.sleep(300);
    }
  };
  await Promise.all([meet(alice), meet(bob)]);
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
