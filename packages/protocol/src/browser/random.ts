/** A browser's random numbers. */
import type { RandomSource } from "../ports.ts";

/** W3C Web Cryptography §10.1.1: more in one call is refused. */
const bytesPerCall = 65_536;

export const browserRandom: RandomSource = {
  bytes(length) {
    const made = new Uint8Array(length);
    for (let at = 0; at < length; at += bytesPerCall)
      crypto.getRandomValues(made.subarray(at, at + bytesPerCall));
    return made;
  },
};
