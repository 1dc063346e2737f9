/** How the people of a simulation link their homeservers: as people do, over their engines and accounts. */
import type { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";
import type { Acquaintance } from "./acquaintance.ts";
import type { LightPerson } from "./light-person.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import type { SimulatedHomeserver } from "./simulated-homeserver.ts";
import type { Pair } from "./topology.ts";

/** What linking needs of a simulation. */
interface Linked {
  readonly clock: VirtualClock;
  readonly acquaintance: Acquaintance;
  readonly links: readonly Pair[];
  homeserver(name: string): SimulatedHomeserver;
  person(name: string): SimulatedDevice | LightPerson;
  reaches(from: string, to: string): boolean;
}

/** Pairs that are being linked at a time: a homeserver answers 64 strangers at once. [L20] */
const pairsAtOnceMax = 32;
const lookAgainMs = 50;

/** Links the pairs of the topology mutually; each is dialled by the end that can reach the other. */
export async function linkAll(simulation: Linked): Promise<void> {
  const waiting = [...simulation.links];
  const linkNext = async (): Promise<void> => {
    for (let pair = waiting.shift(); pair !== undefined; pair = waiting.shift())
      await linkMutually(simulation, pair);
  };
  await Promise.all(Array.from({ length: pairsAtOnceMax }, linkNext));
}

async function linkMutually(simulation: Linked, [a, b]: Pair): Promise<void> {
  const [from, to] = simulation.reaches(a, b) ? [a, b] : [b, a];
  if (!simulation.reaches(from, to)) throw new Error(`assertion: ${a} or ${b} can dial the other`);
  simulation.acquaintance.link(a, b);
  await linkOneWay(simulation, from, to);
  const [one, other] = [simulation.person(from), simulation.person(to)];
  while ((await other.linkBack(one.home)) !== "mutual") await simulation.clock.sleep(lookAgainMs);
  while ((await one.linkBack(other.home)) !== "mutual") await simulation.clock.sleep(lookAgainMs);
  if (!(one instanceof SimulatedDevice && other instanceof SimulatedDevice)) return;
  await Promise.all([seesPerson(simulation, one, other), seesPerson(simulation, other, one)]);
}

/** The one links the other, who does not link back: they stay strangers. */
export async function linkOneWay(simulation: Linked, from: string, to: string): Promise<void> {
  await simulation.person(from).link(simulation.homeserver(to));
}

async function seesPerson({ clock }: Linked, who: SimulatedDevice, whom: SimulatedDevice): Promise<void> {
  for (;;) {
    const people = await who.call("people.list", {});
    if (people.some(({ account }) => account === whom.account)) return;
    await clock.sleep(lookAgainMs);
  }
}
