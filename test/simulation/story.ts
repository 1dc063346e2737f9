/**
 * One run, drawn from its seed: people become contacts, those whose homeservers are not linked too, and write to one
 * another at random moments while everything fails; then the network is left alone, comes to rest, and is looked at.
 */
import { acquaintances, conversations, leftovers, queues, secrecy, unrest } from "./checkers.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { FaultCounts, FaultKind } from "./faults.ts";
import { Faults, skewMsMax } from "./faults.ts";
import { linkOneWay } from "./linking.ts";
import { marker } from "./marker.ts";
import { becomeContacts, drawPairs, meetingOf, showBeyond } from "./meeting.ts";
import { rest } from "./resting.ts";
import type { Simulation, SimulationOptions } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import type { Mutation } from "./surroundings.ts";
import type { Pair } from "./topology.ts";

export interface StoryOptions {
  seed: number;
  /** Of all together. */
  messages?: number;
  /** How many homeservers there are, how they are linked and who can dial whom. Absent: two. */
  network?: Pick<
    SimulationOptions,
    "homeservers" | "people" | "groups" | "topology" | "reachable" | "configure"
  >;
  /** Homeservers that the others find again when they move. Absent: none moves. */
  movers?: readonly string[];
  mutation?: Mutation;
  keepTrace?: boolean;
  /** Whether homeservers are put back to backups as well; undefined: in some seeds. */
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
const faultsWithinMs = 120_000;
/** People meet as soon as their homeservers have links that nobody refuses, which are asked for again hourly. */
const liveMsMax = 3 * 60 * 60_000;
/** Between the last fault and rest: the longest waits of links and streams, and some: a link that was refused is asked for again hourly. */
const restMsMax = 90 * 60_000;
/** Each network is told so many times in turn, with and without what is rare. */
const seedsOfATurn = 6;
const restoringTurns = 4;
const movingTurns = 2;
const rareWithinMs = 10_000;
/** How often is looked which way links go. */
const lookEveryMs = 1_000;
/** A record follows its links after half a minute. [G6] */
const recordsSettleMs = 40_000;
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
  const [pairs, strangers] = drawPairs(simulation, simulation.random.fork("pairs"));
  const startedAt = simulation.clock.now();
  const faults = new Faults(simulation, options.movers);
  const turn = Math.floor(seed / seedsOfATurn);
  const restores = options.restores ?? turn % restoringTurns === restoringTurns - 1;
  const moves =
    options.movers !== undefined && options.movers.length > 0 && turn % movingTurns === movingTurns - 1;
  const rare: FaultKind[] = [
    ...(restores ? (["restoreBackup", "restoreBackup"] as const) : []),
    ...(moves ? (["moveHomeserver", "moveHomeserver"] as const) : []),
  ];
  const wrong: string[] = [];
  try {
    await simulation.during(live(simulation, faults, { pairs, strangers, messages, rare }), liveMsMax);
    wrong.push(...(await simulation.during(rest(simulation, restWithinMs), 2 * restMsMax)));
    wrong.push(...(await simulation.during(conversations(simulation, pairs, faults.restored))));
    wrong.push(...(await simulation.during(acquaintances(simulation))));
    wrong.push(...secrecy(simulation), ...leftovers(simulation), ...queues(simulation));
  } catch (error) {
    wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    wrong.push(...(await simulation.during(unrest(simulation))));
  }
  wrong.unshift(...simulation.violations.found);
  return {
    ...{ seed, messages, faults: { ...faults.counts, ...simulation.happenings.counts }, wrong },
    ...{ digest: simulation.trace.digest(), events: simulation.trace.events, trace: simulation.trace.lines },
    virtualMs: simulation.clock.now() - startedAt,
  };
}

/** From a good local network to a bad satellite. */
export function delaysOf(seed: number): { delayMs: { min: number; max: number } } {
  return {
    delayMs: [
      { min: 0, max: 2 },
      { min: 1, max: 40 },
      { min: 50, max: 400 },
    ][seed % 3]!,
  };
}

interface Lives {
  pairs: readonly Pair[];
  strangers: readonly Pair[];
  messages: number;
  /** Faults that strike once everybody has met. */
  rare: readonly FaultKind[];
}

async function live(simulation: Simulation, faults: Faults, plan: Lives): Promise<void> {
  const { pairs, strangers, messages, rare } = plan;
  const chance = simulation.random.fork("people");
  const { clock } = simulation;
  const diskMsMax = chance.pick([5, 50, 400]);
  for (const { disk } of simulation.homeservers) disk.delayMs = { min: 0, max: diskMsMax };
  for (const pair of strangers) await linkOneWayWhereReached(simulation, pair, chance);
  await showBeyond(simulation, strangers, chance);
  // Until records say who passes things on, and everybody heard them. [G6]
  await clock.sleep(recordsSettleMs);
  void look(simulation, faults);
  const raging = faults.rage({ min: 100, max: chance.pick([500, 1_500, 4_000]) });
  void clock.sleep(faultsWithinMs).then(() => faults.heal());
  const met: Pair[] = [];
  const meeting = pairs.map(async (pair) => {
    await becomeContacts(simulation, pair, meetingOf(simulation, pair, chance));
    met.push(pair);
  });
  await Promise.race(meeting);
  // A request that a backup forgets is asked again by nobody.
  const struck = Promise.all(meeting).then(() =>
    Promise.all(
      rare.map(async (kind) => {
        await clock.sleep(chance.between(0, rareWithinMs));
        faults.strike(kind);
      }),
    ),
  );
  // Awaited below, with all others.
  struck.catch(() => undefined);
  const everyMs = (chance.pick([50, 500, 2_000]) * pacedMessages) / Math.max(pacedMessages, messages);
  const sending: Promise<unknown>[] = [];
  for (let n = 0; n < messages; n++) {
    await clock.sleep(chance.between(0, everyMs));
    const pair = chance.pick(met);
    const [from, to] = chance.chance(0.5) ? pair : pair.toReversed();
    const sent = simulation.device(from!).send(`${n} of ${from}: ${marker}`, simulation.device(to!));
    // Awaited below, with all others.
    sent.catch(() => undefined);
    sending.push(sent);
  }
  await Promise.all([...sending, struck]);
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

async function look({ clock, happenings, homeservers }: Simulation, faults: Faults): Promise<void> {
  while (!faults.healed) {
    happenings.look(homeservers);
    await clock.sleep(lookEveryMs);
  }
}

async function linkOneWayWhereReached(
  simulation: Simulation,
  [a, b]: Pair,
  chance: SeededRandom,
): Promise<void> {
  if (chance.chance(0.5)) return;
  if (simulation.reaches(a, b)) await linkOneWay(simulation, a, b);
  else if (simulation.reaches(b, a)) await linkOneWay(simulation, b, a);
}
