/**
 * A member whose program keeps no rule: while its engine is stopped, what it is to append next is exchanged for something
 * that no engine of ours makes. Everybody else, and every homeserver, is real.
 */
import type { GroupState as MlsState } from "@fedchat/mls";
import { encode, type RoomId, type RoomLogItem, roomLogItem } from "@fedchat/protocol";
import type { GroupState } from "../src/mls/group-records.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { insertRow } from "../src/store/database.ts";
import { presentRecords, recordsIn } from "../src/store/group-records.ts";
import type { Person } from "./world.ts";

export interface HostileAppend {
  item: RoomLogItem;
  /** Of an honest proposal there is none. */
  info: Uint8Array | null;
}

/** Its engine begins anew, and appends this first of all. */
export async function appends(
  person: Person,
  room: string,
  make: (state: GroupState & MlsState) => HostileAppend | Promise<HostileAppend>,
): Promise<void> {
  const { clock } = person.home.world;
  await person.close();
  const database = openSqliteDatabase(person.path);
  const state = person.groups.restore(recordsIn(database, presentRecords(room as RoomId)));
  const { item, info } = await make(state as GroupState & MlsState);
  database.run("DELETE FROM pendingCommits WHERE room = ?", room);
  database.run("DELETE FROM pendingRecords WHERE room = ?", room);
  const nothing = { welcome: null, access: null, changes: JSON.stringify({ wanted: [], changes: [] }) };
  const row = { room, item: encode(roomLogItem, item), info, ...nothing, createdAt: clock.now() };
  insertRow(database, "pendingCommits", row);
  database.close();
  person.open();
  await person.goOnline();
}
