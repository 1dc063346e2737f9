/**
 * Where the core tells what happens: a sentence and a few fields, for whoever runs the homeserver. Never plaintext,
 * never keys, never passwords: codes, counts and identifiers only.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** Something that should never happen here; `cause` is kept for the trace. */
  error(message: string, fields?: LogFields, cause?: unknown): void;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
