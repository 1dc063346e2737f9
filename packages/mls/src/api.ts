/**
 * The operations on groups, as pure functions `(state, input, environment) → outcome`. What can be foreseen is a value
 * whose `kind` says what happened; `refused` names the broken rule and means that nothing changed. Each new state is to
 * be stored (`recordChanges`) before what goes with it leaves, and the former one erased (`eraseFormer`) after that.
 */
import { cipherSuite } from "./crypto/suite.ts";
import { type KeyPackage, keyPackageRef } from "./wire/key-package.ts";
import * as committing from "./group/commit.ts";
import * as creating from "./group/create.ts";
import * as encrypting from "./group/encrypt.ts";
import type { Environment } from "./group/environment.ts";
import { acceptedEpoch } from "./group/epoch.ts";
import { exportGroupInfo, type GroupInfoInput } from "./group/group-info.ts";
import * as external from "./group/join-external.ts";
import * as welcoming from "./group/join-welcome.ts";
import { commitOutcomeOf, type Diverged, outcomeOf, type Refused } from "./group/outcome.ts";
import * as ownPackages from "./group/own-key-package.ts";
import * as proposing from "./group/propose.ts";
import * as receiving from "./group/receive.ts";
import type { GroupState } from "./group/state.ts";
import * as successors from "./group/successor.ts";

/** A key package for others to add us with (RFC 9420 §10). */
export function createKeyPackage(
  input: ownPackages.KeyPackageInput,
  env: Environment,
): ({ readonly kind: "key-package" } & ownPackages.OwnKeyPackage) | Refused {
  return outcomeOf(() => ({ kind: "key-package", ...ownPackages.createKeyPackage(env, input) }) as const);
}

/** Whether someone else's key package may be used to add it (RFC 9420 §10.1). */
export function checkKeyPackage(
  keyPackage: KeyPackage,
  env: Environment,
): { readonly kind: "valid" } | Refused {
  return outcomeOf(() => {
    ownPackages.validateKeyPackage(env, keyPackage);
    return { kind: "valid" } as const;
  });
}

/** KeyPackageRef (RFC 9420 §5.2): what a Welcome names it by. Undefined for a suite that we do not have. */
export function keyPackageReference(
  keyPackage: KeyPackage,
  { primitives }: Pick<Environment, "primitives">,
): Uint8Array | undefined {
  const suite = cipherSuite(primitives, keyPackage.cipherSuite);
  return suite && keyPackageRef(suite, keyPackage);
}

/** A group of one (RFC 9420 §11). */
export function createGroup(
  own: ownPackages.OwnKeyPackage,
  parameters: creating.GroupParameters,
  env: Environment,
): { readonly kind: "created"; readonly state: GroupState } | Refused {
  return outcomeOf(() => ({ kind: "created", state: creating.createGroup(env, own, parameters) }) as const);
}

/** Joins by a Welcome (RFC 9420 §12.4.3.1). */
export function join(input: welcoming.WelcomeInput, env: Environment): welcoming.Joined | Refused {
  return outcomeOf(() => welcoming.joinByWelcome(env, input));
}

/** Joins by an external Commit (RFC 9420 §12.4.3.2). */
export function joinExternally(
  input: external.ExternalJoinInput,
  env: Environment,
): external.ExternallyJoined | Refused {
  return outcomeOf(() => external.joinExternally(env, input));
}

/** Encrypts application data (RFC 9420 §15). */
export function encrypt(
  state: GroupState,
  input: encrypting.ApplicationInput,
  env: Environment,
): ({ readonly kind: "encrypted" } & encrypting.EncryptedApplication) | Refused {
  return outcomeOf(
    () => ({ kind: "encrypted", ...encrypting.encryptApplication(env, state, input) }) as const,
  );
}

/** Sends a proposal as a member (RFC 9420 §12.1). */
export function propose(
  state: GroupState,
  input: proposing.ProposeInput,
  env: Environment,
): proposing.Proposed | Refused {
  return outcomeOf(() => proposing.propose(env, state, input));
}

/** Asks to be added, from outside (RFC 9420 §12.1.8). */
export function proposeSelf(
  group: { readonly groupId: Uint8Array; readonly epoch: bigint },
  own: ownPackages.OwnKeyPackage,
  env: Environment,
): { readonly kind: "proposed-from-outside"; readonly message: Uint8Array } | Refused {
  return outcomeOf(
    () => ({ kind: "proposed-from-outside", message: proposing.proposeSelf(env, group, own) }) as const,
  );
}

/** Proposes as an external sender (RFC 9420 §12.1.8). */
export function proposeExternally(
  input: proposing.ExternalProposalInput,
  env: Environment,
): { readonly kind: "proposed-from-outside"; readonly message: Uint8Array } | Refused {
  return outcomeOf(
    () => ({ kind: "proposed-from-outside", message: proposing.proposeExternally(env, input) }) as const,
  );
}

/** Makes a Commit, not yet accepted (RFC 9420 §12.4.1). */
export function commit(
  state: GroupState,
  input: committing.CommitInput,
  env: Environment,
): committing.Committed | Refused {
  return outcomeOf(() => committing.commit(env, state, input));
}

/**
 * The state in which a Commit that was accepted leaves us. `current` is what its `state` has become since: what was
 * received meanwhile has used up keys, which `next` was made with.
 */
export function accept(current: GroupState, next: GroupState, env: Environment): GroupState {
  return acceptedEpoch(env, current, next);
}

/** Takes in a message for the group: application data, a proposal or a Commit. */
export function receive(
  state: GroupState,
  message: Uint8Array,
  env: Environment,
): receiving.ReceiveOutcome | Refused | Diverged {
  return commitOutcomeOf(() => receiving.receive(env, state, message));
}

/** The new group that a committed ReInit named (RFC 9420 §11.2); `from` is the closed one's last state. */
export function reinitialize(
  from: GroupState,
  input: successors.SuccessorInput,
  env: Environment,
): committing.Committed | Refused {
  return outcomeOf(() => successors.reinitializedGroup(env, from, input));
}

/** A new group of some of the members (RFC 9420 §11.3). */
export function branch(
  from: GroupState,
  input: Parameters<typeof successors.branchedGroup>[2],
  env: Environment,
): committing.Committed | Refused {
  return outcomeOf(() => successors.branchedGroup(env, from, input));
}

/** A GroupInfo message of the current epoch (RFC 9420 §12.4.3). */
export function groupInfo(
  state: GroupState,
  input: GroupInfoInput,
  env: Environment,
): { readonly kind: "group-info"; readonly message: Uint8Array } | Refused {
  return outcomeOf(() => ({ kind: "group-info", message: exportGroupInfo(env, state, input) }) as const);
}
