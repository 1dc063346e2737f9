/**
 * People of our own homeserver, of those linked mutually and, while somebody looks, of those one hop beyond, with
 * presence, as the homeserver lists them. Only records that verify are shown; nothing of this is kept on disk but newer
 * records of accounts that we know.
 */
import type {
  AccountId,
  ClientEvent,
  Clock,
  OpenedAccountRecord,
  PersonView,
  Primitives,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import {
  accountRecordBody,
  bytes,
  decode,
  DecodeError,
  openAccountRecord,
  ProtocolError,
  struct,
} from "@fedchat/protocol";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { lookMs } from "./limits.ts";
import type { Homeserver } from "./ports.ts";

export interface ListedPerson {
  opened: OpenedAccountRecord;
  server: ServerId;
  presence: PersonView["presence"];
  /** The linked server that showed this person, where their own is not linked. */
  shownBy: ServerId | undefined;
}

export class People {
  readonly #homeserver: Homeserver;
  readonly #primitives: Primitives;
  readonly #known: KnownAccounts;
  readonly #changes: Changes;
  readonly #clock: Clock;
  #byServer = new Map<ServerId, Map<AccountId, ListedPerson>>();
  /** What servers that are not linked call themselves. */
  readonly #claimed = new Map<ServerId, string>();
  /** Ends the look at people beyond. */
  #look: Timer | undefined;

  constructor(ports: {
    homeserver: Homeserver;
    primitives: Primitives;
    known: KnownAccounts;
    changes: Changes;
    clock: Clock;
  }) {
    this.#homeserver = ports.homeserver;
    this.#clock = ports.clock;
    this.#primitives = ports.primitives;
    this.#known = ports.known;
    this.#changes = ports.changes;
  }

  get(account: AccountId): ListedPerson | undefined {
    for (const people of this.#byServer.values()) {
      const person = people.get(account);
      if (person !== undefined) return person;
    }
    return undefined;
  }

  /** The name that a server claims which is not linked from here. */
  claimedName(server: ServerId): string | undefined {
    return this.#claimed.get(server);
  }

  /**
   * Somebody looks: people one hop beyond are told for two minutes more. A screen says so again while it looks, so that
   * one that is gone does not look for ever.
   */
  async look(): Promise<void> {
    const begun = this.#look === undefined;
    this.#look?.cancel();
    this.#look = this.#clock.after(lookMs, () => {
      this.#look = undefined;
      if (this.#homeserver.state.kind === "connected") this.#watch(false).catch(() => undefined);
    });
    if (begun && this.#homeserver.state.kind === "connected") await this.#watch(true);
  }

  /** A new session knows nothing of who looked at the one before. */
  async resume(): Promise<void> {
    if (this.#look !== undefined) await this.#watch(true);
    await this.refresh(false);
  }

  /** Looks beyond and in directories for a handle or a name; whom it finds is known from then on. */
  async search(text: string): Promise<AccountId[]> {
    await this.look();
    const { people } = await this.#homeserver.request("people.search", { text });
    for (const server of new Set(people.map((person) => person.server))) {
      const found = people.filter((person) => person.server === server);
      this.changed({ server, whole: false, people: found, gone: [] });
    }
    return people.flatMap(({ record }) => accountOf(record) ?? []).filter((account) => this.get(account));
  }

  async #watch(watching: boolean): Promise<void> {
    await this.#homeserver.request("people.watchBeyond", { watching });
  }

  of(server: ServerId): ListedPerson[] {
    return [...(this.#byServer.get(server)?.values() ?? [])];
  }

  countOf(server: ServerId): number {
    return this.#byServer.get(server)?.size ?? 0;
  }

  all(): ListedPerson[] {
    return [...this.#byServer.values()].flatMap((people) => [...people.values()]);
  }

  /** Asks the homeserver; with `anew` it asks the linked servers first. */
  async refresh(anew: boolean): Promise<void> {
    const { people } = await this.#homeserver.request("people.list", { refresh: anew });
    const servers = new Set([...this.#byServer.keys(), ...people.map(({ server }) => server)]);
    for (const server of servers)
      this.replace(
        server,
        people.filter((person) => person.server === server),
      );
  }

  /** The people of one server as they now are. */
  replace(server: ServerId, people: PersonView[]): void {
    this.changed({ server, whole: true, people, gone: [] });
  }

  /** People who changed and who are gone; `whole`: nobody else is there. */
  changed({ server, whole, people, gone }: Omit<Extract<ClientEvent, { kind: "people" }>, "kind">): void {
    const before = this.#byServer.get(server);
    const now = new Map<AccountId, ListedPerson>(whole ? [] : before);
    const told: OpenedAccountRecord[] = [];
    for (const account of gone) now.delete(account);
    for (const { record, presence, serverName, shownBy } of people) {
      const opened = this.#open(record, before);
      if (opened === undefined) continue;
      if (opened.record.server !== server) {
        // Our own homeserver says so of somebody who moved away from there.
        now.delete(opened.record.account);
        this.#known.update(opened);
        continue;
      }
      now.set(opened.record.account, { opened, server, presence, shownBy });
      if (serverName !== undefined) this.#claimed.set(server, serverName);
      this.#known.update(opened);
      if (shownBy === undefined) told.push(opened);
    }
    // After all of them were learned: a contact may have given its address up to somebody.
    for (const opened of told) this.#known.answers(opened);
    if (now.size > 0) this.#byServer.set(server, now);
    else {
      this.#byServer.delete(server);
      this.#claimed.delete(server);
    }
    this.#changes.mark("people", server);
    for (const account of new Set([...now.keys(), ...(before?.keys() ?? [])])) {
      if (before?.get(account)?.presence !== now.get(account)?.presence)
        this.#changes.mark("contact", account);
    }
  }

  /** A record that was verified before need not be verified again: a long list comes with every change of presence. */
  #open(
    record: Uint8Array,
    before: Map<AccountId, ListedPerson> | undefined,
  ): OpenedAccountRecord | undefined {
    try {
      const claimed = accountOf(record);
      const known = claimed && before?.get(claimed)?.opened;
      return known && isEqual(known.signed, record) ? known : openAccountRecord(this.#primitives, record);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}

const unverified = struct({ body: bytes({ max: 1_048_576 }) });

/** Whose record this claims to be. */
function accountOf(record: Uint8Array): AccountId | undefined {
  try {
    return decode(accountRecordBody, decode(unverified, record).body).account;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
