/**
 * The engine's database on node:sqlite: one file, WAL, every transaction synced to disk. Invariant: one engine at a
 * time holds the file, and the file is its owner's only. A damaged, foreign or newer store is refused unchanged.
 */
import { chmodSync, closeSync, existsSync, openSync } from "node:fs";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import type { Database, SqlValue } from "../store/database.ts";
import { StoreFullError, StoreUnusableError } from "../store/database.ts";
import { applicationId, sqliteCodes as codes } from "../store/sqlite-file.ts";

/** @param path a file, or `:memory:` for a store that lives as long as this object */
export function openSqliteDatabase(path: string): Database {
  try {
    if (path !== ":memory:") createPrivately(path);
    const checked = path !== ":memory:" && checkReadOnly(path);
    const connection = new DatabaseSync(path);
    try {
      // Exclusive from the first read on: a second engine on the same keys would use one message key twice.
      connection.exec("PRAGMA locking_mode = EXCLUSIVE");
      if (!checked) check(connection);
      prepare(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
    return new SqliteDatabase(connection);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** SQLite gives its WAL the same mode as the file. */
function createPrivately(path: string): void {
  if (existsSync(path)) chmodSync(path, 0o600);
  else closeSync(openSync(path, "wx", 0o600));
}

/**
 * Without write access: closing a store that was opened for writing empties its log into it, also where it is damaged.
 * False where a full disk has no room for the small file that this needs beside the log.
 */
function checkReadOnly(path: string): boolean {
  const connection = new DatabaseSync(path, { readOnly: true });
  try {
    check(connection);
    return true;
  } catch (error) {
    if (codeOf(error) === codes.ioError) return false;
    throw error;
  } finally {
    connection.close();
  }
}

/** Throws `StoreUnusableError` for another program's database and for a damaged one. */
function check(connection: DatabaseSync): void {
  const id = pragma(connection, "application_id");
  const tables = connection.prepare("SELECT count(*) AS n FROM sqlite_schema").get()!["n"];
  if (id !== applicationId && (id !== 0 || tables !== 0)) throw new StoreUnusableError("foreign");
  const found = connection.prepare("PRAGMA quick_check(1)").get()!["quick_check"];
  if (found !== "ok") throw new StoreUnusableError("damaged");
}

function prepare(connection: DatabaseSync): void {
  connection.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
  );
  connection.exec("BEGIN EXCLUSIVE");
  // A store that is marked is not written to: it opens on a full disk too.
  if (pragma(connection, "application_id") !== applicationId)
    connection.exec(`PRAGMA application_id = ${applicationId}`);
  connection.exec("COMMIT");
}

function pragma(connection: DatabaseSync, name: string, column = name): unknown {
  return connection.prepare(`PRAGMA ${name}`).get()![column];
}

class SqliteDatabase implements Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #queries = new Map<string, Query>();

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  run(sql: string, ...values: SqlValue[]): { changes: number } {
    return { changes: Number(this.#guarded(() => this.#statement(sql).run(...values)).changes) };
  }

  get<Row extends object>(sql: string, ...values: SqlValue[]): Row | undefined {
    const { statement, columns } = this.#query(sql);
    // Node's types know rows as objects only.
    const row = statement.get(...values) as SqlValue[] | undefined;
    return row && (rowOf(columns, row) as Row);
  }

  all<Row extends object>(sql: string, ...values: SqlValue[]): Row[] {
    const { statement, columns } = this.#query(sql);
    const rows = statement.all(...values) as unknown as SqlValue[][];
    return rows.map((row) => rowOf(columns, row) as Row);
  }

  exec(sql: string): void {
    this.#guarded(() => this.#connection.exec(sql));
  }

  transaction<T>(work: () => T): T {
    if (this.#connection.isTransaction) return work();
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      if (result instanceof Promise) throw new Error("assertion: a transaction does not wait");
      this.run("COMMIT");
      return result;
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
  }

  emptyLog(): boolean {
    if (this.#connection.isTransaction) return false;
    try {
      return pragma(this.#connection, "wal_checkpoint(TRUNCATE)", "busy") === 0;
    } catch (error) {
      // What is committed stays in the log, and a disk that is more than full shows itself at the next read or write.
      if (codeOf(error) !== undefined) return false;
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#queries.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #query(sql: string): Query {
    let query = this.#queries.get(sql);
    if (query === undefined) {
      const statement = this.#connection.prepare(sql);
      statement.setReturnArrays(true);
      query = { statement, columns: statement.columns().map(({ name }) => name) };
      this.#queries.set(sql, query);
    }
    return query;
  }

  #guarded<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      if (codeOf(error) === codes.full)
        throw new StoreFullError("The disk of this machine is full.", { cause: error });
      throw error;
    }
  }
}

/** A statement that gives rows as arrays: Node makes an object's names anew for every row, which takes longer than to find it. */
interface Query {
  statement: StatementSync;
  columns: string[];
}

function rowOf(columns: string[], values: SqlValue[]): object {
  const row: Record<string, SqlValue> = {};
  for (let index = 0; index < columns.length; index++) row[columns[index]!] = values[index]!;
  return row;
}

function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  // Extended result codes keep the primary one in their lowest byte.
  return typeof code === "number" ? code & 0xff : undefined;
}

function unusable(path: string, error: unknown): unknown {
  const code = codeOf(error);
  const system = (error as NodeJS.ErrnoException).code;
  if (code === codes.full || system === "ENOSPC" || system === "EDQUOT") {
    return new StoreFullError(
      `${path}: the disk is full. Nothing was lost; free some space, then start again.`,
      { cause: error },
    );
  }
  const kept = "Nothing was changed.";
  const says = (sentence: string) => new StoreUnusableError(`${path}: ${sentence}`, { cause: error });
  if (code === codes.busy) {
    return says(
      "another engine has this store open. Stop it first; two engines on one store would break encryption.",
    );
  }
  const reason = error instanceof StoreUnusableError ? error.message : undefined;
  if (reason === "foreign")
    return says(`this is another program's database. ${kept} Choose another directory.`);
  if (reason === "damaged" || code === codes.corrupt || code === codes.notADatabase) {
    return says(
      `the store is damaged. ${kept} Put a backup in its place (with ${path}-wal, if there is one), or move both away to begin anew.`,
    );
  }
  if (code === codes.cannotOpen || code === codes.ioError || system === "EACCES" || system === "EPERM") {
    return says("the store cannot be read. Check the disk and the file's permissions.");
  }
  return error;
}
