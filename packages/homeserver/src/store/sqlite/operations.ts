/**
 * The store's operations on an open database, synchronous and with statements prepared once: the same semantics as the
 * store in memory. `write` runs inside a transaction that the caller opens; reads run outside of one.
 */
import type { DatabaseSync } from "node:sqlite";
import type { HomeserverStore, WriteOp, WriteResult } from "../store.ts";
import { accountTables } from "./accounts.ts";
import { archiveTables } from "./archive-tables.ts";
import { custodyTables } from "./custody-tables.ts";
import { federationTables } from "./federation-tables.ts";
import { inboxTables } from "./inboxes.ts";
import { keyPackageTables } from "./key-packages.ts";
import { outboxTables } from "./outboxes.ts";
import { roomTables } from "./room-tables.ts";
import { rulesTables } from "./rules-tables.ts";
import { sealedTable } from "./sealed.ts";

/** The store's reading methods, without their promises. */
export type Reads = {
  [Name in Exclude<keyof HomeserverStore, "write" | symbol>]: (
    ...args: Parameters<HomeserverStore[Name]>
  ) => Awaited<ReturnType<HomeserverStore[Name]>>;
};

export interface Operations {
  write(ops: WriteOp[]): WriteResult[];
  /** After a transaction that was rolled back: what it had found is not true any more. */
  rolledBack(): void;
  reads: Reads;
}

const done: WriteResult = { op: "done" };

export function operations(db: DatabaseSync): Operations {
  const accounts = accountTables(db);
  const inboxes = inboxTables(db, accounts);
  const outboxes = outboxTables(db);
  const keyPackages = keyPackageTables(db, accounts);
  const sealed = sealedTable(db, accounts);
  const federation = federationTables(db);
  const rules = rulesTables(db);
  const custody = custodyTables(db);
  const rooms = roomTables(db);
  const archives = archiveTables(db, accounts);

  function apply(op: WriteOp): WriteResult {
    switch (op.op) {
      case "meta.put":
        rules.putMeta(op.key, op.value);
        return done;
      case "account.open":
        accounts.open(op);
        return done;
      case "account.record":
        accounts.record(op);
        inboxes.dropAcknowledged(op.account);
        return done;
      case "account.password":
        accounts.password(op);
        return done;
      case "account.visibility":
        accounts.visibility(op);
        return done;
      case "device.fence":
        accounts.fence(op);
        return done;
      case "inbox.acknowledge":
        accounts.acknowledge(op);
        inboxes.dropAcknowledged(op.account);
        return done;
      case "inbox.leap":
        inboxes.leap(op.accounts, op.above, op.by);
        return done;
      case "inbox.deliver":
        return {
          op: "inbox.deliver",
          deliveries: op.deliveries.map((one) => inboxes.deliver(one, op.above)),
        };
      case "inbox.expire":
        inboxes.expire(op.itemsBefore, op.idsBefore);
        rules.expireRefusals(op.idsBefore);
        return done;
      case "outbox.append":
        op.rows.forEach(outboxes.append);
        return done;
      case "outbox.acknowledged":
      case "outbox.expire":
        outboxes.drop(op.destination, op.class, op.stream, op.sequence);
        return done;
      case "outbox.restart":
        outboxes.restart(op.destination, op.class, op.stream);
        return done;
      case "stream.received":
        federation.received(op.row);
        return done;
      case "stream.forget":
        federation.forgetReceived(op.server);
        outboxes.forget(op.server);
        return done;
      case "link.put":
        federation.putLink(op.row);
        return done;
      case "link.delete":
        federation.deleteLink(op.server);
        return done;
      case "record.put":
        federation.putRecord(op);
        return done;
      case "record.delete":
        federation.deleteRecord(op.server);
        return done;
      case "told.put":
        federation.putTold(op.row);
        return done;
      case "keyPackages.put":
        keyPackages.put(op);
        return done;
      case "keyPackages.take":
        return { op: "keyPackages.take", keyPackage: keyPackages.take(op) };
      case "sealed.put":
        return { op: "sealed.put", outcome: sealed.put(op.account, op.row) };
      case "grant.put":
        rules.putGrant(op.account, op.peer, op.server);
        return done;
      case "grant.delete":
        rules.deleteGrant(op.account, op.peer);
        return done;
      case "block.put":
        rules.putBlock(op.account, op.peer);
        return done;
      case "block.delete":
        rules.deleteBlock(op.account, op.peer);
        return done;
      case "refusal.put":
        rules.putRefusal(op.row);
        return done;
      case "custody.put":
      case "custody.source":
      case "custody.taken":
      case "custody.outdated":
      case "custody.drop":
      case "custody.handedOn":
      case "custody.passed":
      case "custody.expire":
      case "custody.owe":
      case "custody.paid":
      case "receipt.put":
        return custody.apply(op);
      case "archive.put":
      case "archive.drop":
        return archives.apply(op);
      case "room.append":
      case "room.fork":
      case "room.drop":
      case "room.follow":
      case "room.unfollow":
      case "room.list":
      case "room.prune":
        return rooms.apply(op);
    }
  }

  return {
    write: (ops) => ops.map(apply),
    rolledBack: accounts.forgetNumbers,
    reads: {
      load: () => ({
        ...accounts.load(),
        ...federation.load(),
        ...rules.load(),
        ...rooms.load(),
        outgoing: outboxes.load(),
        custody: custody.load(),
      }),
      inboxState: accounts.inbox,
      inboxPage: inboxes.page,
      outboxPage: outboxes.page,
      outboxFind: outboxes.find,
      refusals: rules.refusals,
      keyPackageCount: keyPackages.count,
      sealedGet: sealed.get,
      sealedList: sealed.list,
      custodyFind: custody.find,
      custodyOfHash: custody.ofHash,
      custodyPage: custody.page,
      custodySource: custody.source,
      custodyOwed: custody.owed,
      receipts: custody.receipts,
      outboxPlaces: outboxes.places,
      archiveList: archives.list,
      archivePart: archives.part,
      roomEntries: rooms.entries,
      roomInfo: rooms.info,
    },
  };
}
