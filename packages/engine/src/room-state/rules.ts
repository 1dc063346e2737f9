/**
 * Every rule that an update, a commit or a leaf of a room can break, named, each with a sentence for people. The names
 * are stable: callers show, count and compare them. [W2] to [W5]
 */

export const ROOM_RULES = {
  "update.malformed": "This change is in a form that is not known here.",

  "right.participant": "Only people in the room may change it.",
  "right.rename": "Only owners and moderators may rename the room.",
  "right.rules": "Only owners may change how people come in.",
  "right.hubs": "Only owners may change which servers keep the room.",
  "right.admit": "Your role may not let people in with this role.",
  "right.role": "Only owners may give roles.",
  "right.remove": "Your role may not remove people with this role.",
  "right.ban": "Your role may not ban people with this role.",
  "right.succession": "Only owners may say who follows them.",
  "right.claim": "Only the heir whom the owners named, or a moderator, may claim the room.",
  "right.unban": "Only owners and moderators may lift a ban.",

  "owner.other": "Owners step down or leave by themselves; nobody else can make them.",
  "owner.last": "The last owner cannot leave or step down. Make somebody else an owner first.",
  "remove.self": "To go yourself, leave the room.",
  "participant.unknown": "This person is not in the room.",
  "participant.already": "This person is in the room already.",
  "participant.banned": "This person is banned from the room.",
  "ban.unknown": "This person is not banned.",
  "ban.already": "This person is banned already.",
  "record.invalid": "The record of this account is not valid.",
  "record.older": "A record of this account that is as new or newer is known in the room.",
  "room.full": "The room is full.",
  "room.banned-full": "The list of banned people is full.",
  "room.servers": "People of too many servers would be in the room.",
  "room.large": "The list of people in the room would become too long.",

  "claim.off": "The owners of this room let nobody follow them.",
  "claim.already": "You have claimed this room already.",
  "claim.none": "Nobody claims this room, or you do not.",
  "claim.few": "Neither the heir nor most of the moderators claim this room.",
  "claim.time": "The time that the owners set has not come, by the clock of the room's server.",
  "claim.stamp": "A claim's time is not that of the room's server.",
  "heir.unknown": "The heir is not in the room, or owns it already.",

  "pair.change": "A chat of two stays one of these two, and has neither a name nor roles.",

  "commit.path": "A commit must renew its maker's keys.",
  "commit.proposal": "A commit holds something that rooms do not have.",
  "commit.key": "Whoever takes a person or a device out of the room must renew the room's key.",
  "commit.removes-staying": "A device that may stay was taken out by somebody else.",

  "leaf.participant": "A device of an account that is not in the room would be a member.",
  "leaf.device": "A device that is not on its account's list would be a member.",
  "leaf.key": "A device would be a member with a key that is not its own.",
  "leaf.twice": "A device would be a member twice.",

  "external.device": "The device that came in by itself is not on the list of a participant.",
  "external.changes": "The device that came in by itself changed more than its own place.",

  "sealed.public": "Something that only members may read came unsealed.",
  "sealed.closed": "What was sealed for the members of this room does not open.",
  "group.state": "The room is described otherwise than its changes come to.",
  "group.form": "This is no group of this room, or not one as rooms have them.",
} as const satisfies Record<string, string>;

export type RoomRule = keyof typeof ROOM_RULES;

/** `reason` is the rule's sentence. Nothing changed. */
export interface RoomRefused {
  readonly kind: "refused";
  readonly rule: RoomRule;
  readonly reason: string;
}

export function refusedBy(rule: RoomRule): RoomRefused {
  return { kind: "refused", rule, reason: ROOM_RULES[rule] };
}
