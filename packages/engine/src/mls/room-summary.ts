/** What a commit did, in terms of accounts and devices. */
import * as mls from "@fedchat/mls";
import type { RoomChange } from "../room-state/apply-update.ts";
import type { RoomCommitSummary, RoomMember } from "./room-crypto.ts";
import { memberAt } from "./room-members.ts";

/** @param after undefined where this device is removed, and so is in no state behind the commit */
export function summaryOf(
  { committer, isExternal, proposals, added, removed }: mls.CommitSummary,
  before: mls.GroupState,
  after: mls.GroupState | undefined,
  changes: readonly RoomChange[],
): RoomCommitSummary {
  const newcomers = proposals.flatMap(({ proposal }) =>
    proposal.type === "add" ? [proposal.keyPackage.leafNode] : [],
  );
  const joined = newcomers.map((leaf, at) => memberAt(leaf, added[at]!, false));
  const gone = removed.map((index) => leafMember(before, index));
  const by = isExternal ? joinerOf(after, committer, gone) : leafMember(before, committer);
  return {
    by,
    external: isExternal,
    changes,
    joined: isExternal ? [by] : joined,
    gone,
  };
}

/** Where we are the one that it took out, it is ourselves, come in again from another state. */
function joinerOf(
  after: mls.GroupState | undefined,
  committer: mls.LeafIndex,
  gone: readonly RoomMember[],
): RoomMember {
  const joiner = after === undefined ? gone[0] : leafMember(after, committer);
  if (joiner === undefined) throw new Error("assertion: a device in whose place none came is a member still");
  return joiner;
}

function leafMember({ tree, ownLeaf }: mls.GroupState, index: mls.LeafIndex): RoomMember {
  const leaf = mls.leafAt(tree, index);
  if (leaf === undefined) throw new Error("assertion: a member of this epoch");
  return memberAt(leaf, index, index === ownLeaf);
}
