/**
 * Logs: JSON lines in the data folder, owner-only and bounded; warnings also as one line for people. Whoever logs gives
 * codes, counts and identifiers only, never plaintext and never keys.
 */
import { chmodSync, rmSync, statSync } from "node:fs";
import { pino } from "pino";
import { logBytesMax, sameWarningEveryMs } from "../limits.ts";
import { cleanLine } from "../terminal/clean.ts";

type Fields = Record<string, unknown>;

/** What homeserver, engine and screen each ask for. */
export interface ProgramLog extends Disposable {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields, cause?: unknown): void;
}

/** @param tell where warnings for people go */
export function openLog(path: string, level: string, tell: (line: string) => void): ProgramLog {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) rmSync(path);
  const destination = pino.destination({ dest: path, sync: true, mode: 0o600 });
  chmodSync(path, 0o600);
  const file = pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  );
  // A full disk must not end the program through its log.
  destination.on("error", () => undefined);
  // What is tried again and again, such as writing to a full disk, would fill the terminal.
  const toldAt = new Map<string, number>();
  const tellPeople = (message: string, fields: Fields) => {
    const now = Date.now();
    if (now - (toldAt.get(message) ?? 0) < sameWarningEveryMs) return;
    toldAt.set(message, now);
    tell(forPeople(message, fields));
  };
  return {
    debug: (message, fields = {}) => file.debug(fields, message),
    info: (message, fields = {}) => file.info(fields, message),
    warn(message, fields = {}) {
      file.warn(fields, message);
      tellPeople(message, fields);
    },
    error(message, fields = {}, cause) {
      file.error({ ...fields, ...(cause === undefined ? {} : { err: cause }) }, message);
      tellPeople(message, fields);
    },
    [Symbol.dispose]: () => destination.end(),
  };
}

function forPeople(message: string, fields: Fields): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key} ${String(value)}`);
  return cleanLine(message + (details.length === 0 ? "" : ` (${details.join(", ")})`));
}
