import { defineConfig } from "vitest/config";
import { ClosingLine } from "../closing-line.ts";

/** Scores of real engines in one process, which takes minutes. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/crowd/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 3_600_000,
    // Each engine has a tree of its own of everybody.
    execArgv: ["--max-old-space-size=14336"],
    reporters: ["verbose", new ClosingLine()],
  },
});
