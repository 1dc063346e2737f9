/** HPKE (RFC 9180) in the two suites that the protocol uses, both with HKDF-SHA256 and AES-256-GCM. */
import type { Primitives } from "../primitives/primitives.ts";
import { aes256GcmAead } from "./aead.ts";
import { x25519Kem } from "./kem-x25519.ts";
import { xwingKem } from "./kem-xwing.ts";
import { authHpkeSuite, hpkeSuite } from "./suite.ts";
import type { AuthHpke, Hpke } from "./suite.ts";

export type { ReceiverContext, SenderContext } from "./context.ts";
export type { AuthHpke, Hpke, ReceiverOptions, SealedOnce, SenderOptions, SenderSetup } from "./suite.ts";

/** DHKEM(X25519, HKDF-SHA256), base and auth: between servers. Keys are 32 bytes, an encapsulation 32. */
export function hpkeX25519(primitives: Primitives): AuthHpke {
  return authHpkeSuite(primitives, x25519Kem(primitives), aes256GcmAead(primitives));
}

/** X-Wing, base only: for requests, which must outlive X25519. Public keys are 1,216 bytes, an encapsulation 1,120. */
export function hpkeXWing(primitives: Primitives): Hpke {
  return hpkeSuite(primitives, xwingKem(primitives), aes256GcmAead(primitives));
}
