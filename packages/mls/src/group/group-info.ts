/** GroupInfo made and checked (RFC 9420 §12.4.3). */
import { equal } from "../codec/bytes.ts";
import { encode, opaque } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { check } from "../rules.ts";
import { externalKeyPair } from "../schedule/key-schedule.ts";
import {
  decodeRatchetTree,
  leafAt,
  members,
  type RatchetTree,
  ratchetTreeExtension,
} from "../tree/ratchet-tree.ts";
import { checkTree } from "../tree/tree-check.ts";
import { treeHash } from "../tree/tree-hash.ts";
import { EXTENSION, type Extension } from "../wire/extension.ts";
import { type GroupInfo, groupInfoSignatureIsValid, signGroupInfo } from "../wire/group-info.ts";
import { encodeMessage } from "../wire/message.ts";
import { MLS10 } from "../wire/version.ts";
import type { Environment, Scope } from "./environment.ts";
import { checkLeaf, checkLeavesInGroup, checkLists } from "./leaf-check.ts";
import { type GroupState, suiteOf } from "./state.ts";

export interface GroupInfoInput {
  /** Whether the whole tree travels inside; otherwise the reader gets it elsewhere. True unless set. */
  readonly ratchetTree?: boolean;
  /** Whether the reader may join by an external Commit. */
  readonly externalPub?: boolean;
  readonly extensions?: readonly Extension[];
}

export function makeGroupInfo(suite: CipherSuite, state: GroupState, input: GroupInfoInput): GroupInfo {
  const extensions: Extension[] = [];
  if (input.ratchetTree !== false) extensions.push(ratchetTreeExtension(state.tree));
  if (input.externalPub === true) {
    const external = externalKeyPair(suite, state.secrets);
    external.privateKey.fill(0);
    extensions.push({ type: EXTENSION.externalPub, data: encode(opaque, external.publicKey) });
  }
  extensions.push(...(input.extensions ?? []));
  checkLists(extensions);
  return signGroupInfo(suite, state.signaturePrivateKey, {
    groupContext: state.context,
    extensions,
    confirmationTag: state.confirmationTag,
    signer: state.ownLeaf,
  });
}

/** The GroupInfo of the current epoch as a message; with `externalPub` whoever reads it can ask to come in. */
export function exportGroupInfo(env: Environment, state: GroupState, input: GroupInfoInput = {}): Uint8Array {
  return encodeMessage({
    wireFormat: "group_info",
    groupInfo: makeGroupInfo(suiteOf(env, state), state, input),
  });
}

/** The tree that a GroupInfo comes with, or the one handed over beside it. */
export function treeFor(info: GroupInfo, beside: Uint8Array | undefined): RatchetTree {
  const inside = info.extensions.find(({ type }) => type === EXTENSION.ratchetTree)?.data;
  const bytes = inside ?? beside;
  check(bytes !== undefined, "welcome.tree-missing");
  return decodeRatchetTree(bytes);
}

/** §12.4.3, §12.4.3.1: signature, tree hash, parent hashes, and every leaf. */
export function checkGroupInfo(scope: Scope, info: GroupInfo, tree: RatchetTree): void {
  const { suite } = scope;
  const { groupContext } = info;
  check(groupContext.version === MLS10 && groupContext.cipherSuite === suite.id, "welcome.suite");
  checkLists(groupContext.extensions);
  checkLists(info.extensions);
  const signer = leafAt(tree, info.signer);
  check(signer !== undefined, "welcome.signature");
  check(groupInfoSignatureIsValid(suite, signer.signatureKey, info), "welcome.signature");
  check(equal(treeHash(suite, tree), groupContext.treeHash), "tree.hash");
  checkTree(suite, tree);
  const all = [...members(tree)];
  for (const { index, leaf } of all) {
    checkLeaf(scope, leaf, { groupId: groupContext.groupId, leafIndex: index });
  }
  checkLeavesInGroup(tree, groupContext.extensions, new Set(all.map(({ index }) => index)));
}
