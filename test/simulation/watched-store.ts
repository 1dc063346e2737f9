/**
 * A homeserver's store as its simulation sees it: every transaction goes into the trace, may be the process's last,
 * and is held to what must be true of each: an envelope is delivered to an account once, a stream goes forward only,
 * and no key or text that belongs to an engine is in it.
 */
import type { ServerId } from "@fedchat/protocol";
import type {
  HomeserverStore,
  IncomingStream,
  WriteOp,
  WriteResult,
} from "../../packages/homeserver/src/store/store.ts";
import { MemoryStore } from "../../packages/homeserver/src/store/memory-store.ts";
import { StoreFullError } from "../../packages/homeserver/src/store/store.ts";
import type { RoomLogsWatch } from "./room-logs-watch.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

export interface StoreWatch {
  name: string;
  process: SimulatedProcess;
  trace: Trace;
  violated: (what: string) => void;
  /** For whom bundles were ever kept. */
  destinations: Set<ServerId>;
  /** Of this disk: which envelopes were delivered to whom. */
  delivered: Set<string>;
  /** Of this disk: how far each stream to it came. */
  streams: Map<string, IncomingStream>;
  /** Every byte array that was ever handed to the disk; undefined: nobody will look. */
  written: Uint8Array[] | undefined;
  counts: { writing: number; refusedByFullDisk: number; cameAgain: number };
  /** Of this disk: what it holds for others, and may. */
  custody: { bytes: number; bytesMax: number };
  /** Bundles that it ever took into custody: who handed each over, by its hash. */
  handedBy: Map<string, ServerId>;
  /** Of the whole network. */
  roomLogs: RoomLogsWatch;
  /** Told of everything that is on disk. */
  stored: (op: WriteOp, result: WriteResult) => void;
}

export function watchedStore(store: MemoryStore, watch: StoreWatch): HomeserverStore {
  return { ...methodsOf(store), write: (ops) => write(store, ops, watch) };
}

/** As an object's own, so that mutants can replace any of them. */
function methodsOf(store: MemoryStore): HomeserverStore {
  const names = Reflect.ownKeys(MemoryStore.prototype) as (keyof HomeserverStore)[];
  return Object.fromEntries(
    names.map((name) => [name, store[name].bind(store)]),
  ) as unknown as HomeserverStore;
}

async function write(store: MemoryStore, ops: WriteOp[], watch: StoreWatch): Promise<WriteResult[]> {
  const { name, process, trace, counts } = watch;
  process.step();
  counts.writing += 1;
  try {
    const results = await store.write(ops);
    trace.add(`${name} commits`, ops);
    if (watch.written !== undefined) collectBytes(ops, watch.written);
    ops.forEach((op, index) => {
      holdDeliveries(op, results[index]!, watch);
      holdStreams(op, watch);
      holdCustody(op, results[index]!, watch);
      const fork = watch.roomLogs.fault(op);
      if (fork !== undefined) watch.violated(`${name} keeps ${fork}`);
      watch.stored(op, results[index]!);
      if (op.op === "outbox.append") for (const row of op.rows) watch.destinations.add(row.destination);
    });
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

function holdDeliveries(op: WriteOp, result: WriteResult, watch: StoreWatch): void {
  if (op.op !== "inbox.deliver" || result.op !== "inbox.deliver") return;
  const { name, delivered, violated, counts } = watch;
  op.deliveries.forEach(({ server, id }, index) => {
    for (const { account, outcome } of result.deliveries[index]!) {
      if (outcome === "duplicate") counts.cameAgain += 1;
      if (outcome !== "delivered") continue;
      const key = `${account} ${server} ${id}`;
      if (delivered.has(key)) violated(`${name} put an envelope into an inbox twice`);
      delivered.add(key);
    }
  });
}

/** [B6] [B7] */
function holdStreams(op: WriteOp, { name, streams, violated }: StoreWatch): void {
  if (op.op === "stream.forget") {
    for (const place of streams.keys()) if (place.startsWith(op.server)) streams.delete(place);
  }
  if (op.op !== "stream.received") return;
  const { source, stream, committed } = op.row;
  const place = `${source} ${op.row.class}`;
  const before = streams.get(place);
  const back =
    before !== undefined &&
    (stream < before.stream || (stream === before.stream && committed < before.committed));
  if (back) violated(`${name} went back in a stream`);
  streams.set(place, op.row);
}

/** Within its quota [K3], and nothing in a circle: whoever hands over anew seals anew. [K1] */
function holdCustody(op: WriteOp, result: WriteResult, watch: StoreWatch): void {
  const { name, custody, handedBy, violated } = watch;
  if (result.op === "custody") for (const { bytes } of result.gone) custody.bytes -= bytes;
  if (op.op !== "custody.put") return;
  const { hash, from, bundle } = op.row;
  custody.bytes += bundle.length;
  const key = Buffer.from(hash).toString("base64");
  const before = handedBy.get(key);
  if (before !== undefined && before !== from)
    violated(`${name} was handed a bundle again by another server`);
  handedBy.set(key, from);
  if (custody.bytes > custody.bytesMax) violated(`${name} took more into custody than it may hold`);
}

/** Copies: whoever wrote them may change them. */
function collectBytes(value: unknown, into: Uint8Array[]): void {
  if (value instanceof Uint8Array) into.push(value.slice());
  else if (typeof value === "string") into.push(Buffer.from(value));
  else if (typeof value === "object" && value !== null)
    for (const part of Object.values(value)) collectBytes(part, into);
}
