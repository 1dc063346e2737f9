/** How long encrypted content is made, so that its length tells little. */
import { paddedBytesMin, paddedBytesStep } from "./limits.ts";

/** An Ed25519 signature behind its length (RFC 9420 §6.3.1). */
const signatureBytes = 2 + 64;

/**
 * The padded length of the PrivateMessageContent that holds `plaintextBytes`: a text, a receipt and a reaction look
 * alike, a longer text shows its power of two, and the longest the 4 KiB they reach into.
 */
export function paddedContentBytes(plaintextBytes: number): number {
  const contentBytes = lengthPrefixBytes(plaintextBytes) + plaintextBytes + signatureBytes;
  if (contentBytes > paddedBytesStep) return Math.ceil(contentBytes / paddedBytesStep) * paddedBytesStep;
  return Math.max(paddedBytesMin, 2 ** Math.ceil(Math.log2(contentBytes)));
}

/** RFC 9420 §2.1.2. */
function lengthPrefixBytes(length: number): number {
  if (length < 64) return 1;
  return length < 16_384 ? 2 : 4;
}
