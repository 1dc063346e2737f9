/** Full-jitter exponential back-off: many servers that lost one another at once do not come back at once. [L17] */
import type { RandomSource } from "@fedchat/protocol";
import { linkRetryBaseMs, linkRetryMaxMs, linkRetryMinMs } from "../limits.ts";

/** How long to wait before the next attempt, after this many failures in a row (from 0). */
export function retryDelayMs(failures: number, random: RandomSource, maxMs: number = linkRetryMaxMs): number {
  const ceiling = Math.min(maxMs, linkRetryBaseMs * 2 ** Math.min(failures, 20));
  const bytes = random.bytes(4);
  const fraction = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 0x1_0000_0000;
  return linkRetryMinMs + Math.floor(fraction * ceiling);
}
