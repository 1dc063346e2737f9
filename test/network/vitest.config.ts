import { defineConfig } from "vitest/config";
import { ClosingLine } from "../closing-line.ts";

/** Real processes in network namespaces, one test at a time. Needs root. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/network/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    reporters: ["verbose", new ClosingLine()],
  },
});
