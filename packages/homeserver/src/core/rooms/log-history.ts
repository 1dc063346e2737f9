/** A log as it was at an earlier entry: read again from what is kept of it, where another hub goes on behind that. [O10] */
import type { Primitives } from "@fedchat/protocol";
import { decodeRoomLogItem, limits, roomEntry, roomEntryHash } from "@fedchat/protocol";
import type { HomeserverStore, RoomEntryRow, RoomLogName, RoomLogRow } from "../../store/store.ts";
import { advanced, emptyLog } from "./log-state.ts";

export interface LogHistoryPorts {
  store: Pick<HomeserverStore, "roomEntries">;
  primitives: Primitives;
}

/** Undefined where that entry is not kept, or nothing that says what the log was there. */
export async function logAt(
  { store, primitives: p }: LogHistoryPorts,
  row: RoomLogRow,
  position: number,
): Promise<RoomLogRow | undefined> {
  if (position === row.position) return row;
  if (position > row.position || position < 1) return undefined;
  // From the newest begin, commit or takeover before it, which is mostly near.
  for (let back = 1; ; back *= 2) {
    const after = Math.max(0, position - back);
    const entries: RoomEntryRow[] = [];
    for await (const entry of entriesBehind(store, row, after)) {
      if (entry.position > position) break;
      entries.push(entry);
    }
    const read = entries.map(({ position: at, signed }) => {
      const { value } = roomEntry.read(signed);
      return { at, signed, value, item: decodeRoomLogItem(value.item) };
    });
    const anchor = read.findLastIndex(({ item }) => item.kind !== "proposal");
    if (anchor !== -1 && read.at(-1)?.at === position) {
      const first = { ...emptyLog(row, position, row.at), former: row.former, founder: row.founder };
      // What an earlier term continued matters no more: where it is still the same term it is known.
      const isSameTerm = (row.continues?.position ?? 0) < position;
      const known = { ...first, continues: isSameTerm ? row.continues : undefined };
      return read
        .slice(anchor)
        .reduce(
          (now, { value, item, signed }) => advanced(now, value, item, roomEntryHash(p, signed), row.at),
          known,
        );
    }
    if (after === 0) return undefined;
  }
}

/** Of the entries behind a position, in bytes as they are signed. */
export async function bytesBehind(
  store: LogHistoryPorts["store"],
  row: RoomLogRow,
  position: number,
): Promise<number> {
  let bytes = 0;
  if (position < row.position)
    for await (const { signed } of entriesBehind(store, row, position)) bytes += signed.length;
  return bytes;
}

/** Undefined where it is not kept. */
export async function entryAt(
  store: LogHistoryPorts["store"],
  log: RoomLogName,
  position: number,
): Promise<RoomEntryRow | undefined> {
  const [entry] = await store.roomEntries(log, position - 1, 1);
  return entry?.position === position ? entry : undefined;
}

async function* entriesBehind(store: LogHistoryPorts["store"], row: RoomLogRow, position: number) {
  for (let after = position; ;) {
    const page = await store.roomEntries(row, after, limits.roomLogPageBytesMax);
    if (page.length === 0) return;
    yield* page;
    after = page.at(-1)!.position;
  }
}
