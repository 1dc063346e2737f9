/** The time of day as a signal: one beat a second for countdowns, one every half minute for 'minutes ago'. */
import { createSignal, onCleanup } from "solid-js";

export function createClock(everyMs: number): () => number {
  const [now, setNow] = createSignal(Date.now());
  const timer = setInterval(() => setNow(Date.now()), everyMs);
  onCleanup(() => clearInterval(timer));
  return now;
}

export const everySecond = 1_000;
export const everyHalfMinute = 30_000;
