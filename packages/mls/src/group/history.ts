/** Groups that come out of other groups: reinitialization (RFC 9420 §11.2) and branching (§11.3). */
import { equal } from "../codec/bytes.ts";
import { check } from "../rules.ts";
import { members, type RatchetTree } from "../tree/ratchet-tree.ts";
import type { GroupInfo } from "../wire/group-info.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import type { PskId } from "../wire/psk-id.ts";
import { sameExtensions } from "./apply.ts";
import type { Policy } from "./policy.ts";
import type { GroupState } from "./state.ts";

/** What a joiner verifies where the Welcome names such a past. */
export function checkOrigin(
  policy: Policy,
  info: GroupInfo,
  tree: RatchetTree,
  psks: readonly PskId[],
  origin: GroupState | undefined,
): void {
  const histories = psks.flatMap(({ source }) =>
    source.type === "resumption" && source.usage !== "application" ? [source] : [],
  );
  // Whoever says where the group is to come from wants that proved: anybody can write a Welcome without any past.
  const asked = origin?.reinit === undefined ? "welcome.branch" : "welcome.reinit";
  check(origin === undefined || histories.length > 0, asked, "it comes from nowhere");
  for (const source of histories) {
    check(info.groupContext.epoch === 1n, "welcome.first-epoch");
    const rule = source.usage === "reinit" ? "welcome.reinit" : "welcome.branch";
    check(origin !== undefined && equal(origin.context.groupId, source.groupId), rule, "an unknown group");
    if (source.usage === "reinit") checkReinitialized(policy, info, tree, source.epoch, origin);
    else checkBranched(policy, info, tree, source.epoch, origin);
  }
}

function checkReinitialized(
  policy: Policy,
  info: GroupInfo,
  tree: RatchetTree,
  epoch: bigint,
  origin: GroupState,
): void {
  const { reinit } = origin;
  const { groupContext } = info;
  check(reinit !== undefined && origin.context.epoch === epoch, "welcome.reinit", "no ReInit was committed");
  const asNamed =
    equal(groupContext.groupId, reinit.groupId) &&
    groupContext.version === reinit.version &&
    groupContext.cipherSuite === reinit.cipherSuite &&
    sameExtensions(groupContext.extensions, reinit.extensions);
  check(asNamed, "welcome.reinit", "other parameters");
  check(includesAll(policy, tree, origin.tree), "welcome.reinit", "members are missing");
}

/** Those of the new group were in the former one in the very epoch that the PSK is of. */
function checkBranched(
  policy: Policy,
  info: GroupInfo,
  tree: RatchetTree,
  epoch: bigint,
  origin: GroupState,
): void {
  const { version, cipherSuite } = info.groupContext;
  const of = [origin, ...origin.past].find(({ context }) => context.epoch === epoch);
  check(of !== undefined, "welcome.branch", "of an epoch that is not kept");
  const same = version === origin.context.version && cipherSuite === origin.context.cipherSuite;
  check(same, "welcome.branch", "other parameters");
  check(includesAll(policy, of.tree, tree), "welcome.branch", "members are new");
}

/** Whether everyone in `part` is also in `whole`, by the identities that the application sees. */
function includesAll(policy: Policy, whole: RatchetTree, part: RatchetTree): boolean {
  const known: LeafNode[] = [...members(whole)].map(({ leaf }) => leaf);
  return [...members(part)].every(({ leaf }) => known.some((other) => policy.isSameIdentity(other, leaf)));
}
