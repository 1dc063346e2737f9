/** How a list of people, or of those who are gone, is cut into messages of a link. [L10] */
import type { AccountId, ListedPerson } from "@fedchat/protocol";
import { peoplePageBytesMax, peoplePageEntries } from "../limits.ts";

/** At least one page, which may be empty. */
export function pagesOf(people: ListedPerson[]): ListedPerson[][] {
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

/** What a message about a list holds beside its kind. */
export interface PeoplePage {
  whole: boolean;
  people: ListedPerson[];
  more: boolean;
  gone: AccountId[];
}

export function wholeList(people: ListedPerson[]): PeoplePage[] {
  const pages = pagesOf(people);
  return pages.map((page, index) => ({
    whole: true,
    people: page,
    more: index < pages.length - 1,
    gone: [],
  }));
}

export function changesOf(changed: ListedPerson[], gone: AccountId[]): PeoplePage[] {
  const told = pagesOf(changed).filter((people) => people.length > 0);
  return [
    ...told.map((people) => ({ whole: false, people, more: false, gone: [] })),
    ...slices(gone).map((accounts) => ({ whole: false, people: [], more: false, gone: accounts })),
  ];
}

function slices(gone: AccountId[]): AccountId[][] {
  const result: AccountId[][] = [];
  for (let at = 0; at < gone.length; at += peoplePageEntries) {
    result.push(gone.slice(at, at + peoplePageEntries));
  }
  return result;
}
