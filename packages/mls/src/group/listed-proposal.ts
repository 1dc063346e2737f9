/** A proposal as a Commit lists it: with who made it and how it is named (RFC 9420 §12.4). */
import type { Proposal } from "../wire/proposal.ts";
import type { Sender } from "../wire/sender.ts";

export interface ListedProposal {
  readonly proposal: Proposal;
  /** Who proposed it; for proposals by value the committer. */
  readonly sender: Sender;
  readonly byReference: boolean;
}

/** Which history a new group's first Commit may inject (§11.2, §11.3). */
export type History = "reinit" | "branch" | undefined;
