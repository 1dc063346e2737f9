/**
 * What one step of a room's group may do: a function of the state that it begins at and of the commit alone. No clock
 * and no list of this device's own is asked, so that all members decide alike. [W3] [W4] [W5]
 */
import type { AccountId, Primitives } from "@fedchat/protocol";
import * as mls from "@fedchat/mls";
import type { RoomChange } from "../room-state/apply-update.ts";
import { applyUpdate, stateFault } from "../room-state/apply-update.ts";
import type { RoomLeaf } from "../room-state/leaves.ts";
import { checkLeaves, leafCheck, losesDevice } from "../room-state/leaves.ts";
import { encodeRoomState, roomStateComponent, type RoomState } from "../room-state/room-state.ts";
import { decodeRoomUpdate, type RoomUpdate } from "../room-state/room-update.ts";
import { refusedBy, type RoomRefused, type RoomRule } from "../room-state/rules.ts";
import { clientOf, isSameDevice, leafOf } from "./room-members.ts";

export interface Judged {
  readonly kind: "judged";
  readonly after: RoomState;
  readonly changes: readonly RoomChange[];
}

/** An update and the account of whoever proposed it. */
export interface ProposedUpdate {
  readonly update: RoomUpdate;
  readonly by: AccountId;
}

/** One for each step. What it found is read from it afterwards. */
export class RoomStep {
  readonly policy: mls.Policy;
  readonly #primitives: Primitives;
  readonly #before: RoomState;
  readonly #logAt: number | undefined;
  #judged: Judged | undefined;
  #broken: RoomRefused | undefined;
  #committer: mls.LeafIndex | undefined;

  /**
   * @param expected what our own commit comes to: MLS applies the updates before it asks for a verdict
   * @param logAt the time that the log's entry says
   */
  constructor(
    primitives: Primitives,
    credentials: Pick<mls.Policy, "acceptsCredential" | "lifetimeSecondsMax">,
    before: RoomState,
    { expected, logAt }: { expected?: Judged | undefined; logAt?: number | undefined } = {},
  ) {
    this.#logAt = logAt;
    this.#primitives = primitives;
    this.#before = before;
    this.#judged = expected;
    this.policy = mls.policy({
      ...credentials,
      checksLifetimeOnReceipt: false,
      // Else nobody could write while a hub is away and somebody wants to leave.
      sendsWithPendingProposals: true,
      clientOf,
      acceptsSuccessor: (former, next) =>
        isSameDevice(former, next) && isEqual(former.signatureKey, next.signatureKey),
      acceptsCommit: (review) => this.#accepts(review),
      acceptsExternalCommit: (review) => this.#notes(externalFault(this.#before, review)),
      applyAppData: (componentId) =>
        componentId === roomStateComponent && this.#judged !== undefined
          ? encodeRoomState(this.#judged.after)
          : undefined,
    });
  }

  /** What the updates came to: nothing changed where there were none. */
  get judged(): Judged {
    return this.#judged ?? { kind: "judged", after: this.#before, changes: [] };
  }

  /** Whose commit it is that was judged: its signature was right. */
  get committer(): mls.LeafIndex | undefined {
    return this.#committer;
  }

  /** The room's own rule where one was broken, else that of MLS. */
  refusal(refused: mls.Refused): RoomRefused | mls.Refused {
    return this.#broken ?? refused;
  }

  #accepts(review: mls.CommitReview): boolean {
    this.#committer = review.committer;
    const verdict = judge(this.#before, review, this.#primitives, this.#logAt);
    if (verdict.kind === "judged") this.#judged = verdict;
    return this.#notes(verdict.kind === "refused" ? verdict.rule : undefined);
  }

  #notes(rule: RoomRule | undefined): boolean {
    if (rule !== undefined) this.#broken = refusedBy(rule);
    return rule === undefined;
  }
}

/** A member's commit. */
export function judge(
  before: RoomState,
  { committer, proposals, tree, hasPath }: mls.CommitReview,
  primitives: Primitives,
  logAt?: number,
): Judged | RoomRefused {
  if (!hasPath) return refusedBy("commit.path");
  const updates: ProposedUpdate[] = [];
  const removed: mls.LeafIndex[] = [];
  const added: mls.LeafNode[] = [];
  for (const listed of proposals) {
    const { proposal, byReference } = listed;
    if (proposal.type === "app_data_update") {
      const update = updateOf(tree, listed);
      if (typeof update === "string") return refusedBy(update);
      updates.push(update);
    } else if (proposal.type === "remove" && !byReference) removed.push(proposal.removed);
    else if (proposal.type === "add" && !byReference) added.push(proposal.keyPackage.leafNode);
    else return refusedBy("commit.proposal");
  }
  const judged = applyAll(before, updates, primitives, logAt);
  if (judged.kind === "refused") return judged;
  const { after } = judged;
  const isRenewed = updates.some(({ update }) => update.kind === "key");
  if (losesDevice(before, after) && !isRenewed) return refusedBy("commit.key");
  const fault = stateFault(after) ?? leavesFault(after, tree, committer, removed, added);
  return fault === undefined ? judged : refusedBy(fault);
}

/** By reference only who leaves: whatever else waited would be at the mercy of whoever commits next. */
export function updateOf(
  tree: mls.RatchetTree,
  { proposal, sender, byReference }: mls.ListedProposal,
): ProposedUpdate | RoomRule {
  if (proposal.type !== "app_data_update" || proposal.componentId !== roomStateComponent)
    return "commit.proposal";
  if (proposal.update === undefined || sender.type !== "member") return "commit.proposal";
  const update = decodeRoomUpdate(proposal.update);
  if (update === undefined) return "update.malformed";
  if (byReference && update.kind !== "leave") return "commit.proposal";
  const leaf = mls.leafAt(tree, sender.leafIndex);
  const by = leaf && leafOf(leaf)?.account;
  return by === undefined ? "right.participant" : { update, by };
}

/** All updates, each on the state that the ones before it left. */
export function applyAll(
  before: RoomState,
  updates: readonly ProposedUpdate[],
  primitives: Primitives,
  logAt?: number,
): Judged | RoomRefused {
  let after = before;
  const changes: RoomChange[] = [];
  for (const { update, by } of updates) {
    const outcome = applyUpdate(after, update, by, primitives, logAt);
    if (outcome.kind === "refused") return outcome;
    after = outcome.state;
    changes.push(outcome.change);
  }
  return { kind: "judged", after, changes };
}

function leavesFault(
  after: RoomState,
  tree: mls.RatchetTree,
  committer: mls.LeafIndex,
  removed: readonly mls.LeafIndex[],
  added: readonly mls.LeafNode[],
): RoomRule | undefined {
  const faultOf = leafCheck(after);
  const own = accountAt(tree, committer);
  for (const index of removed) {
    const leaf = mls.leafAt(tree, index);
    const gone = leaf && leafOf(leaf);
    if (gone !== undefined && gone.account !== own && faultOf(gone) === undefined)
      return "commit.removes-staying";
  }
  const out = new Set(removed);
  const left = [...mls.members(tree)].filter(({ index }) => !out.has(index)).map(({ leaf }) => leaf);
  const leaves: RoomLeaf[] = [];
  for (const leaf of [...left, ...added]) {
    const one = leafOf(leaf);
    if (one === undefined) return "leaf.device";
    leaves.push(one);
  }
  return checkLeaves(after, leaves);
}

/**
 * What is wrong with a device that comes in by itself. That it takes out nobody but its former self, and has one leaf
 * then, MLS asks by `acceptsSuccessor` and `clientOf`.
 */
export function externalFault(
  room: RoomState,
  { joiner, proposals }: Pick<mls.ExternalCommitReview, "joiner" | "proposals">,
): RoomRule | undefined {
  const leaf = leafOf(joiner);
  if (leaf === undefined || leafCheck(room)(leaf) !== undefined) return "external.device";
  const isOnlyThat = proposals.every(({ proposal }) => {
    return proposal.type === "external_init" || proposal.type === "remove";
  });
  return isOnlyThat ? undefined : "external.changes";
}

function accountAt(tree: mls.RatchetTree, index: mls.LeafIndex): AccountId | undefined {
  const leaf = mls.leafAt(tree, index);
  return leaf && leafOf(leaf)?.account;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
