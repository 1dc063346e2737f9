/** The machine's clock and timers. Pending timers do not keep a process alive. */
import type { Clock } from "../ports.ts";

export const nodeClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    // Longer delays than 2^31 ms would fire at once: go on in steps.
    const stepMs = Math.min(delayMs, 2_000_000_000);
    let timer = setTimeout(() => {
      if (stepMs === delayMs) return run();
      const rest = nodeClock.after(delayMs - stepMs, run);
      cancel = () => rest.cancel();
    }, stepMs);
    timer = timer.unref();
    let cancel = () => clearTimeout(timer);
    return { cancel: () => cancel() };
  },
  soon: (run) => void setImmediate(run),
};
