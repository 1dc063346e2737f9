/** What browsers give to our cores. */
export { browserClock } from "./clock.ts";
export { browserRandom } from "./random.ts";
export { dialBrowserSocket } from "./web-socket-channel.ts";
