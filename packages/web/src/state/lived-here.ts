/**
 * Whose account this browser had, for the case that it deletes what the engine keeps and not this: the first run then says
 * what happened, and asks for no more than the password. It is a handle, and nothing that opens anything.
 */
const key = "fedchat.lived-here";

/** Null where nobody did, as far as this browser remembers. */
export const livedHere = (): string | null => localStorage.getItem(key);

/** @param address as `@handle@server` */
export function remember(address: string): void {
  const handle = address.slice(1).split("@")[0]!;
  if (livedHere() !== handle) localStorage.setItem(key, handle);
}
