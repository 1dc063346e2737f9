/**
 * The built screen's files. A release ships them; in a checkout they are built when missing or older than the sources,
 * by Vite in a process of its own, so that neither its memory nor its work stays here.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { waitForLock } from "../host/lock.ts";
import { screenBuildTimeoutMs } from "../limits.ts";
import type { ScreenFiles } from "./files.ts";
import { readScreenFiles } from "./files.ts";

const web = fileURLToPath(new URL("../../../web", import.meta.url));
const dist = join(web, "dist");
/** In a checkout only: sources and the tool that builds them. */
const sources = ["src", "public", "index.html", "app.html", "i.html", "vite.config.ts"].map((name) =>
  join(web, name),
);
/** What an engine in the browser is built of. */
const engineSources = ["engine", "protocol", "mls"].map((name) => join(web, "..", name, "src"));

/**
 * @param onBuild called when it takes some seconds, because the screen must be built first
 * @param app whether the engine in it is used, and must be as new as its sources, too
 */
export async function screenFiles(onBuild: () => void, app = false): Promise<ScreenFiles> {
  if (isStale(app)) {
    onBuild();
    const cache = join(web, "..", "..", "node_modules", ".cache");
    mkdirSync(cache, { recursive: true });
    // Several programs of one checkout may start at once: one builds, the others wait and find it done.
    using _lock = await waitForLock(join(cache, "fedchat-screen.lock"), screenBuildTimeoutMs);
    if (isStale(app)) await build();
  }
  return readScreenFiles(dist);
}

function isStale(app: boolean): boolean {
  if (!existsSync(join(web, "src"))) return false;
  const built = modified(join(dist, "index.html"));
  return (
    built === undefined || [...sources, ...(app ? engineSources : [])].some((path) => newest(path) > built)
  );
}

function newest(path: string): number {
  const own = modified(path) ?? 0;
  if (!existsSync(path) || !statSync(path).isDirectory()) return own;
  return Math.max(own, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function modified(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function build(): Promise<void> {
  const script = fileURLToPath(new URL("./build-process.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [script, web, dist],
      { timeout: screenBuildTimeoutMs },
      (error, _output, errors) => {
        if (error === null) return resolve();
        const said = errors.trim().split("\n").slice(-12).join("\n");
        const fix = `Run 'npm ci' in ${dirname(dirname(web))}, then try again.`;
        reject(
          new CommandError(exitCodes.failed, `The screen could not be built.\n${said}`, fix, {
            cause: error,
          }),
        );
      },
    );
  });
}
