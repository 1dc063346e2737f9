/** Key packages of devices, in tables: single-use ones leave in the order in which they came. */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId, DeviceId, KeyPackageSuite } from "@fedchat/protocol";
import type { WriteOp } from "../store.ts";
import type { AccountTables } from "./accounts.ts";

type Op<Name extends WriteOp["op"]> = Extract<WriteOp, { op: Name }>;

export type KeyPackageTables = ReturnType<typeof keyPackageTables>;

export function keyPackageTables(db: DatabaseSync, accounts: AccountTables) {
  const putStock = db.prepare(
    "INSERT INTO key_package_stocks (device, suite, capability, last_resort) VALUES (?, ?, ?, ?) ON CONFLICT (device, suite) " +
      "DO UPDATE SET capability = excluded.capability, last_resort = coalesce(excluded.last_resort, last_resort)",
  );
  const insertPackage = db.prepare("INSERT INTO key_packages (device, suite, package) VALUES (?, ?, ?)");
  const entitled = db.prepare(
    "SELECT last_resort FROM key_package_stocks WHERE device = ? AND suite = ? AND capability = ?",
  );
  const oldest = db.prepare(
    "SELECT number, package FROM key_packages WHERE device = ? AND suite = ? ORDER BY number LIMIT 1",
  );
  const deletePackage = db.prepare("DELETE FROM key_packages WHERE number = ?");
  const count = db.prepare("SELECT count(*) AS n FROM key_packages WHERE device = ? AND suite = ?");

  return {
    put(op: Op<"keyPackages.put">): void {
      const device = accounts.device(op.account, op.device);
      if (device === undefined) return;
      putStock.run(device, op.suite, op.capability, op.lastResort ?? null);
      for (const keyPackage of op.packages) insertPackage.run(device, op.suite, keyPackage);
    },

    take(op: Op<"keyPackages.take">): Uint8Array | undefined {
      const device = accounts.device(op.account, op.device);
      const stock = device === undefined ? undefined : entitled.get(device, op.suite, op.capability);
      if (device === undefined || stock === undefined) return undefined;
      const found = oldest.get(device, op.suite) as { number: number; package: Uint8Array } | undefined;
      if (found === undefined) return (stock["last_resort"] as Uint8Array | null) ?? undefined;
      deletePackage.run(found.number);
      return found.package;
    },

    count(account: AccountId, device: DeviceId, suite: KeyPackageSuite): number {
      const number = accounts.device(account, device);
      return number === undefined ? 0 : (count.get(number, suite)!["n"] as number);
    },
  };
}
