/** The store of a homeserver: its interface, in memory for simulations, and on disk. */
export { MemoryStore } from "./memory-store.ts";
export type { MemoryDisk } from "./memory-store.ts";
export { openSqliteStore, SqliteStore, storeFileName } from "./sqlite/sqlite-store.ts";
export type { SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
export * from "./store.ts";
