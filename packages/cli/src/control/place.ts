/**
 * Where a running program is reached by commands: a Unix socket in its data folder. Where that path would be too long
 * for a socket, or on Windows, the folder holds a file that says where it is.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { socketPathBytesMax } from "../limits.ts";
import { dataFiles, readIfThere, writeOwnerFile } from "../owner-files.ts";

/** For commands: where the program of this data folder listens, if it runs. */
export function controlPlace(data: string): string {
  const { control, controlPath } = dataFiles(data);
  return readIfThere(controlPath)?.trim() ?? control;
}

/** For the program, which holds the folder's lock: a fresh place; what a dead predecessor left there is removed. */
export function makeControlPlace(data: string, platform: NodeJS.Platform): { path: string; remove(): void } {
  const { control, controlPath } = dataFiles(data);
  rmSync(control, { force: true });
  rmSync(controlPath, { force: true });
  if (platform !== "win32" && Buffer.byteLength(control) <= socketPathBytesMax) {
    return { path: control, remove: () => rmSync(control, { force: true }) };
  }
  const path =
    platform === "win32"
      ? `\\\\.\\pipe\\fedchat-${randomBytes(16).toString("hex")}`
      : join(mkdtempSync(join(tmpdir(), "fedchat-")), "control.sock");
  writeOwnerFile(controlPath, `${path}\n`);
  return {
    path,
    remove() {
      rmSync(controlPath, { force: true });
      if (platform !== "win32") rmSync(dirname(path), { recursive: true, force: true });
    },
  };
}
