/** A thread of the runner: is told a seed, and answers with what came of it. */
import { parentPort, workerData } from "node:worker_threads";
import { networkOf } from "./networks.ts";
import type { Told } from "./story.ts";
import { story } from "./story.ts";

export type SeedTold = Pick<Told, "seed" | "messages" | "faults" | "wrong" | "virtualMs">;

const { homeservers, messages } = workerData as { homeservers: number; messages: number };

parentPort!.on("message", (seed: number) => {
  void tell(seed).then((answer) => parentPort!.postMessage(answer));
});

async function tell(seed: number): Promise<SeedTold> {
  const run = await story({ seed, messages, ...networkOf(seed, homeservers) });
  const { faults, wrong, virtualMs } = run;
  return { seed, messages, faults, wrong, virtualMs };
}
