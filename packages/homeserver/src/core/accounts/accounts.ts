/**
 * The accounts half of a homeserver: who lives here, their inboxes, key packages and rules, and the sessions that are
 * open. This is all that the federation sees of it (`LocalAccounts`). [A6] [H6] [H9]
 */
import type {
  AccountId,
  ClientEvent,
  Clock,
  KeyPackageClaim,
  Primitives,
  RandomSource,
  ServerId,
  Visibility,
} from "@fedchat/protocol";
import type { Delivered, Delivery, HomeserverStore, StoredState, WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Log } from "../log.ts";
import type { ListedChange, LocalAccounts, LocalPerson, LocalRooms, RoomStanding } from "../seams.ts";
import { AccountBook } from "./account-book.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { AskingServers } from "./asking-servers.ts";
import { DeliveryRules } from "./delivery-rules.ts";
import { LocalPeople } from "./local-people.ts";
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
  /** Of accounts that never chose how far they are shown. */
  visibility: Visibility;
  clock: Clock;
  random: RandomSource;
  log: Log;
  /** The rooms of the accounts, asked once it is started. Absent: none. [O7] */
  rooms?: () => Pick<LocalRooms, "meets"> & {
    standing: (account: AccountId, group: Uint8Array, server: ServerId) => RoomStanding;
  };
}

export class Accounts implements LocalAccounts {
  readonly book: AccountBook;
  readonly live = new LiveSessions();
  readonly disk: FullDisk;
  readonly inboxes: Inboxes;
  readonly acknowledgements: Acknowledgements;
  readonly rules: DeliveryRules;
  readonly keyPackages: KeyPackages;
  readonly people: LocalPeople;
  readonly #asking: AskingServers;
  readonly #rooms: AccountsOptions["rooms"];

  constructor(options: AccountsOptions) {
    const { self, store, commit, state, primitives, visibility, clock, random, log } = options;
    this.#asking = new AskingServers(state.meta);
    this.#rooms = options.rooms;
    this.book = new AccountBook(primitives, commit, state);
    this.disk = new FullDisk(clock);
    this.inboxes = new Inboxes({ store, commit, disk: this.disk, live: this.live, clock, random });
    this.acknowledgements = new Acknowledgements({ commit, clock, log });
    this.rules = new DeliveryRules({
      ...{ self, accounts: this.book, commit, clock, state, asking: this.#asking },
      standing: (...asked) => this.#rooms?.().standing(...asked) ?? "no room",
    });
    this.keyPackages = new KeyPackages({ self, accounts: this.book, store, commit, disk: this.disk });
    this.people = new LocalPeople({ self, accounts: this.book, live: this.live, clock, visibility });
  }

  admits(delivery: Parameters<LocalAccounts["admits"]>[0]): ReturnType<LocalAccounts["admits"]> {
    return this.rules.admits(delivery);
  }

  hasGrantAt(server: ServerId): boolean {
    return this.rules.hasGrantAt(server) || this.#rooms?.().meets(server) === true;
  }

  wasAskedFrom(server: ServerId): boolean {
    return this.#asking.has(server);
  }

  async deliver(deliveries: Delivery[], alongside: WriteOp[]): Promise<Delivered[][]> {
    const asked = this.#asking.delivering(deliveries);
    try {
      return await this.inboxes.deliver(deliveries, [...alongside, ...asked]);
    } catch (error) {
      this.#asking.failed(asked);
      throw error;
    }
  }

  record(account: AccountId): Uint8Array | undefined {
    return this.book.get(account)?.signed;
  }

  takeKeyPackage(claim: KeyPackageClaim): Promise<Uint8Array | undefined> {
    return this.keyPackages.take(claim);
  }

  listed(): LocalPerson[] {
    return this.people.listed();
  }

  onListedChange(listener: (changes: ListedChange[]) => void): void {
    this.people.onChange(listener);
  }

  notify(to: { account: AccountId } | "administrators" | "everybody", event: ClientEvent): void {
    this.live.notify(to, event);
  }
}
