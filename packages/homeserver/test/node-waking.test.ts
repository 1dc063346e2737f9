/** A machine that sleeps: how its program finds out. */
import { expect, test } from "vitest";
import { asleepMs, wakingCheckEveryMs } from "../src/node/limits.ts";
import { watchWaking } from "../src/node/waking.ts";
import { ManualClock } from "./manual-clock.ts";

test("[L9] waking is noticed once, and a busy moment is no sleep", async () => {
  // Its timers stand still while `asleep` grows, as those of a machine do.
  const timers = new ManualClock();
  let asleep = 0;
  const clock = { after: timers.after.bind(timers), now: () => timers.now() + asleep };
  let woken = 0;
  using watching = watchWaking(clock, () => (woken += 1));
  await timers.advance(10 * wakingCheckEveryMs);
  expect(woken).toBe(0);
  asleep += asleepMs / 2;
  await timers.advance(wakingCheckEveryMs);
  expect(woken).toBe(0);
  asleep += 8 * 3_600_000;
  await timers.advance(wakingCheckEveryMs);
  expect(woken).toBe(1);
  await timers.advance(10 * wakingCheckEveryMs);
  expect(woken).toBe(1);
  watching[Symbol.dispose]();
  asleep += 8 * 3_600_000;
  await timers.advance(wakingCheckEveryMs);
  expect(woken).toBe(1);
});
