/** The ports on Node: clock, randomness and byte channels. */
export { nodeRandom } from "../primitives/node.ts";
export * from "./clock.ts";
export * from "./message-port-channel.ts";
export * from "./web-socket-channel.ts";
