/**
 * SQL as the engine needs it: synchronous, one connection, one writer. Node's SQLite implements it now; SQLite WASM on
 * OPFS serves the same SQL in a browser's worker. Invariant: what a transaction wrote is on disk when it returns, or
 * nothing of it is.
 */
export type SqlValue = null | number | string | Uint8Array;

export interface Database {
  run(sql: string, ...values: SqlValue[]): { changes: number };
  /** The first row, or undefined. `Row` is what the caller knows of its own schema. */
  get<Row extends object>(sql: string, ...values: SqlValue[]): Row | undefined;
  all<Row extends object>(sql: string, ...values: SqlValue[]): Row[];
  /** Several statements without values; for the schema. */
  exec(sql: string): void;
  /** All of `work` or nothing. Inside another transaction it is part of that one. `work` must not be asynchronous. */
  transaction<T>(work: () => T): T;
  /**
   * Moves what is in the write-ahead log into the database and leaves nothing in the log. Loses nothing where it fails.
   * @returns false within a transaction, and where the disk refuses for now
   */
  emptyLog(): boolean;
  close(): void;
}

/** The disk is full: nothing was written, everything stored before is intact. */
export class StoreFullError extends Error {
  override readonly name = "StoreFullError";
}

/** The store cannot be opened: damaged, of a newer version, or in use. Nothing was changed; the message says what to do. */
export class StoreUnusableError extends Error {
  override readonly name = "StoreUnusableError";
}

/** A bound limit. As a bare parameter SQLite would plan the statement anew at each binding, which takes longer than a page. */
export const upTo = "LIMIT 0 + ?";

/** Inserts one row. `table` and the row's keys are our own schema's names, never data. */
export function insertRow(db: Database, table: string, row: object): void {
  db.run(insertSql("INSERT", table, Object.keys(row)), ...(Object.values(row) as SqlValue[]));
}

/** Inserts, or replaces the row with the same primary key. */
export function putRow(db: Database, table: string, row: object): void {
  db.run(insertSql("INSERT OR REPLACE", table, Object.keys(row)), ...(Object.values(row) as SqlValue[]));
}

function insertSql(verb: string, table: string, columns: string[]): string {
  return `${verb} INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
}
