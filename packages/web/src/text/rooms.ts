/**
 * What may be done in a room of many, as far as a screen offers it, and how rooms are called in a list. The engine
 * decides; this only keeps from offering what it would refuse.
 */
import type { Role, Room, RoomPerson } from "@fedchat/engine/interface";
import { t } from "../strings.ts";
import { matches } from "./names.ts";

const roles: readonly Role[] = ["owner", "moderator", "member", "guest"];

/** What one person in a room may do to another. */
export type Deed = { kind: "role"; role: Role } | { kind: "remove" | "ban" };

/** @param own our own role; null where we are out */
export function deedsFor(own: Role | null, target: RoomPerson, people: readonly RoomPerson[]): Deed[] {
  if (target.self) return own === "owner" && otherOwner(people) ? rolesBut("owner") : [];
  const owner = own === "owner" && target.role !== "owner";
  const moderator = own === "moderator" && (target.role === "member" || target.role === "guest");
  return [
    ...(owner ? rolesBut(target.role) : []),
    ...(owner || moderator ? ([{ kind: "remove" }, { kind: "ban" }] as const) : []),
  ];
}

/** Whoever keeps order renames the room and lifts bans. */
export const mayRename = (room: Room): boolean =>
  isIn(room) && (room.group?.role === "owner" || room.group?.role === "moderator");

export const mayAdd = (room: Room): boolean =>
  mayRename(room) || (isIn(room) && room.group?.role === "member" && room.group.inviting === "members");

export const mayRule = (room: Room): boolean => isIn(room) && room.group?.role === "owner";

/** Joined, and not left, removed or broken. */
export const isIn = (room: Room): boolean => room.kind === "group" && room.state === "open";

/** Oneself first, then as the engine has them: owners before the rest, by name. */
export function peopleShown(people: readonly RoomPerson[], filter: string): RoomPerson[] {
  return people
    .filter(({ person }) => matches(filter, person.displayName, person.address, person.serverName))
    .toSorted((a, b) => Number(b.self) - Number(a.self));
}

/** The line under a chat's title in the list. */
export function previewOf(chat: Room): string {
  if (chat.state === "invited")
    return chat.group?.invitedBy ? t.chats.invitedBy(chat.group.invitedBy) : t.chats.invited;
  const last = chat.lastMessage;
  if (!last) return t.chats.empty;
  if (chat.kind === "notes" || last.kind === "notice") return last.text;
  if (last.mine) return `${t.chats.you} ${last.text}`;
  return chat.kind === "group" ? t.chats.said(last.senderName, last.text) : last.text;
}

const otherOwner = (people: readonly RoomPerson[]) =>
  people.some(({ self, role }) => !self && role === "owner");

const rolesBut = (now: Role): Deed[] =>
  roles.filter((role) => role !== now).map((role) => ({ kind: "role", role }));

/** The servers that a room may be handed to, each by its name, or by who of the room lives there; the present one first. */
export function roomServers(room: Room, people: readonly RoomPerson[]): { serverId: string; name: string }[] {
  const hub = room.group?.hub;
  const named = new Map(hub ? [[hub.serverId, hub.name]] : []);
  for (const { person, role } of people) {
    const { serverId, serverName } = person;
    if (named.has(serverId) || role === "guest") continue;
    const isName = serverName !== "" && !serverId.startsWith(serverName);
    named.set(serverId, isName ? serverName : t.rooms.panel.homeserverOf(person.displayName));
  }
  return [...named].map(([serverId, name]) => ({ serverId, name }));
}
