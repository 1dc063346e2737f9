/**
 * libsodium signs with seed ‖ public key. Deriving that costs as much as signing, so it is kept beside the seed, as long
 * as the seed's array lives and holds what it held: an erased or overwritten seed must not sign with its former content.
 */
import { equalConstantTime } from "../codec/bytes.ts";

const SEED_BYTES = 32;

/** `derive` behind a memory of what it made. */
export function expandedKeys(derive: (seed: Uint8Array) => Uint8Array): (seed: Uint8Array) => Uint8Array {
  const known = new WeakMap<Uint8Array, Uint8Array>();
  return (seed) => {
    const kept = known.get(seed);
    if (kept !== undefined && equalConstantTime(kept.subarray(0, SEED_BYTES), seed)) return kept;
    const expanded = derive(seed);
    known.set(seed, expanded);
    return expanded;
  };
}
