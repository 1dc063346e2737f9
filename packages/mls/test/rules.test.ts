import { expect, test } from "vitest";
import { type Rule, RULES } from "../src/index.ts";
import { type Break, type Breaks, scene } from "./rules.ts";
import { commitBreaks } from "./rules-commit.ts";
import { joinBreaks } from "./rules-join.ts";
import { leafBreaks } from "./rules-leaf.ts";
import { messageBreaks } from "./rules-message.ts";
import { proposalBreaks } from "./rules-proposal.ts";
import { wantRefused } from "./world.ts";

const breaks: Breaks = { ...messageBreaks, ...leafBreaks, ...proposalBreaks, ...commitBreaks, ...joinBreaks };

/** Rules that hold or fail for one member alone: the outcome says that it cannot follow. */
const DIVERGING: ReadonlySet<string> = new Set([
  "commit.path-secret",
  "commit.path-key",
  "commit.confirmation-tag",
]);

for (const [rule, run] of Object.entries(breaks) as [Rule, Break][]) {
  test(`[${rule}] ${RULES[rule]}`, () => {
    const outcomes = [run(scene(rule))].flat();
    expect(outcomes.length).toBeGreaterThan(0);
    for (const outcome of outcomes) {
      if (DIVERGING.has(rule)) expect(`${outcome.kind} ${outcome.rule}`).toBe(`diverged ${rule}`);
      else wantRefused(outcome, rule);
    }
  });
}

test("every rule has a test that breaks it", () => {
  expect(Object.keys(RULES).filter((rule) => !(rule in breaks))).toEqual([]);
});
