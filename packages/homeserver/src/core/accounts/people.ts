/** People as an engine asks for them: this homeserver's own and those of linked servers. [H17] */
import type {
  AccountId,
  ClientEvent,
  ClientParams,
  ClientResult,
  PersonView,
  ServerId,
} from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { peopleListBytesMax } from "../limits.ts";
import type { Federation } from "../seams.ts";
import type { AccountBook } from "./account-book.ts";
import type { Directory } from "./directory.ts";

export class People {
  readonly #self: ServerId;
  readonly #accounts: AccountBook;
  readonly #directory: Directory;
  readonly #federation: Pick<Federation, "people" | "lookup">;

  constructor(options: {
    self: ServerId;
    accounts: AccountBook;
    directory: Directory;
    federation: Pick<Federation, "people" | "lookup">;
  }) {
    this.#self = options.self;
    this.#accounts = options.accounts;
    this.#directory = options.directory;
    this.#federation = options.federation;
  }

  async list({ refresh }: ClientParams<"people.list">): Promise<ClientResult<"people.list">> {
    const others = await this.#federation.people(refresh);
    return { people: fitting([...this.own(), ...others]) };
  }

  async lookup({ server, account }: ClientParams<"people.lookup">): Promise<ClientResult<"people.lookup">> {
    const record =
      server === this.#self
        ? this.#accounts.get(account)?.signed
        : await this.#federation.lookup(server, account);
    return { record: record ?? null };
  }

  own(): PersonView[] {
    return this.#directory.listed().map((person) => ({ server: this.#self, ...person }));
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
