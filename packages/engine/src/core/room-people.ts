/** Shows what a group's state says of its room where lists and senders read it: the name, the rules, and who takes part. */
import type { RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";

/** Within the transaction that takes the state. */
export function showRoomState(
  { rooms, groupRooms }: Pick<EngineStore, "rooms" | "groupRooms">,
  { room, name, join: joining, invite: inviting, participants }: RoomState,
): void {
  if (joining !== "nobody") rooms.show(room, { name, joining, inviting });
  groupRooms.putPeople(
    room,
    participants.map(({ account, server, handle, displayName, role }) => {
      return { account, server, handle, displayName, role };
    }),
  );
}
