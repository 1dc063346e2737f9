/** Holds specification, code and tests to one another: docs/protocol.md numbers the rules, the others cite them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const specification = readFileSync(join(root, "docs/protocol.md"), "utf8");

interface Rule {
  id: string;
  /** Not a definition and not reserved for later. */
  testable: boolean;
}

/** A rule is a paragraph that begins with its id in bold. */
const rules: Rule[] = [...specification.matchAll(/^\*\*\[([A-Z]\d+)\]\*\*.*$/gm)].map(([paragraph, id]) => ({
  id: id!,
  testable: !/[*_]\((definition|reserved)\)[*_]$/.test(paragraph),
}));
const known = new Set(rules.map(({ id }) => id));
const letters = [...new Set(rules.map(({ id }) => id[0]))].join("");

/** Rule ids in brackets, and those between the ends of `[L1] to [L6]`. */
function cited(text: string): string[] {
  const ids: string[] = [];
  const pattern = new RegExp(`\\[([${letters}])(\\d{1,3})\\](?: to \\[\\1(\\d{1,3})\\])?`, "g");
  for (const [, letter, first, last] of text.matchAll(pattern)) {
    for (let n = Number(first); n <= Number(last ?? first); n++) ids.push(`${letter}${n}`);
  }
  return ids;
}

function filesIn(folder: string, kinds: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile() && kinds.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/node_modules|[/\\]dist[/\\]|[/\\]vectors[/\\].*\.json$/.test(path));
}

const sources = [
  ...["packages", "test", "bench"].flatMap((folder) => filesIn(folder, /\.(ts|tsx|mts)$/)),
  ...filesIn("docs", /\.md$/),
].map((path) => ({ path: path.slice(root.length + 1), text: readFileSync(path, "utf8") }));

describe("the rules of docs/protocol.md", () => {
  test("each is written once, and every series counts from 1 without holes", () => {
    expect(known.size).toBe(rules.length);
    for (const letter of letters) {
      const numbers = rules.flatMap(({ id }) => (id.startsWith(letter) ? [Number(id.slice(1))] : []));
      expect(
        numbers.sort((a, b) => a - b),
        `[${letter}…]`,
      ).toEqual(numbers.map((_, index) => index + 1));
    }
  });

  test("whatever is cited exists", () => {
    const missing = sources.flatMap(({ path, text }) =>
      cited(text)
        .filter((id) => !known.has(id))
        .map((id) => `[${id}] in ${path}`),
    );
    expect([...new Set(missing)]).toEqual([]);
  });

  test("tests cite them", () => {
    const names = sources
      .filter(({ path }) => /\.test\.ts$|store-contract\.ts$/.test(path))
      .flatMap(({ text }) => [
        ...text.matchAll(/\b(?:test|it|describe)[^"'`]*?["'`]([^"'`\n]*\[[A-Z]\d+\][^"'`\n]*)/g),
      ])
      .flatMap(([, name]) => cited(name!));
    const held = new Set(names);
    const uncited = rules.filter(({ id, testable }) => testable && !held.has(id)).map(({ id }) => id);
    const testable = rules.filter((rule) => rule.testable).length;
    console.log(
      `rules: ${rules.length}, testable: ${testable}, cited by no test: ${uncited.length} (${uncited.join(" ")})`,
    );
    expect(uncited).toEqual([]);
  });
});
