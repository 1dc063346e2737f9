/**
 * Rooms of many that this device learns of by their `key`, since nothing here says that its account takes part in them:
 * it was recovered where no record of its rooms lies. The word of somebody whom we asked by a link lets the device come in
 * at once; that of a contact waits for the person's yes, as a Welcome does. Nobody else's counts. [U7] [W7]
 */
import type { AccountId, Clock, OpenedAccountRecord, RoomId } from "@fedchat/protocol";
import type { LogPlace } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomAskRow } from "../store/room-asks-table.ts";
import type { Changes } from "./changes.ts";
import { toldRoomsMax } from "./limits.ts";
import type { Names } from "./names.ts";
import type { Rooms } from "./rooms.ts";
import { isRejoining, want, wantedChanges } from "./wanted-changes.ts";

export interface ToldRoomsPorts {
  store: EngineStore;
  names: Pick<Names, "shown">;
  rooms: Rooms;
  clock: Pick<Clock, "now">;
  changes: Changes;
  /** Whether no other device of this account could see to it. */
  isAlone: () => boolean;
}

/** How the word of somebody counts who tells of a room: `asked` by this ask of ours, or as a contact's. */
export type Word = { kind: "asked"; ask: RoomAskRow } | { kind: "contact" };

/** Undefined: not at all. */
export function wordOn(
  { store }: Pick<ToldRoomsPorts, "store">,
  room: RoomId,
  account: AccountId,
): Word | undefined {
  const row = store.rooms.get(room);
  if ((row !== undefined && row.kind !== "group") || store.rooms.hasGroup(room)) return undefined;
  const ask = store.roomAsks.pending("outgoing", room);
  if (ask !== undefined && store.roomAsks.asked(ask.id).includes(account)) return { kind: "asked", ask };
  if (row?.state === "open" || isRejoining(store, room)) return undefined;
  if (store.accounts.contact(account) === undefined) return undefined;
  return row?.state === "invited" || told(store, account) < toldRoomsMax ? { kind: "contact" } : undefined;
}

/** Within the transaction that keeps what was told: the room stands in the list, and is entered or waits for a yes. */
export function addTold(
  ports: ToldRoomsPorts,
  word: Word,
  { record }: Pick<OpenedAccountRecord, "record">,
  room: RoomId,
  place: LogPlace,
): void {
  const { store, rooms, names, clock, changes, isAlone } = ports;
  const now = clock.now();
  const former = store.rooms.get(room);
  const isOver = former?.state === "closed" || former?.state === "broken";
  const name = word.kind === "asked" ? word.ask.roomName : "";
  if (former === undefined)
    rooms.addGroup({ id: room, name, invitedBy: record.account, state: "invited", createdAt: now });
  else if (isOver) rooms.invitedAgain(room, record.account);
  if (former === undefined || isOver)
    rooms.addNotice(room, record.account, `${names.shown(record.account)} told this device the way in.`);
  if (store.groupRooms.person(room, record.account) === undefined)
    store.groupRooms.putPeople(room, [...store.groupRooms.people(room), { ...record, role: "member" }]);
  if (!isRejoining(store, room)) {
    // That one left before counts no more.
    store.branches.dropSnapshots(room, 0);
    store.groupRooms.putLog({ room, ...place, following: "wanted", renewedAt: now });
  }
  changes.mark("room", room);
  changes.status();
  if (word.kind === "contact") return;
  // Whoever asked has said yes, also where they had left.
  store.rooms.opened(room);
  for (const { id, change } of wantedChanges(store, room))
    if (change.kind === "leave") store.groupRooms.deleteChange(id);
  if (isRejoining(store, room)) return;
  want(store, room, { kind: "enter", ...(isAlone() ? { why: "recovered" as const } : {}) }, now);
}

/** How many rooms wait for a yes of which this contact's word alone tells. */
function told(store: EngineStore, account: AccountId): number {
  return store.rooms
    .list()
    .filter(
      ({ id, state, invitedBy }) => state === "invited" && invitedBy === account && !store.rooms.hasGroup(id),
    ).length;
}
