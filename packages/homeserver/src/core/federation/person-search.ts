/** Finding people by what others would type: the beginning of a handle or of a word of the display name. [D6] */
import type { AccountRecord } from "@fedchat/protocol";

/** What is compared: without case, and without marks that a keyboard may not have. */
export function searchForm(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{Mn}/gu, "")
    .toLowerCase()
    .trim();
}

/** What somebody is found by. Made once for each record: to make it costs far more than to compare it. */
export interface SearchedBy {
  readonly handle: string;
  /** The name itself, then its words. */
  readonly names: readonly string[];
}

export function searchedBy({
  handle,
  displayName,
}: Pick<AccountRecord, "handle" | "displayName">): SearchedBy {
  const name = searchForm(displayName);
  return { handle, names: [name, ...name.split(/[\s\p{P}]+/u).filter((word) => word !== name)] };
}

/** @param form of the text that is looked for, as `searchForm` makes it; an empty one, or `@` alone, finds nobody */
export function isFoundBy({ handle, names }: SearchedBy, form: string): boolean {
  const beginning = form.replace(/^@/, "");
  if (beginning === "") return false;
  return handle.startsWith(beginning) || names.some((name) => name.startsWith(form));
}
