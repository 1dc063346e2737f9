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

/** @param form of the text that is looked for, as `searchForm` makes it; an empty one finds nobody */
export function isFoundBy(
  { handle, displayName }: Pick<AccountRecord, "handle" | "displayName">,
  form: string,
): boolean {
  if (form === "") return false;
  if (handle.startsWith(form.replace(/^@/, ""))) return true;
  const name = searchForm(displayName);
  return name.startsWith(form) || name.split(/[\s\p{P}]+/u).some((word) => word.startsWith(form));
}
