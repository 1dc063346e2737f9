/**
 * Outboxes in tables: bundles are appended; a small row per (destination and class, sequence) finds each, and another
 * per envelope says where an envelope waits. Renumbering a stream touches the small rows only. Invariant: all bundles
 * that wait for one destination and class belong to its present outgoing stream.
 */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId, EnvelopeId, ServerId, StreamClass } from "@fedchat/protocol";
import { assert } from "../assert.ts";
import { pageBytesMax } from "../limits.ts";
import { continues } from "../outbox-order.ts";
import type { OutboxRow, OutgoingStream } from "../store.ts";
import { upTo } from "./bound-limit.ts";
import { idBytes, idText } from "./ids.ts";

interface Outgoing {
  number: number;
  stream: number;
  next: number;
}

interface StoredBundle {
  sequence: number;
  created: number;
  expires_at: number;
  envelopes: Uint8Array;
  body: Uint8Array;
}

export type OutboxTables = ReturnType<typeof outboxTables>;

export function outboxTables(db: DatabaseSync) {
  const findOutgoing = db.prepare(
    "SELECT number, stream, next FROM outgoing WHERE destination = ? AND class = ?",
  );
  const putOutgoing = db.prepare(
    "INSERT INTO outgoing (destination, class, stream, next) VALUES (?, ?, ?, ?) " +
      "ON CONFLICT (destination, class) DO UPDATE SET stream = excluded.stream, next = excluded.next RETURNING number",
  );
  const insertBundle = db.prepare(
    "INSERT INTO bundles (created, expires_at, envelopes, body) VALUES (?, ?, ?, ?)",
  );
  const insertWaiting = db.prepare("INSERT INTO outbox (outgoing, sequence, bundle) VALUES (?, ?, ?)");
  const insertEnvelope = db.prepare(
    "INSERT OR IGNORE INTO outbox_envelopes (envelope, bundle, outgoing) VALUES (?, ?, ?)",
  );
  const outgoingTo = db.prepare("SELECT number FROM outgoing WHERE destination = ?");
  const deleteOutgoing = db.prepare("DELETE FROM outgoing WHERE number = ?");
  const anyWaiting = db.prepare("SELECT 1 FROM outbox WHERE outgoing = ? LIMIT 1");
  const bundlesUpTo = db.prepare("SELECT bundle FROM outbox WHERE outgoing = ? AND sequence <= ?");
  const bundlesInOrder = db.prepare("SELECT bundle FROM outbox WHERE outgoing = ? ORDER BY sequence");
  const deleteUpTo = db.prepare("DELETE FROM outbox WHERE outgoing = ? AND sequence <= ?");
  const deleteAll = db.prepare("DELETE FROM outbox WHERE outgoing = ?");
  const receiptsUpTo = db.prepare("DELETE FROM receipts WHERE outgoing = ? AND sequence <= ?");
  const places = db.prepare(
    "SELECT destination, class, sequence, envelopes FROM outbox_envelopes JOIN outbox USING (bundle) " +
      "JOIN bundles ON bundles.number = bundle JOIN outgoing ON outgoing.number = outbox.outgoing WHERE envelope = ? " +
      "ORDER BY destination, class, sequence",
  );
  const deleteBundle = db.prepare("DELETE FROM bundles WHERE number = ? RETURNING envelopes");
  const deleteEnvelope = db.prepare("DELETE FROM outbox_envelopes WHERE envelope = ? AND bundle = ?");
  const page = db.prepare(
    "SELECT sequence, created, expires_at, envelopes, body FROM outbox JOIN bundles ON number = bundle " +
      `WHERE outgoing = ? AND sequence >= ? ORDER BY sequence ${upTo}`,
  );
  const destinationsOf = db.prepare(
    "SELECT DISTINCT destination FROM outbox_envelopes JOIN outgoing ON number = outgoing WHERE envelope = ?",
  );

  function outgoingOf(destination: ServerId, streamClass: StreamClass): Outgoing | undefined {
    return findOutgoing.get(idBytes(destination), streamClass) as Outgoing | undefined;
  }

  function put(row: OutgoingStream): number {
    return putOutgoing.get(idBytes(row.destination), row.class, row.stream, row.next)!["number"] as number;
  }

  function dropUpTo(outgoing: number, sequence: number): void {
    for (const { bundle } of bundlesUpTo.all(outgoing, sequence) as { bundle: number }[]) {
      const { envelopes } = deleteBundle.get(bundle) as { envelopes: Uint8Array };
      for (const { id } of unpackEnvelopes(envelopes)) deleteEnvelope.run(idBytes(id), bundle);
    }
    deleteUpTo.run(outgoing, sequence);
    receiptsUpTo.run(outgoing, sequence);
  }

  return {
    append(row: OutboxRow): void {
      const { destination, class: streamClass, stream, sequence } = row;
      const outgoing = outgoingOf(destination, streamClass);
      const waiting = outgoing !== undefined && anyWaiting.get(outgoing.number) !== undefined;
      assert(continues(row, outgoing, waiting), "a bundle continues its stream");
      const number = put({ destination, class: streamClass, stream, next: sequence + 1 });
      const bundle = insertBundle.run(row.created, row.expiresAt, packEnvelopes(row.envelopes), row.body);
      insertWaiting.run(number, sequence, bundle.lastInsertRowid);
      for (const { id } of row.envelopes) insertEnvelope.run(idBytes(id), bundle.lastInsertRowid, number);
    },

    /** Drops the bundles of this stream up to and with `sequence`. */
    drop(destination: ServerId, streamClass: StreamClass, stream: number, sequence: number): void {
      const outgoing = outgoingOf(destination, streamClass);
      if (outgoing?.stream === stream) dropUpTo(outgoing.number, sequence);
    },

    /** Drops the streams to this destination with all that waits. */
    forget(destination: ServerId): void {
      for (const { number } of outgoingTo.all(idBytes(destination)) as { number: number }[]) {
        dropUpTo(number, Number.MAX_SAFE_INTEGER);
        deleteOutgoing.run(number);
      }
    },

    /** Opens a new stream with what waits, numbered from 1. */
    restart(destination: ServerId, streamClass: StreamClass, stream: number): void {
      const number = put({ destination, class: streamClass, stream, next: 1 });
      const bundles = bundlesInOrder.all(number) as { bundle: number }[];
      deleteAll.run(number);
      receiptsUpTo.run(number, Number.MAX_SAFE_INTEGER);
      bundles.forEach(({ bundle }, index) => insertWaiting.run(number, index + 1, bundle));
      put({ destination, class: streamClass, stream, next: bundles.length + 1 });
    },

    page(destination: ServerId, streamClass: StreamClass, fromSequence: number, limit: number): OutboxRow[] {
      const outgoing = outgoingOf(destination, streamClass);
      const rows: OutboxRow[] = [];
      if (outgoing === undefined) return rows;
      let size = 0;
      for (const row of page.iterate(outgoing.number, fromSequence, limit) as Iterable<unknown>) {
        const { sequence, created, expires_at, envelopes, body } = row as StoredBundle;
        size += body.length;
        if (rows.length > 0 && size > pageBytesMax) break;
        rows.push({
          destination,
          class: streamClass,
          stream: outgoing.stream,
          sequence,
          created,
          expiresAt: expires_at,
          body,
          envelopes: unpackEnvelopes(envelopes),
        });
      }
      return rows;
    },

    find(envelopes: EnvelopeId[]): { envelope: EnvelopeId; server: ServerId }[] {
      return envelopes.flatMap((envelope) =>
        destinationsOf
          .all(idBytes(envelope))
          .map((row) => ({ envelope, server: idText<ServerId>(row["destination"] as Uint8Array) })),
      );
    },

    places(
      envelope: EnvelopeId,
    ): { server: ServerId; class: StreamClass; sequence: number; from: AccountId }[] {
      return places.all(idBytes(envelope)).map((row) => ({
        server: idText(row["destination"] as Uint8Array),
        class: row["class"] as StreamClass,
        sequence: row["sequence"] as number,
        from: unpackEnvelopes(row["envelopes"] as Uint8Array).find(({ id }) => id === envelope)!.from,
      }));
    },

    load(): OutgoingStream[] {
      return db
        .prepare("SELECT destination, class, stream, next FROM outgoing")
        .all()
        .map((row) => ({
          destination: idText(row["destination"] as Uint8Array),
          class: row["class"] as StreamClass,
          stream: row["stream"] as number,
          next: row["next"] as number,
        }));
    },
  };
}

const idLength = 16;
const entryLength = idLength + 32;

function packEnvelopes(envelopes: OutboxRow["envelopes"]): Uint8Array {
  const packed = new Uint8Array(envelopes.length * entryLength);
  envelopes.forEach(({ id, from }, index) => {
    packed.set(idBytes(id), index * entryLength);
    packed.set(idBytes(from), index * entryLength + idLength);
  });
  return packed;
}

function unpackEnvelopes(packed: Uint8Array): OutboxRow["envelopes"] {
  return Array.from({ length: packed.length / entryLength }, (_, index) => {
    const entry = packed.subarray(index * entryLength, (index + 1) * entryLength);
    return { id: idText(entry.subarray(0, idLength)), from: idText(entry.subarray(idLength)) };
  });
}
