/** Whether a commit's proposals may be, by the room's rules and those of MLS that the stub has, and what they come to. */
import { ProtocolError, type AccountId, type Primitives } from "@fedchat/protocol";
import { applyAll, type Judged, type ProposedUpdate } from "../../packages/engine/src/mls/room-policy.ts";
import { stateFault } from "../../packages/engine/src/room-state/apply-update.ts";
import { checkLeaves, leafCheck, losesDevice } from "../../packages/engine/src/room-state/leaves.ts";
import { decodeRoomUpdate } from "../../packages/engine/src/room-state/room-update.ts";
import { refusedBy } from "../../packages/engine/src/room-state/rules.ts";
import type { Refused } from "../../packages/engine/src/mls/room-crypto.ts";
import type { Commit, Context, KeyPackage, Leaf, Waiting } from "./stub-room-forms.ts";
import { keyPackageForm, opened } from "./stub-room-forms.ts";
import { deviceOf, leafAt, roomOf } from "./stub-room-state.ts";

export interface Applied extends Judged {
  /** The members after it, without what the commit's path changes. */
  readonly leaves: readonly Leaf[];
  readonly added: readonly Leaf[];
  readonly removed: readonly Leaf[];
}

export interface JudgePorts {
  primitives: Primitives;
  vouches: (credential: Uint8Array, signatureKey: Uint8Array) => boolean;
}

/** @param waiting the proposals that it may name */
export function judge(
  ports: JudgePorts,
  context: Context,
  waiting: readonly Waiting[],
  committer: Leaf,
  { proposals }: Pick<Commit, "proposals">,
  logAt?: number,
): Applied | Refused {
  const by = deviceOf(committer).account;
  const before = roomOf(context);
  const updates: ProposedUpdate[] = [];
  const removed: Leaf[] = [];
  const newcomers: KeyPackage[] = [];
  for (const proposal of proposals) {
    if (proposal.kind === "add") {
      const keyPackage = opened(keyPackageForm, proposal.keyPackage);
      if (keyPackage === undefined || !isIntact(ports, keyPackage, context))
        return broken("list.key-package");
      newcomers.push(keyPackage);
    } else if (proposal.kind === "remove") {
      const leaf = leafAt(context, proposal.leaf);
      if (leaf === undefined || leaf === committer || removed.includes(leaf)) return broken("list.removes");
      removed.push(leaf);
    } else {
      const update =
        proposal.kind === "update" ? { ...proposal, by } : named(context, waiting, proposal.reference);
      if (update === undefined) return broken("list.unknown-proposal");
      const decoded = decodeRoomUpdate(update.update);
      if (decoded === undefined) return refusedBy("update.malformed");
      if (proposal.kind === "waiting" && decoded.kind !== "leave") return refusedBy("commit.proposal");
      updates.push({ update: decoded, by: update.by });
    }
  }
  const judged = applyAll(before, updates, ports.primitives, logAt);
  if (judged.kind === "refused") return judged;
  const { after } = judged;
  const isRenewed = updates.some(({ update }) => update.kind === "key");
  if (losesDevice(before, after) && !isRenewed) return refusedBy("commit.key");
  const faultOf = leafCheck(after);
  for (const leaf of removed) {
    const gone = deviceOf(leaf);
    if (gone.account !== by && faultOf(gone) === undefined) return refusedBy("commit.removes-staying");
  }
  const leaves = context.leaves.filter((leaf) => !removed.includes(leaf));
  const added = newcomers.map((one) => place(leaves, one));
  const fault = stateFault(after) ?? checkLeaves(after, leaves.map(deviceOf));
  return fault === undefined ? { ...judged, leaves, added, removed } : refusedBy(fault);
}

/** At the leftmost place that is free. */
export function place(
  leaves: Leaf[],
  { credential, signatureKey, path }: Pick<Leaf, "credential" | "signatureKey" | "path">,
): Leaf {
  const taken = new Set(leaves.map((leaf) => leaf.index));
  let index = 0;
  while (taken.has(index)) index++;
  const leaf = { index, credential, signatureKey, path };
  leaves.push(leaf);
  leaves.sort((a, b) => a.index - b.index);
  return leaf;
}

function named(context: Context, waiting: readonly Waiting[], reference: Uint8Array) {
  const found = waiting.find((one) => isEqual(one.reference, reference));
  const leaf = found && leafAt(context, found.sender);
  if (found === undefined || leaf === undefined) return undefined;
  const by: AccountId = deviceOf(leaf).account;
  return { update: found.update, by };
}

function isIntact({ vouches }: JudgePorts, keyPackage: KeyPackage, { suite }: Context): boolean {
  return keyPackage.suite === suite && vouches(keyPackage.credential, keyPackage.signatureKey);
}

export const broken = (rule: string): Refused => ({ kind: "refused", rule, reason: rule });

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** For leaves whose credentials nobody has vouched for yet. */
export function allVouched({ vouches }: Pick<JudgePorts, "vouches">, leaves: Iterable<Leaf>): boolean {
  try {
    for (const leaf of leaves) {
      if (!vouches(leaf.credential, leaf.signatureKey)) return false;
      deviceOf(leaf);
    }
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}
