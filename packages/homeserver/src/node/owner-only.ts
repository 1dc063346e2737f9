/**
 * Files that hold secrets: readable by their owner only, written whole or not at all. Invariant: a file is either the
 * old or the new one, also when the machine loses power while it is written.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Others may read a secret, or it cannot be read at all. The message says what to do. */
export class SecretFileError extends Error {
  override readonly name = "SecretFileError";
}

/** Windows keeps access in lists of its own, and cannot open a folder to sync it. */
const hasModes = process.platform !== "win32";

/** Makes a folder (and those above it) that only its owner may enter. One that exists is closed to others. */
export function makeOwnerOnlyFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (hasModes) chmodSync(folder, 0o700);
}

/** Makes a new or renamed entry of a folder survive a power failure. */
export function syncFolder(folder: string): void {
  if (!hasModes) return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Replaces a file in one step. */
export function writeOwnerOnlyFile(path: string, content: string | Uint8Array): void {
  const unfinished = `${path}.new`;
  const handle = openSync(unfinished, "w", 0o600);
  try {
    if (hasModes) chmodSync(unfinished, 0o600);
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(unfinished, path);
  syncFolder(dirname(path));
}

/** The content, or undefined where there is no such file. Throws `SecretFileError` where others may read it too. */
export function readOwnerOnlyFile(path: string): string | undefined {
  try {
    if (hasModes && (statSync(path).mode & 0o077) !== 0) {
      throw new SecretFileError(
        `${path} holds a secret key, but other users of this machine may read it. ` +
          `If nobody did, close it with "chmod 600 ${path}" and start again.`,
      );
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof SecretFileError) throw error;
    throw new SecretFileError(`${path} cannot be read. It must belong to the user who runs FedChat.`, {
      cause: error,
    });
  }
}
