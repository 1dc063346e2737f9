import { defineConfig } from "vitest/config";
import { ClosingLine } from "../test/closing-line.ts";

/** Other implementations beside ours, one test at a time. */
export default defineConfig({
  test: {
    root: new URL(".", import.meta.url).pathname,
    include: ["**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    reporters: ["verbose", new ClosingLine()],
  },
});
