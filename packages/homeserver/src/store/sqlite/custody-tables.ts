/**
 * Custody in tables: bundles of others in the order in which they go on, the records that open them, receipts that are
 * owed, and the receipts for what lies in the own outbox.
 */
import type { DatabaseSync } from "node:sqlite";
import type { BundleClass, ServerId, StreamClass } from "@fedchat/protocol";
import type {
  CustodyEntry,
  CustodyGone,
  CustodyKey,
  CustodyOp,
  CustodyPlace,
  CustodyResult,
  CustodyRow,
  CustodyTotal,
  ReceiptRow,
} from "../custody-store.ts";
import { classCodes, inReceiptOrder } from "../custody-store.ts";
import { pageBytesMax } from "../limits.ts";
import { upTo } from "./bound-limit.ts";
import { idBytes, idsBytes, idsText, idText } from "./ids.ts";

const classNames = Object.fromEntries(
  Object.entries(classCodes).map(([name, code]) => [code, name]),
) as Record<number, BundleClass>;

interface StoredEntry {
  number: number;
  handed_by: Uint8Array;
  next: Uint8Array;
  source: Uint8Array;
  destination: Uint8Array;
  class: number;
  stream: number;
  sequence: number;
  created: number;
  taken: number;
  until: number;
  hash: Uint8Array;
  passed: number;
  bytes: number;
  bundle: Uint8Array;
}

const entryColumns =
  "number, handed_by, next, source, destination, class, stream, sequence, created, taken, until, hash, passed, length(bundle) AS bytes";
const goneColumns = "handed_by, next, source, length(bundle) AS bytes";

export type CustodyTables = ReturnType<typeof custodyTables>;

export function custodyTables(db: DatabaseSync) {
  const keyed =
    "source = ? AND destination = ? AND class = ? AND stream = ? AND sequence = ? AND handed_by = ?";
  const insert = db.prepare(
    "INSERT INTO custody (handed_by, next, source, destination, class, stream, sequence, created, taken, until, hash, passed, bundle) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const deleteKey = db.prepare(`DELETE FROM custody WHERE ${keyed} RETURNING ${goneColumns}`);
  const deleteTaken = db.prepare(
    "DELETE FROM custody WHERE next = ?1 AND source = ?2 AND class = ?3 AND stream = ?4 AND sequence <= ?5 AND destination = ?1 " +
      `RETURNING ${goneColumns}`,
  );
  const deleteOutdated = db.prepare(
    "DELETE FROM custody WHERE source = ?1 AND destination = ?2 AND class = ?3 AND stream < ?4 AND handed_by = ?1 " +
      `RETURNING ${goneColumns}`,
  );
  const deleteHash = db.prepare(`DELETE FROM custody WHERE next = ? AND hash = ? RETURNING ${goneColumns}`);
  const deleteExpired = db.prepare(`DELETE FROM custody WHERE until <= ? RETURNING ${goneColumns}`);
  const findHash = db.prepare(
    `SELECT ${entryColumns} FROM custody WHERE next = ? AND hash = ? ORDER BY number`,
  );
  const empty = db.prepare(
    "UPDATE custody SET bundle = x'', until = min(until, ?) WHERE next = ? AND hash = ?",
  );
  const pass = db.prepare("UPDATE custody SET passed = passed + 1 WHERE next = ? AND hash = ?");
  const findKey = db.prepare(`SELECT ${entryColumns} FROM custody WHERE ${keyed}`);
  const page = db.prepare(
    `SELECT ${entryColumns}, bundle FROM custody WHERE next = ? AND source = ? ` +
      "AND (class, stream, sequence, number) > (?, ?, ?, ?) AND bundle <> x'' " +
      `ORDER BY class, stream, sequence, number ${upTo}`,
  );
  const putSource = db.prepare(
    "INSERT INTO custody_sources (server, sequence, record) VALUES (?, ?, ?) ON CONFLICT (server) " +
      "DO UPDATE SET sequence = excluded.sequence, record = excluded.record WHERE excluded.sequence > sequence",
  );
  const findSource = db.prepare("SELECT record FROM custody_sources WHERE server = ?");
  const dropSources = db.prepare(
    "DELETE FROM custody_sources WHERE NOT EXISTS (SELECT 1 FROM custody WHERE source = server)",
  );
  const insertOwed = db.prepare("INSERT INTO custody_owed (server, receipt, until) VALUES (?, ?, ?)");
  const deleteOwed = db.prepare("DELETE FROM custody_owed WHERE server = ? AND number <= ?");
  const expireOwed = db.prepare("DELETE FROM custody_owed WHERE until <= ?");
  const findOwed = db.prepare(
    `SELECT number, receipt FROM custody_owed WHERE server = ? ORDER BY number ${upTo}`,
  );
  const putReceipt = db.prepare(
    "INSERT OR REPLACE INTO receipts (outgoing, sequence, relay, hash, taken, until, at, path) " +
      "SELECT outbox.outgoing, outbox.sequence, ?, ?, ?, ?, ?, ? FROM outgoing JOIN outbox ON outbox.outgoing = number " +
      "WHERE destination = ? AND class = ? AND stream = ? AND outbox.sequence = ?",
  );
  const findReceipts = db.prepare(
    "SELECT stream, sequence, relay, hash, taken, until, at, path FROM outgoing JOIN receipts ON outgoing = number " +
      "WHERE destination = ? AND class = ? AND sequence >= ? AND sequence <= ?",
  );

  return {
    apply(op: CustodyOp): CustodyResult | { op: "done" } {
      switch (op.op) {
        case "custody.put": {
          const gone = goneOf(deleteKey.all(...keyOf(op.row)), "none");
          const { row } = op;
          insert.run(
            ...[idBytes(row.from), idBytes(row.next), idBytes(row.source), idBytes(row.destination)],
            ...[classCodes[row.class], row.stream, row.sequence, row.created, row.taken, row.until],
            ...[row.hash, row.passed, row.bundle],
          );
          return gone;
        }
        case "custody.source":
          putSource.run(idBytes(op.server), op.sequence, op.record);
          return { op: "done" };
        case "custody.taken": {
          const { next, source, stream, upTo } = op;
          return goneOf(
            deleteTaken.all(idBytes(next), idBytes(source), classCodes[op.class], stream, upTo),
            "none",
          );
        }
        case "custody.outdated": {
          const [source, destination] = [idBytes(op.source), idBytes(op.destination)];
          return goneOf(deleteOutdated.all(source, destination, classCodes[op.class], op.stream), "none");
        }
        case "custody.drop":
          return goneOf(deleteHash.all(idBytes(op.next), op.hash), "none");
        case "custody.handedOn": {
          const gone = goneOf(findHash.all(idBytes(op.next), op.hash), "row");
          empty.run(op.until, idBytes(op.next), op.hash);
          return gone;
        }
        case "custody.passed":
          pass.run(idBytes(op.next), op.hash);
          return { op: "done" };
        case "custody.expire": {
          const gone = goneOf(deleteExpired.all(op.now), "none");
          expireOwed.run(op.now);
          dropSources.run();
          return gone;
        }
        case "custody.owe":
          insertOwed.run(idBytes(op.to), op.receipt, op.until);
          return { op: "done" };
        case "custody.paid":
          deleteOwed.run(idBytes(op.to), op.upTo);
          return { op: "done" };
        case "receipt.put": {
          const { destination, relay, hash, taken, until, at, path, stream, sequence } = op.row;
          putReceipt.run(
            ...[idBytes(relay), hash, taken, until, at, idsBytes(path)],
            ...[idBytes(destination), op.row.class, stream, sequence],
          );
          return { op: "done" };
        }
      }
    },

    find(key: CustodyKey): CustodyEntry | undefined {
      const row = findKey.get(...keyOf(key)) as unknown as StoredEntry | undefined;
      return row && entryOf(row);
    },

    ofHash(next: ServerId, hash: Uint8Array): CustodyEntry[] {
      return (findHash.all(idBytes(next), hash) as unknown as StoredEntry[]).map(entryOf);
    },

    page(
      next: ServerId,
      source: ServerId,
      after: CustodyPlace | undefined,
      limit: number,
    ): (CustodyRow & { number: number })[] {
      const place = after === undefined ? [-1, 0, 0, 0] : placeOf(after);
      const rows: (CustodyRow & { number: number })[] = [];
      let size = 0;
      for (const found of page.iterate(
        idBytes(next),
        idBytes(source),
        ...place,
        limit,
      ) as Iterable<unknown>) {
        const row = found as StoredEntry;
        size += row.bundle.length;
        if (rows.length > 0 && size > pageBytesMax) break;
        const { bytes: _, ...entry } = entryOf(row);
        rows.push({ ...entry, bundle: row.bundle, number: row.number });
      }
      return rows;
    },

    source(server: ServerId): Uint8Array | undefined {
      return findSource.get(idBytes(server))?.["record"] as Uint8Array | undefined;
    },

    owed(to: ServerId, limit: number): { number: number; receipt: Uint8Array }[] {
      return findOwed
        .all(idBytes(to), limit)
        .map((row) => ({ number: row["number"] as number, receipt: row["receipt"] as Uint8Array }));
    },

    receipts(
      destination: ServerId,
      streamClass: StreamClass,
      fromSequence: number,
      toSequence: number,
    ): ReceiptRow[] {
      return findReceipts
        .all(idBytes(destination), streamClass, fromSequence, toSequence)
        .map((row) => ({
          destination,
          class: streamClass,
          stream: row["stream"] as number,
          sequence: row["sequence"] as number,
          relay: idText<ServerId>(row["relay"] as Uint8Array),
          hash: row["hash"] as Uint8Array,
          taken: row["taken"] as number,
          until: row["until"] as number,
          at: row["at"] as number,
          path: idsText(row["path"] as Uint8Array),
        }))
        .toSorted(inReceiptOrder);
    },

    load(): CustodyTotal[] {
      return db
        .prepare(
          "SELECT handed_by, next, source, count(*) AS row_count, count(nullif(bundle, x'')) AS bundles, sum(length(bundle)) AS bytes FROM custody " +
            "GROUP BY handed_by, next, source",
        )
        .all()
        .map((row) => ({
          from: idText(row["handed_by"] as Uint8Array),
          next: idText(row["next"] as Uint8Array),
          source: idText(row["source"] as Uint8Array),
          rows: row["row_count"] as number,
          bundles: row["bundles"] as number,
          bytes: row["bytes"] as number,
        }));
    },
  };
}

function keyOf({ from, source, destination, class: bundleClass, stream, sequence }: CustodyKey) {
  return [
    ...[idBytes(source), idBytes(destination), classCodes[bundleClass], stream, sequence, idBytes(from)],
  ];
}

function placeOf({ class: bundleClass, stream, sequence, number }: CustodyPlace): number[] {
  return [classCodes[bundleClass], stream, sequence, number];
}

function entryOf(row: StoredEntry): CustodyEntry {
  return {
    from: idText(row.handed_by),
    next: idText(row.next),
    source: idText(row.source),
    destination: idText(row.destination),
    class: classNames[row.class]!,
    stream: row.stream,
    sequence: row.sequence,
    created: row.created,
    taken: row.taken,
    until: row.until,
    hash: row.hash,
    passed: row.passed,
    bytes: row.bytes,
  };
}

function goneOf(rows: unknown[], left: CustodyGone["left"]): CustodyResult {
  const gone = (rows as StoredEntry[]).map(({ handed_by, next, source, bytes }) => ({
    from: idText<ServerId>(handed_by),
    next: idText<ServerId>(next),
    source: idText<ServerId>(source),
    bytes,
    left,
  }));
  return { op: "custody", gone };
}
