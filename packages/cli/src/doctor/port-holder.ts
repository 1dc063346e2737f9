/** Which program listens on a port of this machine, where the system shows it: on Linux, to its owner and to root. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { processesLookedAtMax } from "../limits.ts";

/** Such as `nginx (process 812)`; undefined where it cannot be told. */
export function portHolder(port: number, folder = "/proc"): string | undefined {
  const sockets = new Set(
    ["tcp", "tcp6"].flatMap((family) => listeners(readOr(`${folder}/net/${family}`), port)),
  );
  if (sockets.size === 0) return undefined;
  const processes = listOr(folder).filter((name) => /^\d+$/.test(name));
  for (const pid of processes.slice(0, processesLookedAtMax)) {
    const holds = listOr(`${folder}/${pid}/fd`).some((fd) =>
      sockets.has(linkOr(`${folder}/${pid}/fd/${fd}`)),
    );
    if (holds) return `${programName(`${folder}/${pid}`)} (process ${pid})`;
  }
  return undefined;
}

/** As the system shows it; Node names its own thread in place of the program. */
function programName(folder: string): string {
  const shown = readOr(`${folder}/comm`).trim();
  const [program = "", script = ""] = readOr(`${folder}/cmdline`).split("\0");
  if (/(^|\/)(fedchat|cli\/src\/main\.ts)$/.test(script)) return "another FedChat";
  return (shown === "MainThread" ? basename(program) : shown) || "a program";
}

/** A line: `sl local_address rem_address st … inode`; the port is in hexadecimal, state 0A is LISTEN. proc(5) */
function listeners(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[1]?.endsWith(`:${hex}`) === true && fields[3] === "0A" ? [`socket:[${fields[9]}]`] : [];
  });
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function listOr(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
