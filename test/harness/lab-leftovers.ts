/**
 * Names of a lab's namespaces, and their removal. A name tells which process made it, by id and start time, so that what
 * a crashed run left is told from what another run is using at this moment. Only processes inside such namespaces are
 * ended, each by its id.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const family = "fedchat-lab";
let labs = 0;

/** What the names of a new lab begin with. */
export function labPrefix(): string {
  return `${family}-${process.pid}-${startOf(process.pid)}-${labs++}-`;
}

const places = { namespaces: "/run/netns", settings: "/etc/netns", files: tmpdir() };

/** Removes what runs left that are not alive any more. */
export function clearLeftovers(): void {
  const named = new RegExp(`^${family}-(\\d+)-(\\d+)-`);
  for (const name of new Set(Object.values(places).flatMap(namesIn))) {
    const [, pid, start] = named.exec(name) ?? [];
    if (pid !== undefined && startOf(Number(pid)) !== start) remove(name);
  }
}

/** A namespace with everything that still runs in it, its settings, a folder of files: whatever has this name. */
export function remove(name: string): void {
  if (namesIn(places.namespaces).includes(name)) {
    for (const pid of execFileSync("ip", ["netns", "pids", name], { encoding: "utf8" }).split("\n")) {
      if (pid !== "") end(Number(pid));
    }
    execFileSync("ip", ["netns", "del", name], { stdio: ["ignore", "ignore", "pipe"] });
  }
  for (const folder of [places.settings, places.files]) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // It ended by itself.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return [];
  }
}

/** In ticks since the machine started; undefined where there is no such process. proc_pid_stat(5), field 22 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ESRCH") throw error;
    return undefined;
  }
}
