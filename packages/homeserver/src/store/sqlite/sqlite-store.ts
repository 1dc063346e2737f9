/**
 * The store on disk, as the homeserver's thread sees it: SQLite in a thread of its own, so that waiting for the disk
 * never holds up a connection. Invariant: every call is answered, by its result, by its error, or, once the thread has
 * ended or not answered in time, by one fatal error for all.
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type {
  AccountId,
  DeviceId,
  EnvelopeId,
  KeyPackageSuite,
  ServerId,
  StreamClass,
} from "@fedchat/protocol";
import { answerTimeoutMs, callsInFlightMax } from "../limits.ts";
import type { HomeserverStore, WriteOp, WriteResult } from "../store.ts";
import { StoreUnusableError } from "../store.ts";
import type { Answer, Call, WorkerOptions } from "./messages.ts";
import { fromFailure } from "./messages.ts";
import type { Reads } from "./operations.ts";
import { packBytes } from "./pack-bytes.ts";

export interface SqliteStoreOptions {
  /** Holds the store's files; made, for its owner only, where it does not exist. */
  folder: string;
  /** The store is full at this size, whatever the disk has left. */
  bytesMax?: number;
  /** Called once when the store cannot be used any more: everything after it rejects. */
  onFatal?: (error: Error) => void;
}

export const storeFileName = "homeserver.sqlite";

/** Rejects with `StoreUnusableError` where the file is damaged, foreign, in use or of a newer version. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const store = new SqliteStore(options);
  await store.opened;
  return store;
}

interface Waiting {
  since: number;
  resolve: (result: never) => void;
  reject: (error: Error) => void;
}

// A call without its number, for each kind of call.
type Unnumbered<C> = C extends Call ? Omit<C, "id"> : never;

export class SqliteStore implements HomeserverStore {
  /** Settles once the files are open, or cannot be. */
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onFatal: ((error: Error) => void) | undefined;
  #lastId = 0;
  #open = false;
  /** Why nothing is answered any more. */
  #ended: Error | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor({ folder, bytesMax, onFatal }: SqliteStoreOptions) {
    this.#onFatal = onFatal;
    const workerData: WorkerOptions = { path: join(folder, storeFileName), bytesMax };
    this.#worker = new Worker(workerFile, { workerData, name: "store" });
    this.opened = new Promise((resolve, reject) => {
      this.#waiting.set(this.#lastId, { since: Date.now(), resolve, reject });
    });
    this.#worker.on("message", (answer: Answer) => this.#answered(answer));
    this.#worker.on("error", (cause) =>
      this.#end(new StoreUnusableError("The store's thread failed.", { cause })),
    );
    this.#worker.on("exit", () => this.#end(new StoreUnusableError("The store's thread has ended.")));
    this.#watchLater();
  }

  load(): ReturnType<HomeserverStore["load"]> {
    return this.#read("load");
  }

  write(ops: WriteOp[]): Promise<WriteResult[]> {
    return this.#call({ call: "write", ops });
  }

  inboxState(account: AccountId): ReturnType<HomeserverStore["inboxState"]> {
    return this.#read("inboxState", account);
  }

  inboxPage(account: AccountId, after: number, limit: number): ReturnType<HomeserverStore["inboxPage"]> {
    return this.#read("inboxPage", account, after, limit);
  }

  outboxPage(
    destination: ServerId,
    streamClass: StreamClass,
    fromSequence: number,
    limit: number,
  ): ReturnType<HomeserverStore["outboxPage"]> {
    return this.#read("outboxPage", destination, streamClass, fromSequence, limit);
  }

  outboxFind(envelopes: EnvelopeId[]): ReturnType<HomeserverStore["outboxFind"]> {
    return this.#read("outboxFind", envelopes);
  }

  refusals(account: AccountId, envelopes: EnvelopeId[]): ReturnType<HomeserverStore["refusals"]> {
    return this.#read("refusals", account, envelopes);
  }

  keyPackageCount(account: AccountId, device: DeviceId, suite: KeyPackageSuite): Promise<number> {
    return this.#read("keyPackageCount", account, device, suite);
  }

  sealedGet(account: AccountId, name: string): ReturnType<HomeserverStore["sealedGet"]> {
    return this.#read("sealedGet", account, name);
  }

  sealedList(account: AccountId): ReturnType<HomeserverStore["sealedList"]> {
    return this.#read("sealedList", account);
  }

  archiveList(account: AccountId): ReturnType<HomeserverStore["archiveList"]> {
    return this.#read("archiveList", account);
  }

  archivePart(
    ...args: Parameters<HomeserverStore["archivePart"]>
  ): ReturnType<HomeserverStore["archivePart"]> {
    return this.#read("archivePart", ...args);
  }

  custodyFind(
    ...args: Parameters<HomeserverStore["custodyFind"]>
  ): ReturnType<HomeserverStore["custodyFind"]> {
    return this.#read("custodyFind", ...args);
  }

  custodyOfHash(
    ...args: Parameters<HomeserverStore["custodyOfHash"]>
  ): ReturnType<HomeserverStore["custodyOfHash"]> {
    return this.#read("custodyOfHash", ...args);
  }

  custodyPage(
    ...args: Parameters<HomeserverStore["custodyPage"]>
  ): ReturnType<HomeserverStore["custodyPage"]> {
    return this.#read("custodyPage", ...args);
  }

  custodySource(server: ServerId): Promise<Uint8Array | undefined> {
    return this.#read("custodySource", server);
  }

  custodyOwed(to: ServerId, limit: number): ReturnType<HomeserverStore["custodyOwed"]> {
    return this.#read("custodyOwed", to, limit);
  }

  receipts(...args: Parameters<HomeserverStore["receipts"]>): ReturnType<HomeserverStore["receipts"]> {
    return this.#read("receipts", ...args);
  }

  outboxPlaces(envelope: EnvelopeId): ReturnType<HomeserverStore["outboxPlaces"]> {
    return this.#read("outboxPlaces", envelope);
  }

  roomEntries(
    ...args: Parameters<HomeserverStore["roomEntries"]>
  ): ReturnType<HomeserverStore["roomEntries"]> {
    return this.#read("roomEntries", ...args);
  }

  roomInfo(...args: Parameters<HomeserverStore["roomInfo"]>): ReturnType<HomeserverStore["roomInfo"]> {
    return this.#read("roomInfo", ...args);
  }

  /** Ends the thread at once, whatever it is doing: what is not yet committed is lost, as in a crash. */
  async terminate(): Promise<void> {
    this.#open = false;
    this.#end(new StoreUnusableError("The store was terminated."));
    await this.#worker.terminate();
  }

  /** Finishes what was asked before, then closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) {
      const closed = this.#call({ call: "close" });
      this.#ended = new StoreUnusableError("The store is closed.");
      // A thread that failed meanwhile has closed the files too, and said why elsewhere.
      await closed.catch(() => undefined);
    }
    clearTimeout(this.#watch);
    await this.#worker.terminate();
  }

  #read<Name extends keyof Reads>(
    name: Name,
    ...args: Parameters<Reads[Name]>
  ): Promise<ReturnType<Reads[Name]>> {
    return this.#call({ call: "read", name, args });
  }

  #call<Result>(call: Unnumbered<Call>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      if (this.#waiting.size >= callsInFlightMax)
        return reject(new Error("too many calls to the store at once"));
      const id = (this.#lastId += 1);
      this.#waiting.set(id, { since: Date.now(), resolve, reject });
      const { value, transfer } = packBytes(call);
      this.#worker.postMessage({ id, ...value }, transfer);
    });
  }

  #answered(answer: Answer): void {
    switch (answer.answer) {
      case "ready":
        this.#open = true;
        return this.#take(0)?.resolve(undefined as never);
      case "result":
        return this.#take(answer.id)?.resolve(answer.result as never);
      case "failed":
        return this.#take(answer.id)?.reject(fromFailure(answer.failure));
      case "fatal":
        return this.#end(fromFailure(answer.failure));
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #end(error: Error): void {
    const unexpected = this.#open && this.#ended === undefined;
    this.#ended ??= error;
    clearTimeout(this.#watch);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
    if (unexpected) this.#onFatal?.(error);
  }

  /** The oldest call stands for all: answers come in the order of the calls, give or take one batch. */
  #watchLater(): void {
    this.#watch = setTimeout(() => {
      const [oldest] = this.#waiting.values();
      if (oldest === undefined || Date.now() - oldest.since < answerTimeoutMs) return this.#watchLater();
      this.#end(new StoreUnusableError(`The disk has not answered for ${answerTimeoutMs / 1_000} seconds.`));
      void this.#worker.terminate();
    }, answerTimeoutMs / 4).unref();
  }
}

/** Beside this file, in its language: TypeScript where it runs as it is, JavaScript in a packed release. */
const workerFile = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
