/**
 * The people of mutually linked homeservers, in memory: asked for on every connection, verified one by one, kept while
 * the link is mutual and forgotten with it. Invariants: a record is its account's own, names the server that sent it,
 * and never goes back; a list is bounded, and so is the work that one peer can cause in one turn. [L21] [L22]
 */
import type {
  AccountId,
  Clock,
  LinkControl,
  ListedPerson,
  OpenedAccountRecord,
  PersonView,
  Primitives,
} from "@fedchat/protocol";
import { accountRecordReplaces, limits, openAccountRecord, ProtocolError } from "@fedchat/protocol";
import {
  peopleEventEveryMs,
  peoplePagesWaitingMax,
  peopleRefreshMs,
  peopleVerifiedPerTurn,
} from "../limits.ts";
import { peopleEvents } from "../accounts/people.ts";
import type { Log } from "../log.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";

type PeopleMessage = Extract<LinkControl, { kind: "people" }>;

interface Person {
  opened: OpenedAccountRecord;
  /** Of the signed record. */
  hash: string;
  presence: ListedPerson["presence"];
}

/** What is known of one server's people. */
interface Roster {
  people: Map<AccountId, Person>;
  /** The same, by hash: most lists repeat what was verified before. */
  verified: Map<string, OpenedAccountRecord>;
  /** A whole list that is coming in. */
  incoming: Map<AccountId, Person> | undefined;
  pages: PeopleMessage[];
  /** Who was changed by the page that is being worked on. */
  touched: AccountId[];
  working: boolean;
  waiting: (() => void)[];
  /** Set while screens were told a moment ago: whom to tell of next. */
  untold: Set<AccountId> | undefined;
  /** Everybody is to be told of anew. */
  untoldWhole: boolean;
}

export interface PeopleOptions {
  clock: Clock;
  primitives: Primitives;
  accounts: Pick<LocalAccounts, "notify">;
  log: Log;
}

export class People {
  readonly #options: PeopleOptions;
  readonly #rosters = new Map<Link, Roster>();

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /** The link is mutual and connected. */
  ask(link: Link): void {
    if (!this.#rosters.has(link)) this.#rosters.set(link, emptyRoster());
    this.#tell(link, "everybody");
    link.send({ kind: "askPeople" });
  }

  /** A page of the peer's list, or a change of it. */
  received(link: Link, page: PeopleMessage): void {
    const roster = this.#rosters.get(link);
    if (roster === undefined || link.trust !== "mutual") return;
    if (roster.pages.length >= peoplePagesWaitingMax) return link.disconnect("malformed");
    roster.pages.push(page);
    if (roster.working) return;
    roster.working = true;
    this.#options.clock.soon(() => this.#work(link, roster, undefined, 0));
  }

  /** People stay known while a link is down; whether they are there does not. */
  disconnected(link: Link): void {
    const roster = this.#rosters.get(link);
    if (roster === undefined) return;
    roster.pages = [];
    roster.incoming = undefined;
    this.#release(roster);
    this.#tell(link, "everybody");
  }

  /** The link is not mutual any more. */
  forget(link: Link): void {
    const roster = this.#rosters.get(link);
    if (roster === undefined) return;
    roster.pages = [];
    this.#rosters.delete(link);
    this.#release(roster);
    this.#notify(link, { whole: true, people: [], gone: [] });
  }

  record(link: Link, account: AccountId): Uint8Array | undefined {
    return this.#rosters.get(link)?.people.get(account)?.opened.signed;
  }

  async list(refresh: boolean): Promise<PersonView[]> {
    if (refresh) await this.#refresh();
    return [...this.#rosters].flatMap(([link, roster]) => views(link, roster));
  }

  async #refresh(): Promise<void> {
    const asked = [...this.#rosters]
      .filter(([link]) => link.connected)
      .map(([link, roster]) => {
        const answered = new Promise<void>((resolve) => roster.waiting.push(resolve));
        link.send({ kind: "askPeople" });
        return answered;
      });
    if (asked.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(peopleRefreshMs, resolve);
    await Promise.race([Promise.all(asked), late]);
    timer.cancel();
  }

  /** Verifies a few of the first page that waits, then lets others have their turn. */
  #work(link: Link, roster: Roster, begun: PeopleMessage | undefined, done: number): void {
    const page = roster.pages[0];
    if (page === undefined) {
      roster.working = false;
      return;
    }
    const from = page === begun ? done : 0;
    if (page.whole) roster.incoming ??= new Map();
    const into = page.whole ? (roster.incoming ?? roster.people) : roster.people;
    const to = Math.min(page.people.length, from + peopleVerifiedPerTurn);
    for (const listed of page.people.slice(from, to)) this.#admit(link, roster, into, listed);
    if (to === page.people.length) {
      roster.pages.shift();
      this.#finish(link, roster, page, into);
    }
    this.#options.clock.soon(() => this.#work(link, roster, page, to));
  }

  #finish(link: Link, roster: Roster, page: PeopleMessage, into: Map<AccountId, Person>): void {
    for (const account of page.gone) into.delete(account);
    if (page.whole && page.more) return;
    if (page.whole) {
      roster.people = into;
      roster.incoming = undefined;
      this.#release(roster);
    }
    roster.verified = new Map([...roster.people.values()].map(({ hash, opened }) => [hash, opened]));
    if (page.whole) this.#tell(link, "everybody");
    else this.#tell(link, [...roster.touched.splice(0), ...page.gone]);
  }

  #admit(link: Link, roster: Roster, into: Map<AccountId, Person>, listed: ListedPerson): void {
    try {
      const person = this.#open(roster, listed);
      const { account, server } = person.opened.record;
      if (server !== link.server) throw new ProtocolError("malformed", "a person of another server");
      if (!into.has(account) && into.size >= limits.peopleListMax) {
        throw new ProtocolError("too-large", "more people than a list may have");
      }
      into.set(account, this.#newest(person, roster.people.get(account)));
      if (into === roster.people) roster.touched.push(account);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("a listed person was left out", { server: link.server, code: error.code });
      link.connection?.fault();
    }
  }

  #open(roster: Roster, listed: ListedPerson): Person {
    const { primitives } = this.#options;
    const signed = listed.record.slice();
    const hash = String.fromCharCode(...primitives.sha256(signed));
    const opened = roster.verified.get(hash) ?? openAccountRecord(primitives, signed);
    return { opened, hash, presence: listed.presence };
  }

  #newest(candidate: Person, held: Person | undefined): Person {
    const { primitives, clock } = this.#options;
    if (held?.hash === candidate.hash) return candidate;
    if (accountRecordReplaces(primitives, candidate.opened, held?.opened, clock.now())) return candidate;
    if (held === undefined) throw new ProtocolError("malformed", "a record of the future");
    return { ...held, presence: candidate.presence };
  }

  #release(roster: Roster): void {
    for (const resolve of roster.waiting.splice(0)) resolve();
  }

  /** Screens are told at once, and then at most once in a while of all that changed meanwhile. */
  #tell(link: Link, of: AccountId[] | "everybody"): void {
    const roster = this.#rosters.get(link);
    if (roster === undefined) return;
    const due = roster.untold === undefined;
    roster.untold ??= new Set();
    if (of === "everybody") roster.untoldWhole = true;
    else for (const account of of) roster.untold.add(account);
    if (due) this.#flush(link, roster);
  }

  #flush(link: Link, roster: Roster): void {
    const { untoldWhole: whole, untold } = roster;
    if (!whole && (untold === undefined || untold.size === 0)) {
      roster.untold = undefined;
      return;
    }
    const changed = whole ? [...roster.people.keys()] : [...untold!];
    roster.untold = new Set();
    roster.untoldWhole = false;
    this.#notify(link, {
      whole,
      people: changed.flatMap((account) => view(link, roster.people.get(account))),
      gone: changed.filter((account) => !roster.people.has(account)),
    });
    this.#options.clock.after(peopleEventEveryMs, () => {
      if (this.#rosters.get(link) === roster) this.#flush(link, roster);
    });
  }

  #notify(link: Link, told: Parameters<typeof peopleEvents>[1]): void {
    for (const event of peopleEvents(link.server, told)) this.#options.accounts.notify("everybody", event);
  }
}

function emptyRoster(): Roster {
  return {
    people: new Map(),
    verified: new Map(),
    incoming: undefined,
    pages: [],
    touched: [],
    working: false,
    waiting: [],
    untold: undefined,
    untoldWhole: false,
  };
}

function views(link: Link, roster: Roster): PersonView[] {
  return [...roster.people.values()].flatMap((person) => view(link, person));
}

function view(link: Link, person: Person | undefined): PersonView[] {
  if (person === undefined) return [];
  const { opened, presence } = person;
  return [{ server: link.server, record: opened.signed, presence: link.connected ? presence : "unknown" }];
}
