/**
 * The thread that owns the database. Writes that came while a transaction was being committed go into the next one
 * together; reads that came with them see them. A write that fails takes nothing of itself and nothing of others with
 * it: what was joined is then tried again one by one. A store that is damaged answers nothing more.
 */
import { parentPort, workerData } from "node:worker_threads";
import { StoreUnusableError } from "../store.ts";
import type { WriteOp, WriteResult } from "../store.ts";
import type { Answer, Call, WorkerOptions } from "./messages.ts";
import { toFailure } from "./messages.ts";
import { openDatabase } from "./open-database.ts";
import { operations } from "./operations.ts";
import { packBytes } from "./pack-bytes.ts";
import { explained } from "./sqlite-errors.ts";
import { inTransaction } from "./transaction.ts";

type Write = Extract<Call, { call: "write" }>;
type Read = Extract<Call, { call: "read" }>;

const port = parentPort!;
const { path, bytesMax } = workerData as WorkerOptions;

function tell(answer: Answer): void {
  const { value, transfer } = packBytes(answer);
  port.postMessage(value, transfer);
}

function serve(): void {
  const db = openDatabase(path, bytesMax);
  const store = operations(db);
  let queue: Call[] = [];

  port.on("message", (call: Call) => {
    queue.push(call);
    // After everything else that has arrived by now.
    if (queue.length === 1) setImmediate(work);
  });
  tell({ answer: "ready" });

  function work(): void {
    const calls = queue;
    queue = [];
    commit(calls.filter((call) => call.call === "write"));
    for (const call of calls) if (call.call === "read") answer(call);
    const closing = calls.find((call) => call.call === "close");
    if (closing === undefined) return;
    db.close();
    tell({ answer: "result", id: closing.id, result: undefined });
    port.close();
  }

  /** One transaction for all; where that fails, one for each. */
  function commit(writes: Write[]): void {
    if (writes.length === 0) return;
    try {
      const results = transaction(writes.map(({ ops }) => ops));
      writes.forEach(({ id }, index) => tell({ answer: "result", id, result: results[index] }));
    } catch (error) {
      const [only, another] = writes;
      if (another === undefined) fail(only!.id, error);
      else for (const write of writes) commit([write]);
    }
  }

  function transaction(writes: WriteOp[][]): WriteResult[][] {
    try {
      return inTransaction(db, () => writes.map(store.write));
    } catch (error) {
      store.rolledBack();
      throw error;
    }
  }

  function answer({ id, name, args }: Read): void {
    try {
      const read = store.reads[name] as (...args: unknown[]) => unknown;
      tell({ answer: "result", id, result: read(...args) });
    } catch (error) {
      fail(id, error);
    }
  }

  function fail(id: number, error: unknown): void {
    const meaning = explained(error, path);
    if (meaning instanceof StoreUnusableError) end(meaning);
    else tell({ answer: "failed", id, failure: toFailure(meaning) });
  }
}

function end(error: unknown): void {
  tell({ answer: "fatal", failure: toFailure(error) });
  port.close();
}

try {
  serve();
} catch (error) {
  end(error);
}
