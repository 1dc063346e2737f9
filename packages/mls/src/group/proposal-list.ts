/** The proposals of a Commit, each with who made it, and whether they are valid one by one (RFC 9420 §12.1). */
import { equal, keyOf } from "../codec/bytes.ts";
import { suiteParameters } from "../crypto/suites.ts";
import { PROPOSALS_PER_COMMIT_MAX } from "../limits.ts";
import { check } from "../rules.ts";
import { leafAt, type RatchetTree } from "../tree/ratchet-tree.ts";
import type { Commit } from "../wire/commit.ts";
import { EXTENSION, findExtension } from "../wire/extension.ts";
import { externalSenders, sameExternalSender } from "../wire/external-sender.ts";
import type { GroupContext } from "../wire/group-context.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import type { Sender } from "../wire/sender.ts";
import type { Scope } from "./environment.ts";
import { checkKeyPackage, checkLeaf, checkLists } from "./leaf-check.ts";
import type { History, ListedProposal } from "./listed-proposal.ts";
import type { GroupState } from "./state.ts";

/** The Commit's proposals with references resolved against those seen in this epoch (§12.4). */
export function resolveProposals(
  proposals: GroupState["proposals"],
  commit: Commit,
  committer: Sender,
): ListedProposal[] {
  check(commit.proposals.length <= PROPOSALS_PER_COMMIT_MAX, "proposal.too-many");
  return commit.proposals.map((item) => {
    if (item.type === "proposal") return { proposal: item.proposal, sender: committer, byReference: false };
    const pending = proposals.get(keyOf(item.reference));
    check(pending !== undefined, "list.unknown-reference");
    return { proposal: pending.proposal, sender: pending.authenticated.content.sender, byReference: true };
  });
}

/** §12.1: whether a proposal is valid by itself, in the epoch of this context and tree. */
export function checkProposal(
  scope: Scope,
  context: GroupContext,
  tree: RatchetTree,
  { proposal, sender }: Pick<ListedProposal, "proposal" | "sender">,
  history: History,
): void {
  switch (proposal.type) {
    case "add":
      return checkKeyPackage(scope, proposal.keyPackage);
    case "update":
      return checkUpdate(scope, context, tree, proposal.leafNode, sender);
    case "remove":
      return check(leafAt(tree, proposal.removed) !== undefined, "proposal.remove-blank");
    case "psk": {
      const { source, nonce } = proposal.psk;
      check(nonce.length === scope.suite.secretBytes, "psk.nonce");
      const usage = source.type === "resumption" ? source.usage : "application";
      return check(usage === "application" || usage === history, "psk.usage");
    }
    case "reinit":
      check(proposal.version >= context.version, "proposal.reinit-version");
      check(suiteParameters(proposal.cipherSuite) !== undefined, "proposal.reinit-suite");
      return checkLists(proposal.extensions);
    case "group_context_extensions": {
      checkLists(proposal.extensions);
      const senders = findExtension(proposal.extensions, EXTENSION.externalSenders, externalSenders) ?? [];
      const known = findExtension(context.extensions, EXTENSION.externalSenders, externalSenders) ?? [];
      const strangers = senders.filter((one) => !known.some((other) => sameExternalSender(one, other)));
      return check(
        strangers.every((one) => scope.policy.acceptsExternalSender(one)),
        "extensions.external-senders",
      );
    }
    case "app_ephemeral":
      return check(
        scope.policy.acceptsAppEphemeral(proposal.componentId, proposal.data),
        "proposal.app-component",
      );
    case "self_remove":
      return check(sender.type === "member", "proposal.update-by-member");
    case "external_init":
    case "app_data_update":
      return; // Valid or not only as part of a list.
  }
}

/** §12.1.2, §7.3. */
function checkUpdate(
  scope: Scope,
  context: GroupContext,
  tree: RatchetTree,
  leaf: LeafNode,
  sender: Sender,
): void {
  check(sender.type === "member", "proposal.update-by-member");
  const before = leafAt(tree, sender.leafIndex);
  check(before !== undefined, "message.sender-blank");
  check(leaf.source.kind === "update", "leaf.source");
  checkLeaf(scope, leaf, { groupId: context.groupId, leafIndex: sender.leafIndex });
  checkSuccessor(scope, before, leaf);
}

/** What an Update, a Commit's leaf and a returning joiner's leaf must satisfy against the leaf that they replace. */
export function checkSuccessor(scope: Scope, before: LeafNode, after: LeafNode): void {
  check(!equal(before.encryptionKey, after.encryptionKey), "leaf.encryption-key-fresh");
  check(scope.policy.acceptsSuccessor(before, after), "leaf.credential-change");
}
