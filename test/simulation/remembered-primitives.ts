/**
 * The real primitives, with what they computed remembered: they are functions of their arguments, and in a network that
 * reconnects thousands of times within one process the same few keys are looked at again and again.
 */
import type { Primitives } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";

/** Results held at most; then it begins anew. */
const resultsMax = 20_000;

export function rememberedPrimitives(): Primitives {
  const { ed25519, x25519 } = nodePrimitives;
  return {
    ...nodePrimitives,
    ed25519: {
      publicKey: remembered(ed25519.publicKey),
      sign: (seed, message) => ed25519.sign(seed, message),
      verify: remembered(ed25519.verify),
    },
    x25519: { publicKey: remembered(x25519.publicKey), sharedSecret: remembered(x25519.sharedSecret) },
  };
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
