import { describe, expect, test } from "vitest";
import { backends } from "./backends.ts";
import { ABSENT, publishedNames, publishedText } from "./published/folder.ts";
import { PUBLISHED } from "./published/index.ts";
import { AGREES } from "./published/published-file.ts";

for (const file of PUBLISHED) {
  const text = publishedText(file.name);
  if (text === undefined) console.warn(`${file.name}: ${ABSENT}`);
  describe.skipIf(text === undefined)(`vectors: ${file.name}`, () => {
    test.each(backends)(`${file.title}: $name`, (primitives) => {
      const verdicts = file.verdicts(JSON.parse(text!) as unknown[], primitives);
      expect(verdicts.length).toBeGreaterThan(0);
      expect(verdicts.filter((verdict) => verdict !== AGREES)).toEqual([]);
    });
  });
}

test.skipIf(publishedNames().length === 0)("no file of the working group's is left out", () => {
  expect(PUBLISHED.map(({ name }) => name).sort()).toEqual(publishedNames().sort());
});
