/** A thread of the runner: is told a seed, and answers with what came of it. */
import { parentPort, workerData } from "node:worker_threads";
import { groupsOf, networkOf } from "./networks.ts";
import { roomStory } from "./room-story.ts";
import type { Told } from "./story.ts";
import { story } from "./story.ts";

export type SeedTold = Pick<Told, "seed" | "messages" | "faults" | "wrong" | "virtualMs">;

const { homeservers, messages } = workerData as { homeservers: number; messages: number };

parentPort!.on("message", (seed: number) => {
  void tell(seed).then((answer) => parentPort!.postMessage(answer));
});

/** Every other seed is about a room of many. */
const kinds = 2;

async function tell(seed: number): Promise<SeedTold> {
  const told = Math.floor(seed / kinds);
  const run =
    seed % kinds === 0
      ? await story({ seed: told, messages, ...networkOf(told, homeservers) })
      : await roomStory({ seed: told, groups: groupsOf(told) });
  const { faults, wrong, virtualMs } = run;
  return { seed, messages: run.messages, faults, wrong, virtualMs };
}
