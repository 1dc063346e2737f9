/** The entry for Node: the same package with node:crypto behind the primitives where that is faster. */
export { nodePrimitives } from "./crypto/node.ts";
