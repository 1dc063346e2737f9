/**
 * The people of this homeserver as mutually linked servers and its own accounts see them: record, presence, and how far
 * they let themselves be shown. Coming online shows at once, going offline only after a while, so that a reconnecting
 * phone does not flicker; changes are told together. [H17] [L23]
 */
import type { AccountId, Clock, ServerId, Timer, Visibility } from "@fedchat/protocol";
import { listedChangeDelayMs, presenceOfflineDelayMs } from "../limits.ts";
import type { ListedChange, LocalPerson } from "../seams.ts";
import type { Account, AccountBook } from "./account-book.ts";
import type { LiveSessions } from "./live-sessions.ts";

type Listener = (changes: ListedChange[]) => void;

export class LocalPeople {
  readonly #self: ServerId;
  readonly #accounts: AccountBook;
  readonly #live: LiveSessions;
  readonly #clock: Pick<Clock, "after">;
  readonly #listeners: Listener[] = [];
  /** Who is shown as online. */
  readonly #online = new Set<AccountId>();
  /** Who left, and is shown as online until their timer ends. */
  readonly #leaving = new Map<AccountId, Timer>();
  readonly #changed = new Set<AccountId>();
  /** How far those were shown who have been told of; a difference is told once. */
  readonly #shown = new Map<AccountId, Visibility>();
  readonly #visibility: Visibility;
  #telling: Timer | undefined;

  /** @param options.visibility of accounts that never chose */
  constructor(options: {
    self: ServerId;
    accounts: AccountBook;
    live: LiveSessions;
    clock: Pick<Clock, "after">;
    visibility: Visibility;
  }) {
    this.#self = options.self;
    this.#visibility = options.visibility;
    this.#accounts = options.accounts;
    this.#live = options.live;
    this.#clock = options.clock;
    options.accounts.onChange((account) => this.#change(account.id));
    options.live.onPresence((account) => this.#presence(account));
  }

  /** Who moved away is shown nowhere: their new homeserver says how far they let themselves be shown. [A12] */
  visibilityOf(account: Account): Visibility {
    if (account.home !== this.#self) return "hidden";
    return account.visibility ?? this.#visibility;
  }

  listed(): LocalPerson[] {
    return [...this.#accounts.all()].flatMap((account) =>
      account.home === this.#self ? [this.#person(account)] : [],
    );
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Tells nobody anything any more. */
  close(): void {
    this.#telling?.cancel();
    for (const timer of this.#leaving.values()) timer.cancel();
    this.#listeners.length = 0;
  }

  #person(account: Account): LocalPerson {
    const visibility = this.visibilityOf(account);
    if (!this.#shown.has(account.id)) this.#shown.set(account.id, visibility);
    return {
      account: account.id,
      record: account.signed,
      presence: this.#online.has(account.id) ? "online" : "offline",
      visibility,
    };
  }

  #presence(account: AccountId): void {
    if (this.#live.isOnline(account)) {
      this.#leaving.get(account)?.cancel();
      this.#leaving.delete(account);
      if (this.#online.has(account)) return;
      this.#online.add(account);
      this.#change(account);
    } else if (this.#online.has(account) && !this.#leaving.has(account)) {
      const timer = this.#clock.after(presenceOfflineDelayMs, () => {
        this.#leaving.delete(account);
        this.#online.delete(account);
        this.#change(account);
      });
      this.#leaving.set(account, timer);
    }
  }

  #change(account: AccountId): void {
    this.#changed.add(account);
    this.#telling ??= this.#clock.after(listedChangeDelayMs, () => {
      this.#telling = undefined;
      const changes = [...this.#changed].flatMap((id) => {
        const held = this.#accounts.get(id);
        return held === undefined ? [] : [this.#difference(held)];
      });
      this.#changed.clear();
      for (const listener of this.#listeners) listener(changes);
    });
  }

  #difference(account: Account): ListedChange {
    const before = this.#shown.get(account.id) ?? this.visibilityOf(account);
    const person = this.#person(account);
    this.#shown.set(account.id, person.visibility);
    return { person, before };
  }
}
