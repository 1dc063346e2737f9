/**
 * The people of mutually linked homeservers, in memory: asked for on every connection, kept while the link is mutual and
 * forgotten with it. [L21] [L22]
 */
import type { AccountId, Clock, LinkControl, PersonView, Primitives, ServerId } from "@fedchat/protocol";
import { peopleRefreshMs, peopleVerifiedRate } from "../limits.ts";
import { peopleEvents } from "../accounts/people.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";
import { isFoundBy } from "./person-search.ts";
import type { RosterChange, RosterPerson } from "./roster.ts";
import { Roster } from "./roster.ts";

type PeopleMessage = Extract<LinkControl, { kind: "people" }>;

export interface PeopleOptions {
  clock: Clock;
  primitives: Primitives;
  accounts: Pick<LocalAccounts, "notify">;
  log: Log;
  /** Something of this link's people is different; `gone`: nothing is known of them any more. */
  changed: (link: Link, change: RosterChange) => void;
}

export class People {
  readonly #options: PeopleOptions;
  readonly #rosters = new Map<Link, Roster>();
  readonly #verified: RateLimits<ServerId>;

  constructor(options: PeopleOptions) {
    this.#options = options;
    this.#verified = new RateLimits(peopleVerifiedRate, options.clock);
  }

  /** The link is mutual and connected. */
  ask(link: Link): void {
    if (!this.#rosters.has(link)) this.#rosters.set(link, this.#roster(link));
    this.#rosters.get(link)!.tell("everybody");
    link.send({ kind: "askPeople" });
  }

  /** A page of the peer's list, or a change of it. */
  received(link: Link, page: PeopleMessage): void {
    const roster = this.#rosters.get(link);
    if (roster === undefined || link.trust !== "mutual") return;
    if (!roster.received(page)) link.disconnect("malformed");
  }

  /** People stay known while a link is down; whether they are there does not. */
  disconnected(link: Link): void {
    this.#rosters.get(link)?.interrupted();
  }

  /** The link is not mutual any more. */
  forget(link: Link): void {
    const roster = this.#rosters.get(link);
    if (roster === undefined) return;
    this.#rosters.delete(link);
    roster.close();
    this.#notify(link, { whole: true, people: [], gone: [] });
  }

  of(link: Link): RosterPerson[] {
    return this.#rosters.get(link)?.all() ?? [];
  }

  record(link: Link, account: AccountId): Uint8Array | undefined {
    return this.#rosters.get(link)?.get(account)?.opened.signed;
  }

  async list(refresh: boolean): Promise<PersonView[]> {
    if (refresh) await this.#refresh();
    return [...this.#rosters].flatMap(([link, roster]) => roster.all().map((person) => view(link, person)));
  }

  /** @param form of what is looked for, as `searchForm` makes it */
  search(form: string): PersonView[] {
    return [...this.#rosters].flatMap(([link, roster]) =>
      roster
        .all()
        .filter((person) => isFoundBy(person.searchedBy, form))
        .map((person) => view(link, person)),
    );
  }

  async #refresh(): Promise<void> {
    const asked = [...this.#rosters]
      .filter(([link]) => link.connected)
      .map(([link, roster]) => {
        link.send({ kind: "askPeople" });
        return roster.answered();
      });
    if (asked.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(peopleRefreshMs, resolve);
    await Promise.race([Promise.all(asked), late]);
    timer.cancel();
  }

  #roster(link: Link): Roster {
    const { clock, primitives, log } = this.#options;
    return new Roster({
      server: link.server,
      clock,
      primitives,
      changed: (change) => this.#notify(link, change),
      fault: (error) => {
        log.debug("a listed person was left out", { server: link.server, code: error.code });
        link.connection?.fault();
      },
      verifies: () => this.#verified.take(link.server),
    });
  }

  #notify(link: Link, change: RosterChange): void {
    const told = { ...change, people: change.people.map((person) => view(link, person)) };
    for (const event of peopleEvents(link.server, told)) this.#options.accounts.notify("everybody", event);
    this.#options.changed(link, change);
  }
}

function view(link: Link, { opened, presence }: RosterPerson): PersonView {
  return { server: link.server, record: opened.signed, presence: link.connected ? presence : "unknown" };
}
