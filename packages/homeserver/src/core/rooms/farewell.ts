/**
 * What a server that is not on a room's list any more may still read of its log: the entries that went to it, or should
 * have, up to the one that took it off. Whoever missed them would else never learn that its people are out. [O8]
 */
import type { RoomLogPage, ServerId } from "@fedchat/protocol";
import { decodeRoomLogItem, limits, roomEntry, roomEntryHash, type Primitives } from "@fedchat/protocol";
import type { HomeserverStore, RoomEntryRow, RoomLogRow } from "../../store/store.ts";

/** The first of those entries behind a position that follow each other; undefined where there are none. */
export async function farewellPage(
  { store, primitives: p }: { store: Pick<HomeserverStore, "roomEntries">; primitives: Primitives },
  { room, hub }: Pick<RoomLogRow, "room" | "hub">,
  server: ServerId,
  after: number,
): Promise<RoomLogPage | undefined> {
  const told: RoomEntryRow[] = [];
  let bytes = 0;
  let isOn = false;
  for (let position = 0, more = true; more;) {
    const page = await store.roomEntries({ room, hub }, position, limits.roomLogPageBytesMax);
    for (const row of page) {
      const wasOn = isOn;
      const item = decodeRoomLogItem(roomEntry.read(row.signed).value.item);
      if (item.kind !== "proposal") isOn = item.servers.includes(server);
      bytes += row.signed.length;
      const fits = bytes <= limits.roomLogPageBytesMax && told.length < limits.roomLogPageEntriesMax;
      if (row.position <= after) bytes = 0;
      else if ((wasOn || isOn) && (fits || told.length === 0)) told.push(row);
      else if (told.length > 0) return pageOf(p, told);
      else bytes = 0;
    }
    more = page.length > 0;
    position = page.at(-1)?.position ?? position;
  }
  return told.length === 0 ? undefined : pageOf(p, told);
}

/** Its head is where they end: what came after is no business of that server's. */
function pageOf(p: Primitives, told: readonly RoomEntryRow[]): RoomLogPage {
  const { signed, position } = told.at(-1)!;
  const { hub, term } = roomEntry.read(signed).value;
  const head = { hub, term, position, hash: roomEntryHash(p, signed) };
  return { entries: told.map((row) => row.signed), head };
}
