/** What an engine's SQLite file is known by, and the result codes of SQLite that mean something to it. */

/** "FCen": marks the file as an engine's store. */
export const applicationId = 0x4643_656e;

/** Primary ones (sqlite.org/rescode.html). */
export const sqliteCodes = {
  busy: 5,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;
