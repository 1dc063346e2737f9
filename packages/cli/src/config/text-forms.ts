/** Values as people write them in a configuration or on a command line: addresses, durations, and the nearest word. */
import type { ServerAddress, ServerId } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import { isIP } from "node:net";

/** `host:port`, `[v6]:port`; with a kind after a space: `chat.example.com:443 proxy`. Undefined where it is none. */
export function parseAddress(text: string): ServerAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]+)):(\d{1,5})(?:\s+(direct|proxy|lan))?$/.exec(
    text.trim(),
  );
  if (match === null) return undefined;
  const host = (match[1] ?? match[2])!.toLowerCase();
  const port = Number(match[3]);
  if (port < 1 || port > 65_535 || host.length > 253) return undefined;
  return { host, port, kind: (match[4] as ServerAddress["kind"] | undefined) ?? "direct" };
}

/** `host:port`, or `host:port/SERVERID`. Undefined where it is none. */
export function parseDirectory(
  text: string,
): { address: ServerAddress; server: ServerId | undefined } | undefined {
  const [place = "", id, ...rest] = text.trim().split("/");
  const address = /\s/.test(place) ? undefined : parseAddress(place);
  const server = id === undefined ? undefined : serverId.parse(id);
  const isWrong = address === undefined || rest.length > 0 || (id !== undefined && server === undefined);
  return isWrong ? undefined : { address, server };
}

/** `10.0.0.2`, `10.0.0.0/8`, `2001:db8::/32`. Undefined where it is none. RFC 4632 §3.1 */
export function parseAddressRange(text: string): { address: string; prefix: number } | undefined {
  const [address = "", bits, ...rest] = text.trim().split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes("%")) return undefined;
  const prefixMax = family === 4 ? 32 : 128;
  if (bits === undefined) return { address, prefix: prefixMax };
  return /^\d{1,3}$/.test(bits) && Number(bits) <= prefixMax ? { address, prefix: Number(bits) } : undefined;
}

export function formatAddress(address: { host: string; port: number }): string {
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

const unitsMs: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** `90s`, `10m`, `1h30m`, `7d`; a number alone is seconds. In milliseconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * 1_000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(trimmed)) return undefined;
  let totalMs = 0;
  for (const [, amount, , unit] of trimmed.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d|w)/g)) {
    totalMs += Number(amount) * unitsMs[unit!]!;
  }
  return Number.isSafeInteger(Math.round(totalMs)) ? Math.round(totalMs) : undefined;
}

/** The known word with the fewest edits to get there. */
export function nearest(word: string, known: readonly string[]): string {
  let best = known[0]!;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Damerau's distance in its restricted form: insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      }
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
