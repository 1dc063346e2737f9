/**
 * Shows what a group's state says of its room where lists and senders read it: the name, the rules, and who takes part.
 * Whoever does asks to come in no more, and need not be taken in by us.
 */
import type { RoomId, ServerId } from "@fedchat/protocol";
import { claimDueAt } from "../room-state/owners-gone.ts";
import type { RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomSuccession } from "../store/rooms-table.ts";
import type { Names } from "./names.ts";
import { wantedChanges } from "./wanted-changes.ts";

/** Within the transaction that takes the state. */
export function showRoomState(
  { rooms, groupRooms, roomAsks }: Pick<EngineStore, "rooms" | "groupRooms" | "roomAsks">,
  state: RoomState,
): void {
  const { room, name, join: joining, invite: inviting, participants } = state;
  if (joining !== "nobody") rooms.show(room, { name, joining, inviting, succession: successionOf(state) });
  groupRooms.putPeople(
    room,
    participants.map(({ account, server, handle, displayName, role }) => {
      return { account, server, handle, displayName, role };
    }),
  );
  roomAsks.settleParticipants(room);
  const present = new Set(participants.map(({ account }) => account));
  for (const { id, change } of wantedChanges({ groupRooms }, room))
    if (change.kind === "admit" && present.has(change.account)) groupRooms.deleteChange(id);
}

function successionOf(state: RoomState): string | null {
  const { succession, claim } = state;
  if (succession === undefined) return null;
  const dueAt = claimDueAt(state);
  const claimed = claim === undefined || dueAt === undefined ? null : { by: claim.by, dueAt };
  const shown: RoomSuccession = { heir: succession.heir ?? null, days: succession.days, claim: claimed };
  return JSON.stringify(shown);
}

/** A server by its name, or, where none is known here, by who of the room lives there. */
export function roomServerName(
  { groupRooms }: Pick<EngineStore, "groupRooms">,
  names: Pick<Names, "shown" | "server">,
  room: RoomId,
  server: ServerId,
): string {
  const name = names.server(server);
  if (!server.startsWith(name)) return name;
  const someone = groupRooms.people(room).find((person) => person.server === server);
  return someone === undefined ? name : `${names.shown(someone.account)}'s homeserver`;
}
