/**
 * Which servers go on with a room, one after the other, when the one that orders it is gone: behind the first, which is an
 * owner's choice, those where somebody of it lives, owners' first. An owner's engine keeps the list so with each Commit
 * that it makes. [W9]
 */
import type { AccountId, ServerId } from "@fedchat/protocol";
import { hubsListedMax } from "./limits.ts";
import { participantOf, type RoomState, serversOf } from "./room-state.ts";

/** The list as it should be; undefined where it is so, or where this account may not change it. */
export function hubsOf(state: RoomState, by: AccountId): readonly ServerId[] | undefined {
  if (participantOf(state, by)?.role !== "owner") return undefined;
  const ranks = ["owner", "moderator", "member"] as const;
  const ranked = ranks.flatMap((rank) => {
    const here = new Set(state.participants.filter(({ role }) => role === rank).map(({ server }) => server));
    return [...state.hubs.filter((hub) => here.has(hub)), ...serversOf(state).filter((one) => here.has(one))];
  });
  const hubs = [...new Set([...state.hubs.slice(0, 1), ...ranked])].slice(0, hubsListedMax);
  const isSame = hubs.length === state.hubs.length && hubs.every((hub, at) => hub === state.hubs[at]);
  return isSame ? undefined : hubs;
}
