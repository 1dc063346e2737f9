/** What FedChat stands on: Node, the data folder, the disk. Looked at whether or not it runs. */
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskFreeBytesMin, diskFreeBytesWanted } from "../limits.ts";
import { nodeVersionOk, nodeVersionWanted } from "../node-version.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";

export const machineFindings = (data: string): Finding[] => [
  nodeVersion(process.versions.node),
  dataFolder(data),
  disk(data),
];

export function nodeVersion(version: string): Finding {
  const subject = { check: "node", title: `Node ${version}` };
  if (nodeVersionOk(version)) return passed(subject);
  return failed(subject, {
    code: "old-node",
    sentence: `FedChat needs Node ${nodeVersionWanted} or later.`,
    fix: "Install it, or run npm start, which brings its own.",
  });
}

export function dataFolder(data: string): Finding {
  const subject = { check: "data-folder", title: "The data folder is yours alone" };
  const folder = statSync(data, { throwIfNoEntry: false });
  if (folder === undefined)
    return untestable(subject, { code: "no-folder", sentence: `${data} does not exist yet.` });
  if (process.platform === "win32")
    return untestable(subject, { code: "windows", sentence: "Windows keeps access in lists." });
  const open = (path: string) => (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077;
  if (open(data) !== 0) {
    const sentence = `${data} is open to other users of this machine.`;
    return failed(subject, { code: "open-folder", sentence, ...command(`chmod 700 ${data}`) });
  }
  const loose = readdirSync(data).filter((name) => name !== "fedchat.toml" && open(join(data, name)) !== 0);
  if (loose.length === 0) return passed(subject, data);
  // Whoever cannot enter the folder cannot read what lies in it: this is a second wall.
  const sentence = `${loose.join(", ")} in ${data} could be read by others.`;
  return failed(subject, { code: "open-files", sentence, ...command(`chmod -R go= ${data}`) });
}

/** A file of a few bytes is written and removed: permissions alone do not tell of a disk that is read-only or full. */
export function disk(data: string, freeBytes = freeBytesOf(data)): Finding {
  const subject = { check: "disk", title: "The data folder can be written" };
  if (freeBytes === undefined)
    return untestable(subject, { code: "no-folder", sentence: `${data} does not exist yet.` });
  const probe = join(data, `.probe-${randomBytes(6).toString("hex")}`);
  try {
    writeFileSync(probe, "fedchat", { mode: 0o600, flag: "wx" });
    rmSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    return failed(subject, {
      code: full ? "disk-full" : "not-writable",
      sentence: full
        ? "The disk is full: new messages are refused, nothing was lost."
        : `Nothing can be written (${code}).`,
      fix: full ? "Free some space." : `Give this user the right to write into ${data}.`,
    });
  }
  const left = `${megabytes(freeBytes)} are free.`;
  if (freeBytes >= diskFreeBytesWanted) return passed(subject, left);
  const fault = { code: "disk-nearly-full", sentence: left, fix: "Free some space before it is full." };
  return freeBytes < diskFreeBytesMin ? failed(subject, fault) : warning(subject, fault);
}

function freeBytesOf(data: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(data);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

const megabytes = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GB` : `${Math.floor(bytes / 2 ** 20)} MB`;

const command = (text: string) => ({ fix: `Run: ${text}`, action: { kind: "copy", text } as const });
