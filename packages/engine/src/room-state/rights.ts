/** Who may do what in a room, by the role that they have before it. [W3] */
import type { AccountId } from "@fedchat/protocol";
import { claimFault } from "./owners-gone.ts";
import type { Participant, Role, RoomState } from "./room-state.ts";
import { participantOf } from "./room-state.ts";
import type { RoomRule } from "./rules.ts";
import type { RoomUpdate } from "./room-update.ts";

/** The rule that `by` breaks with this update; undefined where they may. Whether it makes sense is another question. */
export function missingRight(state: RoomState, update: RoomUpdate, by: AccountId): RoomRule | undefined {
  const own = participantOf(state, by);
  if (own === undefined) return "right.participant";
  const { role } = own;
  switch (update.kind) {
    case "rename":
      return orderly(role) ? undefined : "right.rename";
    case "rules":
      return role === "owner" ? undefined : "right.rules";
    case "hubs":
      return role === "owner" ? undefined : "right.hubs";
    case "admit":
      return mayAdmit(state, role, update.role) ? undefined : "right.admit";
    case "role":
      return role === "owner" ? ownersOwn(state, own, update.account) : "right.role";
    case "remove":
      if (update.account === by) return "remove.self";
      return outranks(state, role, update.account) ? ownersOwn(state, own, update.account) : "right.remove";
    case "ban":
      if (update.account === by) return "remove.self";
      return outranks(state, role, update.account) ? ownersOwn(state, own, update.account) : "right.ban";
    case "unban":
      return orderly(role) ? undefined : "right.unban";
    case "succession":
      return role === "owner" ? undefined : "right.succession";
    case "claim":
      return claimFault(state, by);
    case "unclaim":
    case "succeed":
      return undefined;
    case "leave":
    case "record": // It is signed by the account that it is about: it does not matter who brings it.
    case "key":
      return undefined;
  }
}

/** Those who keep order. */
const orderly = (role: Role): boolean => role === "owner" || role === "moderator";

function mayAdmit({ invite }: RoomState, role: Role, wanted: Role): boolean {
  switch (role) {
    case "owner":
      return true;
    case "moderator":
      return wanted === "member" || wanted === "guest";
    case "member":
      return invite === "members" && wanted === "member";
    case "guest":
      return false;
  }
}

/** Whether this role may put this account out: moderators those who are not orderly, also whoever is not there. */
function outranks(state: RoomState, role: Role, account: AccountId): boolean {
  if (role === "owner") return true;
  const target = participantOf(state, account)?.role ?? "guest";
  return role === "moderator" && !orderly(target);
}

/** What is an owner's is touched by that owner alone. */
function ownersOwn(state: RoomState, by: Participant, account: AccountId): RoomRule | undefined {
  const target = participantOf(state, account);
  return target?.role === "owner" && target.account !== by.account ? "owner.other" : undefined;
}
