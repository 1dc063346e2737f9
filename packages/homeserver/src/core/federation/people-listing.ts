/**
 * What we tell mutually linked homeservers of the people here: the whole list where they ask for it, changes as they
 * happen to those that asked. Nobody else is told anything. [L22]
 */
import type { AccountId, Clock, LinkControl, ListedPerson, ServerId } from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import { peopleAskRate, peoplePageBytesMax, peoplePageEntries } from "../limits.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";

export class PeopleListing {
  readonly #accounts: Pick<LocalAccounts, "listed">;
  readonly #rate: RateLimits<ServerId>;
  readonly #subscribed = new Set<Link>();

  constructor(clock: Clock, accounts: Pick<LocalAccounts, "listed" | "onListedChange">) {
    this.#accounts = accounts;
    this.#rate = new RateLimits(peopleAskRate, clock);
    accounts.onListedChange((changed, gone) => this.#push(changed, gone));
  }

  asked(link: Link): void {
    if (link.trust !== "mutual" || this.#rate.take(link.server) > 0) return;
    this.#subscribed.add(link);
    const pages = pagesOf(this.#accounts.listed());
    pages.forEach((people, index) =>
      link.send({ kind: "people", whole: true, people, more: index < pages.length - 1, gone: [] }),
    );
  }

  /** The connection is gone, or the link is not mutual any more. */
  forget(link: Link): void {
    this.#subscribed.delete(link);
  }

  #push(changed: ListedPerson[], gone: AccountId[]): void {
    if (this.#subscribed.size === 0) return;
    const messages = [
      ...pagesOf(changed)
        .filter((people) => people.length > 0)
        .map((people) => change(people, [])),
      ...slices(gone).map((accounts) => change([], accounts)),
    ];
    for (const link of this.#subscribed) for (const message of messages) link.send(message);
  }
}

function change(people: ListedPerson[], gone: AccountId[]): LinkControl {
  return { kind: "people", whole: false, people, more: false, gone };
}

/** At least one page, which may be empty. */
function pagesOf(people: ListedPerson[]): ListedPerson[][] {
  const pages: ListedPerson[][] = [[]];
  let bytes = 0;
  for (const person of people) {
    const full =
      pages.at(-1)!.length === peoplePageEntries || bytes + person.record.length > peoplePageBytesMax;
    if (full) {
      pages.push([]);
      bytes = 0;
    }
    pages.at(-1)!.push(person);
    bytes += person.record.length;
  }
  return pages;
}

function slices(gone: AccountId[]): AccountId[][] {
  const result: AccountId[][] = [];
  for (let at = 0; at < gone.length; at += peoplePageEntries) {
    result.push(gone.slice(at, at + peoplePageEntries));
  }
  return result;
}
