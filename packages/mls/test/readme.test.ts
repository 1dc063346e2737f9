import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(`${folder}README.md`, "utf8");

test("the README's example runs as it stands, in at most 40 lines", () => {
  const [, example] = /^```ts\n([^]*?)^```$/m.exec(readme)!;
  expect(example!.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
  const node = ["--input-type=module-typescript", "--eval", example!];
  // What Bob reads, and how many records Alice puts and removes for her message.
  expect(execFileSync(process.execPath, node, { cwd: folder, encoding: "utf8" })).toMatch(/^hi \d+ \d+\n$/);
});
