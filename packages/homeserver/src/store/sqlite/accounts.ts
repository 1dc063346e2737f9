/** Accounts, their devices and the state of their inboxes, in tables. Inside the store they are numbers. */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId, DeviceId, Visibility } from "@fedchat/protocol";
import { assert } from "../assert.ts";
import type { AccountRow, DeviceRow, InboxState, WriteOp } from "../store.ts";
import { idBytes, idText } from "./ids.ts";

type Op<Name extends WriteOp["op"]> = Extract<WriteOp, { op: Name }>;

interface StoredAccount {
  number: number;
  id: Uint8Array;
  handle: string;
  record: Uint8Array;
  administrator: number;
  created_at: number;
  opaque: Uint8Array | null;
  wrapped_key: Uint8Array | null;
  visibility: string | null;
}

export type AccountTables = ReturnType<typeof accountTables>;

export function accountTables(db: DatabaseSync) {
  const accountNumber = db.prepare("SELECT number FROM accounts WHERE id = ?");
  const insertAccount = db.prepare(
    "INSERT INTO accounts (id, handle, record, administrator, created_at, opaque, wrapped_key, visibility) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const updateRecord = db.prepare("UPDATE accounts SET record = ?, handle = ? WHERE number = ?");
  const updatePassword = db.prepare("UPDATE accounts SET opaque = ?, wrapped_key = ? WHERE number = ?");
  const updateVisibility = db.prepare("UPDATE accounts SET visibility = ? WHERE number = ?");
  const insertInbox = db.prepare(
    "INSERT INTO inboxes (account, incarnation, floor, head) VALUES (?, ?, 0, 0)",
  );
  const inboxOf = db.prepare("SELECT incarnation, floor, head FROM inboxes WHERE account = ?");
  const deviceNumber = db.prepare("SELECT number FROM devices WHERE account = ? AND id = ?");
  const devicesOf = db.prepare("SELECT number, id FROM devices WHERE account = ?");
  const insertDevice = db.prepare(
    "INSERT INTO devices (account, id, fencing, cursor) SELECT account, ?, 0, floor FROM inboxes WHERE account = ?",
  );
  const deleteDevice = db.prepare("DELETE FROM devices WHERE number = ?");
  const deleteStock = db.prepare("DELETE FROM key_package_stocks WHERE device = ?");
  const deletePackages = db.prepare("DELETE FROM key_packages WHERE device = ?");
  const updateFencing = db.prepare("UPDATE devices SET fencing = ? WHERE number = ?");
  const raiseCursor = db.prepare("UPDATE devices SET cursor = max(cursor, ?) WHERE number = ?");
  const lowestCursor = db.prepare("SELECT min(cursor) AS cursor FROM devices WHERE account = ?");

  /** Accounts never go, so what was once found stays true; what was found in a transaction that failed does not. */
  const numbers = new Map<AccountId, number>();

  const tables = {
    forgetNumbers: () => numbers.clear(),

    number(account: AccountId): number | undefined {
      const known = numbers.get(account);
      if (known !== undefined) return known;
      const found = accountNumber.get(idBytes(account))?.["number"] as number | undefined;
      if (found !== undefined) numbers.set(account, found);
      return found;
    },

    /** For operations on an account that the caller knows to exist. */
    existing(account: AccountId): number {
      const number = tables.number(account);
      assert(number !== undefined, "the account of an operation exists");
      return number;
    },

    device(account: AccountId, device: DeviceId): number | undefined {
      const number = tables.number(account);
      if (number === undefined) return undefined;
      return deviceNumber.get(number, idBytes(device))?.["number"] as number | undefined;
    },

    open({ row, devices, incarnation }: Op<"account.open">): void {
      assert(tables.number(row.account) === undefined, "an account is opened once");
      const { lastInsertRowid } = insertAccount.run(
        idBytes(row.account),
        row.handle,
        row.record,
        row.administrator ? 1 : 0,
        row.createdAt,
        row.password?.opaque ?? null,
        row.password?.wrappedKey ?? null,
        row.visibility ?? null,
      );
      insertInbox.run(lastInsertRowid, incarnation);
      for (const device of devices) insertDevice.run(idBytes(device), lastInsertRowid);
    },

    /** Devices that are new start at the inbox's floor; those no longer listed go, with their key packages. */
    record(op: Op<"account.record">): void {
      const account = tables.existing(op.account);
      updateRecord.run(op.record, op.handle, account);
      const listed = new Set(op.devices);
      for (const { number, id } of devicesOf.all(account) as { number: number; id: Uint8Array }[]) {
        if (listed.delete(idText<DeviceId>(id))) continue;
        deletePackages.run(number);
        deleteStock.run(number);
        deleteDevice.run(number);
      }
      for (const device of listed) insertDevice.run(idBytes(device), account);
    },

    password({ account, password }: Op<"account.password">): void {
      updatePassword.run(password.opaque, password.wrappedKey, tables.existing(account));
    },

    visibility({ account, visibility }: Op<"account.visibility">): void {
      updateVisibility.run(visibility, tables.existing(account));
    },

    fence(op: Op<"device.fence">): void {
      const device = tables.device(op.account, op.device);
      if (device !== undefined) updateFencing.run(op.fencing, device);
    },

    /** Moves a device's cursor forward. */
    acknowledge(op: Op<"inbox.acknowledge">): void {
      const device = tables.device(op.account, op.device);
      const inbox = tables.inbox(op.account);
      if (device !== undefined && inbox !== undefined) {
        raiseCursor.run(Math.min(op.position, inbox.head), device);
      }
    },

    /** What every device of an account has acknowledged; undefined without devices. */
    acknowledgedByAll(account: number): number | undefined {
      return (lowestCursor.get(account)?.["cursor"] as number | null) ?? undefined;
    },

    inbox(account: AccountId): InboxState | undefined {
      const number = tables.number(account);
      if (number === undefined) return undefined;
      const { incarnation, floor, head } = inboxOf.get(number) as unknown as InboxState;
      return { incarnation, floor, head };
    },

    load(): { accounts: AccountRow[]; devices: DeviceRow[] } {
      const ids = new Map<number, AccountId>();
      const accounts = db.prepare("SELECT * FROM accounts").all() as unknown as StoredAccount[];
      for (const { number, id } of accounts) ids.set(number, idText(id));
      const devices = db.prepare("SELECT account, id, fencing, cursor FROM devices").all();
      return {
        accounts: accounts.map((row) => ({
          account: ids.get(row.number)!,
          handle: row.handle,
          record: row.record,
          administrator: row.administrator === 1,
          createdAt: row.created_at,
          password:
            row.opaque === null || row.wrapped_key === null
              ? undefined
              : { opaque: row.opaque, wrappedKey: row.wrapped_key },
          visibility: (row.visibility ?? undefined) as Visibility | undefined,
        })),
        devices: devices.map((row) => ({
          account: ids.get(row["account"] as number)!,
          device: idText(row["id"] as Uint8Array),
          fencing: row["fencing"] as number,
          cursor: row["cursor"] as number,
        })),
      };
    },
  };
  return tables;
}
