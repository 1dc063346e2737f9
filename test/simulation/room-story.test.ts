/** Seeded runs with rooms of many: a few here, hundreds by run.ts. */
import { expect, test } from "vitest";
import { roomStory } from "./room-story.ts";

const seeds = [9, 12];

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
