/**
 * Random groups. MLS_RANDOM_OPERATIONS sets how many operations run in all (CI 1,000; 10,000 before a release),
 * MLS_RANDOM_MEMBERS how large groups grow, MLS_RANDOM_SEED replays one seed.
 */
import { expect, test } from "vitest";
import { RandomRoom } from "./random-room.ts";

const setting = (name: string): string | undefined => globalThis.process.env[name];
const OPERATIONS = Number(setting("MLS_RANDOM_OPERATIONS") ?? 150);
const MEMBERS_MAX = Number(setting("MLS_RANDOM_MEMBERS") ?? 12);
const SEED = setting("MLS_RANDOM_SEED");

/** Operations that one group lives through before the next seed begins. */
const LIFE = 50;

for (const cipherSuite of [0x0001, 0x0003, 0x004f]) {
  const lives = Math.max(1, Math.ceil(OPERATIONS / 3 / LIFE));
  const seeds = SEED === undefined ? Array.from({ length: lives }, (_, i) => String(i)) : [SEED];
  for (const seed of seeds) {
    test(
      `all agree, late messages open, the removed are shut out: suite ${cipherSuite}, seed ${seed}`,
      { timeout: 600_000 },
      () => {
        const room = new RandomRoom({
          seed: `random ${cipherSuite} ${seed}`,
          cipherSuite,
          membersMax: MEMBERS_MAX,
        });
        for (let i = 0; i < LIFE; i += 1) room.step();
        expect(room.largest).toBeGreaterThan(2);
        expect([...room.counts.values()].reduce((sum, count) => sum + count, 0)).toBe(LIFE);
      },
    );
  }
}
