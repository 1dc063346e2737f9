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
  return isDefaultExtension(type) || by.extensions.includes(type);
}

export function supportsProposal(by: Capabilities, type: number): boolean {
  return isDefaultProposal(type) || by.proposals.includes(type);
}

export function supportsCredential(by: Capabilities, credential: Credential): boolean {
  return by.credentials.includes(credentialType(credential));
}

/** RFC 9420 §11.1: default types need not be listed; credential types always do. */
export function supportsRequired(by: Capabilities, required: RequiredCapabilities): boolean {
  return (
    required.extensions.every((type) => supportsExtension(by, type)) &&
    required.proposals.every((type) => supportsProposal(by, type)) &&
    required.credentials.every((type) => by.credentials.includes(type))
  );
}
