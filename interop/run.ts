/**
 * `npm run interop`: the tests of this folder. What they need is installed here, never in the root, and only when
 * somebody asks for it: its licences are not ours.
 */
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const run = (program: string, ...words: string[]) => execFileSync(program, words, { stdio: "inherit" });

const [lock, installed] = [here("package-lock.json"), here("node_modules/.package-lock.json")];
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.log(
    "interop: installing core-crypto (GPL) and libsignal (AGPL) into interop/node_modules, for tests alone",
  );
  run("npm", "ci", "--prefix", here("."));
}
run("tsc", "-p", here("tsconfig.json"));
run("vitest", "run", "--config", here("vitest.config.ts"));
