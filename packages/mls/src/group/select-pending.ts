/**
 * Which of the waiting proposals a committer takes (RFC 9420 §12.2, §12.4): as many as are valid together. A removal
 * wins over an Update of the same leaf, a SelfRemove over a Remove, the latest Update over earlier ones, and anything
 * over a ReInit.
 */
import { Refusal } from "../rules.ts";
import type { ProposalKind } from "../wire/proposal-type.ts";
import type { Scope } from "./environment.ts";
import { checkMemberList } from "./list-check.ts";
import type { ListedProposal } from "./listed-proposal.ts";
import { checkProposal } from "./proposal-list.ts";
import type { GroupState } from "./state.ts";

export interface ChosenProposal {
  readonly listed: ListedProposal;
  readonly reference: Uint8Array;
}

/** In the order of arrival, of those that are wanted. `own` are taken whatever comes. */
export function selectPending(
  scope: Scope,
  state: GroupState,
  own: readonly ListedProposal[],
  isWanted: (waiting: ListedProposal) => boolean,
): readonly ChosenProposal[] {
  const waiting = [...state.proposals.values()]
    .map(({ proposal, reference, authenticated }, arrival) => {
      const listed: ListedProposal = { proposal, sender: authenticated.content.sender, byReference: true };
      return { listed, reference, arrival };
    })
    .filter(({ listed }) => isWanted(listed));
  const byPreference = waiting.toSorted((a, b) => {
    const [first, second] = [a.listed.proposal.type, b.listed.proposal.type];
    if (rank(first) !== rank(second)) return rank(first) - rank(second);
    return first === "update" ? b.arrival - a.arrival : a.arrival - b.arrival;
  });
  const chosen: typeof waiting = [];
  for (const candidate of byPreference) {
    const list = [...chosen.map(({ listed }) => listed), candidate.listed, ...own];
    if (isValid(scope, state, candidate.listed, list)) chosen.push(candidate);
  }
  return chosen.toSorted((a, b) => a.arrival - b.arrival);
}

function rank(type: ProposalKind): number {
  if (type === "self_remove") return 0;
  if (type === "remove") return 1;
  if (type === "reinit") return 3;
  return 2;
}

function isValid(
  scope: Scope,
  state: GroupState,
  candidate: ListedProposal,
  list: readonly ListedProposal[],
): boolean {
  try {
    checkProposal(scope, state.context, state.tree, candidate, undefined);
    checkMemberList(scope.policy, state.tree, state.ownLeaf, list);
    return true;
  } catch (thrown) {
    if (thrown instanceof Refusal) return false;
    throw thrown;
  }
}
