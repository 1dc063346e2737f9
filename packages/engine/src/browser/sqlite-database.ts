/**
 * The engine's database in a browser: SQLite's WebAssembly build on the origin's private file system, with the same SQL,
 * schema and write-ahead log as on Node. Invariants as there: one engine at a time holds the files, every transaction is
 * flushed before it returns, and what is damaged, foreign or newer is refused unchanged.
 */
import type { Database as Connection, PreparedStatement, Sqlite3Static } from "@sqlite.org/sqlite-wasm";
import type { Database, SqlValue } from "../store/database.ts";
import { StoreFullError, StoreUnusableError } from "../store/database.ts";
import { applicationId, sqliteCodes as codes } from "../store/sqlite-file.ts";
import type { StorePool } from "./sqlite-module.ts";
import { openStorePool } from "./sqlite-module.ts";

/** @param directory in the origin's private file system; nothing else lies there */
export async function openBrowserDatabase(directory: string): Promise<Database> {
  const pool = await openStorePool(directory);
  let connection: Connection | undefined;
  try {
    connection = pool.open("/engine.db");
    // Before the first access: then the log's index lies in memory, where this file system has none to share.
    connection.exec("PRAGMA locking_mode = EXCLUSIVE");
    // Else closing a store that is refused would write its log into it.
    setNoCheckpointOnClose(pool, connection, true);
    check(connection);
    setNoCheckpointOnClose(pool, connection, false);
    prepare(connection);
    return new WasmDatabase(pool, connection);
  } catch (error) {
    connection?.close();
    throw unusable(pool, error);
  }
}

function setNoCheckpointOnClose(
  { sqlite3: { capi } }: StorePool,
  { pointer }: Connection,
  on: boolean,
): void {
  capi.sqlite3_db_config(pointer!, capi.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 1 : 0, 0);
}

/** Throws `StoreUnusableError` for another program's database and for a damaged one. */
function check(connection: Connection): void {
  const id = connection.selectValue("PRAGMA application_id");
  const tables = connection.selectValue("SELECT count(*) FROM sqlite_schema");
  if (id !== applicationId && (id !== 0 || tables !== 0)) throw new StoreUnusableError(damaged);
  if (connection.selectValue("PRAGMA quick_check(1)") !== "ok") throw new StoreUnusableError(damaged);
}

function prepare(connection: Connection): void {
  const mode = connection.selectValue("PRAGMA journal_mode = WAL");
  if (mode !== "wal") throw new Error(`assertion: the log's mode is ${String(mode)}`);
  connection.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON");
  // Else a search or a migration could write what it sorts beside the database, where nothing erases it.
  connection.exec("PRAGMA temp_store = MEMORY");
  if (connection.selectValue("PRAGMA application_id") !== applicationId)
    connection.exec(`PRAGMA application_id = ${applicationId}`);
}

class WasmDatabase implements Database {
  readonly #pool: StorePool;
  readonly #capi: Sqlite3Static["capi"];
  readonly #connection: Connection;
  readonly #statements = new Map<string, Statement>();

  constructor(pool: StorePool, connection: Connection) {
    this.#pool = pool;
    this.#capi = pool.sqlite3.capi;
    this.#connection = connection;
  }

  run(sql: string, ...values: SqlValue[]): { changes: number } {
    return this.#guarded(() => {
      this.#rows(sql, values, 0);
      return { changes: this.#connection.changes() };
    });
  }

  get<Row extends object>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#rows(sql, values, 1)[0] as Row | undefined;
  }

  all<Row extends object>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#rows(sql, values, Infinity) as Row[];
  }

  exec(sql: string): void {
    this.#guarded(() => this.#connection.exec(sql));
  }

  transaction<T>(work: () => T): T {
    if (this.#isInTransaction) return work();
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      if (result instanceof Promise) throw new Error("assertion: a transaction does not wait");
      this.run("COMMIT");
      return result;
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#isInTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
  }

  emptyLog(): boolean {
    if (this.#isInTransaction) return false;
    try {
      return this.get<{ busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)")?.busy === 0;
    } catch (error) {
      // What is committed stays in the log, and a disk that is more than full shows itself at the next read or write.
      if (this.#codeOf(error) !== undefined) return false;
      throw error;
    }
  }

  close(): void {
    for (const { prepared } of this.#statements.values()) prepared.finalize();
    this.#statements.clear();
    if (this.#connection.isOpen()) this.#connection.close();
  }

  get #isInTransaction(): boolean {
    return this.#capi.sqlite3_get_autocommit(this.#connection.pointer!) === 0;
  }

  /** At most `max` rows; a statement that changes something runs to its end all the same, since it gives none. */
  #rows(sql: string, values: SqlValue[], max: number): object[] {
    const { prepared, columns } = this.#statement(sql);
    try {
      if (values.length > 0) prepared.bind(values);
      const rows: object[] = [];
      while (prepared.step() && rows.length < max) {
        const row: Record<string, SqlValue> = {};
        for (let at = 0; at < columns.length; at++) row[columns[at]!] = prepared.get(at) as SqlValue;
        rows.push(row);
        if (rows.length === max) break;
      }
      return rows;
    } finally {
      // With what was bound: keys must not lie about in memory for longer than they are used.
      prepared.resetNoThrow(true);
    }
  }

  #statement(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      const prepared = this.#connection.prepare(sql);
      statement = { prepared, columns: prepared.columnCount === 0 ? [] : prepared.getColumnNames() };
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guarded<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      if (isFull(this.#pool, error))
        throw new StoreFullError("There is no room left for FedChat in this browser.", { cause: error });
      throw error;
    }
  }

  #codeOf(error: unknown): number | undefined {
    return codeOf(this.#pool.sqlite3, error);
  }
}

interface Statement {
  prepared: PreparedStatement;
  columns: string[];
}

/** The primary result code (sqlite.org/rescode.html); undefined where SQLite did not throw. */
function codeOf({ SQLite3Error }: Sqlite3Static, error: unknown): number | undefined {
  return error instanceof SQLite3Error ? error.resultCode & 0xff : undefined;
}

/** SQLite hears of a spent quota as of any other failed write. */
function isFull(pool: StorePool, error: unknown): boolean {
  const code = codeOf(pool.sqlite3, error);
  return code === codes.full || (code === codes.ioError && pool.takeWasFull());
}

const damaged =
  "What FedChat keeps in this browser is damaged. Nothing was changed. Sign in again in another browser, or delete this site's data in the browser's settings to begin anew.";

function unusable(pool: StorePool, error: unknown): unknown {
  if (error instanceof StoreUnusableError) return error;
  const code = codeOf(pool.sqlite3, error);
  if (isFull(pool, error)) {
    const sentence =
      "There is no room left for FedChat in this browser. Nothing was lost; free some space on this machine, then open it again.";
    return new StoreFullError(sentence, { cause: error });
  }
  if (code === codes.corrupt || code === codes.notADatabase)
    return new StoreUnusableError(damaged, { cause: error });
  return error;
}
