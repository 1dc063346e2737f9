/** The two backends of the primitives, for suites that both must pass. */
import { nodePrimitives } from "../src/crypto/node.ts";
import type { Primitives, RandomSource } from "../src/crypto/primitives.ts";
import { sodiumPrimitives } from "../src/crypto/sodium.ts";
import { type CipherSuite, cipherSuite } from "../src/crypto/suite.ts";

export const sodium: Primitives = await sodiumPrimitives();
export const node: Primitives = nodePrimitives(sodium);
export const backends: readonly Primitives[] = [sodium, node];

export function suiteOf(primitives: Primitives, id: number): CipherSuite {
  const suite = cipherSuite(primitives, id);
  if (suite === undefined) throw new Error(`no suite ${id}`);
  return suite;
}

/** Every (backend, suite) for the suites that the working group's vectors cover. */
export function* vectorSuites(): Generator<CipherSuite & { backend: string }> {
  for (const backend of backends) {
    for (const id of [1, 3]) yield Object.assign(suiteOf(backend, id), { backend: backend.name });
  }
}

/** A reproducible random source: SHA-256 in counter mode over the seed. */
export function seededRandom(seed: string): RandomSource & { below(bound: number): number } {
  let counter = 0;
  const bytes = (length: number): Uint8Array => {
    const output = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      counter += 1;
      const block = node.hash("sha256", new TextEncoder().encode(`${seed}/${counter}`));
      output.set(block.subarray(0, length - at), at);
    }
    return output;
  };
  return {
    bytes,
    below: (bound) => new DataView(bytes(4).buffer).getUint32(0) % bound,
  };
}
