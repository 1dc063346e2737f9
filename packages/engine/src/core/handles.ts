/** Handles from display names: `Ada Lovelace` is asked for as `ada.lovelace`, then with a number. */
import type { RandomSource } from "@fedchat/protocol";
import { handleAttemptsMax } from "./limits.ts";

const handleCharactersMax = 32;

/** What to ask the homeserver for, in this order. */
export function handlesFor(displayName: string, random: RandomSource): string[] {
  const base = slugOf(displayName);
  return Array.from({ length: handleAttemptsMax }, (_, attempt) => {
    if (attempt === 0) return base;
    // After the small numbers a random one, so that a popular name does not take a thousand attempts.
    const suffix = attempt < handleAttemptsMax / 2 ? attempt + 1 : numberFrom(random.bytes(3));
    return `${base.slice(0, handleCharactersMax - String(suffix).length)}${suffix}`;
  });
}

function slugOf(displayName: string): string {
  const slug = displayName
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^a-z0-9]+/g, ".")
    .replaceAll(/^\.+|\.+$/g, "")
    .slice(0, handleCharactersMax)
    .replace(/\.+$/, "");
  return slug === "" ? "user" : slug;
}

function numberFrom(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0) % 1_000_000;
}
