/**
 * What is known of one server's people: verified one by one, a few a turn, whole lists and changes in the order in
 * which they came. Invariants: a record is its account's own, names that server, and never goes back; a list is bounded,
 * and so is the work that its teller can cause in one turn. [L21]
 */
import type {
  AccountId,
  Clock,
  ListedPerson,
  OpenedAccountRecord,
  Primitives,
  ServerId,
} from "@fedchat/protocol";
import { accountRecordReplaces, limits, openAccountRecord, ProtocolError } from "@fedchat/protocol";
import { peopleEventEveryMs, peoplePagesWaitingMax, peopleVerifiedPerTurn } from "../limits.ts";
import type { PeoplePage } from "./person-pages.ts";
import type { SearchedBy } from "./person-search.ts";
import { searchedBy } from "./person-search.ts";

export interface RosterPerson {
  opened: OpenedAccountRecord;
  presence: ListedPerson["presence"];
  visibility: ListedPerson["visibility"];
  searchedBy: SearchedBy;
}

interface Held extends RosterPerson {
  /** Of the signed record. */
  hash: string;
}

/** Whose lists take memory together. */
export interface PeopleRoom {
  /** One person more. False: there is no room. */
  take: () => boolean;
  release: (people: number) => void;
}

/** What became of a roster: `whole`, everybody in it is told of anew. */
export interface RosterChange {
  whole: boolean;
  people: RosterPerson[];
  gone: AccountId[];
}

export interface RosterPorts {
  server: ServerId;
  clock: Clock;
  primitives: Primitives;
  /** The first change is told at once, later ones at most once in a while, all that changed meanwhile. */
  changed: (change: RosterChange) => void;
  /** An entry was wrong. */
  fault: (error: ProtocolError) => void;
  /** A record is to be verified: 0, or in how many milliseconds it may be. Work for one teller is bounded. [L21] */
  verifies: () => number;
  /** Whom it has no room for is let go. Absent: the bound of one list is enough. */
  room?: PeopleRoom;
}

export class Roster {
  readonly server: ServerId;
  readonly #ports: RosterPorts;
  #people = new Map<AccountId, Held>();
  /** Records by hash: most lists repeat what was verified before. */
  readonly #verified = new Map<string, OpenedAccountRecord>();
  /** A whole list that is coming in. */
  #incoming: Map<AccountId, Held> | undefined;
  #pages: PeoplePage[] = [];
  /** Who was changed by the page that is being worked on. */
  #touched: AccountId[] = [];
  #working = false;
  #closed = false;
  #waiting: (() => void)[] = [];
  /** Set while a change was told a moment ago: whom to tell of next. */
  #untold: Set<AccountId> | undefined;
  #untoldWhole = false;

  constructor(ports: RosterPorts) {
    this.server = ports.server;
    this.#ports = ports;
  }

  get size(): number {
    return this.#people.size;
  }

  all(): RosterPerson[] {
    return [...this.#people.values()];
  }

  get(account: AccountId): RosterPerson | undefined {
    return this.#people.get(account);
  }

  /** Takes a page of the list, or a change of it. False where too many wait. */
  received(page: PeoplePage): boolean {
    if (this.#pages.length >= peoplePagesWaitingMax) return false;
    this.#pages.push(page);
    if (!this.#working) {
      this.#working = true;
      this.#ports.clock.soon(() => this.#work(undefined, 0));
    }
    return true;
  }

  /** Resolves when the next whole list is in, or none will come. */
  answered(): Promise<void> {
    return new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** What was coming in will not be completed. */
  interrupted(): void {
    this.#pages = [];
    this.#unroom(this.#incoming, this.#people);
    this.#incoming = undefined;
    this.#release();
    this.tell("everybody");
  }

  /** Tells nothing any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pages = [];
    this.#unroom(this.#people, new Map());
    this.#unroom(this.#incoming, this.#people);
    this.#release();
  }

  tell(of: AccountId[] | "everybody"): void {
    const due = this.#untold === undefined;
    this.#untold ??= new Set();
    if (of === "everybody") this.#untoldWhole = true;
    else for (const account of of) this.#untold.add(account);
    if (due) this.#flush();
  }

  /** Verifies a few of the first page that waits, then lets others have their turn. */
  #work(begun: PeoplePage | undefined, done: number): void {
    const page = this.#pages[0];
    if (page === undefined) {
      this.#working = false;
      return;
    }
    const from = page === begun ? done : 0;
    if (page.whole) this.#incoming ??= new Map();
    const into = page.whole ? (this.#incoming ?? this.#people) : this.#people;
    const end = Math.min(page.people.length, from + peopleVerifiedPerTurn);
    let to = from;
    for (; to < end; to += 1) {
      const waitMs = this.#admit(into, page.people[to]!);
      if (waitMs > 0) return void this.#ports.clock.after(waitMs, () => this.#work(page, to));
    }
    if (to === page.people.length) {
      this.#pages.shift();
      this.#finish(page, into);
    }
    this.#ports.clock.soon(() => this.#work(page, to));
  }

  #finish(page: PeoplePage, into: Map<AccountId, Held>): void {
    for (const account of page.gone) this.#remove(into, account);
    if (page.whole && page.more) return;
    if (!page.whole) return this.tell([...this.#touched.splice(0), ...page.gone]);
    this.#unroom(this.#people, into);
    this.#people = into;
    this.#incoming = undefined;
    this.#verified.clear();
    for (const { hash, opened } of into.values()) this.#verified.set(hash, opened);
    this.#release();
    this.tell("everybody");
  }

  /** @returns how long it must wait, in milliseconds; 0: the entry was taken, or let go */
  #admit(into: Map<AccountId, Held>, listed: ListedPerson): number {
    try {
      const person = this.#open(listed);
      if (typeof person === "number") return person;
      const { account, server } = person.opened.record;
      if (server !== this.server) throw new ProtocolError("malformed", "a person of another server");
      if (!into.has(account) && into.size >= limits.peopleListMax) {
        throw new ProtocolError("too-large", "more people than a list may have");
      }
      const newest = this.#newest(person, this.#people.get(account));
      if (newest === undefined || !this.#hasRoom(account)) return 0;
      if (into === this.#people) {
        const before = into.get(account);
        if (before !== undefined) this.#verified.delete(before.hash);
        this.#verified.set(newest.hash, newest.opened);
        this.#touched.push(account);
      }
      into.set(account, newest);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.fault(error);
    }
    return 0;
  }

  /** Whoever is in the list, or in the one that is coming in, has a place already. */
  #hasRoom(account: AccountId): boolean {
    const { room } = this.#ports;
    return room === undefined || this.#people.has(account) || this.#incoming?.has(account) || room.take();
  }

  /** Gives back the places of those who are in `before` and not in `after`. */
  #unroom(before: Map<AccountId, Held> | undefined, after: Map<AccountId, Held>): void {
    if (before === undefined || this.#ports.room === undefined) return;
    let gone = 0;
    for (const account of before.keys()) if (!after.has(account)) gone += 1;
    this.#ports.room.release(gone);
  }

  #remove(from: Map<AccountId, Held>, account: AccountId): void {
    const held = from.get(account);
    if (held !== undefined && from === this.#people) this.#verified.delete(held.hash);
    const other = from === this.#people ? this.#incoming : this.#people;
    if (from.delete(account) && other?.has(account) !== true) this.#ports.room?.release(1);
  }

  #open(listed: ListedPerson): Held | number {
    const { primitives } = this.#ports;
    const signed = listed.record.slice();
    const hash = String.fromCharCode(...primitives.sha256(signed));
    const known = this.#verified.get(hash);
    const waitMs = known === undefined ? this.#ports.verifies() : 0;
    if (waitMs > 0) return waitMs;
    const opened = known ?? openAccountRecord(primitives, signed);
    const { presence, visibility } = listed;
    return { opened, hash, presence, visibility, searchedBy: searchedBy(opened.record) };
  }

  /** Undefined for a record of the future: whoever passes on a third server's people may have another clock. [L21] */
  #newest(candidate: Held, held: Held | undefined): Held | undefined {
    const { primitives, clock } = this.#ports;
    if (held?.hash === candidate.hash) return candidate;
    if (accountRecordReplaces(primitives, candidate.opened, held?.opened, clock.now())) return candidate;
    if (held === undefined) return undefined;
    return { ...held, presence: candidate.presence, visibility: candidate.visibility };
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #flush(): void {
    const whole = this.#untoldWhole;
    const untold = this.#untold;
    if (this.#closed || (!whole && (untold === undefined || untold.size === 0))) {
      this.#untold = undefined;
      return;
    }
    const changed = whole ? [...this.#people.keys()] : [...untold!];
    this.#untold = new Set();
    this.#untoldWhole = false;
    this.#ports.changed({
      whole,
      people: changed.flatMap((account) => this.#people.get(account) ?? []),
      gone: whole ? [] : changed.filter((account) => !this.#people.has(account)),
    });
    this.#ports.clock.after(peopleEventEveryMs, () => this.#flush());
  }
}
