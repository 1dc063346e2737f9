/**
 * X-Wing as an HPKE KEM (draft-connolly-cfrg-xwing-kem §5.6): X25519 with ML-KEM-768, so that what is sealed today
 * stays sealed before a quantum computer. A private key is the 32-byte seed; there is no authenticated mode.
 */
import type { Primitives } from "../primitives/primitives.ts";
import type { Kem } from "./kem.ts";

const KEM_ID = 0x647a;

export function xwingKem(primitives: Primitives): Kem {
  const { xwing } = primitives;
  return {
    id: KEM_ID,
    encapsulate(publicKey, random) {
      const made = xwing.encapsulate(publicKey, random);
      return made && { encapsulation: made.ciphertext, secret: made.secret };
    },
    decapsulate: (encapsulation, privateKey) => xwing.decapsulate(privateKey, encapsulation),
  };
}
