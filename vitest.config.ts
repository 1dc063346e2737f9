import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { ClosingLine } from "./test/closing-line.ts";
import { roomSuites } from "./test/rooms/suites.ts";

// The stores' threads are begun hundreds of times, and compiled once.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache");
// Tests kill processes, never the machine: their stores need not wait for a disk.
if (freeBytes("/dev/shm") > 2 ** 30) process.env["TMPDIR"] ??= "/dev/shm";

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
    exclude: [...configDefaults.exclude, ...roomSuites],
    testTimeout: 30_000,
    reporters: ["default", new ClosingLine()],
  },
});

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
