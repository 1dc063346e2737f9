/**
 * The store in memory, for simulations: the same semantics as on disk, committed at a moment that the simulation
 * chooses. A copy of a committed state can be opened again, which is how a crash looks to the core.
 */
import { keyPackageSuites } from "@fedchat/protocol";
import type {
  AccountId,
  DeviceId,
  EnvelopeId,
  InboxItem,
  KeyPackageSuite,
  ServerId,
  StreamClass,
} from "@fedchat/protocol";
import type {
  AccountRow,
  Delivered,
  Delivery,
  DeviceRow,
  HomeserverStore,
  IncomingStream,
  InboxState,
  LinkRow,
  OutboxRow,
  OutgoingStream,
  RecordRow,
  RefusalRow,
  SealedRow,
  StoredState,
  ToldRow,
  WriteOp,
  WriteResult,
} from "./store.ts";
import { assert } from "./assert.ts";
import type { CustodyKey, CustodyPlace, ReceiptRow } from "./custody-store.ts";
import { inReceiptOrder } from "./custody-store.ts";
import type { MemoryCustody } from "./memory-custody.ts";
import {
  applyCustody,
  custodyOfHash,
  custodyPage,
  custodyTotals,
  emptyCustody,
  findCustody,
} from "./memory-custody.ts";
import type { MemoryArchives } from "./memory-archives.ts";
import { applyArchive, archiveList, archivePart } from "./memory-archives.ts";
import type { MemoryRooms } from "./memory-rooms.ts";
import {
  applyRoom,
  assertRoomPossible,
  emptyRooms,
  loadRooms,
  roomEntries,
  roomInfo,
} from "./memory-rooms.ts";
import type { OutboxOrder } from "./outbox-order.ts";
import { appended, dropped, restarted } from "./outbox-order.ts";
import { StoreFullError } from "./store.ts";

interface Inbox extends InboxState {
  items: InboxItem[];
}

interface KeyPackages {
  packages: Uint8Array[];
  lastResort: Uint8Array | undefined;
  capability: Uint8Array;
}

interface Tables {
  meta: Map<string, Uint8Array>;
  accounts: Map<AccountId, AccountRow>;
  devices: Map<string, DeviceRow>;
  inboxes: Map<AccountId, Inbox>;
  /** `account server envelope` → when it was delivered */
  seen: Map<string, number>;
  outbox: Map<string, OutboxRow[]>;
  outgoing: Map<string, OutgoingStream>;
  incoming: Map<string, IncomingStream>;
  links: Map<ServerId, LinkRow>;
  records: Map<ServerId, RecordRow>;
  told: Map<ServerId, ToldRow>;
  keyPackages: Map<string, KeyPackages>;
  sealed: Map<AccountId, Map<string, SealedRow>>;
  archives: MemoryArchives;
  grants: Map<string, StoredState["grants"][number]>;
  blocks: Map<string, StoredState["blocks"][number]>;
  refusals: Map<string, RefusalRow>;
  custody: MemoryCustody;
  receipts: Map<string, ReceiptRow[]>;
  rooms: MemoryRooms;
}

/** What a simulation may do to the disk. */
export interface MemoryDisk {
  /** Called before a transaction is applied; its promise is how long the disk takes, and it may reject. */
  commit?: () => Promise<void>;
  /** Transactions fail with `StoreFullError` while this is true. */
  full?: () => boolean;
}

export class MemoryStore implements HomeserverStore {
  readonly #disk: MemoryDisk;
  #tables: Tables;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(disk: MemoryDisk = {}, tables: Tables = emptyTables()) {
    this.#disk = disk;
    this.#tables = tables;
  }

  /** What is committed at this moment, as another store: after a crash, or as a backup. */
  snapshot(disk: MemoryDisk = this.#disk): MemoryStore {
    return new MemoryStore(disk, structuredClone(this.#tables));
  }

  async load(): Promise<StoredState> {
    const t = this.#committed();
    return structuredClone({
      meta: t.meta,
      accounts: [...t.accounts.values()],
      devices: [...t.devices.values()],
      links: [...t.links.values()],
      records: [...t.records.values()],
      told: [...t.told.values()],
      outgoing: [...t.outgoing.values()],
      incoming: [...t.incoming.values()],
      custody: custodyTotals(t.custody),
      grants: [...t.grants.values()],
      blocks: [...t.blocks.values()],
      rooms: loadRooms(t.rooms),
      followers: [...t.rooms.followers.values()],
      listings: [...t.rooms.listings.values()],
    });
  }

  write(ops: WriteOp[]): Promise<WriteResult[]> {
    if (this.#closed) return Promise.reject(closedError());
    const copied = copyOf(ops);
    const written = this.#last.then(async () => {
      await this.#disk.commit?.();
      if (this.#disk.full?.()) throw new StoreFullError("the simulated disk is full");
      assertPossible(this.#tables, copied);
      return copyOf(copied.map((op) => apply(this.#tables, op)));
    });
    this.#last = written.catch(() => undefined);
    return written;
  }

  async inboxState(account: AccountId): Promise<InboxState | undefined> {
    const inbox = this.#committed().inboxes.get(account);
    return inbox && copyOf({ incarnation: inbox.incarnation, floor: inbox.floor, head: inbox.head });
  }

  async inboxPage(account: AccountId, after: number, limit: number): Promise<InboxItem[]> {
    const items = this.#committed().inboxes.get(account)?.items ?? [];
    return copyOf(items.filter((item) => item.position > after).slice(0, limit));
  }

  async outboxPage(
    destination: ServerId,
    streamClass: StreamClass,
    fromSequence: number,
    limit: number,
  ): Promise<OutboxRow[]> {
    const rows = this.#committed().outbox.get(key(destination, streamClass)) ?? [];
    return copyOf(rows.filter((row) => row.sequence >= fromSequence).slice(0, limit));
  }

  async outboxFind(envelopes: EnvelopeId[]): Promise<{ envelope: EnvelopeId; server: ServerId }[]> {
    const wanted = new Set(envelopes);
    return [...this.#committed().outbox.values()]
      .flat()
      .flatMap((row) =>
        row.envelopes
          .filter(({ id }) => wanted.has(id))
          .map(({ id }) => ({ envelope: id, server: row.destination })),
      );
  }

  async refusals(account: AccountId, envelopes: EnvelopeId[]): Promise<RefusalRow[]> {
    return [...this.#committed().refusals.values()].flatMap((row) =>
      row.account === account && envelopes.includes(row.envelope) ? [{ ...row }] : [],
    );
  }

  async keyPackageCount(account: AccountId, device: DeviceId, suite: KeyPackageSuite): Promise<number> {
    return this.#committed().keyPackages.get(key(account, device, suite))?.packages.length ?? 0;
  }

  async sealedGet(account: AccountId, name: string): Promise<SealedRow | undefined> {
    return copyOf(this.#committed().sealed.get(account)?.get(name));
  }

  async sealedList(account: AccountId): Promise<{ name: string; version: number }[]> {
    return [...(this.#committed().sealed.get(account)?.values() ?? [])].map(({ name, version }) => ({
      name,
      version,
    }));
  }

  async archiveList(account: AccountId) {
    return copyOf(archiveList(this.#committed().archives, account));
  }

  async archivePart(...[segment, offset]: Parameters<HomeserverStore["archivePart"]>) {
    return copyOf(archivePart(this.#committed().archives, segment, offset));
  }

  async custodyFind(wanted: CustodyKey) {
    return copyOf(findCustody(this.#committed().custody, wanted));
  }

  async custodyOfHash(next: ServerId, hash: Uint8Array) {
    return copyOf(custodyOfHash(this.#committed().custody, next, hash));
  }

  async custodyPage(next: ServerId, source: ServerId, after: CustodyPlace | undefined, limit: number) {
    return copyOf(custodyPage(this.#committed().custody, next, source, after, limit));
  }

  async custodySource(server: ServerId): Promise<Uint8Array | undefined> {
    return copyOf(this.#committed().custody.sources.get(server)?.record);
  }

  async custodyOwed(to: ServerId, limit: number) {
    const owed = this.#committed().custody.owed.filter((one) => one.to === to);
    return copyOf(owed.slice(0, limit).map(({ number, receipt }) => ({ number, receipt })));
  }

  async receipts(
    destination: ServerId,
    streamClass: StreamClass,
    fromSequence: number,
    toSequence: number,
  ): Promise<ReceiptRow[]> {
    const rows = this.#committed().receipts.get(key(destination, streamClass)) ?? [];
    const asked = rows.filter(({ sequence }) => sequence >= fromSequence && sequence <= toSequence);
    return copyOf(asked.toSorted(inReceiptOrder));
  }

  async outboxPlaces(envelope: EnvelopeId) {
    return [...this.#committed().outbox.values()].flat().flatMap((row) =>
      row.envelopes
        .filter(({ id }) => id === envelope)
        .slice(0, 1)
        .map(({ from }) => ({
          ...{ server: row.destination, class: row.class, sequence: row.sequence, from },
        })),
    );
  }

  async roomEntries(...[log, after, bytesMax]: Parameters<HomeserverStore["roomEntries"]>) {
    return copyOf(roomEntries(this.#committed().rooms, log, after, bytesMax));
  }

  async roomInfo(...[log, offset, length]: Parameters<HomeserverStore["roomInfo"]>) {
    return copyOf(roomInfo(this.#committed().rooms, log, offset, length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#closed = true;
  }

  #committed(): Tables {
    if (this.#closed) throw closedError();
    return this.#tables;
  }
}

const closedError = (): Error => new Error("the store is closed");

function emptyTables(): Tables {
  return {
    meta: new Map(),
    accounts: new Map(),
    devices: new Map(),
    inboxes: new Map(),
    seen: new Map(),
    outbox: new Map(),
    outgoing: new Map(),
    incoming: new Map(),
    links: new Map(),
    records: new Map(),
    told: new Map(),
    keyPackages: new Map(),
    sealed: new Map(),
    archives: new Map(),
    grants: new Map(),
    blocks: new Map(),
    refusals: new Map(),
    custody: emptyCustody(),
    receipts: new Map(),
    rooms: emptyRooms(),
  };
}

/** A deep copy whose byte arrays own their memory: a view would keep a whole received frame. */
function copyOf<T>(value: T): T {
  const copy = (part: unknown): unknown => {
    if (part instanceof Uint8Array) return new Uint8Array(part);
    if (Array.isArray(part)) return part.map(copy);
    if (typeof part !== "object" || part === null) return part;
    const fields: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(part)) fields[name] = copy(field);
    return fields;
  };
  return copy(value) as T;
}

const key = (...parts: string[]): string => parts.join(" ");
const streamClasses: StreamClass[] = ["messages", "bulk"];
const done: WriteResult = { op: "done" };

/** Before anything is applied, so that a write with an impossible operation changes nothing. */
function assertPossible(t: Tables, ops: WriteOp[]): void {
  const opened = new Set<AccountId>();
  const exists = (account: AccountId) => t.accounts.has(account) || opened.has(account);
  const logEnds = new Map<string, number | undefined>();
  const orders = new Map<string, OutboxOrder | undefined>();
  const order = (at: string) => (orders.has(at) ? orders.get(at) : outboxOrder(t, at));
  for (const op of ops) {
    if (op.op === "account.open") {
      assert(!exists(op.row.account), "an account is opened once");
      opened.add(op.row.account);
    } else if (
      op.op === "account.record" ||
      op.op === "account.password" ||
      op.op === "account.visibility" ||
      op.op === "sealed.put" ||
      op.op === "archive.put"
    ) {
      assert(exists(op.account), "the account of an operation exists");
    } else if (op.op === "room.append" || op.op === "room.fork" || op.op === "room.drop") {
      assertRoomPossible(t.rooms, op, logEnds);
    } else if (op.op === "outbox.append") {
      for (const row of op.rows) {
        const at = key(row.destination, row.class);
        orders.set(at, appended(order(at), row));
      }
    } else if (op.op === "outbox.acknowledged" || op.op === "outbox.expire") {
      const at = key(op.destination, op.class);
      orders.set(at, dropped(order(at), op));
    } else if (op.op === "stream.forget") {
      for (const streamClass of streamClasses) orders.set(key(op.server, streamClass), undefined);
    } else if (op.op === "outbox.restart") {
      const at = key(op.destination, op.class);
      orders.set(at, restarted(order(at), op.stream));
    }
  }
}

function outboxOrder(t: Tables, at: string): OutboxOrder | undefined {
  const outgoing = t.outgoing.get(at);
  if (outgoing === undefined) return undefined;
  const { stream, next } = outgoing;
  return { stream, next, first: t.outbox.get(at)?.[0]?.sequence ?? next };
}

function apply(t: Tables, op: WriteOp): WriteResult {
  switch (op.op) {
    case "meta.put":
      t.meta.set(op.key, op.value);
      return done;
    case "account.open":
      t.accounts.set(op.row.account, op.row);
      t.inboxes.set(op.row.account, { incarnation: op.incarnation, floor: 0, head: 0, items: [] });
      setDevices(t, op.row.account, op.devices);
      return done;
    case "account.record":
      Object.assign(t.accounts.get(op.account)!, { record: op.record, handle: op.handle });
      setDevices(t, op.account, op.devices);
      return done;
    case "account.password":
      t.accounts.get(op.account)!.password = op.password;
      return done;
    case "account.visibility":
      t.accounts.get(op.account)!.visibility = op.visibility;
      return done;
    case "device.fence":
      fence(t, op.account, op.device, op.fencing);
      return done;
    case "inbox.acknowledge":
      return acknowledge(t, op.account, op.device, op.position);
    case "inbox.leap":
      for (const account of op.accounts) {
        const inbox = t.inboxes.get(account);
        if (inbox !== undefined && inbox.head >= op.above) inbox.head += op.by;
      }
      return done;
    case "inbox.deliver":
      return {
        op: "inbox.deliver",
        deliveries: op.deliveries.map((delivery) => deliver(t, delivery, op.above)),
      };
    case "inbox.expire":
      return expire(t, op.itemsBefore, op.idsBefore);
    case "outbox.append":
      for (const row of op.rows) appendOutbox(t, row);
      return done;
    case "outbox.acknowledged":
    case "outbox.expire": {
      const rows = t.outbox.get(key(op.destination, op.class)) ?? [];
      t.outbox.set(
        key(op.destination, op.class),
        rows.filter((row) => row.stream !== op.stream || row.sequence > op.sequence),
      );
      keepReceipts(t, key(op.destination, op.class));
      return done;
    }
    case "outbox.restart": {
      const at = key(op.destination, op.class);
      const rows = t.outbox.get(at) ?? [];
      t.receipts.delete(at);
      rows.forEach((row, index) => Object.assign(row, { stream: op.stream, sequence: index + 1 }));
      t.outgoing.set(at, {
        destination: op.destination,
        class: op.class,
        stream: op.stream,
        next: rows.length + 1,
      });
      return done;
    }
    case "stream.received":
      t.incoming.set(key(op.row.source, op.row.class), op.row);
      return done;
    case "stream.forget":
      for (const streamClass of streamClasses) {
        for (const table of [t.incoming, t.outgoing, t.outbox, t.receipts])
          table.delete(key(op.server, streamClass));
      }
      return done;
    case "link.put":
      t.links.set(op.row.server, op.row);
      return done;
    case "link.delete":
      t.links.delete(op.server);
      t.told.delete(op.server);
      return done;
    case "record.put": {
      const { op: _, ...row } = op;
      t.records.set(op.server, row);
      return done;
    }
    case "record.delete":
      t.records.delete(op.server);
      return done;
    case "told.put":
      t.told.set(op.row.server, op.row);
      return done;
    case "keyPackages.put": {
      if (!t.devices.has(key(op.account, op.device))) return done;
      const held = t.keyPackages.get(key(op.account, op.device, op.suite));
      t.keyPackages.set(key(op.account, op.device, op.suite), {
        packages: [...(held?.packages ?? []), ...op.packages],
        lastResort: op.lastResort ?? held?.lastResort,
        capability: op.capability,
      });
      return done;
    }
    case "keyPackages.take": {
      const held = t.keyPackages.get(key(op.account, op.device, op.suite));
      const entitled = held !== undefined && held.capability.toString() === op.capability.toString();
      return {
        op: "keyPackages.take",
        keyPackage: entitled ? (held.packages.shift() ?? held.lastResort) : undefined,
      };
    }
    case "sealed.put": {
      const records = t.sealed.get(op.account) ?? new Map<string, SealedRow>();
      t.sealed.set(op.account, records);
      if ((records.get(op.row.name)?.version ?? 0) !== op.row.version - 1) {
        return { op: "sealed.put", outcome: "conflict" };
      }
      records.set(op.row.name, op.row);
      return { op: "sealed.put", outcome: "stored" };
    }
    case "grant.put":
      t.grants.set(key(op.account, op.peer), { account: op.account, peer: op.peer, server: op.server });
      return done;
    case "grant.delete":
      t.grants.delete(key(op.account, op.peer));
      return done;
    case "block.put":
      t.blocks.set(key(op.account, op.peer), { account: op.account, peer: op.peer });
      return done;
    case "block.delete":
      t.blocks.delete(key(op.account, op.peer));
      return done;
    case "refusal.put":
      t.refusals.set(key(op.row.account, op.row.envelope, op.row.server), op.row);
      return done;
    case "receipt.put":
      putReceipt(t, op.row);
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
      return applyCustody(t.custody, op);
    case "archive.put":
    case "archive.drop":
      return applyArchive(t.archives, op);
    case "room.append":
    case "room.fork":
    case "room.drop":
    case "room.follow":
    case "room.unfollow":
    case "room.list":
    case "room.prune":
      return applyRoom(t.rooms, op);
  }
}

function putReceipt(t: Tables, row: ReceiptRow): void {
  const at = key(row.destination, row.class);
  const kept = t.outbox
    .get(at)
    ?.some(({ stream, sequence }) => stream === row.stream && sequence === row.sequence);
  if (kept !== true) return;
  const others = (t.receipts.get(at) ?? []).filter(
    ({ sequence, relay }) => sequence !== row.sequence || relay !== row.relay,
  );
  t.receipts.set(at, [...others, row]);
}

/** Receipts go with the bundles that they are for. */
function keepReceipts(t: Tables, at: string): void {
  const kept = new Set((t.outbox.get(at) ?? []).map(({ sequence }) => sequence));
  const rows = t.receipts.get(at);
  if (rows !== undefined)
    t.receipts.set(
      at,
      rows.filter(({ sequence }) => kept.has(sequence)),
    );
}

function fence(t: Tables, account: AccountId, device: DeviceId, fencing: number): void {
  const row = t.devices.get(key(account, device));
  if (row !== undefined) row.fencing = fencing;
}

/** Devices that are new start with the inbox's floor as their cursor; those no longer listed go. */
function setDevices(t: Tables, account: AccountId, devices: DeviceId[]): void {
  for (const row of [...t.devices.values()]) {
    if (row.account !== account || devices.includes(row.device)) continue;
    t.devices.delete(key(account, row.device));
    for (const suite of keyPackageSuites) t.keyPackages.delete(key(account, row.device, suite));
  }
  for (const device of devices) {
    if (t.devices.has(key(account, device))) continue;
    t.devices.set(key(account, device), {
      account,
      device,
      fencing: 0,
      cursor: t.inboxes.get(account)!.floor,
    });
  }
  dropAcknowledged(t, account);
}

function deliver(t: Tables, delivery: Delivery, above: number): Delivered[] {
  return delivery.to.map((account) => {
    const inbox = t.inboxes.get(account);
    if (inbox === undefined) return { account, outcome: "unknown" };
    const seen = key(account, delivery.server, delivery.id);
    if (t.seen.has(seen)) return { account, outcome: "duplicate" };
    t.seen.set(seen, delivery.received);
    const { to: _, ...rest } = delivery;
    inbox.head = Math.max(inbox.head, above) + 1;
    inbox.items.push({ ...rest, position: inbox.head });
    return { account, outcome: "delivered", position: inbox.head };
  });
}

function acknowledge(t: Tables, account: AccountId, device: DeviceId, position: number): WriteResult {
  const row = t.devices.get(key(account, device));
  const inbox = t.inboxes.get(account);
  if (row === undefined || inbox === undefined) return done;
  row.cursor = Math.max(row.cursor, Math.min(position, inbox.head));
  dropAcknowledged(t, account);
  return done;
}

function dropAcknowledged(t: Tables, account: AccountId): void {
  const inbox = t.inboxes.get(account)!;
  const cursors = [...t.devices.values()].filter((row) => row.account === account).map((row) => row.cursor);
  if (cursors.length > 0) raiseFloor(inbox, Math.min(...cursors));
}

function raiseFloor(inbox: Inbox, floor: number): void {
  if (floor <= inbox.floor) return;
  inbox.floor = floor;
  inbox.items = inbox.items.filter((item) => item.position > floor);
}

function expire(t: Tables, itemsBefore: number, idsBefore: number): WriteResult {
  for (const inbox of t.inboxes.values()) {
    const kept = inbox.items.findIndex((item) => item.received >= itemsBefore);
    const last = inbox.items.at(kept === -1 ? -1 : kept - 1);
    if (kept !== 0 && last !== undefined) raiseFloor(inbox, last.position);
  }
  for (const [id, at] of t.seen) if (at < idsBefore) t.seen.delete(id);
  for (const [at, row] of t.refusals) if (row.at < idsBefore) t.refusals.delete(at);
  return done;
}

function appendOutbox(t: Tables, row: OutboxRow): void {
  const at = key(row.destination, row.class);
  const rows = t.outbox.get(at) ?? [];
  rows.push(row);
  t.outbox.set(at, rows);
  t.outgoing.set(at, {
    destination: row.destination,
    class: row.class,
    stream: row.stream,
    next: row.sequence + 1,
  });
}
