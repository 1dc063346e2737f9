/**
 * Random groups. MLS_RANDOM_OPERATIONS sets how many operations run in all (CI 1,000; 10,000 before a release),
 * MLS_RANDOM_MEMBERS how large groups grow, MLS_RANDOM_SEED replays one seed.
 */
import { afterAll, expect, test } from "vitest";
import { RandomRoom } from "./random-room.ts";

const setting = (name: string): string | undefined => globalThis.process.env[name];
const OPERATIONS = Number(setting("MLS_RANDOM_OPERATIONS") ?? 150);
const MEMBERS_MAX = Number(setting("MLS_RANDOM_MEMBERS") ?? 12);
const SEED = setting("MLS_RANDOM_SEED");

/** Operations that one group lives through before the next seed begins. */
const LIFE = 50;

const SUITES = [0x0001, 0x0003, 0x004f];
const lives = Math.max(1, Math.ceil(OPERATIONS / SUITES.length / LIFE));
const seeds = SEED === undefined ? Array.from({ length: lives }, (_, i) => String(i)) : [SEED];

const operations = new Map<string, number>();
const happened = new Map<string, number>();
let largest = 0;

for (const cipherSuite of SUITES) {
  for (const seed of seeds) {
    test(
      `all agree, late messages open, the removed are shut out: suite ${cipherSuite}, seed ${seed}`,
      { timeout: 600_000 },
      () => {
        const room = new RandomRoom({
          seed: `random ${cipherSuite} ${seed}`,
          cipherSuite,
          membersMax: MEMBERS_MAX,
          fills: Number(seed) % 2 === 0,
        });
        for (let i = 0; i < LIFE; i += 1) room.step();
        expect(room.largest).toBeGreaterThan(2);
        expect([...room.counts.values()].reduce((sum, count) => sum + count, 0)).toBe(LIFE);
        addAll(operations, room.counts);
        addAll(happened, Object.entries(room.happened));
        largest = Math.max(largest, room.largest);
      },
    );
  }
}

test.skipIf(SEED !== undefined)(
  "everything happened that these groups are for, in groups of full size",
  () => {
    expect([...happened].filter(([, count]) => count === 0)).toEqual([]);
    expect(largest).toBe(MEMBERS_MAX);
  },
);

afterAll(() => {
  const told = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
  console.log(`random groups: ${told(operations)}; ${told(happened)}; at most ${largest} members`);
});

function addAll(sums: Map<string, number>, counts: Iterable<readonly [string, number]>): void {
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
}
