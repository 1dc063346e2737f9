/**
 * A room's state after an update, or the rule that it breaks: a function of both alone, so that all members decide
 * alike. No clock: of an account's records the one with the higher sequence counts, however far ahead. [W2] [W3] [W5]
 */
import type { AccountId, DeviceId, OpenedAccountRecord, Primitives, ServerId } from "@fedchat/protocol";
import { encodeBase32, openAccountRecord, ProtocolError } from "@fedchat/protocol";
import { bannedMax, participantsMax, roomServersMax, roomStateBytesMax } from "./limits.ts";
import { goneDevices } from "./leaves.ts";
import { missingRight } from "./rights.ts";
import { claimDueAt, heirsBy, isStampedNear, settledClaim, withClaim, withoutClaim } from "./owners-gone.ts";
import type { Participant, Role, RoomState } from "./room-state.ts";
import { compareIds, encodeRoomState, participantOf, serversOf } from "./room-state.ts";
import type { RoomUpdate } from "./room-update.ts";
import type { RoomRefused, RoomRule } from "./rules.ts";
import { refusedBy } from "./rules.ts";

/** What happened, for people to read. */
export type RoomChange =
  | { readonly kind: "renamed"; readonly by: AccountId; readonly name: string; readonly former: string }
  | {
      readonly kind: "rules";
      readonly by: AccountId;
      readonly join: RoomState["join"];
      readonly invite: RoomState["invite"];
      readonly former: Pick<RoomState, "join" | "invite">;
    }
  | { readonly kind: "hubs"; readonly by: AccountId; readonly hubs: readonly ServerId[] }
  | { readonly kind: "admitted"; readonly by: AccountId; readonly account: AccountId; readonly role: Role }
  /** It moved, or its devices changed. */
  | {
      readonly kind: "record";
      readonly by: AccountId;
      readonly account: AccountId;
      readonly revoked?: Revocation;
      /** The server where it lived until then; absent: where it does. */
      readonly from?: ServerId;
    }
  | {
      readonly kind: "role";
      readonly by: AccountId;
      readonly account: AccountId;
      readonly role: Role;
      readonly former: Role;
    }
  | { readonly kind: "removed"; readonly by: AccountId; readonly account: AccountId }
  | { readonly kind: "left"; readonly account: AccountId }
  /** `present`: whether it was in the room until then. */
  | {
      readonly kind: "banned";
      readonly by: AccountId;
      readonly account: AccountId;
      readonly present: boolean;
    }
  | { readonly kind: "unbanned"; readonly by: AccountId; readonly account: AccountId }
  | {
      readonly kind: "succession";
      readonly by: AccountId;
      readonly heir: AccountId | undefined;
      readonly days: number;
    }
  /** `at`: when, by their own word, where they are the first. */
  | { readonly kind: "claimed"; readonly by: AccountId; readonly at: number | undefined }
  /** `owner`: the room's owners are not gone; else somebody claims it no more. */
  | { readonly kind: "unclaimed"; readonly by: AccountId; readonly owner: boolean }
  /** `due`: by the log, not before. */
  | {
      readonly kind: "succeeded";
      readonly by: AccountId;
      readonly owners: readonly AccountId[];
      readonly due: number;
    }
  | { readonly kind: "key"; readonly by: AccountId };

/** A record by which devices are on their account's list no more, or stand there with another key. */
export interface Revocation {
  readonly sequence: number;
  readonly devices: readonly DeviceId[];
  /** Signed, in base32: whoever has it can bring it anew. */
  readonly record: string;
}

export type UpdateOutcome =
  | { readonly kind: "applied"; readonly state: RoomState; readonly change: RoomChange }
  | RoomRefused;

/** The rule that a change breaks at this time of the log; of most it does not matter. [W17] */
export function timeFault(change: RoomChange, logAt: number): RoomRule | undefined {
  if (change.kind === "claimed" && change.at !== undefined && !isStampedNear(change.at, logAt))
    return "claim.stamp";
  return change.kind === "succeeded" && logAt < change.due ? "claim.time" : undefined;
}

/**
 * @param by the account of the proposal's sender
 * @param logAt what the hub's entry says that time is; absent: it is in no entry yet
 */
export function applyUpdate(
  state: RoomState,
  update: RoomUpdate,
  by: AccountId,
  primitives: Primitives,
  logAt?: number,
): UpdateOutcome {
  const outcome = stepOf(state, update, by, primitives);
  if (outcome.kind === "refused") return outcome;
  const fault = logAt === undefined ? undefined : timeFault(outcome.change, logAt);
  return fault === undefined ? { ...outcome, state: settledClaim(outcome.state) } : refusedBy(fault);
}

function stepOf(state: RoomState, update: RoomUpdate, by: AccountId, primitives: Primitives): UpdateOutcome {
  if (state.join === "nobody" && !isOfPairs(update)) return refusedBy("pair.change");
  const missing = missingRight(state, update, by);
  if (missing !== undefined) return refusedBy(missing);
  switch (update.kind) {
    case "rename":
      return applied(
        { ...state, name: update.name },
        { kind: "renamed", by, name: update.name, former: state.name },
      );
    case "rules": {
      const { join, invite } = update;
      const former = { join: state.join, invite: state.invite };
      return applied({ ...state, join, invite }, { kind: "rules", by, join, invite, former });
    }
    case "hubs":
      return applied({ ...state, hubs: update.hubs }, { kind: "hubs", by, hubs: update.hubs });
    case "admit":
      return admitted(state, update.role, by, opened(primitives, update.record));
    case "record":
      return renewed(state, by, opened(primitives, update.record));
    case "role":
      return withRole(state, update.account, update.role, by);
    case "remove": {
      const { account } = update;
      if (participantOf(state, account) === undefined) return refusedBy("participant.unknown");
      return applied(without(state, account), { kind: "removed", by, account });
    }
    case "leave":
      if (isLastOwner(state, by)) return refusedBy("owner.last");
      return applied(without(state, by), { kind: "left", account: by });
    case "ban":
      return banned(state, update.account, by);
    case "unban": {
      const { account } = update;
      if (!state.banned.includes(account)) return refusedBy("ban.unknown");
      const left = state.banned.filter((one) => one !== account);
      return applied({ ...state, banned: left }, { kind: "unbanned", by, account });
    }
    case "succession":
      return succession(state, update, by);
    case "claim": {
      const at = state.claim === undefined ? update.at : undefined;
      return applied(withClaim(state, by, update.at), { kind: "claimed", by, at });
    }
    case "unclaim":
      return unclaimed(state, by);
    case "succeed":
      return succeeded(state, by);
    case "key":
      return applied({ ...state, infoKey: update.key }, { kind: "key", by });
  }
}

function succession(
  state: RoomState,
  { heir, days }: { heir?: AccountId | undefined; days: number },
  by: AccountId,
): UpdateOutcome {
  const change = { kind: "succession", by, heir, days } as const;
  const { succession: _former, ...left } = withoutClaim(state);
  if (days === 0) return heir === undefined ? applied(left, change) : refusedBy("heir.unknown");
  const named = heir === undefined ? undefined : participantOf(state, heir);
  if (heir !== undefined && (named === undefined || named.role === "owner")) return refusedBy("heir.unknown");
  return applied({ ...left, succession: heir === undefined ? { days } : { heir, days } }, change);
}

/** An owner ends the claim; whoever claims takes their part in it back. */
function unclaimed(state: RoomState, by: AccountId): UpdateOutcome {
  const { claim } = state;
  const owner = participantOf(state, by)?.role === "owner";
  if (claim === undefined || (!owner && !claim.by.includes(by))) return refusedBy("claim.none");
  const left = owner ? [] : claim.by.filter((one) => one !== by);
  const next = left.length === 0 ? withoutClaim(state) : { ...state, claim: { ...claim, by: left } };
  return applied(next, { kind: "unclaimed", by, owner });
}

function succeeded(state: RoomState, by: AccountId): UpdateOutcome {
  const due = claimDueAt(state);
  if (due === undefined || state.claim?.by.includes(by) !== true) return refusedBy("claim.none");
  const owners = heirsBy(state);
  if (owners === undefined) return refusedBy("claim.few");
  const after = owners.reduce((now, account) => {
    const one = participantOf(now, account);
    return one === undefined ? now : withParticipant(now, { ...one, role: "owner" });
  }, withoutClaim(state));
  return applied(after, { kind: "succeeded", by, owners, due });
}

/** A pair has no name, roles, or comings and goings: what is left are its participants' records, its key and its hubs. */
const isOfPairs = ({ kind }: RoomUpdate): boolean => kind === "record" || kind === "key" || kind === "hubs";

/** The rule that a state breaks as a whole, after all updates of a commit; undefined where it may be. */
export function stateFault(state: RoomState): RoomRule | undefined {
  if (serversOf(state).length > roomServersMax) return "room.servers";
  return encodeRoomState(state).length > roomStateBytesMax ? "room.large" : undefined;
}

/** A participant as its record says. */
export function participantBy({ record, certificates }: OpenedAccountRecord, role: Role): Participant {
  return {
    account: record.account,
    server: record.server,
    handle: record.handle,
    displayName: record.displayName,
    role,
    sequence: record.sequence,
    devices: certificates
      .map(({ device, signatureKey }) => ({ device, key: signatureKey.slice() }))
      .toSorted((a, b) => compareIds(a.device, b.device)),
  };
}

function admitted(
  state: RoomState,
  role: Role,
  by: AccountId,
  record: OpenedAccountRecord | undefined,
): UpdateOutcome {
  if (record === undefined) return refusedBy("record.invalid");
  const { account } = record.record;
  if (participantOf(state, account) !== undefined) return refusedBy("participant.already");
  if (state.banned.includes(account)) return refusedBy("participant.banned");
  if (state.participants.length >= participantsMax) return refusedBy("room.full");
  const participants = [...state.participants, participantBy(record, role)];
  participants.sort((a, b) => compareIds(a.account, b.account));
  return applied({ ...state, participants }, { kind: "admitted", by, account, role });
}

function renewed(state: RoomState, by: AccountId, record: OpenedAccountRecord | undefined): UpdateOutcome {
  if (record === undefined) return refusedBy("record.invalid");
  const { account, sequence } = record.record;
  const former = participantOf(state, account);
  if (former === undefined) return refusedBy("participant.unknown");
  if (sequence <= former.sequence) return refusedBy("record.older");
  const next = participantBy(record, former.role);
  const devices = goneDevices(former, next);
  const from = former.server === next.server ? {} : { from: former.server };
  const change = { kind: "record", by, account, ...from } as const;
  if (devices.length === 0) return applied(withParticipant(state, next), change);
  const revoked = { sequence, devices, record: encodeBase32(record.signed) };
  return applied(withParticipant(state, next), { ...change, revoked });
}

function withRole(state: RoomState, account: AccountId, role: Role, by: AccountId): UpdateOutcome {
  const target = participantOf(state, account);
  if (target === undefined) return refusedBy("participant.unknown");
  if (role !== "owner" && isLastOwner(state, account)) return refusedBy("owner.last");
  const { role: former } = target;
  return applied(withParticipant(state, { ...target, role }), { kind: "role", by, account, role, former });
}

function banned(state: RoomState, account: AccountId, by: AccountId): UpdateOutcome {
  if (state.banned.includes(account)) return refusedBy("ban.already");
  if (state.banned.length >= bannedMax) return refusedBy("room.banned-full");
  const present = participantOf(state, account) !== undefined;
  const all = [...state.banned, account].toSorted(compareIds);
  return applied({ ...without(state, account), banned: all }, { kind: "banned", by, account, present });
}

function opened(primitives: Primitives, signed: Uint8Array): OpenedAccountRecord | undefined {
  try {
    return openAccountRecord(primitives, signed);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function isLastOwner({ participants }: RoomState, account: AccountId): boolean {
  return participants.every((one) => (one.role === "owner") === (one.account === account));
}

function without(state: RoomState, account: AccountId): RoomState {
  return { ...state, participants: state.participants.filter((one) => one.account !== account) };
}

function withParticipant(state: RoomState, next: Participant): RoomState {
  const participants = state.participants.map((one) => (one.account === next.account ? next : one));
  return { ...state, participants };
}

const applied = (state: RoomState, change: RoomChange): UpdateOutcome => ({ kind: "applied", state, change });
