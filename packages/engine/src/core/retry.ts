/** Full-jitter exponential back-off: a random time up to a bound that doubles, so that many do not return at once. */
import type { RandomSource } from "@fedchat/protocol";

/** @param attempt 0 for the first failure */
export function fullJitterMs(
  attempt: number,
  bounds: { baseMs: number; maxMs: number },
  random: RandomSource,
): number {
  const ceilingMs = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(attempt, 20));
  const [a, b, c] = random.bytes(3) as unknown as [number, number, number];
  return Math.round((ceilingMs * (a * 65_536 + b * 256 + c)) / 0xff_ffff);
}
