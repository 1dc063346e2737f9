/** What is kept about other homeservers: links, their records, and how far their streams have come. */
import type { DatabaseSync } from "node:sqlite";
import type { ServerAddress, ServerId, StreamClass } from "@fedchat/protocol";
import type { IncomingStream, LinkRow, RecordRow, StoredState, ToldRow } from "../store.ts";
import { idBytes, idText } from "./ids.ts";

interface StoredLink {
  server: Uint8Array;
  linked_by_us: number;
  linked_by_them: number;
  blocked: number;
  local_name: string | null;
  addresses: string;
  linked_at: number;
  origin: string;
  last_contact_at: number | null;
}

interface StoredRecord {
  server: Uint8Array;
  name: string;
  sequence: number;
  record: Uint8Array;
  hops: number;
  heard_from: Uint8Array | null;
  changed: number;
}

export type FederationTables = ReturnType<typeof federationTables>;

export function federationTables(db: DatabaseSync) {
  const putIncoming = db.prepare(
    "INSERT OR REPLACE INTO incoming (source, class, stream, committed) VALUES (?, ?, ?, ?)",
  );
  const deleteIncoming = db.prepare("DELETE FROM incoming WHERE source = ?");
  const putLink = db.prepare(
    "INSERT OR REPLACE INTO links (server, linked_by_us, linked_by_them, blocked, local_name, addresses, linked_at, last_contact_at, origin) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const deleteLink = db.prepare("DELETE FROM links WHERE server = ?");
  const deleteRecord = db.prepare("DELETE FROM server_records WHERE server = ?");
  const putRecord = db.prepare(
    "INSERT OR REPLACE INTO server_records (server, name, sequence, record, hops, heard_from, changed) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const putTold = db.prepare(
    "INSERT OR REPLACE INTO told_records (server, incarnation, up_to) VALUES (?, ?, ?)",
  );
  const deleteTold = db.prepare("DELETE FROM told_records WHERE server = ?");

  return {
    received(row: IncomingStream): void {
      putIncoming.run(idBytes(row.source), row.class, row.stream, row.committed);
    },

    forgetReceived(source: ServerId): void {
      deleteIncoming.run(idBytes(source));
    },

    putLink(row: LinkRow): void {
      putLink.run(
        idBytes(row.server),
        row.linkedByUs ? 1 : 0,
        row.linkedByThem ? 1 : 0,
        row.blocked ? 1 : 0,
        row.localName ?? null,
        JSON.stringify(row.addresses),
        row.linkedAt,
        row.lastContactAt ?? null,
        row.origin,
      );
    },

    deleteLink(server: ServerId): void {
      deleteLink.run(idBytes(server));
      deleteTold.run(idBytes(server));
    },

    putRecord(row: RecordRow): void {
      const heardFrom = row.heardFrom === undefined ? null : idBytes(row.heardFrom);
      putRecord.run(
        idBytes(row.server),
        row.name,
        row.sequence,
        row.record,
        row.hops,
        heardFrom,
        row.changed,
      );
    },

    deleteRecord(server: ServerId): void {
      deleteRecord.run(idBytes(server));
    },

    putTold(row: ToldRow): void {
      putTold.run(idBytes(row.server), row.incarnation, row.upTo);
    },

    load(): Pick<StoredState, "incoming" | "links" | "records" | "told"> {
      const incoming = db.prepare("SELECT source, class, stream, committed FROM incoming").all();
      const links = db.prepare("SELECT * FROM links").all() as unknown as StoredLink[];
      const records = db.prepare("SELECT * FROM server_records").all() as unknown as StoredRecord[];
      const told = db.prepare("SELECT server, incarnation, up_to FROM told_records").all();
      return {
        incoming: incoming.map((row) => ({
          source: idText(row["source"] as Uint8Array),
          class: row["class"] as StreamClass,
          stream: row["stream"] as number,
          committed: row["committed"] as number,
        })),
        links: links.map((row) => ({
          server: idText(row.server),
          linkedByUs: row.linked_by_us === 1,
          linkedByThem: row.linked_by_them === 1,
          blocked: row.blocked === 1,
          localName: row.local_name ?? undefined,
          addresses: JSON.parse(row.addresses) as ServerAddress[],
          linkedAt: row.linked_at,
          lastContactAt: row.last_contact_at ?? undefined,
          origin: row.origin as LinkRow["origin"],
        })),
        records: records.map((row) => ({
          server: idText(row.server),
          name: row.name,
          sequence: row.sequence,
          record: row.record,
          hops: row.hops,
          heardFrom: row.heard_from === null ? undefined : idText<ServerId>(row.heard_from),
          changed: row.changed,
        })),
        told: told.map((row) => ({
          server: idText(row["server"] as Uint8Array),
          incarnation: row["incarnation"] as Uint8Array,
          upTo: row["up_to"] as number,
        })),
      };
    },
  };
}
