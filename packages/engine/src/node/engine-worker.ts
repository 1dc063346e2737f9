/**
 * An engine in a worker thread of its own, as the main thread sees it: the same calls and events as an engine beside
 * it. Keys and plaintext live in the worker and in what passes through here to screens; the homeserver on the main
 * thread is met only through `acceptClient`, as ciphertext.
 */
import type { ByteChannel, ServerId } from "@fedchat/protocol";
import { messagePortChannel } from "@fedchat/protocol/node";
import { Worker } from "node:worker_threads";
import { EngineError } from "../core/engine-error.ts";
import type { Log } from "../core/log.ts";
import type { Callable } from "../core/rpc-server.ts";
import type { EngineEvent, MethodName, Params, Result } from "../interface/index.ts";
import type { EngineWorkerData, FromWorker, ToWorker } from "./worker-messages.ts";

export interface EngineWorkerOptions {
  /** SQLite file of this engine. */
  databasePath: string;
  server: { id: ServerId; noiseKey: Uint8Array | undefined };
  /** The homeserver in this process, or where another one listens. */
  homeserver: { acceptClient: (channel: ByteChannel) => void } | { host: string; port: number };
  registrationToken?: Uint8Array | undefined;
  deviceName: string;
  /** How long a room's hub may be away before another server is asked to go on; undefined: two minutes. */
  takeoverAfterMs?: number;
  log: Log;
  /** The account lives on another homeserver now; the engine goes on by itself. */
  onMoved?: (place: { server: ServerId; host: string; port: number }) => void;
  /** The worker died: nothing works any more. Called at most once, never after `close`. */
  onCrash(error: Error): void;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Resolves once the engine's store is open. Rejects with a sentence for people when it cannot be. */
export async function startEngineWorker(options: EngineWorkerOptions): Promise<EngineWorker> {
  const beside = "acceptClient" in options.homeserver ? options.homeserver : undefined;
  const data: EngineWorkerData = {
    databasePath: options.databasePath,
    server: options.server,
    address: "host" in options.homeserver ? options.homeserver : undefined,
    registrationToken: options.registrationToken,
    deviceName: options.deviceName,
    takeoverAfterMs: options.takeoverAfterMs,
  };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: data });
  const engine = new EngineWorker(worker, {
    ...options,
    acceptClient: (channel) => beside?.acceptClient(channel),
  });
  await engine.ready;
  return engine;
}

export class EngineWorker implements Callable, AsyncDisposable {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #log: Log;
  readonly #acceptClient: (channel: ByteChannel) => void;
  readonly #onMoved: EngineWorkerOptions["onMoved"];
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closing = false;
  #opened: Pending | undefined;

  constructor(
    worker: Worker,
    {
      log,
      onCrash,
      onMoved,
      acceptClient,
    }: Pick<EngineWorkerOptions, "log" | "onCrash" | "onMoved"> & {
      acceptClient: (channel: ByteChannel) => void;
    },
  ) {
    this.#worker = worker;
    this.#log = log;
    this.#acceptClient = acceptClient;
    this.#onMoved = onMoved;
    this.ready = new Promise((resolve, reject) => (this.#opened = { resolve: () => resolve(), reject }));
    worker.on("message", (message: FromWorker) => this.#receive(message));
    let crash: Error | undefined;
    worker.on("error", (error) => (crash = error as Error));
    this.#exited = new Promise((resolve) => {
      worker.once("exit", (code) => {
        const error = crash ?? new Error(`The engine's thread ended (${code}).`);
        const started = this.#opened === undefined;
        this.#opened?.reject(error);
        for (const { reject } of this.#pending.values()) reject(error);
        this.#pending.clear();
        if (started && !this.#closing) onCrash(error);
        resolve();
      });
    });
  }

  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  call(method: MethodName, params: unknown): Promise<unknown>;
  call(method: MethodName, params: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#tell({ kind: "call", id, method, params });
    });
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the session, closes the store and the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#tell({ kind: "close" });
    await this.#exited;
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.#opened?.resolve(undefined);
        this.#opened = undefined;
        return;
      case "failed":
        this.#opened?.reject(new Error(message.message));
        this.#opened = undefined;
        this.#closing = true;
        return;
      case "result":
        return this.#settle(message.id)?.resolve(message.result);
      case "error":
        return this.#settle(message.id)?.reject(new EngineError(message.cause));
      case "event":
        for (const listener of this.#listeners) listener(message.event);
        return;
      case "connect":
        return this.#acceptClient(messagePortChannel(message.port));
      case "log":
        return this.#log[message.level](message.message, message.fields);
      case "moved":
        return this.#onMoved?.(message.place);
      case "closed":
        return;
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}
