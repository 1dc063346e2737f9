/** People as an engine asks for them: this homeserver's own, those of linked servers, and those beyond. [H17] [L23] [L24] */
import type {
  AccountId,
  ClientEvent,
  ClientParams,
  ClientResult,
  Clock,
  DeviceId,
  PersonView,
  ServerId,
  Visibility,
} from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import { introductionsRate, peopleListBytesMax, peopleSearchRate } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Federation } from "../seams.ts";
import type { AccountBook } from "./account-book.ts";
import type { LocalPeople } from "./local-people.ts";
import type { Session } from "./session.ts";

type FederationOfPeople = Pick<
  Federation,
  "people" | "heir" | "lookup" | "watchBeyond" | "searchPeople" | "introduce"
> & { rooms: Pick<Federation["rooms"], "record"> };

export class People {
  readonly #self: ServerId;
  readonly #accounts: AccountBook;
  readonly #local: LocalPeople;
  readonly #federation: FederationOfPeople;
  /** Sessions that look at people one hop beyond. */
  readonly #watching = new Set<Session>();
  /** By device: whoever opens session after session searches no more than in one. */
  readonly #searches: RateLimits<DeviceId>;
  readonly #introductions: RateLimits<AccountId>;

  constructor(options: {
    self: ServerId;
    clock: Pick<Clock, "now">;
    accounts: AccountBook;
    local: LocalPeople;
    federation: FederationOfPeople;
  }) {
    this.#self = options.self;
    this.#searches = new RateLimits(peopleSearchRate, options.clock);
    this.#introductions = new RateLimits(introductionsRate, options.clock);
    this.#accounts = options.accounts;
    this.#local = options.local;
    this.#federation = options.federation;
  }

  async list({ refresh }: ClientParams<"people.list">): Promise<ClientResult<"people.list">> {
    const others = await this.#federation.people(refresh);
    return { people: fitting([...this.own(), ...others]) };
  }

  async lookup({
    server,
    account,
    invited,
  }: ClientParams<"people.lookup">): Promise<ClientResult<"people.lookup">> {
    const record =
      this.#federation.heir(server) === this.#self
        ? this.#accounts.get(account)?.signed
        : await this.#federation.lookup(server, account, invited);
    return { record: record ?? null };
  }

  /** Rejects with `rate-limited` and when to try again: each search asks linked servers' lists and directories. */
  async search(
    { identity }: Session,
    { text }: ClientParams<"people.search">,
  ): Promise<ClientResult<"people.search">> {
    const retryAfterMs = this.#searches.take(identity.device);
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    return { people: fitting(await this.#federation.searchPeople(text)).slice(0, 1_000) };
  }

  watchBeyond(session: Session, watching: boolean): void {
    if (this.#watching.has(session) === watching) return;
    if (watching) this.#watching.add(session);
    else this.#watching.delete(session);
    this.#federation.watchBeyond(watching);
  }

  /** A session that is over looks at nothing. */
  closed(session: Session): void {
    this.watchBeyond(session, false);
  }

  /** What is known here of other servers, for an engine that may have to introduce them elsewhere. [A14] */
  records({ servers }: ClientParams<"servers.records">): ClientResult<"servers.records"> {
    return { records: servers.flatMap((server) => this.#federation.rooms.record(server) ?? []) };
  }

  /** Rejects with `rate-limited`. */
  async introduce({ identity }: Session, { records }: ClientParams<"servers.introduce">): Promise<void> {
    const retryAfterMs = this.#introductions.take(identity.account.id);
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    await this.#federation.introduce(records);
  }

  visibility({ identity }: Session): ClientResult<"people.visibility"> {
    return { visibility: this.#local.visibilityOf(identity.account) };
  }

  setVisibility({ identity }: Session, visibility: Visibility): Promise<void> {
    return this.#accounts.setVisibility(identity.account, visibility);
  }

  own(): PersonView[] {
    return this.#local.listed().map(({ record, presence }) => ({ server: this.#self, record, presence }));
  }
}

type PeopleEvent = Extract<ClientEvent, { kind: "people" }>;

/** What sessions are told of one server's people, cut into frames. */
export function peopleEvents(
  server: ServerId,
  told: { whole: boolean; people: PersonView[]; gone: AccountId[] },
): PeopleEvent[] {
  const events: PeopleEvent[] = [];
  let rest = told.people;
  do {
    const people = fitting(rest);
    rest = rest.slice(people.length);
    const first = events.length === 0;
    events.push({
      kind: "people",
      server,
      whole: told.whole && first,
      people,
      gone: first ? told.gone : [],
    });
  } while (rest.length > 0);
  return events;
}

/** As many people, from the first on, as one frame can carry. */
function fitting(people: PersonView[]): PersonView[] {
  let bytes = 0;
  let count = 0;
  for (const { record } of people) {
    bytes += record.length + 128;
    if (count === limits.peopleListMax || bytes > peopleListBytesMax) break;
    count += 1;
  }
  return people.slice(0, count);
}
