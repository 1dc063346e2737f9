/**
 * New stores as the migrations leave them, without running the migrations each time: they take most of what it costs to
 * begin an engine. What they make of an older store is `store.test.ts`'s.
 */
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import type { Database } from "../src/store/database.ts";
import { migrate } from "../src/store/schema.ts";

interface Template {
  version: number;
  statements: string[];
  /** Of full-text indexes: their settings are rows of theirs. */
  settings: { index: string; name: string; value: number }[];
}

let template: Template | undefined;

/** @param path a file, which may be there already, or `:memory:` */
export function openMigratedDatabase(path: string): Database {
  const database = openSqliteDatabase(path);
  if (versionOf(database) > 0) return database;
  template ??= templateOf();
  const { version, statements, settings } = template;
  database.transaction(() => {
    for (const statement of statements) database.exec(statement);
    for (const { index, name, value } of settings)
      database.exec(`INSERT INTO ${index} (${index}, rank) VALUES ('${name}', ${value})`);
    database.exec(`PRAGMA user_version = ${version}`);
  });
  return database;
}

function templateOf(): Template {
  const database = openSqliteDatabase(":memory:");
  migrate(database);
  const tables = database.all<{ name: string; type: string }>("PRAGMA table_list");
  const shadows = new Set(tables.filter(({ type }) => type === "shadow").map(({ name }) => name));
  const indexes = tables.filter(({ type }) => type === "virtual").map(({ name }) => name);
  const made = database.all<{ name: string; sql: string | null }>(
    "SELECT name, sql FROM sqlite_schema ORDER BY rowid",
  );
  const settings = indexes.flatMap((index) =>
    database
      .all<{ k: string; v: number }>(`SELECT k, v FROM ${index}_config WHERE k <> 'version'`)
      .map(({ k, v }) => ({ index, name: k, value: v })),
  );
  const isOwn = (name: string, sql: string | null): sql is string =>
    sql !== null && !shadows.has(name) && !name.startsWith("sqlite_");
  const statements = made.flatMap(({ name, sql }) => (isOwn(name, sql) ? [sql] : []));
  const version = versionOf(database);
  database.close();
  return { version, statements, settings };
}

function versionOf(database: Database): number {
  return database.get<{ user_version: number }>("PRAGMA user_version")!.user_version;
}
