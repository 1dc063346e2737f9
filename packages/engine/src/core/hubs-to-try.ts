/**
 * Where a room's log may go on, for a homeserver that is new to the room: an account that moved there has its people make
 * that known, and which server orders the room by then it cannot ask. [A17] As new is a hub that was put back to a backup
 * from before the room. [W9]
 */
import type { RoomId, ServerId } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { serversOf } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Groups } from "./groups.ts";

export interface HubsToTryPorts {
  store: Pick<EngineStore, "groupRooms">;
  groups: Groups;
  roomCrypto: Pick<RoomCrypto, "room">;
  /** Our own homeserver. */
  own: ServerId;
  /** Whether a server is known not to answer. */
  isAway: (server: ServerId) => boolean;
}

/**
 * The present hub first, those that are away last.
 * @param forgot our own homeserver is the hub, and has no log of it any more
 */
export function hubsThatMayGoOn(ports: HubsToTryPorts, room: RoomId, forgot: boolean): ServerId[] {
  const { store, groups, roomCrypto, own, isAway } = ports;
  const [log, state] = [store.groupRooms.log(room), groups.of(room)];
  if (log === undefined || state === undefined) return [];
  const about = roomCrypto.room(state);
  // Where our own is of the room it knows the log, and who goes on with it.
  const servers = serversOf(about);
  if (servers.includes(own) && !forgot) return [];
  const known = [...new Set([log.hub, ...about.hubs, ...servers])];
  const all = known.filter((server) => !(forgot && server === own));
  return [...all.filter((server) => !isAway(server)), ...all.filter((server) => isAway(server))];
}
