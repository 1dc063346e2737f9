/** Entries of a log for one answer. */
import { limits } from "@fedchat/protocol";
import type { HomeserverStore, RoomLogName } from "../../store/store.ts";

/** Behind a position, in order: what fits an answer, and one at least. */
export async function pageOf(
  store: Pick<HomeserverStore, "roomEntries">,
  { room, hub }: RoomLogName,
  after: number,
): Promise<Uint8Array[]> {
  const page = await store.roomEntries({ room, hub }, after, limits.roomLogPageBytesMax);
  return page.slice(0, limits.roomLogPageEntriesMax).map(({ signed }) => signed);
}
