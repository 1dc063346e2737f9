import { defineConfig } from "vitest/config";
import { ClosingLine } from "../closing-line.ts";

/** What `npm run mutants` runs: wrong parts in rooms of many, each told in seeds until a checker notices. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    pool: "threads",
    isolate: false,
    include: ["test/simulation/**/*.mutants.ts"],
    testTimeout: 300_000,
    reporters: ["default", new ClosingLine()],
  },
});
