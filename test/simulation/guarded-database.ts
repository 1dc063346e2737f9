/**
 * An engine's database as one run of the engine sees it: every transaction goes into the trace, may be the run's last,
 * and is refused while the disk is full. What was committed stays for the next run; an ended run changes nothing.
 */
import type { Database } from "../../packages/engine/src/store/database.ts";
import { StoreFullError } from "../../packages/engine/src/store/database.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

export interface EngineDisk {
  full: boolean;
  refusedByFullDisk: number;
}

export interface DatabaseGuard {
  name: string;
  process: SimulatedProcess;
  trace: Trace;
  disk: EngineDisk;
}

export function guardedDatabase(database: Database, { name, process, trace, disk }: DatabaseGuard): Database {
  let inside = false;
  let closed = false;
  const open = () => {
    if (closed) throw new Error("assertion: a closed database is used");
    return database;
  };
  const refuse = (why: string): never => {
    if (!process.ended) disk.refusedByFullDisk += 1;
    throw new StoreFullError(why);
  };
  const atomically = <T>(work: (db: Database) => T): T => {
    if (inside) return work(open());
    process.step();
    if (process.ended || disk.full) refuse("the simulated disk takes nothing");
    inside = true;
    try {
      const result = work(open());
      trace.add(`${name} committed`);
      return result;
    } finally {
      inside = false;
      process.step();
    }
  };
  return {
    get: (sql, ...values) => open().get(sql, ...values),
    all: (sql, ...values) => open().all(sql, ...values),
    exec: (sql) => atomically((db) => db.exec(sql)),
    run: (sql, ...values) =>
      atomically((db) => {
        trace.add(`${name} runs`, sql, values);
        return db.run(sql, ...values);
      }),
    transaction: (work) => (inside ? work() : atomically((db) => db.transaction(work))),
    emptyLog: () => !inside && !process.ended && !disk.full && open().emptyLog(),
    close: () => void (closed = true),
  };
}
