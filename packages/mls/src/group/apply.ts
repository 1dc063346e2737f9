/** A validated list of proposals applied to tree and extensions (RFC 9420 §12.3). */
import { equal } from "../codec/bytes.ts";
import { encode } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { LEAVES_MAX } from "../limits.ts";
import { check, Refusal } from "../rules.ts";
import type { LeafIndex } from "../tree/math.ts";
import {
  leafCount,
  members,
  type RatchetTree,
  truncated,
  withLeavesAdded,
  withLeafAndBlankPath,
} from "../tree/ratchet-tree.ts";
import { appDataDictionary, appDataExtension } from "../wire/app-data.ts";
import { supportsExtension, supportsRequired } from "../wire/capabilities.ts";
import { EXTENSION, type Extension, extensions, findExtension, withExtension } from "../wire/extension.ts";
import type { KeyPackage } from "../wire/key-package.ts";
import { NEEDS_PATH, PROPOSAL_TYPE } from "../wire/proposal-type.ts";
import type { PskId } from "../wire/psk-id.ts";
import type { AppDataUpdate, ReInit } from "../wire/proposal.ts";
import { requiredCapabilities } from "../wire/required-capabilities.ts";
import { leafThatGoes } from "./list-check.ts";
import type { Policy } from "./policy.ts";
import type { ListedProposal } from "./listed-proposal.ts";

export interface Applied {
  readonly tree: RatchetTree;
  readonly extensions: readonly Extension[];
  readonly added: readonly { readonly index: LeafIndex; readonly keyPackage: KeyPackage }[];
  readonly removed: readonly LeafIndex[];
  readonly updated: readonly LeafIndex[];
  readonly psks: readonly PskId[];
  readonly externalInit: Uint8Array | undefined;
  readonly reinit: ReInit | undefined;
  readonly needsPath: boolean;
}

export function applyProposals(
  policy: Policy,
  tree: RatchetTree,
  before: readonly Extension[],
  list: readonly ListedProposal[],
): Applied {
  const updated: LeafIndex[] = [];
  const removed = list.map(leafThatGoes).filter((leaf) => leaf !== undefined);
  let next = tree;
  for (const { proposal, sender } of list) {
    if (proposal.type !== "update" || sender.type !== "member") continue;
    next = withLeafAndBlankPath(next, sender.leafIndex, proposal.leafNode);
    updated.push(sender.leafIndex);
  }
  for (const leaf of removed) next = withLeafAndBlankPath(next, leaf, undefined);
  if (removed.length > 0) next = truncated(next);
  const keyPackages = list.flatMap(({ proposal }) => (proposal.type === "add" ? [proposal.keyPackage] : []));
  const addition = withLeavesAdded(
    next,
    keyPackages.map(({ leafNode }) => leafNode),
  );
  next = addition.tree;
  check(leafCount(next) <= LEAVES_MAX, "tree.size");
  const added = keyPackages.map((keyPackage, at) => ({ index: addition.indices[at]!, keyPackage }));
  const after = appliedExtensions(policy, before, list);
  if (after !== before) checkExtensionsSupported(next, after);
  return {
    tree: next,
    extensions: after,
    added,
    removed,
    updated,
    psks: list.flatMap(({ proposal }) => (proposal.type === "psk" ? [proposal.psk] : [])),
    externalInit: list.flatMap(({ proposal }) =>
      proposal.type === "external_init" ? [proposal.kemOutput] : [],
    )[0],
    reinit: list.flatMap(({ proposal }) => (proposal.type === "reinit" ? [proposal] : []))[0],
    needsPath: list.length === 0 || list.some(({ proposal }) => NEEDS_PATH.has(proposal.type)),
  };
}

/** §12.1.7: every member of the new epoch supports the new extensions and what they require. */
function checkExtensionsSupported(tree: RatchetTree, list: readonly Extension[]): void {
  const required = findExtension(list, EXTENSION.requiredCapabilities, requiredCapabilities);
  for (const { leaf } of members(tree)) {
    const { capabilities } = leaf;
    const meets = required === undefined || supportsRequired(capabilities, required);
    check(meets, "extensions.required-capabilities");
    check(
      list.every(({ type }) => supportsExtension(capabilities, type)),
      "extensions.unsupported",
    );
  }
}

function appliedExtensions(
  policy: Policy,
  before: readonly Extension[],
  list: readonly ListedProposal[],
): readonly Extension[] {
  let after = before;
  for (const { proposal } of list) {
    if (proposal.type === "group_context_extensions") after = replaced(before, proposal.extensions);
  }
  const updates = list.flatMap(({ proposal }) => (proposal.type === "app_data_update" ? [proposal] : []));
  return updates.length === 0 ? after : withAppData(policy, after, updates);
}

/** draft-ietf-mls-extensions §4.6: where AppDataUpdate is required, nothing else may touch the dictionary. */
function replaced(before: readonly Extension[], after: readonly Extension[]): readonly Extension[] {
  const required = findExtension(before, EXTENSION.requiredCapabilities, requiredCapabilities);
  const [former, latter] = [dictionaryBytes(before), dictionaryBytes(after)];
  if (latter !== undefined) readDictionary(after);
  if (required?.proposals.includes(PROPOSAL_TYPE.app_data_update) === true) {
    const same = former === latter || (former && latter && equal(former, latter)) === true;
    check(same, "extensions.app-data-dictionary");
  }
  return after;
}

function dictionaryBytes(list: readonly Extension[]): Uint8Array | undefined {
  return list.find(({ type }) => type === EXTENSION.appDataDictionary)?.data;
}

function readDictionary(list: readonly Extension[]): Map<number, Uint8Array> {
  try {
    return new Map(appDataDictionary(list).map(({ componentId, data }) => [componentId, data]));
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new Refusal("extensions.app-data-dictionary");
  }
}

/** draft-ietf-mls-extensions §4.6: updates by component, in the order of the Commit. */
function withAppData(
  policy: Policy,
  list: readonly Extension[],
  updates: readonly AppDataUpdate[],
): readonly Extension[] {
  const dictionary = readDictionary(list);
  const byComponent = Map.groupBy(updates, ({ componentId }) => componentId);
  for (const [componentId, ofOne] of byComponent) {
    const data = ofOne.flatMap(({ update }) => (update === undefined ? [] : [update]));
    const current = dictionary.get(componentId);
    if (data.length === 0) {
      check(current !== undefined, "proposal.app-data");
      check(policy.acceptsAppDataRemoval(componentId), "proposal.app-component");
      dictionary.delete(componentId);
      continue;
    }
    const next = policy.applyAppData(componentId, current, data);
    check(next !== undefined, "proposal.app-component");
    dictionary.set(componentId, next);
  }
  const entries = [...dictionary].map(([componentId, data]) => ({ componentId, data }));
  return withExtension(list, appDataExtension(entries));
}

/** Whether two lists of extensions are the same, octet by octet. */
export function sameExtensions(a: readonly Extension[], b: readonly Extension[]): boolean {
  return equal(encode(extensions, a), encode(extensions, b));
}
