/** The one row that says who this engine is, with its keys, and small values that have no table of their own. */
import type { AccountId, DeviceId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { putRow } from "./database.ts";

export interface IdentityRow {
  /** `registering`: the keys are kept, the homeserver's answer is not known yet. */
  state: "registering" | "open";
  account: AccountId;
  /** Ed25519 seed of the account key, which the device that opened the account keeps; empty on further devices. */
  accountSeed: Uint8Array;
  /** Ed25519 seed whose public key's hash stands in the first account record; null on further devices. */
  recoverySeed: Uint8Array | null;
  device: DeviceId;
  deviceName: string;
  signatureSeed: Uint8Array;
  noisePrivateKey: Uint8Array;
  certificate: Uint8Array;
  /** Our newest signed account record. */
  record: Uint8Array;
  fencing: number;
  administrator: 0 | 1;
  hasPassword: 0 | 1;
  createdAt: number;
}

export interface RequestKeyRow {
  id: Uint8Array;
  /** X-Wing seed. */
  seed: Uint8Array;
  createdAt: number;
}

export class IdentityTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  read(): IdentityRow | undefined {
    return this.#db.get<IdentityRow>("SELECT * FROM identity");
  }

  put(row: IdentityRow): void {
    const { state, account, accountSeed, recoverySeed, device, deviceName, signatureSeed } = row;
    const { noisePrivateKey, certificate, record, fencing, administrator, hasPassword, createdAt } = row;
    putRow(this.#db, "identity", {
      one: 1,
      ...{ state, account, accountSeed, recoverySeed, device, deviceName, signatureSeed, noisePrivateKey },
      ...{ certificate, record, fencing, administrator, hasPassword, createdAt },
    });
  }

  /** A registration that the homeserver refused for good. */
  forget(): void {
    this.#db.run("DELETE FROM identity WHERE state = 'registering'");
  }

  requestKey(id: Uint8Array): RequestKeyRow | undefined {
    return this.#db.get<RequestKeyRow>("SELECT * FROM requestKeys WHERE id = ?", id);
  }

  putRequestKey(row: RequestKeyRow): void {
    putRow(this.#db, "requestKeys", row);
  }

  setting(name: string): Uint8Array | undefined {
    return this.#db.get<{ value: Uint8Array }>("SELECT value FROM settings WHERE name = ?", name)?.value;
  }

  putSetting(name: string, value: Uint8Array): void {
    putRow(this.#db, "settings", { name, value });
  }

  deleteSetting(name: string): void {
    this.#db.run("DELETE FROM settings WHERE name = ?", name);
  }

  /** The highest version of a sealed record that this device has seen; 0 for none. */
  sealedVersion(name: string): number {
    const row = this.#db.get<{ version: number }>("SELECT version FROM sealedVersions WHERE name = ?", name);
    return row?.version ?? 0;
  }

  sealedVersions(limit: number): { name: string; version: number }[] {
    const sql = "SELECT name, version FROM sealedVersions ORDER BY name LIMIT ?";
    return this.#db.all<{ name: string; version: number }>(sql, limit);
  }

  /** Another homeserver holds none of them. */
  forgetSealedVersions(): void {
    this.#db.run("DELETE FROM sealedVersions");
  }

  putSealedVersion(name: string, version: number): void {
    putRow(this.#db, "sealedVersions", { name, version });
  }
}
