/**
 * Notices that this process did not run for a while, as on a laptop whose lid was closed: its timers stood still, the
 * clock went on. A clock that is set forward looks the same, and is harmless.
 */
import type { Clock, Timer } from "@fedchat/protocol";
import { asleepMs, wakingCheckEveryMs } from "./limits.ts";

/** @param woken called within `wakingCheckEveryMs` of running again */
export function watchWaking(clock: Pick<Clock, "now" | "after">, woken: () => void): Disposable {
  let timer: Timer;
  const watch = () => {
    const lookedAt = clock.now();
    timer = clock.after(wakingCheckEveryMs, () => {
      const missedMs = clock.now() - lookedAt - wakingCheckEveryMs;
      watch();
      if (missedMs > asleepMs) woken();
    });
  };
  watch();
  return { [Symbol.dispose]: () => timer.cancel() };
}
