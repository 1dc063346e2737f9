import { describe, expect, test } from "vitest";
import { ago, clock, dayName, dayNumber, listTime, secondsLeft } from "../src/text/time.ts";

const at = (day: number, hour = 12, minute = 0) => new Date(2026, 2, day, hour, minute).getTime();

test("a clock has two digits each, in 24 hours", () => {
  expect(clock(at(3, 9, 5))).toBe("09:05");
  expect(clock(at(3, 0, 0))).toBe("00:00");
  expect(clock(at(3, 21, 30))).toBe("21:30");
});

describe("days", () => {
  test("are counted by the local calendar, not by 24 hours", () => {
    expect(dayNumber(at(4, 0, 1)) - dayNumber(at(3, 23, 59))).toBe(1);
    expect(dayNumber(at(3, 0, 0))).toBe(dayNumber(at(3, 23, 59)));
  });

  test("are told apart: today, yesterday, this week, earlier, another year", () => {
    const now = at(10);
    const names = [at(10, 0), at(9, 23), at(6), at(1), new Date(2025, 2, 1).getTime()].map((day) =>
      dayName(day, now),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names[4]).toContain("2025");
    expect(names[3]).not.toContain("2026");
  });
});

test("a chat list says the clock today, and otherwise less", () => {
  expect(listTime(at(10, 8, 15), at(10))).toBe("08:15");
  expect(listTime(at(8), at(10))).not.toContain(":");
});

test("how long ago uses the largest unit that fits", () => {
  const now = at(10);
  expect(ago(now - 3 * 60_000, now)).toContain("3");
  expect(ago(now + 2 * 86_400_000, now)).toContain("2");
});

test("seconds left are whole and never negative", () => {
  expect(secondsLeft(10_001, 8_000)).toBe(3);
  expect(secondsLeft(8_000, 10_000)).toBe(0);
});
