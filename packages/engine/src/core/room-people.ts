/** Shows what a group's state says of its room where lists and senders read it: the name, and who takes part. */
import type { RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";

/** Within the transaction that takes the state. */
export function showRoomState(
  { rooms, groupRooms }: Pick<EngineStore, "rooms" | "groupRooms">,
  { room, name, participants }: RoomState,
): void {
  rooms.setName(room, name);
  groupRooms.putPeople(
    room,
    participants.map(({ account, server, handle, displayName, role }) => {
      return { account, server, handle, displayName, role };
    }),
  );
}
