/** A browser's clock and timers, in a page or a worker. */
import type { Clock } from "../ports.ts";

/** A task of its own, as soon as the present one is over: a timer waits for milliseconds. */
const turns = new MessageChannel();
const due: (() => void)[] = [];
turns.port1.onmessage = () => due.shift()?.();

export const browserClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    // Longer delays than 2^31 ms would fire at once: go on in steps.
    const stepMs = Math.min(delayMs, 2_000_000_000);
    const timer = setTimeout(() => {
      if (stepMs === delayMs) return run();
      const rest = browserClock.after(delayMs - stepMs, run);
      cancel = () => rest.cancel();
    }, stepMs);
    let cancel = () => clearTimeout(timer);
    return { cancel: () => cancel() };
  },
  soon(run) {
    due.push(run);
    turns.port2.postMessage(null);
  },
};
