/** Homeservers that keep back what they should deliver, and engines that close the gaps nevertheless. */
import { expect, test } from "vitest";
import type { WithholdingTold } from "./withholding.ts";
import { withholding } from "./withholding.ts";

const seeds = [1, 2, 3];

test.each(seeds)(
  "[Z1] [Z2] what is withheld is told as missing and comes nevertheless (seed %i)",
  async (seed) => {
    const told = await withholding({ seed });
    expect(told.wrong, told.wrong.join("\n")).toEqual([]);
  },
);

test("[Z4] with real MLS it verifies, and comes too", async () => {
  const told = await withholding({ seed: 1, groups: "real", messages: 15 });
  expect(told.wrong, told.wrong.join("\n")).toEqual([]);
});

test("a mutant is caught: an engine that believes nothing that is handed on", async () => {
  const told: WithholdingTold = await withholding({
    seed: 1,
    mutation: { groups: (rooms) => Object.assign(rooms, { proves: () => false }) },
  });
  expect(told.wrong.join("\n")).toMatch(/never got/);
});
