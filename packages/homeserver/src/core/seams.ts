/**
 * The seam between the two halves of a homeserver's core: the accounts that live here (sessions, inboxes, key
 * packages) and the federation (links, streams, bundles). Each half sees of the other only what stands here.
 */
import type {
  AccountId,
  ClientEvent,
  DeviceId,
  Envelope,
  EnvelopeKind,
  LinkView,
  ListedPerson,
  PersonView,
  ServerAddress,
  ServerId,
} from "@fedchat/protocol";
import type { Delivered, Delivery, WriteOp } from "../store/store.ts";

export type Trust = "mutual" | "incoming" | "outgoing" | "blocked" | "none";

/** What client sessions need of the federation. Methods reject with `ProtocolError`. */
export interface Federation {
  /**
   * Takes an envelope for accounts of another homeserver; resolves when it is committed to that destination's outbox.
   * Calls are kept in order. Rejects with `unknown-server`, `storage-full`, `quota-exceeded`.
   */
  submit(destination: ServerId, envelope: Envelope): Promise<void>;
  links(): LinkView[];
  addLink(server: ServerId, addresses: ServerAddress[], localName: string | undefined): Promise<LinkView>;
  linkBack(server: ServerId): Promise<LinkView>;
  removeLink(server: ServerId): Promise<void>;
  blockServer(server: ServerId): Promise<LinkView>;
  unblockServer(server: ServerId): Promise<LinkView>;
  renameServer(server: ServerId, localName: string | undefined): Promise<LinkView>;
  retryLink(server: ServerId): void;
  /** People of mutually linked servers; with `refresh` those connected are asked anew first (bounded wait). */
  people(refresh: boolean): Promise<PersonView[]>;
  lookup(server: ServerId, account: AccountId): Promise<Uint8Array | undefined>;
  fetchKeyPackage(
    server: ServerId,
    account: AccountId,
    device: DeviceId,
    capability: Uint8Array,
  ): Promise<Uint8Array | undefined>;
  reachedFromOutside(): boolean;
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
  }): "admitted" | "unknown-account" | "blocked" | "ignored" | "not-allowed" | "rate-limited";
  /** Whether anybody here lets in somebody of this server, whatever the trust: then it is not forgotten. [L20] */
  hasGrantAt(server: ServerId): boolean;
  /** Commits to inboxes (together with `alongside`, such as the stream's new position) and pushes to sessions after it. */
  deliver(deliveries: Delivery[], alongside: WriteOp[]): Promise<Delivered[][]>;
  /** Signed record of an account that lives here. */
  record(account: AccountId): Uint8Array | undefined;
  takeKeyPackage(
    account: AccountId,
    device: DeviceId,
    capability: Uint8Array,
  ): Promise<Uint8Array | undefined>;
  /** Everybody who is shown to mutually linked servers. */
  listed(): ListedPerson[];
  /** Called with those who changed, and those who are gone. */
  onListedChange(listener: (changed: ListedPerson[], gone: AccountId[]) => void): void;
  /** Tells sessions; `to`: an account's own sessions, administrators', or everybody's. */
  notify(to: { account: AccountId } | "administrators" | "everybody", event: ClientEvent): void;
}
