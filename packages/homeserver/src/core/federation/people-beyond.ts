/**
 * The people of servers one hop beyond, as mutually linked servers tell us while somebody here looks. Kept in memory
 * and forgotten when nobody looks any more, or with the link that told. Whoever is mutually linked speaks for itself.
 * [L24]
 */
import type {
  AccountId,
  Clock,
  LinkControl,
  PersonView,
  Primitives,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import { serverRecord } from "@fedchat/protocol";
import { peopleEvents } from "../accounts/people.ts";
import {
  beyondPeopleMax,
  beyondRecordsRate,
  beyondServersMax,
  beyondSettleMs,
  peopleVerifiedRate,
} from "../limits.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";
import { isFoundBy } from "./person-search.ts";
import type { RosterChange, RosterPerson } from "./roster.ts";
import { Roster } from "./roster.ts";
import { sameBytes } from "../same-bytes.ts";

type BeyondMessage = Extract<LinkControl, { kind: "peopleBeyond" }>;

export interface PeopleBeyondOptions {
  clock: Clock;
  primitives: Primitives;
  accounts: Pick<LocalAccounts, "notify">;
  log: Log;
  self: ServerId;
  links: () => Iterable<Link>;
  /** Whether this server's people are known from itself. */
  speaksForItself: (server: ServerId) => boolean;
  /** A record that was told along: verified, of somebody else. */
  heard: (from: Link, record: ServerRecord, signed: Uint8Array) => void;
}

/** One server's people as one link tells of them. */
interface Told {
  by: Link;
  signed: Uint8Array;
  record: ServerRecord;
  roster: Roster;
}

export class PeopleBeyond {
  readonly #options: PeopleBeyondOptions;
  /** By server, then by who tells; the first that told is shown. */
  readonly #told = new Map<ServerId, Map<Link, Told>>();
  readonly #records: RateLimits<ServerId>;
  readonly #verified: RateLimits<ServerId>;
  #watchers = 0;
  #watchedFrom = 0;

  constructor(options: PeopleBeyondOptions) {
    this.#options = options;
    this.#records = new RateLimits(beyondRecordsRate, options.clock);
    this.#verified = new RateLimits(peopleVerifiedRate, options.clock);
  }

  /** One session more, or less, looks. */
  watch(looks: boolean): void {
    const before = this.#watchers;
    this.#watchers += looks ? 1 : -1;
    if (before > 0 === this.#watchers > 0) return;
    this.#watchedFrom = this.#options.clock.now();
    for (const link of this.#options.links()) if (watchable(link)) this.#say(link);
    if (this.#watchers === 0) for (const server of [...this.#told.keys()]) this.#forget(server);
  }

  /** The link is mutual and connected. */
  opened(link: Link): void {
    if (this.#watchers > 0 && watchable(link)) this.#say(link);
  }

  /** What this link told is gone with its connection, or its trust. */
  closed(link: Link): void {
    for (const [server, tellers] of this.#told) if (tellers.has(link)) this.#forget(server, link);
  }

  /** This server speaks for itself now. */
  linked(server: ServerId): void {
    this.#forget(server);
  }

  received(link: Link, message: BeyondMessage): void {
    const { self, speaksForItself } = this.#options;
    if (this.#watchers === 0 || !watchable(link)) return;
    const known = this.#find(link, message.server);
    // Let go as what is stale: an honest server's record changes a few times an hour.
    if (known === undefined && this.#records.take(link.server) > 0) return;
    const record = known?.record ?? serverRecord.open(this.#options.primitives, message.server.slice());
    if (record.key === self || record.key === link.server || speaksForItself(record.key)) return;
    const told = this.#teller(link, record, message.server);
    if (told !== undefined && !told.roster.received(message)) link.disconnect("malformed");
  }

  record(server: ServerId, account: AccountId): Uint8Array | undefined {
    for (const { roster } of this.#told.get(server)?.values() ?? []) {
      const person = roster.get(account);
      if (person !== undefined) return person.opened.signed;
    }
    return undefined;
  }

  list(): PersonView[] {
    return this.#views(() => true);
  }

  /** @param form of what is looked for, as `searchForm` makes it; waits for lists that were asked for a moment ago */
  async search(form: string): Promise<PersonView[]> {
    const { clock } = this.#options;
    const waitMs = this.#watchers === 0 ? 0 : this.#watchedFrom + beyondSettleMs - clock.now();
    if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
    return this.#views((person) => isFoundBy(person.searchedBy, form));
  }

  #views(wanted: (person: RosterPerson) => boolean): PersonView[] {
    return [...this.#told.values()].flatMap((tellers) => {
      const [shown] = tellers.values();
      if (shown === undefined) return [];
      return shown.roster
        .all()
        .filter(wanted)
        .map((person) => view(shown, person));
    });
  }

  #say(link: Link): void {
    link.send({ kind: "watchBeyond", watching: this.#watchers > 0 });
  }

  /** The same signed record as before need not be verified again. */
  #find(link: Link, signed: Uint8Array): Told | undefined {
    for (const tellers of this.#told.values()) {
      const told = tellers.get(link);
      if (told !== undefined && sameBytes(told.signed, signed)) return told;
    }
    return undefined;
  }

  #teller(link: Link, record: ServerRecord, signed: Uint8Array): Told | undefined {
    const tellers = this.#told.get(record.key) ?? new Map<Link, Told>();
    const held = tellers.get(link);
    if (held !== undefined) {
      if (record.sequence > held.record.sequence) {
        held.record = record;
        held.signed = signed.slice();
        this.#options.heard(link, record, held.signed);
      }
      return held;
    }
    const byLink = [...this.#told.values()].flatMap((all) => all.get(link) ?? []);
    const people = byLink.reduce((sum, { roster }) => sum + roster.size, 0);
    if (byLink.length >= beyondServersMax || people >= beyondPeopleMax) return undefined;
    const told: Told = { by: link, signed: signed.slice(), record, roster: this.#roster(link, record.key) };
    this.#told.set(record.key, tellers.set(link, told));
    this.#options.heard(link, record, told.signed);
    return told;
  }

  #roster(link: Link, server: ServerId): Roster {
    const { clock, primitives, log } = this.#options;
    return new Roster({
      server,
      clock,
      primitives,
      changed: (change) => this.#tell(server, link, change),
      fault: (error) => {
        log.debug("a person beyond was left out", { server, by: link.server, code: error.code });
        link.connection?.fault();
      },
      verifies: () => this.#verified.take(link.server),
    });
  }

  #tell(server: ServerId, by: Link, change: RosterChange): void {
    const [shown] = this.#told.get(server)?.values() ?? [];
    if (shown?.by !== by) return;
    this.#notify(server, { ...change, people: change.people.map((person) => view(shown, person)) });
  }

  #notify(server: ServerId, told: Parameters<typeof peopleEvents>[1]): void {
    for (const event of peopleEvents(server, told)) this.#options.accounts.notify("everybody", event);
  }

  /** @param link only what this one told; everything where it is not given */
  #forget(server: ServerId, link?: Link): void {
    const tellers = this.#told.get(server);
    if (tellers === undefined) return;
    const [shownBefore] = tellers.values();
    for (const told of link === undefined ? [...tellers.values()] : [tellers.get(link)]) {
      told?.roster.close();
      if (told !== undefined) tellers.delete(told.by);
    }
    const [shown] = tellers.values();
    if (shown === undefined) {
      this.#told.delete(server);
      if (!this.#options.speaksForItself(server)) this.#notify(server, { whole: true, people: [], gone: [] });
    } else if (shown !== shownBefore) shown.roster.tell("everybody");
  }
}

function watchable(link: Link): boolean {
  return link.trust === "mutual" && link.row.origin !== "directory";
}

function view(told: Told, { opened, presence }: RosterPerson): PersonView {
  return {
    server: told.record.key,
    record: opened.signed,
    presence,
    serverName: told.record.name,
    shownBy: told.by.server,
  };
}
