/**
 * Inboxes in tables: an envelope is appended once, each inbox has a small row that points to it, and it goes when no
 * inbox points to it any more. What was delivered is remembered apart from that, so that it is not delivered twice.
 */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId, EnvelopeKind, InboxItem } from "@fedchat/protocol";
import { pageBytesMax } from "../limits.ts";
import type { Delivered, Delivery } from "../store.ts";
import type { AccountTables } from "./accounts.ts";
import { upTo } from "./bound-limit.ts";
import { idBytes, idText, recentIdBytes } from "./ids.ts";

interface StoredItem {
  position: number;
  server: Uint8Array;
  sender: Uint8Array;
  id: Uint8Array;
  kind: EnvelopeKind;
  created: number;
  received: number;
  payload: Uint8Array;
}

export type InboxTables = ReturnType<typeof inboxTables>;

export function inboxTables(db: DatabaseSync, accounts: AccountTables) {
  const remember = db.prepare("INSERT OR IGNORE INTO seen (account, origin, at) VALUES (?, ?, ?)");
  const forget = db.prepare("DELETE FROM seen WHERE at < ?");
  const insertEnvelope = db.prepare(
    "INSERT INTO envelopes (server, sender, id, kind, created, received, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const deleteEnvelope = db.prepare("DELETE FROM envelopes WHERE number = ?");
  const insertShared = db.prepare("INSERT INTO shared_envelopes (envelope, inboxes) VALUES (?, ?)");
  const takeShare = db.prepare(
    "UPDATE shared_envelopes SET inboxes = inboxes - 1 WHERE envelope = ? RETURNING inboxes",
  );
  const deleteShared = db.prepare("DELETE FROM shared_envelopes WHERE envelope = ?");
  const nextPosition = db.prepare(
    "UPDATE inboxes SET head = max(head, ?) + 1 WHERE account = ? RETURNING head",
  );
  const leapHead = db.prepare("UPDATE inboxes SET head = head + ? WHERE account = ? AND head >= ?");
  const insertItem = db.prepare("INSERT INTO inbox_items (account, position, envelope) VALUES (?, ?, ?)");
  const itemsUpTo = db.prepare("SELECT envelope FROM inbox_items WHERE account = ? AND position <= ?");
  const deleteItems = db.prepare("DELETE FROM inbox_items WHERE account = ? AND position <= ?");
  const setFloor = db.prepare("UPDATE inboxes SET floor = ? WHERE account = ? AND floor < ?");
  const everyInbox = db.prepare("SELECT account FROM inboxes");
  const ages = db.prepare(
    "SELECT position, received FROM inbox_items JOIN envelopes ON number = envelope WHERE account = ? ORDER BY position",
  );
  const itemsAfter = db.prepare(
    "SELECT position, server, sender, id, kind, created, received, payload " +
      `FROM inbox_items JOIN envelopes ON number = envelope WHERE account = ? AND position > ? ORDER BY position ${upTo}`,
  );

  const bytesOf = recentIdBytes();

  function append(delivery: Delivery, id: Uint8Array): number | bigint {
    return insertEnvelope.run(
      bytesOf(delivery.server),
      bytesOf(delivery.from),
      id,
      delivery.kind,
      delivery.created,
      delivery.received,
      delivery.payload,
    ).lastInsertRowid;
  }

  function raiseFloor(account: number, floor: number): void {
    if (setFloor.run(floor, account, floor).changes === 0) return;
    for (const { envelope } of itemsUpTo.all(account, floor) as { envelope: number }[]) dropShare(envelope);
    deleteItems.run(account, floor);
  }

  function dropShare(envelope: number): void {
    const others = takeShare.get(envelope)?.["inboxes"] as number | undefined;
    if (others !== undefined && others > 0) return;
    if (others === 0) deleteShared.run(envelope);
    deleteEnvelope.run(envelope);
  }

  /** The last of the leading items that were received before; undefined where the first was not. */
  function lastExpired(account: number, before: number): number | undefined {
    let last: number | undefined;
    for (const { position, received } of ages.iterate(account)) {
      if ((received as number) >= before) break;
      last = position as number;
    }
    return last;
  }

  return {
    leap(leaping: AccountId[], above: number, by: number): void {
      for (const account of leaping) {
        const number = accounts.number(account);
        if (number !== undefined) leapHead.run(by, number, above);
      }
    },

    deliver(delivery: Delivery, above: number): Delivered[] {
      const id = idBytes(delivery.id);
      const origin = originOf(bytesOf(delivery.server), id);
      let envelope: number | bigint | undefined;
      let inboxes = 0;
      const outcomes = delivery.to.map((account): Delivered => {
        const number = accounts.number(account);
        if (number === undefined) return { account, outcome: "unknown" };
        if (remember.run(number, origin, delivery.received).changes === 0) {
          return { account, outcome: "duplicate" };
        }
        envelope ??= append(delivery, id);
        inboxes += 1;
        const position = nextPosition.get(above, number)!["head"] as number;
        insertItem.run(number, position, envelope);
        return { account, outcome: "delivered", position };
      });
      if (envelope !== undefined && inboxes > 1) insertShared.run(envelope, inboxes);
      return outcomes;
    },

    /** Drops what every device of the account has acknowledged. */
    dropAcknowledged(account: AccountId): void {
      const number = accounts.number(account);
      const floor = number === undefined ? undefined : accounts.acknowledgedByAll(number);
      if (number !== undefined && floor !== undefined) raiseFloor(number, floor);
    },

    expire(itemsBefore: number, idsBefore: number): void {
      for (const { account } of everyInbox.all() as { account: number }[]) {
        const last = lastExpired(account, itemsBefore);
        if (last !== undefined) raiseFloor(account, last);
      }
      forget.run(idsBefore);
    },

    page(account: AccountId, after: number, limit: number): InboxItem[] {
      const number = accounts.number(account);
      const items: InboxItem[] = [];
      if (number === undefined) return items;
      let size = 0;
      for (const row of itemsAfter.iterate(number, after, limit) as Iterable<unknown>) {
        const item = inboxItem(row as StoredItem);
        size += item.payload.length;
        if (items.length > 0 && size > pageBytesMax) break;
        items.push(item);
      }
      return items;
    },
  };
}

/** Enough of the server's key that nobody finds another key with the same beginning. */
const serverPrefixBytes = 12;

function originOf(server: Uint8Array, id: Uint8Array): Uint8Array {
  const origin = new Uint8Array(serverPrefixBytes + id.length);
  origin.set(server.subarray(0, serverPrefixBytes));
  origin.set(id, serverPrefixBytes);
  return origin;
}

function inboxItem(row: StoredItem): InboxItem {
  return {
    position: row.position,
    received: row.received,
    server: idText(row.server),
    from: idText(row.sender),
    id: idText(row.id),
    kind: row.kind,
    created: row.created,
    payload: row.payload,
  };
}
