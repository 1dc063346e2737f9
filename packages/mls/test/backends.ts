/** The two backends of the primitives, for suites that both must pass. */
import { nodePrimitives } from "../src/crypto/node.ts";
import type { Primitives } from "../src/crypto/primitives.ts";
import { sodiumPrimitives } from "../src/crypto/sodium.ts";

export const sodium: Primitives = await sodiumPrimitives();
export const node: Primitives = nodePrimitives(sodium);
export const backends: readonly Primitives[] = [sodium, node];
