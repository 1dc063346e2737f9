/** A homeserver was away while much was written to it; on its return everything comes at once, over a slow wire. */
import { deliveries, queues, unrest } from "./checkers.ts";
import { simulate } from "./simulate.ts";
import type { Mutation } from "./surroundings.ts";

/** Together more than a sender may have under way. */
const envelopes = 100;
const payloadBytes = 200_000;
const bytesPerMs = 1_000;
const lookEveryMs = 5_000;
const restWithinMs = 600_000;

/** Gives what was wrong. */
export async function backlog(seed: number, mutation: Mutation = {}): Promise<string[]> {
  await using simulation = await simulate({ seed, people: [], bytesPerMs, mutation, watched: false });
  const { clock, network } = simulation;
  const [alice, bob] = simulation.lightPeople;
  const chance = simulation.random.fork("backlog");
  network.partition("alice", "bob");
  for (let n = 0; n < envelopes; n++) await simulation.during(alice!.send(bob!, chance.bytes(payloadBytes)));
  network.heal("alice", "bob");
  const begun = clock.now();
  let restless: string[];
  do {
    await clock.advance(lookEveryMs);
    restless = await simulation.during(unrest(simulation));
  } while (restless.length > 0 && clock.now() < begun + restWithinMs);
  return [...restless, ...deliveries(simulation), ...queues(simulation), ...simulation.violations.found];
}
