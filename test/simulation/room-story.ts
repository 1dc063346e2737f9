/**
 * One run with a room of many, drawn from its seed: people of a few homeservers come in and go, write, and change the
 * room, alone and many at once, while everything fails and its hub is cut off for minutes; then the network is left
 * alone, comes to rest, and is looked at.
 */
import type { RoomId } from "@fedchat/protocol";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { acquaintances, leftovers, queues, secrecy, unrest } from "./checkers.ts";
import type { FaultKind } from "./faults.ts";
import { Faults, roomKinds, skewMsMax } from "./faults.ts";
import { marker } from "./marker.ts";
import type { Meeting } from "./meeting.ts";
import { becomeContacts } from "./meeting.ts";
import { rest } from "./resting.ts";
import { agreement, roomMessages, unaccused } from "./room-checkers.ts";
import { RoomDeeds } from "./room-deeds.ts";
import type { Simulation, SimulationOptions } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Told } from "./story.ts";
import { delaysOf } from "./story.ts";
import type { Mutation } from "./surroundings.ts";
import { namesOf } from "./topology.ts";

export interface RoomStoryOptions {
  seed: number;
  /** What people do, of all together; about half of it are messages. */
  deeds?: number;
  groups?: SimulationOptions["groups"];
  mutation?: Mutation;
  keepTrace?: boolean;
  /** Absent: all that are common, and the hub cut off for long. */
  faults?: readonly FaultKind[];
  restWithinMs?: number;
}

/** Then faults end, whether or not people are done. */
const faultsWithinMs = 300_000;
const liveMsMax = 3 * 60 * 60_000;
/** A link that was refused is asked for again hourly. */
const restMsMax = 90 * 60_000;
const homeservers = { min: 2, max: 6 };
const peopleMax = 12;
/** Somebody who is never taken in. */
const outsider = "olivia";
const lookEveryMs = 500;
/** So many join before anything fails, if they come soon. */
const presentFirst = 3;
const gatherWithinMs = 20_000;

export async function roomStory(options: RoomStoryOptions): Promise<Told> {
  const { seed, deeds = 60, restWithinMs = restMsMax } = options;
  await using simulation = await simulate({ ...settingOf(options), ...delaysOf(seed) });
  const startedAt = simulation.clock.now();
  const wrong: string[] = [];
  const counts: Record<string, number> = {};
  const faults = new Faults(simulation);
  try {
    const room = await simulation.during(opened(simulation), liveMsMax);
    const people = simulation.devices.filter(({ name }) => name !== outsider);
    const doing = new RoomDeeds(simulation, simulation.random.fork("deeds"), { room, people });
    await simulation.during(
      live(simulation, faults, { doing, people, deeds, kinds: options.faults }),
      liveMsMax,
    );
    Object.assign(counts, doing.counts);
    wrong.push(...(await simulation.during(rest(simulation, restWithinMs), 2 * restMsMax)));
    wrong.push(...agreement(simulation, room), ...roomMessages(simulation, room));
    wrong.push(...unaccused(simulation, room));
    wrong.push(...(await simulation.during(acquaintances(simulation))));
    wrong.push(...secrecy(simulation), ...leftovers(simulation), ...queues(simulation));
  } catch (error) {
    wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    wrong.push(...(await simulation.during(unrest(simulation))));
  }
  wrong.unshift(...simulation.violations.found);
  const entries = { "entries in rooms' logs": simulation.roomLogs.entries };
  return {
    ...{ seed, messages: counts["messages written in rooms"] ?? 0, wrong },
    faults: { ...faults.counts, ...simulation.happenings.counts, ...counts, ...entries },
    ...{ digest: simulation.trace.digest(), events: simulation.trace.events, trace: simulation.trace.lines },
    virtualMs: simulation.clock.now() - startedAt,
  };
}

/** Who there is, where they live, and how their homeservers are linked. */
function settingOf({ seed, groups, mutation, keepTrace }: RoomStoryOptions): SimulationOptions {
  const chance = new SeededRandom(`setting of room ${seed}`);
  const count = chance.between(homeservers.min, homeservers.max);
  const all = namesOf(chance.between(Math.max(3, count), peopleMax));
  const homes = all.slice(0, count);
  const lodgers: Record<string, string[]> = {};
  for (const name of [...all.slice(count), outsider]) (lodgers[chance.pick(homes)] ??= []).push(name);
  const middle = homes[0];
  const networks = [
    { topology: "mesh" },
    { topology: "star" },
    { topology: "chain" },
    // All but the one in the middle stand behind NATs.
    { topology: "star", reachable: (_from: string, to: string) => to === middle },
  ] as const;
  return {
    ...{ seed: `room ${seed}`, homeservers: homes, lodgers, skewMs: skewMsMax },
    ...networks[seed % networks.length],
    ...(mutation === undefined ? {} : { mutation }),
    ...(keepTrace === undefined ? {} : { keepTrace }),
    ...(groups === undefined ? {} : { groups }),
  };
}

/** Somebody opens a room with some of their contacts, which all others become too. */
async function opened(simulation: Simulation): Promise<RoomId> {
  const { devices, acquaintance, clock } = simulation;
  const chance = simulation.random.fork("beginning");
  const people = devices.filter(({ name }) => name !== outsider);
  const founder = chance.pick(people.filter(({ name, home }) => name === home.name));
  for (const one of people) for (const other of people) acquaintance.acquaint(one.name, other.name);
  // Where homeservers are not linked an invitation links them, and then those who lodge there can be asked.
  const first = people.filter(({ name, home }) => name === home.name && name !== founder.name);
  const others = people.filter(({ name, home }) => name !== home.name);
  for (const group of [first, others])
    await Promise.all(group.map((one) => meet(simulation, founder, one, chance)));
  for (const one of people) {
    const other = chance.pick(people);
    if (one !== other && canAsk(simulation, one, other)) await meet(simulation, one, other, chance);
  }
  const knowsKeys = () =>
    founder.database.get<{ n: number }>("SELECT count(*) AS n FROM contacts WHERE capability IS NULL")!.n ===
    0;
  while (!knowsKeys()) await clock.sleep(lookEveryMs);
  const invited = people.filter((one) => one !== founder && chance.chance(0.6));
  const { roomId } = await founder.call("rooms.create", {
    name: `the room ${marker}`,
    people: invited.map(({ account }) => account),
  });
  return roomId as RoomId;
}

async function meet(
  simulation: Simulation,
  one: SimulatedDevice,
  other: SimulatedDevice,
  chance: SeededRandom,
): Promise<void> {
  if (await one.pairWith(other)) return;
  const by = canAsk(simulation, one, other) ? "request" : "invitation";
  const meeting = by === "request" ? { by, crossed: chance.chance(0.3) } : { by };
  await becomeContacts(simulation, [one.name, other.name], meeting as Meeting);
}

function canAsk({ acquaintance }: Simulation, one: SimulatedDevice, other: SimulatedDevice): boolean {
  return one.home === other.home || acquaintance.areLinked(one.home.name, other.home.name);
}

interface Lives {
  doing: RoomDeeds;
  people: readonly SimulatedDevice[];
  deeds: number;
  kinds: readonly FaultKind[] | undefined;
}

async function live(simulation: Simulation, faults: Faults, plan: Lives): Promise<void> {
  const { doing, people, deeds, kinds = roomKinds } = plan;
  const { clock } = simulation;
  const chance = simulation.random.fork("lives");
  const diskMsMax = chance.pick([5, 50, 400]);
  for (const { disk } of simulation.homeservers) disk.delayMs = { min: 0, max: diskMsMax };
  let goesOn = true;
  const answering = people.map((one) => doing.answer(one, () => goesOn));
  const first = clock.now();
  while (doing.present().length < presentFirst && clock.now() < first + gatherWithinMs)
    await clock.sleep(lookEveryMs);
  const raging = faults.rage({ min: 100, max: chance.pick([500, 1_500, 4_000]) }, kinds);
  void clock.sleep(faultsWithinMs).then(() => faults.heal());
  const everyMs = chance.pick([300, 1_500, 5_000]);
  const done: Promise<unknown>[] = [];
  for (let n = 0; n < deeds; n++) {
    await clock.sleep(chance.between(0, everyMs));
    const deed = doing.any();
    // Awaited below, with all others.
    deed.catch(() => undefined);
    done.push(deed);
  }
  await Promise.all(done);
  // Faults that begin with the last words matter as well.
  await clock.sleep(chance.between(0, 10_000));
  await faults.heal();
  await raging;
  goesOn = false;
  await Promise.all(answering);
  // Whatever was lost before shows once something follows it.
  for (const one of people) await doing.write(one);
}
