/**
 * Somebody is away while much is written to them; relays that keep it are linked with each other, and restart again and
 * again. It stays where it is until they are back, and arrives then.
 */
import { conversations, unrest } from "./checkers.ts";
import { marker } from "./marker.ts";
import { becomeContacts } from "./meeting.ts";
import { simulate } from "./simulate.ts";
import type { Mutation } from "./surroundings.ts";
import type { Pair } from "./topology.ts";

/** Alice and Dave have only the relays in common. */
const links: Pair[] = [
  ...([
    ["alice", "bob"],
    ["alice", "carol"],
    ["bob", "carol"],
  ] as const),
  ...([
    ["dave", "bob"],
    ["dave", "carol"],
  ] as const),
];
const messages = 5;
const restarts = 4;
/** Records settle, dials fail, or a relay is given what is for it. */
const waitMs = 60_000;

/** Gives what was wrong. */
export async function restartingRelays(seed: number, mutation: Mutation = {}): Promise<string[]> {
  await using simulation = await simulate({
    ...{ seed: `restarting relays ${seed}`, homeservers: ["alice", "bob", "carol", "dave"], topology: links },
    ...{ reachable: (_from, to) => to === "bob" || to === "carol", mutation },
  });
  const { clock } = simulation;
  const pair: Pair = ["alice", "dave"];
  const [alice, dave] = [simulation.device("alice"), simulation.device("dave")];
  await simulation.during(becomeContacts(simulation, pair, { by: "invitation" }));
  await clock.advance(waitMs);
  dave.home.crash();
  for (let n = 0; n < messages; n++) await simulation.during(alice.send(`${n}: ${marker}`, dave));
  const relays = [simulation.homeserver("bob"), simulation.homeserver("carol")];
  for (let n = 0; n < restarts; n++) {
    await clock.advance(waitMs);
    const relay = relays[n % 2]!;
    await simulation.during(relay.stop());
    await simulation.during(relay.start());
  }
  const held = relays.reduce((sum, { custody }) => sum + custody.bytes, 0);
  await simulation.during(dave.home.start());
  await clock.advance(2 * waitMs);
  return [
    ...simulation.violations.found,
    ...(held > 0 ? [] : ["nothing was in custody"]),
    ...(await simulation.during(unrest(simulation))),
    ...(await simulation.during(conversations(simulation, [pair]))),
  ];
}
