/** The colours of people's names and avatars, read from the style sheets: each must be readable in both themes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { hueOf } from "../src/text/names.ts";

const styles = (name: string) => readFileSync(new URL(`../src/styles/${name}`, import.meta.url), "utf8");
const contrastMin = 4.5;

/** Light and dark of one custom property. */
function pair(css: string, property: string): [string, string] {
  const match = new RegExp(`${property}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
  if (!match) throw new Error(`no pair of colours for ${property}`);
  return [match[1]!, match[2]!];
}

function luminance(colour: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** WCAG 2.2, contrast ratio. */
function contrast(a: string, b: string): number {
  const [lower, higher] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (higher! + 0.05) / (lower! + 0.05);
}

const tokens = styles("tokens.css");
const parts = styles("parts.css");
const grounds = ["--theirs", "--surface", "--ground"].map((property) => pair(tokens, property));

test.each([0, 1, 2, 3, 4, 5, 6, 7])("hue %i is readable on bubbles, pages and its own avatar", (hue) => {
  const own = parts.slice(parts.indexOf(`[data-hue="${hue}"]`));
  const text = pair(own, "--hue");
  for (const ground of [...grounds, pair(own, "--hue-soft")])
    for (const theme of [0, 1] as const)
      expect(contrast(text[theme], ground[theme])).toBeGreaterThanOrEqual(contrastMin);
});

test("contrast is measured as it is defined", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeLessThan(contrastMin);
});

test("a person keeps one of these colours", () => {
  const key = "k5qzrw2vyb7e".repeat(4);
  expect(hueOf(key)).toBe(hueOf(key));
  expect(hueOf(key)).toBeGreaterThanOrEqual(0);
  expect(hueOf(key)).toBeLessThan(8);
});
