/** Wrong parts in rooms of many, which the checkers must notice. `npm run test:simulation`. */
import { expect, test } from "vitest";
import { tellOf } from "./mutants.ts";
import { roomMutants } from "./room-mutants.ts";

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

test.each(roomMutants)("a mutant is caught: $name", async (mutant) => {
  for (const seed of new Set([mutant.seed ?? 1, ...seeds])) {
    const shown = (await tellOf(mutant, seed)).find((sentence) => mutant.shows.test(sentence));
    if (shown === undefined) continue;
    console.log(`${mutant.name}: seed ${seed}: ${shown.slice(0, 120)}`);
    return;
  }
  expect.unreachable(`no checker noticed ${mutant.name} in seeds ${seeds.join(", ")}`);
});
