/** Where a log is, and what an entry makes of that: pure, for the hub and for copies alike. [O1] [O2] [O9] */
import type {
  Primitives,
  RoomEntry,
  RoomLogHead,
  RoomLogItem,
  RoomTakeover,
  ServerId,
} from "@fedchat/protocol";
import { isTakeoverProved, roomEntryHash, serverId } from "@fedchat/protocol";
import type { RoomLogName, RoomLogRow } from "../../store/store.ts";
import { roomFormerServersMax } from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";

export const zeros = (): Uint8Array => new Uint8Array(32);
const firstTerm = 1;

export const nameOf = ({ room, hub }: RoomLogName): string => `${room} ${hub}`;

export const headOf = ({ hub, term, position, hash }: RoomLogRow): RoomLogHead => ({
  ...{ hub, term, position, hash },
});

/** A log before its first entry here, which will be the one behind `position`. */
export function emptyLog({ room, hub }: RoomLogName, position: number, nowMs: number): RoomLogRow {
  return {
    ...{ room, hub, founder: undefined, term: firstTerm, position, hash: zeros() },
    ...{ group: zeros(), access: zeros(), servers: [], former: [], anchor: 0, at: nowMs },
    ...{ idleSince: undefined, continues: undefined, successor: undefined },
  };
}

/** The log with this entry, which fits it. */
export function advanced(
  row: RoomLogRow,
  { hub, term, position }: Pick<RoomEntry, "hub" | "term" | "position">,
  item: RoomLogItem,
  hash: Uint8Array,
  nowMs: number,
): RoomLogRow {
  const next = { ...row, hub, term, position, hash, at: Math.max(row.at, nowMs) };
  if (item.kind === "proposal") return next;
  const { group, access, servers } = item;
  const continues = item.kind === "takeover" ? { hub: item.from, position: position - 1 } : row.continues;
  return { ...next, group, access, servers, former: formerOf(row, servers), anchor: position, continues };
}

/**
 * Whether everybody who knows both goes on with the first: the higher term, of equal ones the one that continues more,
 * of such the lower hub. [O11]
 */
export function isAhead(a: RoomLogRow, b: RoomLogRow): boolean {
  if (a.term !== b.term) return a.term > b.term;
  const [continued, other] = [a, b].map((row) => row.continues?.position ?? 0) as [number, number];
  if (continued !== other) return continued > other;
  return a.hub !== b.hub && compareBytes(serverId.toBytes(a.hub), serverId.toBytes(b.hub)) < 0;
}

/** The log with this entry by whoever may add it; undefined where it does not follow. What it says of its signer is not judged. */
export function followedBy(
  p: Primitives,
  row: RoomLogRow,
  { value, item, signed }: { value: RoomEntry; item: RoomLogItem; signed: Uint8Array },
  nowMs: number,
  heir: Heir,
): RoomLogRow | undefined {
  const isNext = value.position === row.position + 1 && sameBytes(value.previous, row.hash);
  if (!isNext || value.room !== row.room || item.kind === "begin") return undefined;
  const mayFollow =
    item.kind === "takeover"
      ? continues(row, value, item, heir) && isTakeoverProved(p, value, item)
      : value.hub === row.hub && value.term === row.term;
  return mayFollow ? advanced(row, value, item, roomEntryHash(p, signed), nowMs) : undefined;
}

/** The server that has a key now, or another one in its place. [R9] */
type Heir = (server: ServerId) => ServerId;

/** Whether a server is on a list, by its key or by one that it had before. [R9] */
export function isAmong(servers: readonly ServerId[], server: ServerId, heir: Heir): boolean {
  return servers.includes(server) || servers.some((one) => heir(one) === server);
}

/** Whether a takeover says of the log what it says itself. [O9] */
export function continues(
  row: RoomLogRow,
  { hub, term }: Pick<RoomEntry, "hub" | "term">,
  item: RoomTakeover,
  heir: Heir,
): boolean {
  return (
    term === row.term + 1 &&
    item.from === row.hub &&
    row.anchor > 0 &&
    sameBytes(item.group, row.group) &&
    sameBytes(item.access, row.access) &&
    item.servers.length === row.servers.length &&
    item.servers.every((server, at) => server === row.servers[at]) &&
    isAmong(row.servers, hub, heir)
  );
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}

/** Who was on a list and is not on this one; the oldest are forgotten. */
function formerOf({ former, servers }: RoomLogRow, now: ServerId[]): ServerId[] {
  const listed = new Set(now);
  const gone = new Set([...former, ...servers].filter((server) => !listed.has(server)));
  return [...gone].slice(-roomFormerServersMax);
}
