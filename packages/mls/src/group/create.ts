/** Group creation (RFC 9420 §11): one member, epoch 0. */
import { NO_BYTES } from "../codec/bytes.ts";
import { check } from "../rules.ts";
import { startFromEpochSecret } from "../schedule/key-schedule.ts";
import { interimTranscriptHash } from "../schedule/transcript.ts";
import { leafIndex, leafToNode } from "../tree/math.ts";
import { emptyTree, withLeavesAdded } from "../tree/ratchet-tree.ts";
import { treeHash } from "../tree/tree-hash.ts";
import { EXTENSION, type Extension, findExtension } from "../wire/extension.ts";
import { externalSenders } from "../wire/external-sender.ts";
import { MLS10 } from "../wire/version.ts";
import { type Environment, requireSuite } from "./environment.ts";
import { epochFields } from "./epoch.ts";
import { checkKeyPackage, checkLeavesInGroup, checkLists } from "./leaf-check.ts";
import type { OwnKeyPackage } from "./own-key-package.ts";
import type { GroupState } from "./state.ts";

export interface GroupParameters {
  /** Random, and as long as a secret of the suite, unless the caller knows better (§11). */
  readonly groupId: Uint8Array;
  /** Of the GroupContext. */
  readonly extensions?: readonly Extension[];
}

/** Throws Refusal where the creator could not be a member of such a group. */
export function createGroup(env: Environment, own: OwnKeyPackage, parameters: GroupParameters): GroupState {
  const { keyPackage } = own;
  const extensions = parameters.extensions ?? [];
  const suite = requireSuite(env, keyPackage.cipherSuite, "key-package.version-and-suite");
  checkKeyPackage({ suite, policy: env.policy, now: env.now, sending: true }, keyPackage);
  checkLists(extensions);
  const senders = findExtension(extensions, EXTENSION.externalSenders, externalSenders) ?? [];
  check(
    senders.every((sender) => env.policy.acceptsExternalSender(sender)),
    "extensions.external-senders",
  );
  const ownLeaf = leafIndex(0);
  const { tree } = withLeavesAdded(emptyTree(), [keyPackage.leafNode]);
  checkLeavesInGroup(tree, extensions, new Set([ownLeaf]));
  const context = {
    version: MLS10,
    cipherSuite: suite.id,
    groupId: parameters.groupId,
    epoch: 0n,
    treeHash: treeHash(suite, tree),
    confirmedTranscriptHash: NO_BYTES,
    extensions,
  };
  const epochSecret = env.random.bytes(suite.secretBytes);
  const start = startFromEpochSecret(suite, epochSecret);
  epochSecret.fill(0);
  const confirmationTag = suite.mac(start.secrets.confirmationKey, NO_BYTES);
  const interim = interimTranscriptHash(suite, NO_BYTES, confirmationTag);
  return {
    ...epochFields(tree, { context, start, confirmationTag, interimTranscriptHash: interim }),
    ownLeaf: leafIndex(0),
    privateKeys: new Map([[leafToNode(leafIndex(0)), own.leafPrivateKey.slice()]]),
    signaturePrivateKey: own.signaturePrivateKey,
    past: [],
  };
}
