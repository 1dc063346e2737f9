import { defineConfig } from "vitest/config";
import { ClosingLine } from "../closing-line.ts";

/** What `npm run test:simulation` runs: some seeds of each story, and the mutants that the checkers must notice. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    pool: "threads",
    isolate: false,
    include: [
      "test/simulation/{simulation,room-story,withholding}.test.ts",
      "test/simulation/**/*.mutants.ts",
    ],
    testTimeout: 300_000,
    reporters: ["default", new ClosingLine()],
  },
});
