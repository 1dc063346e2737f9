/**
 * What a homeserver keeps, behind an interface that SQLite, PostgreSQL and a simulation's memory implement alike.
 *
 * Invariant: one `write` is one transaction; its promise resolves only when everything in it is on disk. Writes are
 * applied in the order of the calls. Reads see every write that resolved before them. What is passed in may be changed
 * by the caller afterwards, and so may what is returned. An operation that is impossible (on an account that does not
 * exist, a bundle that does not continue its stream) is our own mistake: its whole write rejects and changes nothing.
 * Operations on a device that is no longer listed do nothing, since its removal may be in the same transaction. One
 * contract suite (test/store-contract.ts) holds for all implementations.
 */
import type {
  AccountId,
  DeviceId,
  EnvelopeId,
  EnvelopeKind,
  InboxItem,
  KeyPackageClaim,
  KeyPackageSuite,
  ServerAddress,
  ServerId,
  StreamClass,
  Visibility,
} from "@fedchat/protocol";
import type { ArchiveOp, ArchiveReads, ArchiveResult } from "./archive-store.ts";
import type { CustodyOp, CustodyReads, CustodyResult, CustodyTotal } from "./custody-store.ts";
import type { FollowerRow, ListingRow, RoomLogRow, RoomOp, RoomReads, RoomResult } from "./room-store.ts";

export type * from "./archive-store.ts";
export type * from "./custody-store.ts";
export type * from "./room-store.ts";

export interface AccountRow {
  account: AccountId;
  handle: string;
  /** Signed account record. */
  record: Uint8Array;
  administrator: boolean;
  createdAt: number;
  password: { opaque: Uint8Array; wrappedKey: Uint8Array } | undefined;
  /** How far it lets itself be shown; undefined: as the homeserver's configuration says. */
  visibility: Visibility | undefined;
}

export interface DeviceRow {
  account: AccountId;
  device: DeviceId;
  /** The last fencing number given out. */
  fencing: number;
  /** Acknowledged inbox position. */
  cursor: number;
}

export interface InboxState {
  incarnation: Uint8Array;
  /** Positions at or below this are gone. */
  floor: number;
  /** The highest position given out; 0 for an empty inbox. */
  head: number;
}

/** An envelope as it is put into inboxes: stored once, indexed per recipient. */
export interface Delivery {
  server: ServerId;
  from: AccountId;
  id: EnvelopeId;
  kind: EnvelopeKind;
  created: number;
  received: number;
  payload: Uint8Array;
  to: AccountId[];
}

/**
 * What became of one recipient of a delivery. A duplicate was delivered before, from the same server, within
 * envelopeIdMemoryMs: another server cannot suppress an envelope by using its id first.
 */
export type Delivered =
  | { account: AccountId; outcome: "delivered"; position: number }
  | { account: AccountId; outcome: "duplicate" }
  | { account: AccountId; outcome: "unknown" };

export interface OutboxRow {
  destination: ServerId;
  class: StreamClass;
  stream: number;
  sequence: number;
  created: number;
  expiresAt: number;
  /** Encoded bundle body; sealed when it is sent. */
  body: Uint8Array;
  /** For progress: which envelopes of whom are inside. */
  envelopes: { id: EnvelopeId; from: AccountId }[];
}

export interface OutgoingStream {
  destination: ServerId;
  class: StreamClass;
  stream: number;
  /** The next new sequence. */
  next: number;
}

export interface IncomingStream {
  source: ServerId;
  class: StreamClass;
  stream: number;
  committed: number;
}

export interface LinkRow {
  server: ServerId;
  linkedByUs: boolean;
  linkedByThem: boolean;
  blocked: boolean;
  localName: string | undefined;
  /** Who linked it from here: a person, or the server itself, since a directory announced both. [D4] */
  origin: "person" | "directory";
  /** Where we were told to dial; the server's own record adds to these. */
  addresses: ServerAddress[];
  linkedAt: number;
  lastContactAt: number | undefined;
}

export interface RecordRow {
  server: ServerId;
  name: string;
  sequence: number;
  /** Signed server record. */
  record: Uint8Array;
  /** How far it came; 0: its subject sent it itself. [G2] */
  hops: number;
  /** Who told it, where that was not its subject. */
  heardFrom: ServerId | undefined;
  /** When it changed, in this server's own count of changes. [G3] */
  changed: number;
}

/** How far another server has told us what changed at it. [G3] */
export interface ToldRow {
  server: ServerId;
  incarnation: Uint8Array;
  upTo: number;
}

export interface SealedRow {
  name: string;
  version: number;
  bytes: Uint8Array;
}

export interface RefusalRow {
  account: AccountId;
  envelope: EnvelopeId;
  server: ServerId;
  code: string;
  at: number;
}

/** One change. What must happen together goes into one `write`. */
export type WriteOp =
  | ArchiveOp
  | CustodyOp
  | RoomOp
  | { op: "meta.put"; key: string; value: Uint8Array }
  | { op: "account.open"; row: AccountRow; devices: DeviceId[]; incarnation: Uint8Array }
  /** Devices that are new start at the inbox's floor; those no longer listed go, with their key packages. */
  | { op: "account.record"; account: AccountId; record: Uint8Array; handle: string; devices: DeviceId[] }
  | { op: "account.password"; account: AccountId; password: NonNullable<AccountRow["password"]> }
  | { op: "account.visibility"; account: AccountId; visibility: Visibility }
  | { op: "device.fence"; account: AccountId; device: DeviceId; fencing: number }
  /** Moves a cursor forward, never back, and drops items that every device of the account has acknowledged. */
  | { op: "inbox.acknowledge"; account: AccountId; device: DeviceId; position: number }
  /** The heads of these inboxes that are not below `above` rise by so much. */
  | { op: "inbox.leap"; accounts: AccountId[]; above: number; by: number }
  /** Each item takes the lowest position that is higher than both the inbox's head and `above`. */
  | { op: "inbox.deliver"; deliveries: Delivery[]; above: number }
  /**
   * Drops the leading items of each inbox that were received before `itemsBefore` (raising floors), and forgets envelope
   * ids and refusals from before `idsBefore`.
   */
  | { op: "inbox.expire"; itemsBefore: number; idsBefore: number }
  /** The next bundles of the present stream, or of a later one where nothing waits. */
  | { op: "outbox.append"; rows: OutboxRow[] }
  /** Removes bundles of this stream up to and with `sequence`. */
  | { op: "outbox.acknowledged"; destination: ServerId; class: StreamClass; stream: number; sequence: number }
  | { op: "outbox.expire"; destination: ServerId; class: StreamClass; stream: number; sequence: number }
  /** Opens a new outgoing stream: remaining bundles keep their order and are renumbered from 1. */
  | { op: "outbox.restart"; destination: ServerId; class: StreamClass; stream: number }
  | { op: "stream.received"; row: IncomingStream }
  /** The streams of this server in both directions go, with what waits for it. */
  | { op: "stream.forget"; server: ServerId }
  | { op: "link.put"; row: LinkRow }
  /** What this server told up to goes with its link; its record stays. */
  | { op: "link.delete"; server: ServerId }
  | ({ op: "record.put" } & RecordRow)
  | { op: "record.delete"; server: ServerId }
  | { op: "told.put"; row: ToldRow }
  | {
      op: "keyPackages.put";
      account: AccountId;
      device: DeviceId;
      suite: KeyPackageSuite;
      packages: Uint8Array[];
      lastResort: Uint8Array | undefined;
      capability: Uint8Array;
    }
  /** Takes one single-use package out, or the last-resort one, which stays. */
  | ({ op: "keyPackages.take" } & KeyPackageClaim)
  /** Compare-and-swap on the version: done when the held version is `row.version - 1` (0: none held). */
  | { op: "sealed.put"; account: AccountId; row: SealedRow }
  | { op: "grant.put"; account: AccountId; peer: AccountId; server: ServerId }
  | { op: "grant.delete"; account: AccountId; peer: AccountId }
  | { op: "block.put"; account: AccountId; peer: AccountId }
  | { op: "block.delete"; account: AccountId; peer: AccountId }
  /** One for each account, envelope and server; a later one replaces it. */
  | { op: "refusal.put"; row: RefusalRow };

/** Results, in the order of the operations; operations without a result of their own give `done`. */
export type WriteResult =
  | { op: "done" }
  | ArchiveResult
  | CustodyResult
  | RoomResult
  | { op: "inbox.deliver"; deliveries: Delivered[][] }
  | { op: "keyPackages.take"; keyPackage: Uint8Array | undefined }
  | { op: "sealed.put"; outcome: "stored" | "conflict" };

/** Everything that the core holds in memory while it runs, read once at start. Bounded by accounts, links and rooms, not by messages. */
export interface StoredState {
  meta: Map<string, Uint8Array>;
  accounts: AccountRow[];
  devices: DeviceRow[];
  links: LinkRow[];
  records: RecordRow[];
  told: ToldRow[];
  outgoing: OutgoingStream[];
  incoming: IncomingStream[];
  custody: CustodyTotal[];
  grants: { account: AccountId; peer: AccountId; server: ServerId }[];
  blocks: { account: AccountId; peer: AccountId }[];
  /** With the bytes of their signed entries that are kept. */
  rooms: (RoomLogRow & { bytes: number })[];
  followers: FollowerRow[];
  /** The last to be listed goes last. */
  listings: ListingRow[];
}

export interface HomeserverStore extends AsyncDisposable, ArchiveReads, CustodyReads, RoomReads {
  /** Reads what the core keeps in memory. */
  load(): Promise<StoredState>;
  /** One transaction. Rejects with `StoreFullError` when the disk is full: nothing of it is applied, the store stays usable. */
  write(ops: WriteOp[]): Promise<WriteResult[]>;
  inboxState(account: AccountId): Promise<InboxState | undefined>;
  /** Items above `after`, in order, at most `limit`; fewer where they are large: only an empty page is the end. */
  inboxPage(account: AccountId, after: number, limit: number): Promise<InboxItem[]>;
  /** Bundles waiting for a destination from `fromSequence` on, in order, at most `limit`; only an empty page is the end. */
  outboxPage(
    destination: ServerId,
    streamClass: StreamClass,
    fromSequence: number,
    limit: number,
  ): Promise<OutboxRow[]>;
  /** Which of these envelopes still lie in an outbox, and for which server. */
  outboxFind(envelopes: EnvelopeId[]): Promise<{ envelope: EnvelopeId; server: ServerId }[]>;
  refusals(account: AccountId, envelopes: EnvelopeId[]): Promise<RefusalRow[]>;
  keyPackageCount(account: AccountId, device: DeviceId, suite: KeyPackageSuite): Promise<number>;
  sealedGet(account: AccountId, name: string): Promise<SealedRow | undefined>;
  sealedList(account: AccountId): Promise<{ name: string; version: number }[]>;
}

/** The disk is full. The homeserver refuses new work with `storage-full` and keeps what it has. */
export class StoreFullError extends Error {
  override readonly name = "StoreFullError";
}

/** The store on disk is damaged, or of a newer version; nothing was changed. The message says what to do. */
export class StoreUnusableError extends Error {
  override readonly name = "StoreUnusableError";
}
