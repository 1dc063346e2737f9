import { defineConfig } from "vitest/config";
import { ClosingLine } from "../closing-line.ts";

/** Our libraries in a real browser. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/browser/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["verbose", new ClosingLine()],
  },
});
