/**
 * The seam between the two halves of a homeserver's core: the accounts that live here (sessions, inboxes, key
 * packages) and the federation (links, streams, bundles). Each half sees of the other only what stands here.
 */
import type {
  AccountId,
  ClientEvent,
  ClientResult,
  DialBackResult,
  DirectoryView,
  Envelope,
  EnvelopeId,
  EnvelopeKind,
  EnvelopeTrace,
  Examination,
  KeyPackageClaim,
  LinkView,
  ListedPerson,
  NearbyState,
  PersonView,
  ProtocolError,
  RelayHint,
  RoomId,
  RoomQuery,
  ServerAddress,
  ServerId,
  UnlinkedView,
  Visibility,
} from "@fedchat/protocol";
import type { Delivered, Delivery, WriteOp } from "../store/store.ts";

export type Trust = "mutual" | "incoming" | "outgoing" | "blocked" | "none";

/** Where a server is reached, as an invitation says. */
export interface Whereabouts {
  addresses: ServerAddress[];
  relays: RelayHint[];
}

/** What client sessions need of the federation. Methods reject with `ProtocolError`. */
export interface Federation {
  /** The server that has this key now, or another one in its place. [R9] */
  heir(server: ServerId): ServerId;
  /**
   * Takes an envelope for accounts of another homeserver; resolves when it is committed to that destination's outbox.
   * Calls are kept in order. Rejects with `unknown-server`, `storage-full`, `quota-exceeded`.
   */
  submit(destination: ServerId, envelope: Envelope): Promise<void>;
  links(): LinkView[];
  /** Of these servers those that are not linked in either direction, as far as they are known here. [C11] */
  unlinked(servers: Iterable<ServerId>): UnlinkedView[];
  /** @param relays servers through which it may be reached, of an invitation */
  addLink(
    server: ServerId,
    addresses: ServerAddress[],
    localName: string | undefined,
    relays?: RelayHint[],
  ): Promise<LinkView>;
  linkBack(server: ServerId): Promise<LinkView>;
  removeLink(server: ServerId): Promise<void>;
  blockServer(server: ServerId): Promise<LinkView>;
  unblockServer(server: ServerId): Promise<LinkView>;
  renameServer(server: ServerId, localName: string | undefined): Promise<LinkView>;
  /** Where people say that a linked server is, in place of what they said before. */
  setServerAddresses(server: ServerId, addresses: ServerAddress[]): Promise<LinkView>;
  retryLink(server: ServerId): void;
  /** People of mutually linked servers; with `refresh` those connected are asked anew first (bounded wait). */
  people(refresh: boolean): Promise<PersonView[]>;
  /** One session more, or less, looks at people one hop beyond: while any does, they are told by events. [L24] */
  watchBeyond(looks: boolean): void;
  directories(): DirectoryView[];
  /** People beyond and in directories by the beginning of a handle or of a word of the name. Bounded wait. */
  searchPeople(text: string): Promise<PersonView[]>;
  /** @param invited where an invitation says that the server is; without, it must be known. Waits within bounds. */
  lookup(server: ServerId, account: AccountId, invited?: Whereabouts): Promise<Uint8Array | undefined>;
  /** Records of other servers that an account brings along; on disk when it resolves. What does not hold is let go. [A14] */
  introduce(records: readonly Uint8Array[]): Promise<void>;
  fetchKeyPackage(server: ServerId, claim: KeyPackageClaim): Promise<Uint8Array | undefined>;
  /** Where an envelope of this account is on its way to other servers; what has arrived is not among it. [H18] */
  trace(account: AccountId, envelope: EnvelopeId): Promise<EnvelopeTrace[]>;
  /** What lies here in custody for others. [K3] */
  custody(): { bundles: number; bytes: number };
  reachedFromOutside(): boolean;
  /** Circuits of others that pass here now. */
  relayedCircuits(): number;
  /** Where the relays are through which this server is reached now, those that take anyone first. */
  relayHints(): RelayHint[];
  /** This server and those that it knows of, nearest first. */
  networkMap(): ClientResult<"network.map">;
  /** Has a few connected servers that linked us dial us where our record says; which answer what. [L25] */
  dialBack(): Promise<DialBackReport[]>;
  rooms: RoomLinks;
}

/** How rooms' logs pass between servers. */
export interface RoomLinks {
  /** Of these servers those that can be told something: not blocked, and known. Resolves once their outboxes are read. */
  reachable(servers: ServerId[]): Promise<ServerId[]>;
  /** An entry leaves with the transaction of whatever is added in the same turn; the result takes it back where that failed. [O4] */
  tell(servers: ServerId[], entry: Uint8Array): () => void;
  /** The encoded answer of a room's hub, linked or not, within a bounded wait. Rejects with `ProtocolError`. [C11] */
  ask(hub: ServerId, query: RoomQuery): Promise<Uint8Array>;
  /** Asks the room's hub where those of these servers are of which nothing is known here. Never rejects. [O8] */
  meet(hub: ServerId, room: RoomId, servers: readonly ServerId[]): Promise<void>;
  /** The server that has this key now, or another one in its place. [R9] */
  heir(server: ServerId): ServerId;
  /** The keys that a server had before. */
  formersOf(server: ServerId): readonly ServerId[];
  /** The signed record of a server that is known here. */
  record(server: ServerId): Uint8Array | undefined;
  /** The encoded answers of the mutually linked servers that told within a bounded wait which rooms they list. [I13] */
  listed(): Promise<{ server: ServerId; answer: Uint8Array }[]>;
  /** The encoded answers of directories that have a lobby, and what they call themselves. [D8] */
  lobbies(): Promise<{ name: string; answer: Uint8Array }[]>;
}

/** What the federation needs of the rooms' logs that are kept here. */
export interface LocalRooms {
  /** Entries that came from a server, in order. @param linked whether it was linked from here */
  arrived(hub: ServerId, linked: boolean, entries: readonly Uint8Array[]): Promise<EntriesPlan>;
  /** The encoded answer to another server. Rejects with `ProtocolError`. */
  answer(server: ServerId, query: RoomQuery): Promise<Uint8Array>;
  /** There is a connection with this server. */
  connected(server: ServerId): void;
  /** The rooms that people here let others see, encoded. [I13] */
  listings(): Uint8Array;
  /** Whether a room that somebody here follows, or that this server is the hub of, has this server. */
  meets(server: ServerId): boolean;
}

/** What entries that arrived add to the transaction of their stream. One of both is called once it is settled. */
export interface EntriesPlan {
  ops: WriteOp[];
  committed(): void;
  failed(): void;
}

/** What the log of a recipient's room says of a sender's server; `no room`: no such group is followed. [O7] */
export type RoomStanding = "listed" | "former" | "unlisted" | "no room";

/** What one linked server says of dialling us. */
export interface DialBackReport {
  server: ServerId;
  /** As its record claims; empty where none is known. */
  name: string;
  results: DialBackResult[];
  /** Why there are no results. */
  error?: ProtocolError;
}

/** Somebody who lives here. */
export interface LocalPerson {
  account: AccountId;
  /** Signed account record. */
  record: Uint8Array;
  presence: ListedPerson["presence"];
  visibility: Visibility;
}

/** Somebody as they now are, and how far they were shown before. */
export interface ListedChange {
  person: LocalPerson;
  before: Visibility;
}

/** What the federation needs of the accounts that live here. */
export interface LocalAccounts {
  /** Whether this envelope may be put into this inbox, by the recipient's grants and blocks and the server's trust. [H9] */
  admits(delivery: {
    server: ServerId;
    from: AccountId;
    kind: EnvelopeKind;
    to: AccountId;
    trust: Trust;
    payload?: Uint8Array;
  }): "admitted" | "unknown-account" | "blocked" | "ignored" | "not-allowed" | "rate-limited";
  /** Whether anybody here lets in somebody of this server, whatever the trust: then it is not forgotten. [L20] */
  hasGrantAt(server: ServerId): boolean;
  /** Whether a request of this server's people may still wait for somebody here: its record is kept for the answer. [G1] */
  wasAskedFrom(server: ServerId): boolean;
  /** Commits to inboxes (together with `alongside`, such as the stream's new position) and pushes to sessions after it. */
  deliver(deliveries: Delivery[], alongside: WriteOp[]): Promise<Delivered[][]>;
  /** Signed record of an account that lives here. */
  record(account: AccountId): Uint8Array | undefined;
  takeKeyPackage(claim: KeyPackageClaim): Promise<Uint8Array | undefined>;
  /** Everybody who lives here; how far each lets themselves be shown stands beside them. */
  listed(): LocalPerson[];
  onListedChange(listener: (changes: ListedChange[]) => void): void;
  /** Tells sessions; `to`: an account's own sessions, administrators', or everybody's. */
  notify(to: { account: AccountId } | "administrators" | "everybody", event: ClientEvent): void;
}

/** Servers heard of in the local network. What it tells is hearsay: linking one proves it, or fails. [Y2] */
export interface Nearby {
  state(): NearbyState;
  /** Called after changes, not more often than screens can take. */
  onChange(listener: () => void): void;
}

/** Looks at everything that decides whether others reach this server. Begins where nothing was looked at yet, or `again`. */
export type Examine = (again: boolean) => Examination;
