/** Which AEAD an HPKE suite uses (RFC 9180 §7.3). */
import type { Aead, Primitives } from "../primitives/primitives.ts";

export interface HpkeAead {
  /** Registered number. */
  readonly id: number;
  readonly keyBytes: number;
  readonly nonceBytes: number;
  create(key: Uint8Array): Aead;
}

export function aes256GcmAead(primitives: Primitives): HpkeAead {
  return { id: 0x0002, keyBytes: 32, nonceBytes: 12, create: (key) => primitives.aes256Gcm(key) };
}
