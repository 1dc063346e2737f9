import { defineConfig } from "vitest/config";

// One process, threads, no isolation: our modules keep no global state, so files may share a worker.
export default defineConfig({
  test: {
    pool: "threads",
    isolate: false,
    include: ["packages/*/{src,test}/**/*.test.ts", "test/{integration,simulation,rules}/**/*.test.ts"],
    testTimeout: 20_000,
  },
});
