/** Joining by a Welcome (RFC 9420 §12.4.3.1). */
import { equal } from "../codec/bytes.ts";
import { decode } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { PSKS_MAX } from "../limits.ts";
import { check, Refusal } from "../rules.ts";
import { startFromJoiner, welcomeSecretOf } from "../schedule/key-schedule.ts";
import { pskSecret } from "../schedule/psk-secret.ts";
import { interimTranscriptHash } from "../schedule/transcript.ts";
import { type LeafIndex, leafToNode, type NodeIndex } from "../tree/math.ts";
import { members, type RatchetTree } from "../tree/ratchet-tree.ts";
import { keysFromWelcome } from "../tree/update-path.ts";
import { groupContextBytes } from "../wire/group-context.ts";
import { type GroupInfo, groupInfo } from "../wire/group-info.ts";
import { leafNodeBytes } from "../wire/leaf-node.ts";
import { decodeMessage } from "../wire/message.ts";
import type { PskId } from "../wire/psk-id.ts";
import { type GroupSecrets, groupSecrets, type Welcome } from "../wire/welcome.ts";
import { type Environment, requireSuite } from "./environment.ts";
import { epochFields, findPsks } from "./epoch.ts";
import { checkGroupInfo, treeFor } from "./group-info.ts";
import { checkOrigin } from "./history.ts";
import type { OwnKeyPackage } from "./own-key-package.ts";
import type { GroupState } from "./state.ts";

export interface WelcomeInput {
  /** An MLSMessage with a Welcome. */
  readonly welcome: Uint8Array;
  /** Those of ours that may be meant. */
  readonly keyPackages: readonly OwnKeyPackage[];
  /** The encoded tree, where it does not travel inside. */
  readonly ratchetTree?: Uint8Array | undefined;
  /** Whether we are in a group of this id already (§12.4.3). */
  readonly isKnownGroup?: (groupId: Uint8Array) => boolean;
  /** The group from which this one was branched or reinitialized, as we know it. */
  readonly origin?: GroupState;
}

export interface Joined {
  readonly kind: "joined";
  readonly state: GroupState;
  /** Used now: its private keys are to be erased once the state is stored, unless it is a last resort. */
  readonly keyPackage: OwnKeyPackage;
  readonly adder: LeafIndex;
}

/** Throws Refusal or DecodeError. */
export function joinByWelcome(env: Environment, input: WelcomeInput): Joined {
  const message = decodeMessage(input.welcome);
  check(message.wireFormat === "welcome", "message.kind");
  const { welcome } = message;
  const suite = requireSuite(env, welcome.cipherSuite, "welcome.suite");
  const { own, secrets } = openSecrets(suite, welcome, input.keyPackages);
  checkPsks(suite, secrets.psks);
  const psks = findPsks(env, input.origin, secrets.psks);
  const combined = pskSecret(suite, psks);
  const info = openGroupInfo(suite, welcome, secrets, combined);
  const known = input.isKnownGroup?.(info.groupContext.groupId) === true;
  check(!known, "welcome.group-known");
  const tree = treeFor(info, input.ratchetTree);
  checkGroupInfo({ suite, policy: env.policy, now: env.now, sending: false }, info, tree);
  checkOrigin(env.policy, info, tree, secrets.psks, input.origin);
  const state = stateFrom(suite, info, tree, own, secrets, combined);
  combined.fill(0);
  secrets.joinerSecret.fill(0);
  return { kind: "joined", state, keyPackage: own, adder: info.signer };
}

function openSecrets(
  suite: CipherSuite,
  welcome: Welcome,
  candidates: readonly OwnKeyPackage[],
): { readonly own: OwnKeyPackage; readonly secrets: GroupSecrets } {
  for (const { newMember, encryptedGroupSecrets } of welcome.secrets) {
    const own = candidates.find((candidate) => equal(candidate.reference, newMember));
    if (own === undefined) continue;
    check(own.keyPackage.cipherSuite === suite.id, "welcome.suite");
    const keyPair = { privateKey: own.initPrivateKey, publicKey: own.keyPackage.initKey };
    const bytes = suite.decryptWithLabel(
      keyPair,
      "Welcome",
      welcome.encryptedGroupInfo,
      encryptedGroupSecrets,
    );
    check(bytes !== undefined, "welcome.secrets");
    const secrets = decode(groupSecrets, bytes);
    bytes.fill(0);
    return { own, secrets };
  }
  throw new Refusal("welcome.key-package");
}

function checkPsks(suite: CipherSuite, psks: readonly PskId[]): void {
  check(psks.length <= PSKS_MAX, "psk.too-many");
  check(
    psks.every(({ nonce }) => nonce.length === suite.secretBytes),
    "psk.nonce",
  );
  const histories = psks.filter(
    ({ source }) => source.type === "resumption" && source.usage !== "application",
  );
  check(histories.length <= 1, "welcome.one-history");
}

function openGroupInfo(
  suite: CipherSuite,
  welcome: Welcome,
  secrets: GroupSecrets,
  combinedPsk: Uint8Array,
): GroupInfo {
  const { key, nonce } = welcomeKey(suite, welcomeSecretOf(suite, secrets.joinerSecret, combinedPsk));
  const bytes = suite.open(key, nonce, new Uint8Array(0), welcome.encryptedGroupInfo);
  check(bytes !== undefined, "welcome.group-info");
  return decode(groupInfo, bytes);
}

/** Erases the welcome secret. */
export function welcomeKey(
  suite: CipherSuite,
  welcomeSecret: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const none = new Uint8Array(0);
  const key = suite.expandWithLabel(welcomeSecret, "key", none, suite.keyBytes);
  const nonce = suite.expandWithLabel(welcomeSecret, "nonce", none, suite.nonceBytes);
  welcomeSecret.fill(0);
  return { key, nonce };
}

function stateFrom(
  suite: CipherSuite,
  info: GroupInfo,
  tree: RatchetTree,
  own: OwnKeyPackage,
  secrets: GroupSecrets,
  combinedPsk: Uint8Array,
): GroupState {
  const context = info.groupContext;
  const ownLeaf = findOwnLeaf(tree, own);
  const keys = new Map<NodeIndex, Uint8Array>([[leafToNode(ownLeaf), own.leafPrivateKey.slice()]]);
  if (secrets.pathSecret !== undefined) {
    check(secrets.pathSecret.length === suite.secretBytes, "welcome.path-key");
    const above = keysFromWelcome(suite, tree, ownLeaf, info.signer, secrets.pathSecret);
    for (const [node, key] of above) keys.set(node, key);
  }
  const start = startFromJoiner(suite, secrets.joinerSecret, combinedPsk, groupContextBytes(context));
  start.welcomeSecret.fill(0);
  const { confirmationKey } = start.secrets;
  const confirmed = suite.macIsValid(confirmationKey, context.confirmedTranscriptHash, info.confirmationTag);
  check(confirmed, "welcome.confirmation-tag");
  const { confirmationTag } = info;
  const interim = interimTranscriptHash(suite, context.confirmedTranscriptHash, confirmationTag);
  return {
    ...epochFields(tree, { context, start, confirmationTag, interimTranscriptHash: interim }),
    ownLeaf,
    privateKeys: keys,
    signaturePrivateKey: own.signaturePrivateKey,
    past: [],
  };
}

function findOwnLeaf(tree: RatchetTree, own: OwnKeyPackage): LeafIndex {
  const bytes = leafNodeBytes(own.keyPackage.leafNode);
  for (const { index, leaf } of members(tree)) if (equal(leafNodeBytes(leaf), bytes)) return index;
  throw new Refusal("welcome.my-leaf");
}
