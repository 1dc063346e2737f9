/**
 * The primitives of a simulated network, where thousands of handshakes must cost little: the real ones, but for key
 * agreement, which is a hash of both public keys. It has X25519's shape (both ends come to the same secret, another key
 * comes to another one) and none of its strength: whoever sees the wire could compute it. Nobody in a simulation does.
 * Verified signatures are remembered: the same few records are looked at again and again.
 */
import { hash } from "node:crypto";
import type { Primitives } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";

/** Results held at most; then it begins anew. */
const resultsMax = 20_000;
const keyBytes = 32;

export function simulatedPrimitives(): Primitives {
  const { ed25519 } = nodePrimitives;
  return {
    ...nodePrimitives,
    hmacSha256,
    ed25519: {
      publicKey: remembered(ed25519.publicKey),
      sign: (seed, message) => ed25519.sign(seed, message),
      verify: remembered(ed25519.verify),
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
  };
}

function publicKey(privateKey: Uint8Array): Uint8Array {
  return sha256("public", privateKey);
}

function sha256(label: string, ...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(hash("sha256", Buffer.concat([Buffer.from(label), ...parts]), "buffer"));
}

const blockBytes = 64;

/** RFC 2104, from two hashes in one call each: Node's own HMAC spends most of its time on its key object. */
function hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  if (key.length > blockBytes) return nodePrimitives.hmacSha256(key, ...parts);
  const inner = Buffer.concat([padded(key, 0x36), ...parts]);
  const outer = Buffer.concat([padded(key, 0x5c), hash("sha256", inner, "buffer")]);
  return new Uint8Array(hash("sha256", outer, "buffer"));
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(blockBytes).fill(pad);
  key.forEach((byte, index) => (block[index] = byte ^ pad));
  return block;
}

function remembered<R>(compute: (...parts: Uint8Array[]) => R): typeof compute {
  const results = new Map<string, R>();
  return (...parts) => {
    const key = parts.map((part) => `${part.length} ${latin1(part)}`).join();
    if (!results.has(key)) {
      if (results.size === resultsMax) results.clear();
      results.set(key, compute(...parts));
    }
    const result = results.get(key)!;
    // The caller owns what it gets.
    return result instanceof Uint8Array ? (result.slice() as R) : result;
  };
}

const latin1 = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
