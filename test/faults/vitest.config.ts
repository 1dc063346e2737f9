import { defineConfig } from "vitest/config";
import { ClosingLine } from "../closing-line.ts";

/** Real processes, one test at a time. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/faults/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    reporters: ["verbose", new ClosingLine()],
  },
});
