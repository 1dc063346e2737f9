/** The backends of the primitives, for suites that all must pass. */
import { nodePrimitives, withNativeSodium } from "../src/crypto/node.ts";
import type { Primitives } from "../src/crypto/primitives.ts";
import { sodiumPrimitives } from "../src/crypto/sodium.ts";

export const sodium: Primitives = await sodiumPrimitives();
export const node: Primitives = nodePrimitives(sodium);
/** Undefined where sodium-native is not installed or has no build for this platform. */
export const native: Primitives | undefined = withNative(node);
export const backends: readonly Primitives[] = native === undefined ? [sodium, node] : [sodium, node, native];

function withNative(base: Primitives): Primitives | undefined {
  const found = withNativeSodium(base);
  return found === base ? undefined : found;
}
