/**
 * NO CRYPTOGRAPHY: the primitives of a simulated network, where thousands of handshakes must cost little. SHA-256 and
 * AES-GCM are the real ones, HMAC is one hash with the key in it. Key agreement, encapsulation and signatures are hashes
 * of public keys. They have the shape of X25519, X-Wing and Ed25519: both ends come to the same secret, another key
 * comes to another one, and a signature is that of one key over one message. They have none of the strength: whoever
 * sees a public key could compute what its owner does. Nobody in a simulation does.
 */
import { hash } from "node:crypto";
import type { Primitives } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";

const keyBytes = 32;
const signatureBytes = 64;
/** draft-connolly-cfrg-xwing-kem §5: of a public key, of a ciphertext, and the coins of one encapsulation. */
const xwingBytes = { publicKey: 1216, ciphertext: 1120, coins: 64 };

export function simulatedPrimitives(): Primitives {
  return {
    ...nodePrimitives,
    hmacSha256,
    ed25519: {
      publicKey: (seed) => sha256("signer", seed),
      sign: (seed, message) => signatureOf(sha256("signer", seed), message),
      verify: (publicKey, message, signature) =>
        publicKey.length === keyBytes &&
        signature.length === signatureBytes &&
        Buffer.compare(signature, signatureOf(publicKey, message)) === 0,
    },
    x25519: {
      publicKey,
      sharedSecret(privateKey, peer) {
        if (peer.length !== keyBytes || peer.every((byte) => byte === 0)) return undefined;
        const own = publicKey(privateKey);
        const [low, high] = Buffer.compare(own, peer) < 0 ? [own, peer] : [peer, own];
        return sha256("agreed", low, high);
      },
    },
    xwing: {
      publicKey: xwingPublicKey,
      encapsulate(peer, random) {
        const coins = random.bytes(xwingBytes.coins);
        if (peer.length !== xwingBytes.publicKey) return undefined;
        const ciphertext = padded(sha256("encapsulated", coins), xwingBytes.ciphertext);
        return { ciphertext, secret: sha256("shared", peer, ciphertext) };
      },
      decapsulate(seed, ciphertext) {
        if (ciphertext.length !== xwingBytes.ciphertext) return undefined;
        return sha256("shared", xwingPublicKey(seed), ciphertext);
      },
    },
  };
}

function publicKey(privateKey: Uint8Array): Uint8Array {
  return sha256("public", privateKey);
}

function xwingPublicKey(seed: Uint8Array): Uint8Array {
  return padded(sha256("recipient", seed), xwingBytes.publicKey);
}

function signatureOf(signer: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha512", Buffer.concat([signer, message]), "buffer"));
}

function sha256(label: string, ...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(hash("sha256", Buffer.concat([Buffer.from(label), ...parts]), "buffer"));
}

/** Another key has another one, wherever it ends and the parts begin. */
function hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return sha256(`keyed ${key.length} `, key, ...parts);
}

/** As many bytes: these, then zeros. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes);
  return result;
}
