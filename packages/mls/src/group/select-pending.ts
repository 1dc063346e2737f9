/**
 * Which of the waiting proposals a committer takes (RFC 9420 §12.2, §12.4): as many as are valid together. A removal
 * wins over an Update of the same leaf, a SelfRemove over a Remove, the latest Update over earlier ones, and anything
 * over a ReInit.
 */
import { Refusal } from "../rules.ts";
import type { ProposalKind } from "../wire/proposal-type.ts";
import type { Scope } from "./environment.ts";
import type { ListedProposal } from "./listed-proposal.ts";
import { checkProposal } from "./proposal-list.ts";
import type { GroupState } from "./state.ts";

export interface ChosenProposal {
  readonly listed: ListedProposal;
  readonly reference: Uint8Array;
}

/**
 * In the order of arrival, of those that are wanted.
 * @param check throws Refusal where a list, beside what the committer adds to it, makes no Commit
 */
export function selectPending(
  scope: Scope,
  state: GroupState,
  isWanted: (waiting: ListedProposal) => boolean,
  check: (list: readonly ListedProposal[]) => void,
): readonly ChosenProposal[] {
  const waiting: readonly Waiting[] = [...state.proposals.values()]
    .map(({ proposal, reference, authenticated }, arrival) => {
      const listed: ListedProposal = { proposal, sender: authenticated.content.sender, byReference: true };
      return { listed, reference, arrival };
    })
    .filter(({ listed }) => isWanted(listed))
    .filter(({ listed }) => passes(() => checkProposal(scope, state.context, state.tree, listed, undefined)));
  const byPreference = waiting.toSorted((a, b) => {
    const [first, second] = [a.listed.proposal.type, b.listed.proposal.type];
    if (rank(first) !== rank(second)) return rank(first) - rank(second);
    return first === "update" ? b.arrival - a.arrival : a.arrival - b.arrival;
  });
  const holds = (candidates: readonly Waiting[]) =>
    passes(() => check(candidates.map(({ listed }) => listed)));
  // Where what the committer adds is refused by itself, nothing that waits is to blame.
  const chosen = holds([]) ? together(holds, [], byPreference) : [];
  return chosen.toSorted((a, b) => a.arrival - b.arrival);
}

interface Waiting extends ChosenProposal {
  readonly arrival: number;
}

/** `chosen`, and of the others each that goes with all before it: halves are tried whole, for most go together. */
function together(
  holds: (candidates: readonly Waiting[]) => boolean,
  chosen: readonly Waiting[],
  others: readonly Waiting[],
): readonly Waiting[] {
  const all = [...chosen, ...others];
  if (others.length === 0 || holds(all)) return all;
  if (others.length === 1) return chosen;
  const half = others.length >> 1;
  return together(holds, together(holds, chosen, others.slice(0, half)), others.slice(half));
}

function rank(type: ProposalKind): number {
  if (type === "self_remove") return 0;
  if (type === "remove") return 1;
  if (type === "reinit") return 3;
  return 2;
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (thrown) {
    if (thrown instanceof Refusal) return false;
    throw thrown;
  }
}
