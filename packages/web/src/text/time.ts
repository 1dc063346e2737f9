/** Times as people read them, in the browser's language and time zone. All arguments are Unix milliseconds. */
const hourMinute = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const weekdayShort = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayLong = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const dayNumbers = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "2-digit", year: "2-digit" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** `14:03` */
export const clock = (at: number): string => hourMinute.format(at);
/** The whole date, for a tooltip. */
export const fullDate = (at: number): string => full.format(at);
/** `3 Mar 14:03`, for a message that stands among messages of another day. */
export const dayAndClock = (at: number): string => `${dayMonth.format(at)} ${hourMinute.format(at)}`;

/** Local days since an epoch of no meaning: equal numbers are the same day, and a difference counts days. */
export function dayNumber(at: number): number {
  const date = new Date(at);
  return Math.floor(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** A day line: Today, Yesterday, a weekday within the week, else the date. */
export function dayName(at: number, now: number): string {
  const days = dayNumber(now) - dayNumber(at);
  if (days === 0 || days === 1) return capital(relative.format(-days, "day"));
  if (days > 1 && days < 7) return weekday.format(at);
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? dayLong.format(at) : dayYear.format(at);
}

/** The short time of a chat list: a clock today, a weekday this week, else a date. */
export function listTime(at: number, now: number): string {
  const days = dayNumber(now) - dayNumber(at);
  if (days <= 0) return clock(at);
  if (days < 7) return weekdayShort.format(at);
  return new Date(at).getFullYear() === new Date(now).getFullYear()
    ? dayMonth.format(at)
    : dayNumbers.format(at);
}

/** `3 minutes ago`, `in 2 days`. */
export function ago(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 45) return relative.format(0, "second");
  if (size < 45 * 60) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 22 * 3600) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/** Whole seconds left, never negative. */
export const secondsLeft = (until: number, now: number): number =>
  Math.max(0, Math.ceil((until - now) / 1000));

function capital(word: string): string {
  return word.charAt(0).toLocaleUpperCase() + word.slice(1);
}
