/**
 * What becomes of a room whose owners are all gone: an heir whom they named, or most of the moderators, claim it; the
 * claim stands for everybody to see for as long as the owners set, any of them ends it by a word, and then whoever
 * claimed owns it. Time is what the hub's entries say, never a clock here. [W17]
 */
import type { AccountId } from "@fedchat/protocol";
import { claimStampMs, dayMs } from "./limits.ts";
import { type Claim, compareIds, participantOf, type RoomState } from "./room-state.ts";
import type { RoomRule } from "./rules.ts";

/** Why `by` may not claim the room; undefined where they may. */
export function claimFault(state: RoomState, by: AccountId): RoomRule | undefined {
  const { succession, claim } = state;
  if (succession === undefined) return "claim.off";
  const isModerator = participantOf(state, by)?.role === "moderator";
  if (succession.heir !== by && !isModerator) return "right.claim";
  return claim?.by.includes(by) === true ? "claim.already" : undefined;
}

/** @param at as its first claimant says it, near what the log says then */
export function withClaim(state: RoomState, by: AccountId, at: number): RoomState {
  const all = [...(state.claim?.by ?? []), by].toSorted(compareIds);
  return { ...state, claim: { at: state.claim?.at ?? at, by: all } };
}

export function withoutClaim({ claim: _claim, ...state }: RoomState): RoomState {
  return state;
}

/** Those who own the room by this claim: the heir, or else most of the moderators; undefined where it is neither's. */
export function heirsBy({ succession, claim, participants }: RoomState): readonly AccountId[] | undefined {
  if (succession === undefined || claim === undefined) return undefined;
  if (succession.heir !== undefined && claim.by.includes(succession.heir)) return [succession.heir];
  const moderators = participants.filter(({ role }) => role === "moderator").map(({ account }) => account);
  const claiming = moderators.filter((account) => claim.by.includes(account));
  return claiming.length * 2 > moderators.length ? claiming : undefined;
}

/** From when on the claim counts, by what the log says; undefined where there is none. */
export function claimDueAt({ succession, claim }: RoomState): number | undefined {
  return succession && claim && claim.at + succession.days * dayMs;
}

/** Whether somebody may claim at this time by their own word, where the log says that it is `logAt`. */
export const isStampedNear = (at: number, logAt: number): boolean => Math.abs(at - logAt) <= claimStampMs;

/** Whoever is here no more, or moderates no more, claims nothing, and is nobody's heir. */
export function settledClaim(state: RoomState): RoomState {
  const { succession, claim } = state;
  if (succession === undefined) return claim === undefined ? state : withoutClaim(state);
  const { heir } = succession;
  const isHere = heir === undefined || participantOf(state, heir) !== undefined;
  const kept: RoomState = isHere ? state : { ...state, succession: { days: succession.days } };
  if (claim === undefined) return kept;
  const by = claim.by.filter(
    (one) => kept.succession?.heir === one || participantOf(kept, one)?.role === "moderator",
  );
  if (by.length === claim.by.length) return kept;
  const left: Claim = { at: claim.at, by };
  return by.length === 0 ? withoutClaim(kept) : { ...kept, claim: left };
}
