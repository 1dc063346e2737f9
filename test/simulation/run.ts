/**
 * Many seeds, chats and rooms of many in turn, spread over the cores: npm run simulation -- --seeds 500 [--from 1] [--homeservers 5]
 * [--messages 200] [--workers 2]. Prints what failed and how to run it again, and which faults struck; among many seeds
 * every kind has to. The exit code is 1 where anything failed.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { faultNames } from "./faults.ts";
import { happeningNames } from "./happenings.ts";
import type { SeedTold } from "./run-worker.ts";
import { Tally } from "./tally.ts";

/** Among so many seeds every fault strikes somewhere. */
const seedsWithEverything = 100;
const progressEverySeeds = 25;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    homeservers: { type: "string", default: "5" },
    messages: { type: "string", default: "200" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const numbers = Object.entries(values).map(([name, text]) => [name, Number(text)] as const);
for (const [name, value] of numbers) {
  if (Number.isInteger(value) && value >= 1) continue;
  console.error(`--${name} takes a whole number from 1 on.`);
  process.exit(2);
}
const { seeds, from, homeservers, messages, workers } = Object.fromEntries(numbers) as Record<
  keyof typeof values,
  number
>;

const began = performance.now();
const tally = new Tally();
const failed: string[] = [];
let next = from;
let told = 0;
const hands = Array.from({ length: Math.min(workers, seeds) }, () => work());
await Promise.all(hands);

console.log(tally.toString());
const missing = seeds >= seedsWithEverything ? tally.missing([...faultNames, ...happeningNames]) : [];
if (missing.length > 0) failed.push(`never struck: ${missing.join(", ")}`);
for (const failure of failed) console.log(failure);
console.log(`${((performance.now() - began) / 1_000).toFixed(0)} s on ${hands.length} workers`);
console.log(`${seeds - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** One thread, seed after seed. */
async function work(): Promise<void> {
  const worker = new Worker(new URL("./run-worker.ts", import.meta.url), {
    workerData: { homeservers, messages },
    env: { ...process.env, FEDCHAT_SIMULATION: "1" },
  });
  try {
    while (next < from + seeds) {
      const seed = next;
      next += 1;
      judge(await ask(worker, seed));
    }
  } finally {
    await worker.terminate();
  }
}

function ask(worker: Worker, seed: number): Promise<SeedTold> {
  return new Promise((resolve, reject) => {
    worker.once("message", (answer: SeedTold) => {
      worker.removeListener("error", reject);
      resolve(answer);
    });
    worker.once("error", reject);
    worker.postMessage(seed);
  });
}

function judge(run: SeedTold): void {
  tally.add(run);
  told += 1;
  if (run.wrong.length > 0) {
    const again = `npm run simulation -- --seeds 1 --from ${run.seed} --homeservers ${homeservers} --messages ${messages}`;
    const failure = `seed ${run.seed}: ${run.wrong.slice(0, 10).join("\n  ")}\n  replay: ${again}`;
    console.log(failure);
    failed.push(failure);
  }
  if (told % progressEverySeeds === 0) console.log(`${told} of ${seeds} seeds`);
}
