/** Where a log is, and what an entry makes of that: pure, for the hub and for copies alike. [O1] [O2] */
import type { RoomEntry, RoomLogHead, RoomLogItem, ServerId } from "@fedchat/protocol";
import type { RoomLogName, RoomLogRow } from "../../store/store.ts";
import { roomFormerServersMax } from "../limits.ts";

export const zeros = (): Uint8Array => new Uint8Array(32);
/** The only one of this version. */
export const firstTerm = 1;

export const nameOf = ({ room, hub }: RoomLogName): string => `${room} ${hub}`;

export const headOf = ({ term, position, hash }: RoomLogRow): RoomLogHead => ({ term, position, hash });

/** A log before its first entry here, which will be the one behind `position`. */
export function emptyLog({ room, hub }: RoomLogName, position: number, nowMs: number): RoomLogRow {
  return {
    ...{ room, hub, founder: undefined, term: firstTerm, position, hash: zeros() },
    ...{ group: zeros(), access: zeros(), servers: [], former: [], anchor: 0, at: nowMs },
    idleSince: undefined,
  };
}

/** The log with this entry, which fits it. */
export function advanced(
  row: RoomLogRow,
  { term, position }: Pick<RoomEntry, "term" | "position">,
  item: RoomLogItem,
  hash: Uint8Array,
  nowMs: number,
): RoomLogRow {
  const next = { ...row, term, position, hash, at: Math.max(row.at, nowMs) };
  if (item.kind === "proposal") return next;
  const { group, access, servers } = item;
  return { ...next, group, access, servers, former: formerOf(row, servers), anchor: position };
}

/** Who was on a list and is not on this one; the oldest are forgotten. */
function formerOf({ former, servers }: RoomLogRow, now: ServerId[]): ServerId[] {
  const listed = new Set(now);
  const gone = new Set([...former, ...servers].filter((server) => !listed.has(server)));
  return [...gone].slice(-roomFormerServersMax);
}
