import { expect, test } from "vitest";
import { story } from "./story.ts";

const seeds = process.env["SEED"] === undefined
  ? Array.from({ length: Number(process.env["SEEDS"] ?? 10) }, (_, i) => i + 1)
  : [Number(process.env["SEED"])];
test.each(seeds)("seed %i", async (seed) => {
  const started = performance.now();
  const told = await story({ seed });
  console.log(JSON.stringify({ ...told, wrong: told.wrong.length, ms: Math.round(performance.now() - started) }));
  expect(told.wrong).toEqual([]);
});
