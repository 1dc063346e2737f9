/** How long messages stay, in words. */
import type { Message } from "@fedchat/engine/interface";
import { t } from "../strings.ts";
import { dayAndClock } from "./time.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** What the details offer; any other time was set by another program. */
export const offeredMs = [5 * minuteMs, hourMs, dayMs, 7 * dayMs, 28 * dayMs] as const;

/** In the largest unit that divides it. */
export function lastingWords(ms: number): string {
  const [unit, unitMs] =
    ms % dayMs === 0
      ? (["day", dayMs] as const)
      : ms % hourMs === 0
        ? (["hour", hourMs] as const)
        : ms % minuteMs === 0
          ? (["minute", minuteMs] as const)
          : (["second", 1_000] as const);
  return t.expiry.lasting(Math.ceil(ms / unitMs), unit);
}

/** When a message goes, as far as that is known. */
export function goesWords({ at, afterReadingMs }: NonNullable<Message["expires"]>): string {
  if (at !== null) return t.expiry.goesAt(dayAndClock(at));
  return t.expiry.goesAfter(lastingWords(afterReadingMs ?? 0));
}
