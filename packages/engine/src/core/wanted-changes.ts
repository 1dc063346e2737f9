/**
 * What this person wants changed in a room, kept until a Commit has done it: the hub may be away, and another's
 * Commit may come first.
 */
import type { AccountId, RoomId, ServerId } from "@fedchat/protocol";
import type { Joining, Role, RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";

export type WantedChange =
  | { kind: "admit"; account: AccountId; role: Role }
  | { kind: "remove" | "ban" | "unban"; account: AccountId }
  | { kind: "role"; account: AccountId; role: Role }
  | { kind: "rename"; name: string }
  | { kind: "rules"; join: Joining; invite: RoomState["invite"] }
  /** The servers that are to order the room, the present one first; `handOver`: that one now, once it stands first. */
  | { kind: "hubs"; hubs: ServerId[] }
  | { kind: "handOver"; hub: ServerId }
  | { kind: "leave" }
  | { kind: "succession"; heir?: AccountId; days: number }
  /** `at` is set when it is made. */
  | { kind: "claim" | "unclaim" | "succeed" }
  /** Commit what others proposed, such as that they leave. */
  | { kind: "settle" }
  /** New keys of this device: what was stolen before is of no use after. Not before that time, unless something else is committed. [W8] */
  | { kind: "refresh"; notBefore?: number }
  /** A newer record of somebody who takes part: this one, signed, in base32, or the newest that is known. */
  | { kind: "record"; account: AccountId; record?: string }
  /** Come in by oneself: the account is in the room. `why`, where a line is to say so when it is done. */
  | { kind: "enter"; why?: "recovered" }
  /** Come in again by oneself: a Commit could not be followed here. `room`: its state after that, in base32. */
  | { kind: "rejoin"; epoch: string; room: string };

export type Rejoin = Extract<WantedChange, { kind: "rejoin" }>;

/** Of a `rejoin`: what the room is at any epoch now is not known here, and the group that is here is from long before. */
export const noEpoch = String(2n ** 64n - 1n);

export interface Wanted {
  id: number;
  change: WantedChange;
}

export function wantedChanges({ groupRooms }: Pick<EngineStore, "groupRooms">, room: RoomId): Wanted[] {
  return groupRooms
    .changes(room)
    .map(({ id, change }) => ({ id, change: JSON.parse(change) as WantedChange }));
}

/** Each once: what is wanted already is not wanted twice. */
export function want(
  { groupRooms }: Pick<EngineStore, "groupRooms">,
  room: RoomId,
  change: WantedChange,
  now: number,
): void {
  const text = JSON.stringify(change);
  if (groupRooms.changes(room).some((one) => one.change === text)) return;
  groupRooms.addChange(room, text, now);
}

/** As a line says that it is under way; undefined for what the person did not ask for. */
export function underwayLine(
  change: WantedChange,
  shown: (account: AccountId) => string,
): string | undefined {
  switch (change.kind) {
    case "admit":
      return `Taking ${shown(change.account)} in`;
    case "remove":
      return `Removing ${shown(change.account)}`;
    case "ban":
      return `Banning ${shown(change.account)}`;
    case "unban":
      return `Lifting the ban on ${shown(change.account)}`;
    case "role":
      return `Giving ${shown(change.account)} another role`;
    case "rename":
      return `Renaming the room to '${change.name}'`;
    case "rules":
      return "Changing who may come in or invite";
    case "leave":
      return "Leaving";
    case "rejoin":
      return "Joining the room's encryption again";
    case "handOver":
      return "Handing the room over to another server";
    case "succession":
      return "Setting who follows the owners";
    case "claim":
      return "Claiming the room";
    case "unclaim":
    case "succeed":
    case "settle":
    case "refresh":
    case "hubs":
    case "record":
    case "enter":
      return undefined;
  }
}

/** Whether this room's entries cannot be followed until we have come in again. */
export function isRejoining(store: Pick<EngineStore, "groupRooms">, room: RoomId): boolean {
  return wantedChanges(store, room).some(({ change }) => change.kind === "rejoin" || change.kind === "enter");
}
