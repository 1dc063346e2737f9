/** Bounds of the MLS module. What is larger or further away is refused before work is done for it. */
import { limits } from "@fedchat/protocol";

const dayMs = 86_400_000;

/** A key package in a request may travel 30 days and lie 60 in an inbox before someone accepts; 10 to spare. */
export const keyPackageLifetimeMs = 100 * dayMs;

/** How far a peer's clock may be behind ours, as for the sequences of records. */
export const clockSkewMs = dayMs;

/** A device certificate is a few hundred bytes; this leaves room for what later versions add to it. */
export const credentialBytesMax = 4096;

/** A credential, three keys, two signatures and the capabilities. */
export const keyPackageBytesMax = limits.keyPackageBytesMax;

/** Two leaves with the longest credentials, one encrypted secret and the group's context. */
export const welcomeBytesMax = 16_384;

/** A message is one envelope's payload. */
export const messageBytesMax = limits.envelopePayloadBytesMax;

/** Leaves room in a message for padding, signature, headers and clear data. Longer content travels as a blob. */
export const plaintextBytesMax = messageBytesMax - 16_384;

/** Clear data beside a message is a few identifiers. */
export const authenticatedDataBytesMax = 4096;

/**
 * How many keys of a sender's missing messages are kept for those that come late (37 bytes of state each). Streams
 * deliver in order, so late ones are rare; beyond this the oldest are dropped.
 */
export const skippedKeysMax = 256;

/**
 * How far one message may move its sender's ratchet forward. A month of messages may expire while a device is away,
 * and the next must still open. The whole way takes half a second, which a member's forged message could waste.
 */
export const skippedGenerationsMax = 10_000;

/** Messages are padded to a power of two up to the second number, and to its multiples above (RFC 9420 §6.3.1). */
export const paddedBytesMin = 256;
export const paddedBytesStep = 4096;
