/** What the main thread and an engine's worker thread say to each other; everything is structured-clone data. */
import type { ServerId } from "@fedchat/protocol";
import type { MessagePort } from "node:worker_threads";
import type { Cause, EngineEvent, MethodName } from "../interface/index.ts";

/** What the worker is started with. */
export interface EngineWorkerData {
  databasePath: string;
  server: { id: ServerId; noiseKey: Uint8Array | undefined };
  /** A homeserver elsewhere; absent when it runs beside the engine and is met through a port. */
  address: { host: string; port: number } | undefined;
  /** Spent when the account is opened. */
  registrationToken: Uint8Array | undefined;
  deviceName: string;
  /** How long a room's hub may be away before another server is asked to go on. */
  takeoverAfterMs: number | undefined;
}

export type ToWorker = { kind: "call"; id: number; method: MethodName; params: unknown } | { kind: "close" };

export type FromWorker =
  | { kind: "ready" }
  | { kind: "failed"; message: string }
  | { kind: "result"; id: number; result: unknown }
  | { kind: "error"; id: number; cause: Cause }
  | { kind: "event"; event: EngineEvent }
  /** The account lives on another homeserver now. */
  | { kind: "moved"; place: { server: ServerId; host: string; port: number } }
  /** The engine wants a new channel to the homeserver beside it: the port is its end on the main thread. */
  | { kind: "connect"; port: MessagePort }
  | { kind: "log"; level: "debug" | "info" | "warn"; message: string; fields: Record<string, unknown> }
  | { kind: "closed" };
