/**
 * Two people who are never online at the same time: their homeservers and engines sleep in turns, and so do the relays
 * between them, where there are two. What they write to each other arrives through custody, and each learns so on
 * return. Links fail and disks fill meanwhile. All of it takes less than the time after which a source stops relying on
 * a relay and hands over again, so that nothing but custody can have delivered anything. [K9]
 */
import { custodyPatienceMs } from "../../packages/homeserver/src/core/limits.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { acquaintances, conversations, secrecy, unrest } from "./checkers.ts";
import type { FaultCounts, FaultKind } from "./faults.ts";
import { Faults } from "./faults.ts";
import { marker } from "./marker.ts";
import { becomeContacts } from "./meeting.ts";
import type { Simulation } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Mutation } from "./surroundings.ts";
import type { Pair } from "./topology.ts";
import { linksOf, namesOf } from "./topology.ts";

export interface NeverTogetherOptions {
  seed: number;
  /** Between the two; with one it never sleeps. */
  relays: 1 | 2;
  /** Of each of the two. */
  messages?: number;
  mutation?: Mutation;
  /** In each of which everybody is awake once; at most. */
  rounds?: number;
}

export interface NeverTogetherTold {
  /** What was wrong; empty for a good run. */
  wrong: string[];
  counts: FaultCounts;
}

/** Everybody is away for longer than others wait for an answer, and up to some minutes. */
const windowMs = { min: 60_000, max: 240_000 };
/** Records say who relays for whom. [G6] */
const settleMs = 40_000;
const roundsMax = 12;
/** Nothing that would wake somebody who sleeps. */
const kinds: readonly FaultKind[] = [
  ...(["cutLink", "lagLink", "abandonLink", "silence", "corruptFrame"] as const),
  ...(["fillHomeserverDisk", "slowDisk", "clockJump"] as const),
];
const faultEveryMs = { min: 5_000, max: 40_000 };
/** Then everybody is awake, and it is looked whether all is in its place. */
const togetherMs = 120_000;

export async function neverTogether(options: NeverTogetherOptions): Promise<NeverTogetherTold> {
  const { seed, relays, messages = 10, mutation, rounds = roundsMax } = options;
  const names = namesOf(relays + 2);
  const links = linksOf("chain", names);
  const [first, last] = [names[0]!, names.at(-1)!];
  await using simulation = await simulate({
    ...{ seed: `never together ${seed}`, homeservers: names, topology: links },
    // Whoever writes dials out only; relays dial each other.
    reachable: (from, to) => to !== first && to !== last && links.some((link) => isPair(link, from, to)),
    ...(mutation === undefined ? {} : { mutation }),
  });
  const faults = new Faults(simulation);
  const pair: Pair = [first, last];
  const wrong: string[] = [];
  await simulation.during(becomeContacts(simulation, pair, { by: "invitation" }));
  await simulation.clock.advance(settleMs);
  const begun = simulation.clock.now();
  wrong.push(
    ...(await simulation.during(
      liveApart(simulation, faults, { pair, messages, rounds }),
      custodyPatienceMs,
    )),
  );
  if (simulation.clock.now() - begun >= custodyPatienceMs)
    wrong.push("it took longer than a source relies on relays");
  for (const { name } of simulation.homeservers) await wake(simulation, name);
  await simulation.clock.advance(togetherMs);
  wrong.push(...(await simulation.during(unrest(simulation))));
  wrong.push(...(await simulation.during(conversations(simulation, [pair]))));
  wrong.push(...(await simulation.during(acquaintances(simulation))), ...secrecy(simulation));
  wrong.unshift(...simulation.violations.found);
  return { wrong, counts: { ...faults.counts, ...simulation.happenings.counts } };
}

interface Apart {
  pair: Pair;
  messages: number;
  rounds: number;
}

/** Until everything that they wrote is there and known to be, or too many rounds have passed. */
async function liveApart(
  simulation: Simulation,
  faults: Faults,
  { pair, messages, rounds }: Apart,
): Promise<string[]> {
  const chance = simulation.random.fork("windows");
  const names = simulation.homeservers.map(({ name }) => name);
  const windows = windowsOf(names);
  const [one, other] = [simulation.device(pair[0]), simulation.device(pair[1])];
  for (const name of names) await sleep(simulation, name, chance);
  const raging = faults.rage(faultEveryMs, kinds);
  for (let round = 0; round < rounds; round++) {
    if (round === Math.floor(rounds / 2)) await faults.heal();
    for (const awake of windows) {
      await changeTo(simulation, awake, chance);
      const writer = [one, other].find(({ name }) => awake.includes(name));
      const texts = round > 1 ? 0 : messages / 2;
      for (let n = 0; writer !== undefined && n < texts; n++) {
        await writer.send(`${round} ${n} of ${writer.name}: ${marker}`, writer === one ? other : one);
      }
      await simulation.clock.sleep(chance.between(windowMs.min, windowMs.max));
    }
    if (round > 1 && untold(one, other).length === 0) break;
  }
  await faults.heal();
  await raging;
  return untold(one, other);
}

/** Neighbours share a window, the two ends never do: there and back. */
function windowsOf(names: readonly string[]): string[][] {
  const there = names.slice(1).map((name, index) => [names[index]!, name]);
  return [...there, ...there.slice(1, -1).toReversed()];
}

async function changeTo(
  simulation: Simulation,
  awake: readonly string[],
  chance: SeededRandom,
): Promise<void> {
  for (const { name } of simulation.homeservers)
    if (!awake.includes(name)) await sleep(simulation, name, chance);
  for (const name of awake) await wake(simulation, name);
}

/** In order, or as when the battery is empty. */
async function sleep(simulation: Simulation, name: string, chance: SeededRandom): Promise<void> {
  const [homeserver, device] = [simulation.homeserver(name), simulation.device(name)];
  if (chance.chance(0.5)) await Promise.all([homeserver.stop(), device.stop()]);
  homeserver.crash();
  device.crash();
}

async function wake(simulation: Simulation, name: string): Promise<void> {
  const [homeserver, device] = [simulation.homeserver(name), simulation.device(name)];
  if (!homeserver.running) await homeserver.start();
  if (device.engine === undefined) device.start();
}

/** What the one wrote and the other lacks, or the writer does not know to be there, on their disks. */
function untold(one: SimulatedDevice, other: SimulatedDevice): string[] {
  return [...untoldOf(one, other), ...untoldOf(other, one)];
}

function untoldOf(from: SimulatedDevice, to: SimulatedDevice): string[] {
  const texts = (device: SimulatedDevice, where: string) =>
    new Set(
      device.database
        .all<{ text: string }>(`SELECT text FROM messages WHERE ${where}`)
        .map(({ text }) => text),
    );
  const arrived = texts(to, "mine = 0");
  const known = texts(from, "mine = 1 AND state IN ('delivered', 'read')");
  return from.acknowledged.flatMap(({ text }) => [
    ...(arrived.has(text) ? [] : [`${to.name} never got '${text}' of ${from.name}`]),
    ...(known.has(text) ? [] : [`${from.name} never learnt that '${text}' arrived`]),
  ]);
}

function isPair(pair: Pair, a: string, b: string): boolean {
  return pair.includes(a) && pair.includes(b);
}
