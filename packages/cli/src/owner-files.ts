/** Files that only their owner may read. Invariant: a reader sees the old content or the new one, never a part. */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CommandError, exitCodes } from "./exit-codes.ts";

export function writeOwnerFile(path: string, content: string): void {
  const fresh = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    writeFileSync(fresh, content, { mode: 0o600, flag: "wx" });
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** Undefined where there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** By these a folder is known to be a data folder. */
const ours = ["fedchat.toml", "fedchat.lock", "fedchat.log"];

/**
 * Makes the data folder, or closes it to other users. A folder that is open to others and full of other things is
 * left alone: throws `CommandError`.
 */
export function ensureDataFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const sentence = `The data folder ${path} cannot be made.`;
    throw new CommandError(exitCodes.failed, sentence, "Choose another with --data.", { cause: error });
  }
  if (process.platform === "win32" || (statSync(path).mode & 0o077) === 0) return;
  const files = readdirSync(path);
  if (files.length > 0 && !ours.some((name) => files.includes(name))) {
    const sentence = `${path} is open to other users and holds other things.`;
    throw new CommandError(exitCodes.failed, sentence, `Choose another folder, or run: chmod 700 ${path}`);
  }
  try {
    chmodSync(path, 0o700);
  } catch (error) {
    const sentence = `The data folder ${path} is open to other users and belongs to somebody else.`;
    throw new CommandError(exitCodes.failed, sentence, "Choose another with --data.", { cause: error });
  }
}

/** Where everything in the data folder lies. */
export function dataFiles(data: string) {
  return {
    lock: join(data, "fedchat.lock"),
    log: join(data, "fedchat.log"),
    control: join(data, "control.sock"),
    controlPath: join(data, "control.path"),
    open: join(data, "open.html"),
    screens: join(data, "screens.json"),
    pairedScreens: join(data, "paired-screens.json"),
    registrationToken: join(data, "registration-token"),
    engine: join(data, "engine.db"),
    homeserver: join(data, "homeserver.json"),
  };
}
