/**
 * Homeservers that withhold: each silently keeps back some of what comes in rooms for its person, in the middle of a talk
 * and at its end, questions and answers for missing messages among it. All that was written is told as missing and comes
 * nevertheless: from its sender, or from somebody else who has it. [Z1] [Z2] [Z3]
 */
import type { AccountId } from "@fedchat/protocol";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { Delivered, Delivery, HomeserverStore } from "../../packages/homeserver/src/store/store.ts";
import { secrecy } from "./checkers.ts";
import { marker } from "./marker.ts";
import { becomeContacts } from "./meeting.ts";
import { simulate } from "./simulate.ts";
import type { Simulation, SimulationOptions } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Mutation } from "./surroundings.ts";
import type { Pair } from "./topology.ts";

export interface WithholdingOptions extends Pick<SimulationOptions, "groups"> {
  seed: number;
  /** Of both together. */
  messages?: number;
  mutation?: Mutation;
}

export interface WithholdingTold {
  /** What was wrong; empty for a good run. */
  wrong: string[];
  withheld: number;
  /** The most that one person was told to be missing at one time. */
  toldMissing: number;
  /** Messages that came because somebody asked for them. */
  cameLate: number;
}

const pauseMs = { min: 0, max: 1_500 };
/** Of what is sent in rooms. */
const withheldShare = 0.3;
/** The last words reach nobody. */
const blackoutMs = 5_000;
/** Beats come within minutes, a question is asked again after some more, and twice in a row is a matter of chance. */
const closedWithinMs = 6 * 3_600_000;
const lookEveryMs = 5_000;

export async function withholding(options: WithholdingOptions): Promise<WithholdingTold> {
  const { seed, messages = 30, mutation, groups } = options;
  const keeper = new Keeper(new SeededRandom(`withholding ${seed}`));
  const wrapped: Mutation = {
    ...mutation,
    store: (store) => keeper.between(mutation?.store?.(store) ?? store),
  };
  await using simulation = await simulate({
    ...{ seed: `withholding ${seed}`, mutation: wrapped },
    ...(groups === undefined ? {} : { groups }),
  });
  const [first, last] = simulation.devices as [SimulatedDevice, SimulatedDevice];
  const pair: Pair = [first.name, last.name];
  await simulation.during(becomeContacts(simulation, pair));
  await simulation.clock.advance(10_000);
  const told = { wrong: [] as string[], withheld: 0, toldMissing: 0, cameLate: 0 };
  await simulation.during(talk(simulation, keeper, [first, last], messages));
  const people = [first, last] as const;
  const begun = simulation.clock.now();
  while (simulation.clock.now() < begun + closedWithinMs) {
    await simulation.clock.advance(lookEveryMs);
    for (const person of people) told.toldMissing = Math.max(told.toldMissing, missingAt(person));
    if (people.every((person) => lacks(person, otherOf(people, person)) + gapsAt(person) === 0)) break;
  }
  // What is asked for and answered now needs no luck any more.
  keeper.share = 0;
  await simulation.clock.advance(60_000);
  for (const person of people)
    told.wrong.push(...(await simulation.during(arrived(otherOf(people, person), person))));
  told.wrong.push(...secrecy(simulation));
  told.wrong.unshift(...simulation.violations.found);
  told.withheld = keeper.withheld;
  for (const person of people) told.cameLate += lateAt(person);
  if (told.withheld === 0) told.wrong.push("nothing was withheld");
  if (told.toldMissing === 0) told.wrong.push("nobody was told that anything is missing");
  if (told.cameLate === 0) told.wrong.push("nothing had to be asked for");
  return told;
}

async function talk(
  simulation: Simulation,
  keeper: Keeper,
  [one, other]: readonly [SimulatedDevice, SimulatedDevice],
  messages: number,
): Promise<void> {
  const chance = simulation.random.fork("talk");
  keeper.share = withheldShare;
  for (let n = 0; n < messages; n++) {
    await simulation.clock.sleep(chance.between(pauseMs.min, pauseMs.max));
    const [from, to] = chance.chance(0.5) ? [one, other] : [other, one];
    await from.send(`${n} of ${from.name}: ${marker}`, to);
  }
  // What was written before may still come; what is written now does not.
  await simulation.clock.sleep(blackoutMs);
  keeper.share = 1;
  await one.send(`the last of ${one.name}: ${marker}`, other);
  await other.send(`the last of ${other.name}: ${marker}`, one);
  await simulation.clock.sleep(blackoutMs);
  keeper.share = withheldShare;
}

/** Decides of each item once whether its person gets it. */
class Keeper {
  share = 0;
  withheld = 0;
  readonly #random: SeededRandom;
  readonly #kept = new Map<string, boolean>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  between(store: HomeserverStore): HomeserverStore {
    return {
      ...store,
      // Neither what is pushed at once nor what is read again.
      write: async (ops) => {
        const results = await store.write(ops);
        return results.map((result, index) => {
          const op = ops[index]!;
          if (op.op !== "inbox.deliver" || result.op !== "inbox.deliver") return result;
          return {
            ...result,
            deliveries: op.deliveries.map((one, at) => this.#told(one, result.deliveries[at]!)),
          };
        });
      },
      inboxPage: async (account, after, limit) => {
        const page = await store.inboxPage(account, after, limit);
        return page.filter((item) => !this.#keeps(account, item));
      },
    };
  }

  #told(delivery: Delivery, delivered: Delivered[]): Delivered[] {
    return delivered.map((one) =>
      one.outcome === "delivered" && this.#keeps(one.account, delivery)
        ? { account: one.account, outcome: "duplicate" }
        : one,
    );
  }

  #keeps(account: AccountId, { id, kind }: Pick<Delivery, "id" | "kind">): boolean {
    if (kind !== "room") return false;
    const name = `${account} ${id}`;
    const decided = this.#kept.get(name);
    if (decided !== undefined) return decided;
    const keeps = this.share === 1 || this.#random.chance(this.share);
    this.#kept.set(name, keeps);
    if (keeps) this.withheld += 1;
    return keeps;
  }
}

type People = readonly [SimulatedDevice, SimulatedDevice];
const otherOf = ([one, other]: People, person: SimulatedDevice) => (person === one ? other : one);

const numberIn = ({ database }: SimulatedDevice, sql: string): number =>
  database.get<{ n: number }>(`SELECT coalesce(${sql}, 0) AS n`)!.n;
const missingAt = (device: SimulatedDevice) =>
  numberIn(device, "(SELECT sum(last - first + 1) FROM gaps WHERE sure = 1)");
const gapsAt = (device: SimulatedDevice) => numberIn(device, "(SELECT count(*) FROM gaps)");
const lateAt = (device: SimulatedDevice) =>
  numberIn(device, "(SELECT count(*) FROM messages WHERE lateFrom IS NOT NULL)");

const textsOf = ({ database }: SimulatedDevice, mine: 0 | 1): string[] =>
  database
    .all<{ text: string }>(
      "SELECT text FROM messages WHERE mine = ? AND kind = 'text' ORDER BY position",
      mine,
    )
    .map(({ text }) => text);

/** How much of what the other wrote is not here. */
const lacks = (device: SimulatedDevice, from: SimulatedDevice): number =>
  from.acknowledged.length - textsOf(device, 0).length;

/** All that was written is here, once, in its writer's order, and nothing is told as missing. Receipts may be withheld for good. */
async function arrived(from: SimulatedDevice, to: SimulatedDevice): Promise<string[]> {
  const [written, here] = [from.acknowledged.map(({ text }) => text), textsOf(to, 0)];
  const lost = written.filter((text) => !here.includes(text));
  const { missing, gaps } = await to.pair(from);
  return [
    ...(lost.length > 0 ? [`${to.name} never got ${lost.join(", ")} of ${from.name}`] : []),
    ...(lost.length === 0 && written.join("\n") !== here.join("\n")
      ? [`${to.name} has what ${from.name} wrote in another order: ${here.join(", ")}`]
      : []),
    ...(missing === 0 ? [] : [`${to.name} is told of ${missing} missing (${JSON.stringify(gaps)})`]),
  ];
}
