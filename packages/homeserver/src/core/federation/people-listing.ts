/**
 * What we tell mutually linked homeservers of the people here: the whole list where they ask for it, changes as they
 * happen to those that asked, of each person only as far as they let themselves be shown. Nobody else is told anything.
 * [L22] [L23] [D5]
 */
import type { AccountId, Clock, ListedPerson, ServerId } from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import { peopleAskRate } from "../limits.ts";
import type { ListedChange, LocalAccounts, LocalPerson } from "../seams.ts";
import type { Peer } from "./peer.ts";
import { changesOf, wholeList } from "./person-pages.ts";

export class PeopleListing {
  readonly #accounts: Pick<LocalAccounts, "listed">;
  readonly #rate: RateLimits<ServerId>;
  readonly #subscribed = new Set<Peer>();

  constructor(clock: Clock, accounts: Pick<LocalAccounts, "listed" | "onListedChange">) {
    this.#accounts = accounts;
    this.#rate = new RateLimits(peopleAskRate, clock);
    accounts.onListedChange((changes) => this.#push(changes));
  }

  asked(link: Peer): void {
    if (link.trust !== "mutual" || this.#rate.take(link.server) > 0) return;
    this.#subscribed.add(link);
    this.#tellWhole(link);
  }

  /** More may be shown to this server than before. */
  retell(link: Peer): void {
    if (this.#subscribed.has(link)) this.#tellWhole(link);
  }

  /** The connection is gone, or the link is not mutual any more. */
  forget(link: Peer): void {
    this.#subscribed.delete(link);
  }

  #tellWhole(link: Peer): void {
    const shown = this.#accounts.listed().flatMap((person) => shownTo(link, person) ?? []);
    for (const page of wholeList(shown)) link.send({ kind: "people", ...page });
  }

  #push(changes: ListedChange[]): void {
    for (const link of this.#subscribed) {
      const changed: ListedPerson[] = [];
      const gone: AccountId[] = [];
      for (const { person, before } of changes) {
        const shown = shownTo(link, person);
        if (shown !== undefined) changed.push(shown);
        else if (shownTo(link, { ...person, visibility: before }) !== undefined) gone.push(person.account);
      }
      for (const page of changesOf(changed, gone)) link.send({ kind: "people", ...page });
    }
  }
}

/** As this server is told of a person; undefined: it is not. */
function shownTo(link: Peer, { record, presence, visibility }: LocalPerson): ListedPerson | undefined {
  if (visibility === "hidden") return undefined;
  if (link.origin === "directory" && visibility !== "directory") return undefined;
  return { record, presence, visibility };
}
