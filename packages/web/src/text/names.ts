/** Keys, addresses and names as people read, compare and paste them. */

/** A key in groups of four, for reading aloud. */
export function inFours(key: string): string[] {
  return key.match(/.{1,4}/g) ?? [];
}

/** Up to two letters for an avatar. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter(Boolean);
  const letters = (words.length > 1 ? [words[0], words.at(-1)] : [words[0]]).map((word) =>
    firstLetter(word ?? ""),
  );
  return letters.join("").toLocaleUpperCase() || "?";
}

/** What one calls a contact oneself, else what they call themselves. */
export const nameOf = (contact: { nickname: string | null; displayName: string }): string =>
  contact.nickname ?? contact.displayName;

/** One of eight colours, always the same for a key. */
export function hueOf(key: string): number {
  let sum = 0;
  for (let i = 0; i < Math.min(key.length, 12); i++) sum = (sum * 31 + key.charCodeAt(i)) % 9973;
  return sum % 8;
}

export interface ServerPlace {
  host: string;
  port: number | null;
  serverId: string | null;
}

/** `host:port`, with an IPv6 address in brackets, as `parseServerPlace` reads it back. */
export const hostPort = (at: { host: string; port: number }): string =>
  at.host.includes(":") ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;

/**
 * Reads several `host:port` with spaces or commas between them, or the line that the server itself shows. Null where one
 * is none, has no port, or is the line of another server.
 */
export function parsePlaces(written: string, of: string): { host: string; port: number }[] | null {
  const words = written.split(/[\s,]+/u).filter(Boolean);
  const places = words.flatMap((word) => {
    const place = parseServerPlace(word);
    if (!place || place.port === null || (place.serverId !== null && place.serverId !== of)) return [];
    return [{ host: place.host, port: place.port }];
  });
  return places.length === words.length && places.length <= addressesMax ? places : null;
}

/** As many as a homeserver keeps of one server. */
const addressesMax = 16;
const serverId = /^[a-z2-7]{52}$/;

/** Reads `host`, `host:port`, `[v6]:port`, each with `/serverid` behind it and perhaps a scheme before it. */
export function parseServerPlace(pasted: string): ServerPlace | null {
  const text = pasted.trim().replace(/^(?:https?|wss?|fedchat):\/\//i, "");
  const match = /^(\[[0-9a-f:.]+\]|[^\s/:@#?]+)(?::(\d{1,5}))?(?:\/([a-z2-7]+))?\/?$/i.exec(text);
  const host = match?.[1];
  if (!host) return null;
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  const key = match[3]?.toLowerCase() ?? null;
  if (key !== null && !serverId.test(key)) return null;
  return { host: host.replace(/^\[|\]$/g, ""), port, serverId: key };
}

export const isServerId = (text: string): boolean => serverId.test(text.trim().toLowerCase());

/** Whether a pasted text is an invitation link: an address whose fragment carries the secret. */
export const isInvitation = (text: string): boolean =>
  /^(?:https?|fedchat):\/\/\S+\/i\/?#\S+$/i.test(text.trim());

/** Case and accents do not matter when somebody filters a list. */
export function matches(filter: string, ...texts: string[]): boolean {
  const wanted = folded(filter).split(/\s+/u).filter(Boolean);
  const all = folded(texts.join(" "));
  return wanted.every((word) => all.includes(word));
}

function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

function firstLetter(word: string): string {
  return Array.from(word).find((letter) => /[\p{L}\p{N}]/u.test(letter)) ?? "";
}
