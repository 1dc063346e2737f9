/** What the store's two threads say to each other. */
import { StoreFullError, StoreUnusableError } from "../store.ts";
import type { WriteOp } from "../store.ts";
import type { Reads } from "./operations.ts";

export interface WorkerOptions {
  path: string;
  bytesMax: number | undefined;
}

type ReadName = keyof Reads;

export type Call =
  | { id: number; call: "write"; ops: WriteOp[] }
  | { id: number; call: "read"; name: ReadName; args: unknown[] }
  | { id: number; call: "close" };

export type Answer =
  | { answer: "ready" }
  | { answer: "result"; id: number; result: unknown }
  | { answer: "failed"; id: number; failure: Failure }
  /** Nothing more will be answered. */
  | { answer: "fatal"; failure: Failure };

/** An error on its way to the other thread. */
export interface Failure {
  kind: "full" | "unusable" | "other";
  message: string;
  stack: string | undefined;
}

export function toFailure(error: unknown): Failure {
  const kind =
    error instanceof StoreFullError ? "full" : error instanceof StoreUnusableError ? "unusable" : "other";
  return error instanceof Error
    ? { kind, message: error.message, stack: error.stack }
    : { kind, message: String(error), stack: undefined };
}

export function fromFailure({ kind, message, stack }: Failure): Error {
  const cause = stack === undefined ? undefined : { cause: stack };
  if (kind === "full") return new StoreFullError(message, cause);
  return kind === "unusable" ? new StoreUnusableError(message, cause) : new Error(message, cause);
}
