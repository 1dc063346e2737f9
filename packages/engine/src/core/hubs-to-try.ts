/**
 * Where a room's log may go on, for a homeserver that is new to the room: an account that moved there has its people make
 * that known, and which server orders the room by then it cannot ask. [A17]
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

/** The present hub first, those that are away last. */
export function hubsThatMayGoOn(ports: HubsToTryPorts, room: RoomId): ServerId[] {
  const { store, groups, roomCrypto, own, isAway } = ports;
  const [log, state] = [store.groupRooms.log(room), groups.of(room)];
  if (log === undefined || state === undefined) return [];
  const about = roomCrypto.room(state);
  // Where our own is of the room it knows the log, and who goes on with it.
  const servers = serversOf(about);
  if (servers.includes(own)) return [];
  const all = [...new Set([log.hub, ...about.hubs, ...servers])];
  return [...all.filter((server) => !isAway(server)), ...all.filter((server) => isAway(server))];
}
