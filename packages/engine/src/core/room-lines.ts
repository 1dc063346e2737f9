/** What happened in a room of many, as its lines say it: one sentence for each change. */
import type { AccountId } from "@fedchat/protocol";
import type { RoomChange } from "../room-state/apply-update.ts";

export interface Named {
  /** As the person calls them. */
  shown: (account: AccountId) => string;
  own: AccountId;
}

/** Undefined for what nobody needs to read. */
export function roomLine(change: RoomChange, { shown, own }: Named): string | undefined {
  const who = (account: AccountId): string => (account === own ? "You" : shown(account));
  const whom = (account: AccountId): string => (account === own ? "you" : shown(account));
  switch (change.kind) {
    case "renamed":
      return `${who(change.by)} named the room '${change.name}'.`;
    case "rules":
      return change.invite === "members"
        ? `${who(change.by)} let all members invite.`
        : `${who(change.by)} let only owners and moderators invite.`;
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
    case "hubs":
    case "record":
    case "key":
      return undefined;
  }
}

const roleWithArticle = {
  owner: "an owner",
  moderator: "a moderator",
  member: "a member",
  guest: "a guest",
} as const;
