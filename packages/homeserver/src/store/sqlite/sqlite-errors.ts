/**
 * What SQLite's error codes mean to a homeserver (https://sqlite.org/rescode.html): the disk is full and will have room
 * again, or the file cannot be used. Everything else is a mistake of ours and stays what it is.
 */
import { StoreFullError, StoreUnusableError } from "../store.ts";

const primary = { busy: 5, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 };
/** A write that failed for another reason than ENOSPC, such as a quota: nothing of it is committed. */
const ioErrorWrite = 778;

export function explained(error: unknown, path: string): unknown {
  const code = errorCode(error);
  if (code === undefined) return explainedSystemError(error, path);
  if (code === ioErrorWrite)
    return new StoreFullError(`The disk takes no more of ${path}.`, { cause: error });
  switch (code & 0xff) {
    case primary.full:
      return new StoreFullError(`The disk of ${path} is full.`, { cause: error });
    case primary.busy:
      return new StoreUnusableError(
        `${path} is in use: another FedChat is running on this folder. Stop that one first, or give this one a folder of its own.`,
        { cause: error },
      );
    case primary.corrupt:
      return damaged(path, error);
    case primary.notADatabase:
      return new StoreUnusableError(
        `${path} is not a FedChat store: it is damaged or another program's file. Nothing was changed. ${restoreAdvice(path)}`,
        { cause: error },
      );
    case primary.cannotOpen:
      return cannotOpen(path, error);
    case primary.ioError:
      return new StoreUnusableError(
        `The disk failed while ${path} was read or written. Nothing acknowledged was lost; check the disk, then start again.`,
        { cause: error },
      );
    default:
      return error;
  }
}

/** Of making the folder and the file. */
function explainedSystemError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StoreFullError(`The disk of ${path} is full.`, { cause: error });
  }
  const ofAccess = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"];
  return ofAccess.includes(String(code)) ? cannotOpen(path, error) : error;
}

export function cannotOpen(path: string, cause: unknown): StoreUnusableError {
  return new StoreUnusableError(
    `${path} cannot be opened. Check that its folder can be written, and that both belong to the user who runs FedChat.`,
    { cause },
  );
}

export function damaged(path: string, cause: unknown): StoreUnusableError {
  return new StoreUnusableError(`The store ${path} is damaged. Nothing was changed. ${restoreAdvice(path)}`, {
    cause,
  });
}

const restoreAdvice = (path: string): string =>
  `Restore it (with ${path}-wal, if there is one) from a backup; or move both away to start with an empty store, and keep the copy.`;

/** SQLITE_IOERR_SHMOPEN, SHMSIZE, SHMLOCK, SHMMAP */
const sharedMemoryErrors = [4_618, 4_874, 5_130, 5_386];

/** The index of the log, which several processes could share, could not be made. */
export function isSharedMemoryError(error: unknown): boolean {
  return sharedMemoryErrors.includes(errorCode(error) ?? 0);
}

function errorCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code : undefined;
}
