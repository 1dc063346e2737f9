/** Bounds of the MLS module. What is larger or further away is refused before work is done for it. */
import { limits } from "@fedchat/protocol";

const dayMs = 86_400_000;

/** A key package in a request may travel 30 days and lie 60 in an inbox before someone accepts; 10 to spare. */
export const keyPackageLifetimeMs = 100 * dayMs;

/** How far a peer's clock may be behind ours, as for the sequences of records. */
export const clockSkewMs = dayMs;

/** A device certificate is a few hundred bytes; this leaves room for what later versions add to it. */
export const credentialBytesMax = 4096;

/** A credential, two hybrid keys of 1,216 bytes, two signatures and the capabilities. */
export const keyPackageBytesMax = limits.keyPackageBytesMax;

/** A message is one envelope's payload. */
export const messageBytesMax = limits.envelopePayloadBytesMax;

/** With its signature it stays below the last padding step (16 KiB) of a message. Longer content travels as a blob. */
export const plaintextBytesMax = messageBytesMax - 16_384 - 1_024;

/** Clear data beside a message is a few identifiers. */
export const authenticatedDataBytesMax = 4096;

/**
 * How many keys of a sender's missing messages are kept for those that come late (a record of some 60 bytes each). Streams
 * deliver in order, so late ones are rare; beyond this the oldest are dropped.
 */
export const skippedKeysMax = 256;

/**
 * How far one message may move its sender's ratchet forward. A month of messages may expire while a device is away,
 * and the next must still open. The whole way takes a tenth of a second, which a member's forged message could waste.
 */
export const skippedGenerationsMax = 10_000;

/** What an account note may carry; a Welcome that would be longer comes without the ratchet tree. */
export const roomWelcomeBytesMax = limits.welcomeBytesMax;

/** A commit or proposal is an item of the log (393,216) with its frame. */
export const roomHandshakeBytesMax = 389_120;

/** What a hub takes beside a commit. */
export const roomInfoBytesMax = 589_824;

/** As long as an MLSMessage may be. What comes from others is measured against the two before before it is read. */
export const sealedBytesMax = 32 * 1024 * 1024;

/** Late messages open for as many commits after the one that ended their epoch. */
export const roomPastEpochs = 5;
