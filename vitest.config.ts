import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/closing-line.ts";

/** What `npm test` runs: fast, no root, no browser, no network beyond loopback. */
export default defineConfig({
  test: {
    pool: "threads",
    // Our modules keep no global state, so files may share a worker: a fifth of the time.
    isolate: false,
    // Else one processor idles: nothing else runs beside this.
    maxWorkers: "100%",
    include: [
      "packages/*/test/**/*.test.{ts,tsx}",
      "test/rules/**/*.test.ts",
      // What seeds have shown; the seeds themselves are `npm run test:simulation`.
      "test/simulation/{scenarios,room-scenarios}.test.ts",
    ],
    testTimeout: 30_000,
    reporters: ["default", new ClosingLine()],
  },
});
