/**
 * Seeded runs of a whole network. SEEDS=300 runs more of them, SEED=17 replays one; README.md says how to find what a
 * failing one did.
 */
import { afterAll, describe, expect, test } from "vitest";
import type { FaultCounts } from "./faults.ts";
import { mutants } from "./mutants.ts";
import type { Told } from "./story.ts";
import { story } from "./story.ts";

const seedsByDefault = 6;
const oneSeed = process.env["SEED"];
const seeds =
  oneSeed === undefined
    ? Array.from({ length: Number(process.env["SEEDS"] ?? seedsByDefault) }, (_, index) => index + 1)
    : [Number(oneSeed)];
/** Seeds in which each mutant has to show. */
const mutantSeeds = [1, 2, 3, 4, 5, 6, 7, 8];
/** Right parts come to rest sooner in nearly every seed. */
const mutantRestMs = 600_000;

const told: Told[] = [];
afterAll(() => {
  const faults: FaultCounts = {};
  for (const run of told)
    for (const [what, n] of Object.entries(run.faults)) faults[what] = (faults[what] ?? 0) + n;
  const messages = told.reduce((sum, run) => sum + run.messages, 0);
  const counted = Object.entries(faults).map(([what, n]) => `${what} ${n}`);
  console.log(`simulation: ${told.length} seeds, ${messages} messages, ${counted.join(", ")}`);
});

describe("whatever fails", () => {
  test.each(seeds)(
    "[H6] [H10] [B4] [B16] what was acknowledged arrives once, in order, and is known to have arrived (seed %i)",
    async (seed) => {
      const run = await story({ seed });
      told.push(run);
      const failure = `${run.wrong.join("\n")}\n\nreplay: SEED=${seed} npx vitest run test/simulation`;
      expect(run.wrong, failure).toEqual([]);
    },
    60_000,
  );
});

test.each(seeds.slice(0, 2))("seed %i gives the same trace again, byte for byte", async (seed) => {
  const first = told.find((run) => run.seed === seed) ?? (await story({ seed }));
  const second = await story({ seed });
  expect(first.events).toBeGreaterThan(1_000);
  if (first.digest !== second.digest) expect.unreachable(await firstDifference(seed));
  expect(second.wrong).toEqual(first.wrong);
});

test("each seed has a course of its own", () => {
  expect(new Set(told.map(({ digest }) => digest)).size).toBe(told.length);
});

test.each(mutants)("a mutant is caught: $name", async ({ name, mutation, shows }) => {
  for (const seed of mutantSeeds) {
    const { wrong } = await story({ seed, mutation, restores: false, restWithinMs: mutantRestMs });
    const shown = wrong.find((sentence) => shows.test(sentence));
    if (shown === undefined) continue;
    console.log(`${name}: seed ${seed}: ${shown.slice(0, 120)}`);
    return;
  }
  expect.unreachable(`no checker noticed ${name} in seeds ${mutantSeeds.join(", ")}`);
});

async function firstDifference(seed: number): Promise<string> {
  const [one, other] = [await story({ seed, keepTrace: true }), await story({ seed, keepTrace: true })];
  const at = one.trace!.findIndex((line, index) => line !== other.trace![index]);
  return `${at}:\n${one.trace!.slice(at - 3, at + 1).join("\n")}\nand\n${other.trace![at]}`;
}
