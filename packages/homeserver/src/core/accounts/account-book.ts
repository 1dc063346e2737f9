/**
 * The accounts that live here, in memory as they are on disk. Invariants: what is found here is committed; one account
 * a handle; an account's record only moves forward; a change of one account waits for the one before it. [A6] to [A9]
 */
import type {
  AccountId,
  AccountRecord,
  DeviceCertificate,
  DeviceId,
  OpenedAccountRecord,
  Primitives,
  ServerId,
  Visibility,
} from "@fedchat/protocol";
import { accountRecord, accountRecordReplaces, openAccountRecord, ProtocolError } from "@fedchat/protocol";
import type { AccountRow, DeviceRow, StoredState, WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { accountsMax } from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";

/** A device as the homeserver knows it beyond its certificate. */
export interface Device {
  readonly id: DeviceId;
  /** The highest fencing number that a session of this device has used. */
  fencing: number;
  /** The highest one given out since start: a session that was never used leaves no other trace. */
  given: number;
  /** Acknowledged inbox position. */
  cursor: number;
}

export class Account {
  readonly id: AccountId;
  readonly administrator: boolean;
  readonly devices = new Map<DeviceId, Device>();
  handle: string;
  signed: Uint8Array;
  password: AccountRow["password"];
  /** Undefined: as the homeserver's configuration says. */
  visibility: AccountRow["visibility"];
  /** A newer record is being committed. */
  changing = false;
  readonly #primitives: Primitives;
  #opened: OpenedAccountRecord | undefined;
  #home: { signed: Uint8Array; server: ServerId } | undefined;

  constructor(row: AccountRow, primitives: Primitives) {
    this.id = row.account;
    this.administrator = row.administrator;
    this.handle = row.handle;
    this.signed = row.record;
    this.password = row.password;
    this.visibility = row.visibility;
    this.#primitives = primitives;
  }

  /** Verified when it is first needed: a homeserver of many accounts starts at once. */
  get opened(): OpenedAccountRecord {
    if (this.#opened?.signed !== this.signed) this.#opened = openAccountRecord(this.#primitives, this.signed);
    return this.#opened;
  }

  get record(): AccountRecord {
    return this.opened.record;
  }

  /** Where it lives now: another server, once it has moved. Its record was verified before it was kept. [A12] */
  get home(): ServerId {
    if (this.#home?.signed !== this.signed)
      this.#home = { signed: this.signed, server: accountRecord.read(this.signed).value.server };
    return this.#home.server;
  }

  certificate(device: DeviceId): DeviceCertificate | undefined {
    return this.opened.certificates.find((certificate) => certificate.device === device);
  }

  /** The held devices become exactly those of the list; known ones keep their numbers. */
  setDevices(ids: DeviceId[], cursor: number): void {
    for (const id of this.devices.keys()) if (!ids.includes(id)) this.devices.delete(id);
    for (const id of ids) {
      if (!this.devices.has(id)) this.devices.set(id, { id, fencing: 0, given: 0, cursor });
    }
  }
}

export class AccountBook {
  readonly #byId = new Map<AccountId, Account>();
  readonly #byHandle = new Map<string, Account>();
  /** Handles and accounts whose opening or renaming is being committed. */
  readonly #reserved = new Set<string>();
  readonly #primitives: Primitives;
  readonly #commit: GroupCommit;
  readonly #changed: ((account: Account) => void)[] = [];

  constructor(primitives: Primitives, commit: GroupCommit, state: Pick<StoredState, "accounts" | "devices">) {
    this.#primitives = primitives;
    this.#commit = commit;
    for (const row of state.accounts) this.#install(new Account(row, primitives));
    for (const row of state.devices) this.#byId.get(row.account)?.devices.set(row.device, knownDevice(row));
  }

  get size(): number {
    return this.#byId.size;
  }

  get(account: AccountId): Account | undefined {
    return this.#byId.get(account);
  }

  byHandle(handle: string): Account | undefined {
    return this.#byHandle.get(handle);
  }

  all(): IterableIterator<Account> {
    return this.#byId.values();
  }

  /** The first administrator: on a one-person server its owner. */
  owner(): Account | undefined {
    for (const account of this.#byId.values()) if (account.administrator) return account;
    return undefined;
  }

  /** Called after an account was opened or its record replaced. */
  onChange(listener: (account: Account) => void): void {
    this.#changed.push(listener);
  }

  /**
   * Opens an account; resolves when it is on disk. Rejects with `handle-taken`, `conflict`, `quota-exceeded`. [A6]
   * @param alongside of the same transaction
   */
  async open(
    opened: OpenedAccountRecord,
    terms: { administrator: boolean; incarnation: Uint8Array; nowMs: number },
    alongside: WriteOp[] = [],
  ): Promise<Account> {
    const { record, signed } = opened;
    if (this.#byId.size >= accountsMax) throw new ProtocolError("quota-exceeded");
    if (this.#byHandle.has(record.handle)) throw new ProtocolError("handle-taken");
    const row: AccountRow = {
      account: record.account,
      handle: record.handle,
      record: signed,
      administrator: terms.administrator,
      createdAt: terms.nowMs,
      password: undefined,
      visibility: undefined,
    };
    const devices = opened.certificates.map(({ device }) => device);
    const names = [record.account, record.handle, ...(terms.administrator ? [ownership] : [])];
    await this.#reserving(names, () =>
      this.#commit.add([{ op: "account.open", row, devices, incarnation: terms.incarnation }, ...alongside]),
    );
    const account = new Account(row, this.#primitives);
    account.setDevices(devices, 0);
    this.#install(account);
    this.#tell(account);
    return account;
  }

  /**
   * Replaces an account's record by a newer one; resolves when it is on disk. The very record that is held is accepted
   * again. One that names another server says that the account lives there from now on. [A12] Rejects with `not-allowed`,
   * `conflict`, `handle-taken`. [A7]
   * @param floor position at which the cursors of new devices start
   */
  async update(account: Account, opened: OpenedAccountRecord, nowMs: number, floor: number): Promise<void> {
    const { record, signed } = opened;
    if (record.account !== account.id)
      throw new ProtocolError("not-allowed", "The record is of another account.");
    if (account.changing) throw new ProtocolError("conflict");
    if (sameBytes(signed, account.signed)) return;
    if (!accountRecordReplaces(this.#primitives, opened, account.opened, nowMs)) {
      throw new ProtocolError("conflict", "The record is not newer than the one that is held.");
    }
    const taken = this.#byHandle.get(record.handle);
    if (taken !== undefined && taken !== account) throw new ProtocolError("handle-taken");
    const devices = opened.certificates.map(({ device }) => device);
    const change = {
      op: "account.record" as const,
      account: account.id,
      record: signed,
      handle: record.handle,
      devices,
    };
    account.changing = true;
    try {
      const names = taken === undefined ? [record.handle] : [];
      await this.#reserving(names, () => this.#commit.add([change]));
    } finally {
      account.changing = false;
    }
    this.#byHandle.delete(account.handle);
    account.handle = record.handle;
    account.signed = signed;
    account.setDevices(devices, floor);
    this.#byHandle.set(account.handle, account);
    this.#tell(account);
  }

  /** How far this account lets itself be shown; resolves when it is on disk. */
  async setVisibility(account: Account, visibility: Visibility): Promise<void> {
    await this.#commit.add([{ op: "account.visibility", account: account.id, visibility }]);
    account.visibility = visibility;
    this.#tell(account);
  }

  /** Holds names while their change is being committed, so that two of them cannot pass the checks together. */
  async #reserving(names: string[], commit: () => Promise<unknown>): Promise<void> {
    if (names.some((name) => this.#reserved.has(name))) throw new ProtocolError("conflict");
    for (const name of names) this.#reserved.add(name);
    try {
      await commit();
    } finally {
      for (const name of names) this.#reserved.delete(name);
    }
  }

  #install(account: Account): void {
    this.#byId.set(account.id, account);
    this.#byHandle.set(account.handle, account);
  }

  #tell(account: Account): void {
    for (const listener of this.#changed) listener(account);
  }
}

/** Reserved while the first administrator's account is being opened; no handle and no account id looks like it. */
const ownership = "(owner)";

function knownDevice(row: DeviceRow): Device {
  return { id: row.device, fencing: row.fencing, given: row.fencing, cursor: row.cursor };
}
