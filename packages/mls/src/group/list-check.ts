/** Whether proposals are valid together (RFC 9420 §12.2; draft-ietf-mls-extensions §4.6, §6.3). */
import { keyOf } from "../codec/bytes.ts";
import { PSKS_MAX } from "../limits.ts";
import { check } from "../rules.ts";
import type { LeafIndex } from "../tree/math.ts";
import { leafAt, members, type RatchetTree } from "../tree/ratchet-tree.ts";
import { supportsProposal } from "../wire/capabilities.ts";
import type { LeafNode } from "../wire/leaf-node.ts";
import type { Proposal } from "../wire/proposal.ts";
import { isDefaultProposal, PROPOSAL_TYPE, type ProposalKind } from "../wire/proposal-type.ts";
import { pskIdKey } from "../wire/psk-id.ts";
import type { Policy } from "./policy.ts";
import type { ListedProposal } from "./listed-proposal.ts";

/** The list of a member's Commit. */
export function checkMemberList(
  policy: Policy,
  tree: RatchetTree,
  committer: LeafIndex,
  list: readonly ListedProposal[],
): void {
  const proposals = list.map((listed) => listed.proposal);
  checkSupported(tree, list);
  check(!has(proposals, "external_init"), "list.external-init");
  check(list.length === 1 || !has(proposals, "reinit"), "list.reinit-alone");
  check(of(proposals, "group_context_extensions").length <= 1, "list.several-extensions");
  for (const { proposal, byReference } of list) {
    check(proposal.type !== "self_remove" || byReference, "list.self-remove-by-value");
  }
  checkLeafChanges(list, committer);
  checkAdds(policy, tree, list);
  checkPsks(proposals);
  checkAppData(proposals);
}

/** The list of an external Commit: by value but for SelfRemoves, and of few types. */
export function checkExternalList(tree: RatchetTree, list: readonly ListedProposal[]): void {
  const proposals = list.map((listed) => listed.proposal);
  checkSupported(tree, list);
  check(of(proposals, "external_init").length === 1, "external-commit.one-init");
  check(of(proposals, "remove").length <= 1, "external-commit.one-remove");
  for (const { proposal, byReference } of list) {
    check(IN_EXTERNAL_COMMIT.has(proposal.type), "external-commit.types", proposal.type);
    const wanted = proposal.type === "self_remove";
    check(byReference === wanted, wanted ? "list.self-remove-by-value" : "external-commit.by-reference");
  }
  const removed = list.map(leafThatGoes).filter((leaf) => leaf !== undefined);
  check(new Set(removed).size === removed.length, "list.same-leaf");
  checkPsks(proposals);
  checkAppData(proposals);
}

const IN_EXTERNAL_COMMIT: ReadonlySet<ProposalKind> = new Set<ProposalKind>([
  "external_init",
  "remove",
  "psk",
  "self_remove",
  "app_data_update",
  "app_ephemeral",
]);

/** §12.2: whoever will process the Commit knows its proposals' types; whom it removes need not. */
export function checkSupported(tree: RatchetTree, list: readonly ListedProposal[]): void {
  const kinds = [...new Set(list.map(({ proposal }) => proposal.type))].filter(
    (kind) => !isDefaultProposal(PROPOSAL_TYPE[kind]),
  );
  if (kinds.length === 0) return;
  const gone = new Set(list.map(leafThatGoes));
  for (const { index, leaf } of members(tree)) {
    if (gone.has(index)) continue;
    for (const kind of kinds)
      check(supportsProposal(leaf.capabilities, PROPOSAL_TYPE[kind]), "proposal.unsupported-type", kind);
  }
}

/** The leaf that a proposal empties. */
export function leafThatGoes({ proposal, sender }: ListedProposal): LeafIndex | undefined {
  if (proposal.type === "remove") return proposal.removed;
  return proposal.type === "self_remove" && sender.type === "member" ? sender.leafIndex : undefined;
}

function checkLeafChanges(list: readonly ListedProposal[], committer: LeafIndex): void {
  const touched = new Set<LeafIndex>();
  for (const listed of list) {
    const { proposal, sender } = listed;
    const updated = proposal.type === "update" && sender.type === "member" ? sender.leafIndex : undefined;
    const leaf = updated ?? leafThatGoes(listed);
    if (leaf === undefined) continue;
    check(updated !== committer, "list.update-by-committer");
    check(leaf !== committer, "list.removes-committer");
    check(!touched.has(leaf), "list.same-leaf", `leaf ${leaf}`);
    touched.add(leaf);
  }
}

function checkAdds(policy: Policy, tree: RatchetTree, list: readonly ListedProposal[]): void {
  const adds = of(
    list.map(({ proposal }) => proposal),
    "add",
  );
  if (adds.length === 0) return;
  const gone = new Set(list.map(leafThatGoes));
  const present = new Clients(policy);
  for (const { index, leaf } of members(tree)) if (!gone.has(index)) present.add(leaf);
  const added = new Clients(policy);
  for (const { keyPackage } of adds) {
    check(!added.has(keyPackage.leafNode), "list.same-client");
    check(!present.has(keyPackage.leafNode), "list.already-member");
    added.add(keyPackage.leafNode);
  }
}

/** Leaves by what makes two of them one client: the application's name for it, or the signature key. */
class Clients {
  readonly #policy: Policy;
  readonly #names = new Set<string>();
  readonly #keys = new Set<string>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  add(leaf: LeafNode): void {
    this.#names.add(keyOf(this.#policy.clientOf(leaf)));
    this.#keys.add(keyOf(leaf.signatureKey));
  }

  has(leaf: LeafNode): boolean {
    return this.#keys.has(keyOf(leaf.signatureKey)) || this.#names.has(keyOf(this.#policy.clientOf(leaf)));
  }
}

function checkPsks(proposals: readonly Proposal[]): void {
  const psks = of(proposals, "psk");
  check(psks.length <= PSKS_MAX, "psk.too-many");
  const distinct = new Set(psks.map(({ psk }) => pskIdKey(psk)));
  check(distinct.size === psks.length, "list.same-psk");
}

/** draft-ietf-mls-extensions §4.6: for one component a single removal or any number of updates. */
function checkAppData(proposals: readonly Proposal[]): void {
  const removals = new Set<number>();
  const updates = new Set<number>();
  for (const { componentId, update } of of(proposals, "app_data_update")) {
    check(update !== undefined || !removals.has(componentId), "proposal.app-data");
    (update === undefined ? removals : updates).add(componentId);
    check(!(removals.has(componentId) && updates.has(componentId)), "proposal.app-data");
  }
}

function has(proposals: readonly Proposal[], type: ProposalKind): boolean {
  return proposals.some((proposal) => proposal.type === type);
}

function of<K extends ProposalKind>(
  proposals: readonly Proposal[],
  type: K,
): Extract<Proposal, { type: K }>[] {
  return proposals.filter((proposal): proposal is Extract<Proposal, { type: K }> => proposal.type === type);
}

/** The member that an external Commit removes, for judging whether the joiner is its successor. */
export function replacedLeaf(tree: RatchetTree, list: readonly ListedProposal[]): LeafNode | undefined {
  const remove = list.find(({ proposal }) => proposal.type === "remove")?.proposal;
  return remove?.type === "remove" ? leafAt(tree, remove.removed) : undefined;
}
