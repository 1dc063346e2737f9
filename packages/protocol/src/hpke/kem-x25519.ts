/** DHKEM(X25519, HKDF-SHA256), RFC 9180 §4.1. Keys are 32 raw bytes. */
import type { RandomSource } from "../ports.ts";
import { concatBytes } from "../primitives/bytes.ts";
import type { Primitives } from "../primitives/primitives.ts";
import type { AuthKem } from "./kem.ts";
import { labeledKdf } from "./labeled.ts";

const KEM_ID = 0x0020;
const SECRET_BYTES = 32;
const empty = new Uint8Array(0);

export function x25519Kem(primitives: Primitives): AuthKem {
  const { x25519 } = primitives;
  const kdf = labeledKdf(primitives, "KEM", KEM_ID);

  /** RFC 9180 §7.1.3 DeriveKeyPair, from fresh random bytes. */
  function ephemeralKey(random: RandomSource): Uint8Array {
    const extracted = kdf.extract(empty, "dkp_prk", random.bytes(32));
    return kdf.expand(extracted, "sk", [empty], 32);
  }

  function extractAndExpand(sharedSecret: Uint8Array, context: Uint8Array[]): Uint8Array {
    const extracted = kdf.extract(empty, "eae_prk", sharedSecret);
    return kdf.expand(extracted, "shared_secret", context, SECRET_BYTES);
  }

  return {
    id: KEM_ID,

    encapsulate(publicKey, random) {
      const ephemeral = ephemeralKey(random);
      const shared = x25519.sharedSecret(ephemeral, publicKey);
      if (shared === undefined) return undefined;
      const encapsulation = x25519.publicKey(ephemeral);
      ephemeral.fill(0);
      return { encapsulation, secret: extractAndExpand(shared, [encapsulation, publicKey]) };
    },

    decapsulate(encapsulation, privateKey) {
      const shared = x25519.sharedSecret(privateKey, encapsulation);
      if (shared === undefined) return undefined;
      return extractAndExpand(shared, [encapsulation, x25519.publicKey(privateKey)]);
    },

    authEncapsulate(publicKey, senderKey, random) {
      const ephemeral = ephemeralKey(random);
      const first = x25519.sharedSecret(ephemeral, publicKey);
      const second = x25519.sharedSecret(senderKey, publicKey);
      if (first === undefined || second === undefined) return undefined;
      const encapsulation = x25519.publicKey(ephemeral);
      ephemeral.fill(0);
      const context = [encapsulation, publicKey, x25519.publicKey(senderKey)];
      return { encapsulation, secret: extractAndExpand(concatBytes(first, second), context) };
    },

    authDecapsulate(encapsulation, privateKey, senderPublicKey) {
      const first = x25519.sharedSecret(privateKey, encapsulation);
      const second = x25519.sharedSecret(privateKey, senderPublicKey);
      if (first === undefined || second === undefined) return undefined;
      const context = [encapsulation, x25519.publicKey(privateKey), senderPublicKey];
      return extractAndExpand(concatBytes(first, second), context);
    },
  };
}
