/** Groups made out of other groups: reinitialization (RFC 9420 §11.2) and branching (§11.3). */
import { check } from "../rules.ts";
import type { Extension } from "../wire/extension.ts";
import type { KeyPackage } from "../wire/key-package.ts";
import type { Proposal } from "../wire/proposal.ts";
import { type Committed, commitWithHistory } from "./commit.ts";
import { createGroup } from "./create.ts";
import type { Environment } from "./environment.ts";
import type { GroupInfoInput } from "./group-info.ts";
import type { OwnKeyPackage } from "./own-key-package.ts";
import type { History } from "./listed-proposal.ts";
import { type GroupState, suiteOf } from "./state.ts";

export interface SuccessorInput {
  readonly own: OwnKeyPackage;
  /** Of everyone else who is to be in the new group. */
  readonly others: readonly KeyPackage[];
  readonly welcomeInfo?: GroupInfoInput;
}

/**
 * The group that a committed ReInit named, with its first Commit and the Welcome for the others. `from` is the closed
 * group's last state. Throws Refusal.
 */
export function reinitializedGroup(env: Environment, from: GroupState, input: SuccessorInput): Committed {
  const { reinit } = from;
  check(reinit !== undefined, "welcome.reinit", "no ReInit was committed");
  check(input.own.keyPackage.cipherSuite === reinit.cipherSuite, "key-package.version-and-suite");
  return firstCommit(env, from, input, reinit.groupId, reinit.extensions, "reinit");
}

/** A group of some of the members, bound to the group that they come from. Throws Refusal. */
export function branchedGroup(
  env: Environment,
  from: GroupState,
  input: SuccessorInput & { readonly groupId: Uint8Array; readonly extensions?: readonly Extension[] },
): Committed {
  check(input.own.keyPackage.cipherSuite === from.context.cipherSuite, "welcome.branch", "other parameters");
  return firstCommit(env, from, input, input.groupId, input.extensions ?? [], "branch");
}

function firstCommit(
  env: Environment,
  from: GroupState,
  input: SuccessorInput,
  groupId: Uint8Array,
  extensions: readonly Extension[],
  usage: NonNullable<History>,
): Committed {
  const group = createGroup(env, input.own, { groupId, extensions });
  const source = {
    type: "resumption",
    usage,
    groupId: from.context.groupId,
    epoch: from.context.epoch,
  } as const;
  const nonce = env.random.bytes(suiteOf(env, group).secretBytes);
  const proposals: Proposal[] = [
    { type: "psk", psk: { source, nonce } },
    ...input.others.map((keyPackage): Proposal => ({ type: "add", keyPackage })),
  ];
  const psk: Environment["psk"] = (wanted) =>
    wanted.type === "resumption" && wanted.usage === usage ? from.secrets.resumptionPsk : env.psk?.(wanted);
  const welcomeInfo = input.welcomeInfo ?? {};
  return commitWithHistory({ ...env, psk }, group, { proposals, welcomeInfo }, usage);
}
