/**
 * Cipher suite 0x0003 for ts-mls: its HPKE and ChaCha20-Poly1305, with hash, KDF and signatures from the primitives
 * that the rest of the engine uses. Those are three times as fast as WebCrypto's promises (a message takes a dozen of
 * them), and one rule says everywhere which Ed25519 keys and signatures count.
 */
import type { Primitives } from "@fedchat/protocol";
import {
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type CiphersuiteImpl,
  type CiphersuiteName,
} from "ts-mls";
import { equalBytes } from "./ts-mls-bytes.ts";

export const suiteName: CiphersuiteName = "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519";

/** The size of each key of the suite, and of a SHA-256 hash. */
export const keyBytes = 32;

export async function loadSuite(primitives: Primitives): Promise<CiphersuiteImpl> {
  const suite = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName));
  return {
    ...suite,
    hash: {
      digest: async (data) => primitives.sha256(data),
      mac: async (key, data) => primitives.hmacSha256(key, data),
      // The tags compared here (confirmation, membership) come once a group, so timing tells nothing.
      verifyMac: async (key, mac, data) => equalBytes(mac, primitives.hmacSha256(key, data)),
    },
    kdf: {
      size: keyBytes,
      // RFC 5869 §2.2.
      extract: async (salt, inputKey) => primitives.hmacSha256(salt, inputKey),
      // RFC 5869 §2.3. MLS asks for a key, a nonce or a hash: the first block is enough.
      async expand(pseudorandomKey, info, length) {
        if (length > keyBytes) throw new Error(`assertion: ${length} bytes are more than this suite derives`);
        return primitives.hmacSha256(pseudorandomKey, info, Uint8Array.of(1)).slice(0, length);
      },
    },
    signature: {
      ...suite.signature,
      sign: async (seed, message) => primitives.ed25519.sign(seed, message),
      verify: async (publicKey, message, signature) =>
        primitives.ed25519.verify(publicKey, message, signature),
    },
  };
}
