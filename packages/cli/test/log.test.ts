import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog } from "../src/host/log.ts";

test("a warning that repeats itself is told to people once in a while, and logged each time", () => {
  const folder = mkdtempSync(join(tmpdir(), "fedchat-log-"));
  const path = join(folder, "fedchat.log");
  const told: string[] = [];
  {
    using log = openLog(path, "info", (line) => told.push(line));
    for (let count = 0; count < 5; count++) log.warn("not written; tried again", { devices: 1 });
    log.error("the disk failed");
    log.info("started");
  }
  expect(told).toEqual(["not written; tried again (devices 1)", "the disk failed"]);
  const lines = readFileSync(path, "utf8").trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual([
    ...["warn", "warn", "warn", "warn", "warn"],
    ...["error", "info"],
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  rmSync(folder, { recursive: true });
});
