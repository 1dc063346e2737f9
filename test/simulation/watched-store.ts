/**
 * A homeserver's store as its simulation sees it: every transaction goes into the trace, may be the process's last,
 * and is held to what must be true of each: an envelope is delivered to an account once, and no key or text that
 * belongs to an engine is in it.
 */
import type { HomeserverStore, WriteOp, WriteResult } from "../../packages/homeserver/src/store/store.ts";
import { StoreFullError } from "../../packages/homeserver/src/store/store.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

export interface StoreWatch {
  name: string;
  process: SimulatedProcess;
  trace: Trace;
  violated: (what: string) => void;
  /** Of this disk: which envelopes were delivered to whom. */
  delivered: Set<string>;
  /** Every byte array that was ever handed to the disk. */
  written: Uint8Array[];
  counts: { writing: number; refusedByFullDisk: number };
}

export function watchedStore(store: HomeserverStore, watch: StoreWatch): HomeserverStore {
  return {
    load: () => store.load(),
    write: (ops) => write(store, ops, watch),
    inboxState: (account) => store.inboxState(account),
    inboxPage: (account, after, limit) => store.inboxPage(account, after, limit),
    outboxPage: (destination, streamClass, from, limit) =>
      store.outboxPage(destination, streamClass, from, limit),
    outboxFind: (envelopes) => store.outboxFind(envelopes),
    refusals: (account, envelopes) => store.refusals(account, envelopes),
    keyPackageCount: (account, device) => store.keyPackageCount(account, device),
    sealedGet: (account, name) => store.sealedGet(account, name),
    sealedList: (account) => store.sealedList(account),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function write(store: HomeserverStore, ops: WriteOp[], watch: StoreWatch): Promise<WriteResult[]> {
  const { name, process, trace, counts } = watch;
  process.step();
  counts.writing += 1;
  try {
    const results = await store.write(ops);
    trace.add(`${name} commits`, ops);
    collectBytes(ops, watch.written);
    ops.forEach((op, index) => holdDeliveries(op, results[index]!, watch));
    return results;
  } catch (error) {
    if (error instanceof StoreFullError) counts.refusedByFullDisk += 1;
    trace.add(`${name} cannot commit`, String(error));
    throw error;
  } finally {
    counts.writing -= 1;
    process.step();
  }
}

function holdDeliveries(op: WriteOp, result: WriteResult, { name, delivered, violated }: StoreWatch): void {
  if (op.op !== "inbox.deliver" || result.op !== "inbox.deliver") return;
  op.deliveries.forEach(({ server, id }, index) => {
    for (const { account, outcome } of result.deliveries[index]!) {
      if (outcome !== "delivered") continue;
      const key = `${account} ${server} ${id}`;
      if (delivered.has(key)) violated(`${name} put an envelope into an inbox twice`);
      delivered.add(key);
    }
  });
}

/** Copies: whoever wrote them may change them. */
function collectBytes(value: unknown, into: Uint8Array[]): void {
  if (value instanceof Uint8Array) into.push(value.slice());
  else if (typeof value === "string") into.push(Buffer.from(value));
  else if (typeof value === "object" && value !== null)
    for (const part of Object.values(value)) collectBytes(part, into);
}
