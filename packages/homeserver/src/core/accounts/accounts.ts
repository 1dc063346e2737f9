/**
 * The accounts half of a homeserver: who lives here, their inboxes, key packages and rules, and the sessions that are
 * open. This is all that the federation sees of it (`LocalAccounts`). [A6] [H6] [H9]
 */
import type {
  AccountId,
  ClientEvent,
  Clock,
  DeviceId,
  ListedPerson,
  Primitives,
  ServerId,
} from "@fedchat/protocol";
import type { Delivered, Delivery, HomeserverStore, StoredState, WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Log } from "../log.ts";
import type { LocalAccounts } from "../seams.ts";
import { AccountBook } from "./account-book.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { DeliveryRules } from "./delivery-rules.ts";
import { Directory } from "./directory.ts";
import { FullDisk } from "./full-disk.ts";
import { Inboxes } from "./inboxes.ts";
import { KeyPackages } from "./key-packages.ts";
import { LiveSessions } from "./live-sessions.ts";

export interface AccountsOptions {
  self: ServerId;
  store: HomeserverStore;
  commit: GroupCommit;
  state: StoredState;
  primitives: Primitives;
  clock: Clock;
  log: Log;
}

export class Accounts implements LocalAccounts {
  readonly book: AccountBook;
  readonly live = new LiveSessions();
  readonly disk: FullDisk;
  readonly inboxes: Inboxes;
  readonly acknowledgements: Acknowledgements;
  readonly rules: DeliveryRules;
  readonly keyPackages: KeyPackages;
  readonly directory: Directory;

  constructor({ self, store, commit, state, primitives, clock, log }: AccountsOptions) {
    this.book = new AccountBook(primitives, commit, state);
    this.disk = new FullDisk(clock);
    this.inboxes = new Inboxes({ store, commit, disk: this.disk, live: this.live, clock });
    this.acknowledgements = new Acknowledgements({ commit, clock, log });
    this.rules = new DeliveryRules({ self, accounts: this.book, commit, clock, state });
    this.keyPackages = new KeyPackages({ self, accounts: this.book, store, commit, disk: this.disk });
    this.directory = new Directory({ accounts: this.book, live: this.live, clock });
  }

  admits(delivery: Parameters<LocalAccounts["admits"]>[0]): ReturnType<LocalAccounts["admits"]> {
    return this.rules.admits(delivery);
  }

  hasGrantAt(server: ServerId): boolean {
    return this.rules.hasGrantAt(server);
  }

  deliver(deliveries: Delivery[], alongside: WriteOp[]): Promise<Delivered[][]> {
    return this.inboxes.deliver(deliveries, alongside);
  }

  record(account: AccountId): Uint8Array | undefined {
    return this.book.get(account)?.signed;
  }

  takeKeyPackage(
    account: AccountId,
    device: DeviceId,
    capability: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    return this.keyPackages.take(account, device, capability);
  }

  listed(): ListedPerson[] {
    return this.directory.listed();
  }

  onListedChange(listener: (changed: ListedPerson[], gone: AccountId[]) => void): void {
    this.directory.onChange(listener);
  }

  notify(to: { account: AccountId } | "administrators" | "everybody", event: ClientEvent): void {
    this.live.notify(to, event);
  }
}
