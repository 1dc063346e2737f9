/** Capabilities (RFC 9420 §7.2): what a client understands beyond what all do. Unknown values are ignored (§13). */
import { type Codec, struct, uint16, vector } from "../codec/codec.ts";
import { credentialType, type Credential } from "./credential.ts";
import { isDefaultExtension } from "./extension.ts";
import { isDefaultProposal } from "./proposal-type.ts";
import type { RequiredCapabilities } from "./required-capabilities.ts";

export interface Capabilities {
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

export const capabilities: Codec<Capabilities> = struct<Capabilities>({
  versions: vector(uint16),
  cipherSuites: vector(uint16),
  extensions: vector(uint16),
  proposals: vector(uint16),
  credentials: vector(uint16),
});

export function supportsExtension(by: Capabilities, type: number): boolean {
  return isDefaultExtension(type) || lists(by.extensions, type);
}

export function supportsProposal(by: Capabilities, type: number): boolean {
  return isDefaultProposal(type) || lists(by.proposals, type);
}

export function supportsCredential(by: Capabilities, credential: Credential): boolean {
  return lists(by.credentials, credentialType(credential));
}

/** RFC 9420 §11.1: default types need not be listed; credential types always do. */
export function supportsRequired(by: Capabilities, required: RequiredCapabilities): boolean {
  return (
    required.extensions.every((type) => supportsExtension(by, type)) &&
    required.proposals.every((type) => supportsProposal(by, type)) &&
    required.credentials.every((type) => lists(by.credentials, type))
  );
}

const sets = new WeakMap<readonly number[], ReadonlySet<number>>();

/** Lists are as long as whoever sends them likes, and are asked as often: long ones are searched once. */
function lists(list: readonly number[], type: number): boolean {
  if (list.length <= 32) return list.includes(type);
  const known = sets.get(list);
  if (known !== undefined) return known.has(type);
  const made = new Set(list);
  sets.set(list, made);
  return made.has(type);
}
