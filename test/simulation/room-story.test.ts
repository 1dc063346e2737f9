/** Seeded runs with rooms of many: a few here, hundreds by run.ts. */
import { expect, test } from "vitest";
import { tellOf } from "./mutants.ts";
import { roomMutants } from "./room-mutants.ts";
import { roomStory } from "./room-story.ts";

const seeds = [9, 12];
const mutantSeeds = [1, 2, 3, 4, 5, 6, 7, 8];

test.each(seeds)(
  "[W5] [O3] [O5] whatever fails, all who are in a room come to one epoch of it, and have what was written (seed %i)",
  async (seed) => {
    const { wrong, messages } = await roomStory({ seed });
    expect(wrong, wrong.join("\n")).toEqual([]);
    expect(messages).toBeGreaterThan(10);
  },
  60_000,
);

test("[W5] with real MLS too", async () => {
  const { wrong } = await roomStory({ seed: 12, groups: "real", deeds: 20 });
  expect(wrong, wrong.join("\n")).toEqual([]);
}, 60_000);

test("a room's seed gives the same trace again, byte for byte", async () => {
  const [first, second] = [await roomStory({ seed: 12 }), await roomStory({ seed: 12 })];
  expect(first.events).toBeGreaterThan(1_000);
  expect(second.digest).toBe(first.digest);
}, 60_000);

test.each(roomMutants)(
  "a mutant is caught: $name",
  async (mutant) => {
    for (const seed of new Set([mutant.seed ?? 1, ...mutantSeeds])) {
      const shown = (await tellOf(mutant, seed)).find((sentence) => mutant.shows.test(sentence));
      if (shown === undefined) continue;
      console.log(`${mutant.name}: seed ${seed}: ${shown.slice(0, 120)}`);
      return;
    }
    expect.unreachable(`no checker noticed ${mutant.name} in seeds ${mutantSeeds.join(", ")}`);
  },
  60_000,
);
