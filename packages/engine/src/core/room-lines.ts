/** What happened in a room of many, as its lines say it: one sentence for each change. */
import type { AccountId } from "@fedchat/protocol";
import type { RoomChange } from "../room-state/apply-update.ts";

/** Somebody lives elsewhere now. [A15] */
export const movedLine = (who: string, address: string): string => `${who} is now at ${address}.`;

/** The former key of somebody's homeserver was said to be lost or stolen; their own is what it was. [R10] */
export const renewedServerLine = (who: string, address: string): string =>
  `${who}'s homeserver (${address}) has another key, since its owner said that the former one was lost or stolen. ${who}'s own key is the same as before. To be sure, ask them over another way whether this is so, and verify them again.`;

/** We moved, and their homeserver is the one that did not answer: nobody is left who could tell them. [A22] */
export const sameHomeLine = (who: string): string =>
  `${who} lived on the server that you left, which did not answer. If it is gone for good, ${who} has to move as well, and neither of you hears of the other by itself. Send ${who} an invitation link over another way, or open theirs: this chat goes on with it.`;

/** Somebody said by their recovery key that their account's key may be another's, too. [A21] */
export const guardedLine = (who: string): string =>
  `${who} says that their account's key may have been stolen. From now on the account changes by their recovery kit alone, and other devices are out. Ask them over another way whether this is so, and verify them again.`;

/** Somebody's kit opened their account elsewhere: nobody said that a key was stolen. [A18] [A21] */
export const recoveredElsewhereLine = (who: string): string =>
  `${who}'s account goes on at another homeserver, by its recovery kit. From now on it changes by that kit alone, and its earlier devices are out. Ask them over another way whether this is so, and verify them again.`;

export interface Named {
  /** As the person calls them. */
  shown: (account: AccountId) => string;
  own: AccountId;
  /** Where somebody of the room lives now. */
  address: (account: AccountId) => string;
}

/** Undefined for what nobody needs to read. */
export function roomLine(change: RoomChange, { shown, own, address }: Named): string | undefined {
  const who = (account: AccountId): string => (account === own ? "You" : shown(account));
  const whom = (account: AccountId): string => (account === own ? "you" : shown(account));
  switch (change.kind) {
    case "renamed":
      return `${who(change.by)} named the room '${change.name}'.`;
    case "rules":
      return rulesLine(change, who(change.by));
    case "admitted":
      return `${who(change.by)} took ${whom(change.account)} in.`;
    case "role":
      return `${who(change.by)} made ${whom(change.account)} ${roleWithArticle[change.role]}.`;
    case "removed":
      return `${who(change.by)} removed ${whom(change.account)}.`;
    case "left":
      return `${who(change.account)} left.`;
    case "banned":
      return `${who(change.by)} banned ${whom(change.account)}.`;
    case "unbanned":
      return `${who(change.by)} lifted the ban on ${whom(change.account)}.`;
    case "succession":
      return successionLine(change, who, whom);
    case "claimed":
      return `${who(change.by)} said that the owners of this room are gone, and ${change.by === own ? "claim" : "claims"} it. Any owner ends that by opening FedChat.`;
    case "unclaimed":
      return change.owner
        ? `${who(change.by)} ${change.by === own ? "are" : "is"} here: nobody claims the room any more.`
        : `${who(change.by)} ${change.by === own ? "claim" : "claims"} the room no more.`;
    case "succeeded":
      return `The owners were gone for as long as they had set: the room is now owned by ${change.owners.map(whom).join(", ")}, too.`;
    case "record":
      if (change.from === undefined || change.account === own) return undefined;
      return movedLine(shown(change.account), address(change.account));
    case "hubs":
    case "key":
      return undefined;
  }
}

function successionLine(
  { by, heir, days }: Extract<RoomChange, { kind: "succession" }>,
  who: (account: AccountId) => string,
  whom: (account: AccountId) => string,
): string {
  if (days === 0) return `${who(by)} let nobody follow the room's owners.`;
  const after = days === 1 ? "a day" : `${days} days`;
  const others = "most of the moderators together";
  const those = heir === undefined ? others : `${whom(heir)}, or else ${others},`;
  return `${who(by)} set that ${those} may own the room when its owners are gone for ${after}.`;
}

function rulesLine(
  { join, invite, former }: Extract<RoomChange, { kind: "rules" }>,
  who: string,
): string | undefined {
  const done = [
    ...(join === former.join || join === "nobody" ? [] : [joining[join]]),
    ...(invite === former.invite ? [] : [inviting[invite]]),
  ];
  return done.length === 0 ? undefined : `${who} ${done.join(", and ")}.`;
}

const joining = {
  invited: "closed the room to links",
  approval: "let others ask to come in",
  open: "opened the room to whoever has a link",
} as const;

const inviting = {
  members: "let all members invite",
  moderators: "let only owners and moderators invite",
} as const;

const roleWithArticle = {
  owner: "an owner",
  moderator: "a moderator",
  member: "a member",
  guest: "a guest",
} as const;

/** A person's only device came in again after everything before it was lost. */
export const recoveredLine =
  "You are back in this chat, with a new device. What others wrote while none of your devices was there cannot be read on this one: ask for it where it matters.";

/** That another server goes on: by an owner's hand, because the former one is away, or as none of the room's. */
export function takeoverLine(of: {
  former: string;
  hub: string;
  isFirst: boolean;
  isListed: boolean;
  asker: string | undefined;
}): string {
  const { former, hub, isFirst, isListed, asker } = of;
  if (!isListed)
    return `${hub} keeps this room's changes in order now, though it is none of its servers for that. Another one is asked to.`;
  if (isFirst && hub !== former && asker !== undefined)
    return `${asker} handed the room's order over from ${former} to ${hub}.`;
  const asked = asker === undefined ? "" : ` ${asker} asked for it.`;
  if (hub === former)
    return `${hub} goes on with the room from before a change that nobody could follow.${asked}`;
  return `${former} was not reached: the room goes on under ${hub}.${asked}`;
}

/**
 * Who made a change that everybody passes over.
 * @param told `reason`: why, where they signed it; else it came from that server in their name
 */
export function invalidChangeLine(
  by: AccountId,
  { shown, own }: Omit<Named, "address">,
  { server, reason }: { server: string; reason: string | undefined },
): string {
  const isOwn = by === own;
  if (reason === undefined)
    return `A change came from ${server} in ${isOwn ? "your" : `${shown(by)}'s`} name that is not valid. Everybody's FedChat passes over it.`;
  const whose = isOwn ? "Your" : `${shown(by)}'s`;
  return `${whose} FedChat made a change that the room's rules do not allow: ${reason} Everybody's FedChat passes over it.`;
}

/** That the server that orders the room told others another order than us. */
export function forkLine({ hub, other, whom }: { hub: string; other: string; whom: string }): string {
  return `${hub} told ${other} other changes of this room than it told here, and signed both: what ${whom} wrote did not open. Do not trust it with this room. Another server is asked to go on, so that all follow one order again.`;
}
