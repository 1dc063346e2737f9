/** How others can reach our homeserver, as far as its own addresses and the connections of others tell. */
import type { ServerAddress } from "@fedchat/protocol";
import type { Status } from "../interface/index.ts";
import { isLoopbackHost, isPrivateHost } from "./servers.ts";

export function reachOf(addresses: ServerAddress[], reachedFromOutside: boolean): Status["reach"] {
  const proxy = addresses.find(({ kind }) => kind === "proxy");
  if (proxy !== undefined) return { kind: "proxy", sentence: `Reached through a proxy at ${proxy.host}.` };
  const open = addresses.find(({ kind, host }) => kind === "direct" && !isPrivateHost(host));
  if (reachedFromOutside && open !== undefined) {
    return { kind: "direct", sentence: `Reached directly at ${open.host}, port ${open.port}.` };
  }
  const local = addresses.find(({ host }) => !isLoopbackHost(host));
  if (open !== undefined) {
    return {
      kind: "unknown",
      sentence: "Nobody has connected from outside yet, so it is not known whether they can.",
    };
  }
  if (local !== undefined) return { kind: "lan", sentence: "Reached from this network only." };
  if (addresses.length > 0) return { kind: "this-machine", sentence: "Reached from this machine only." };
  return { kind: "unknown", sentence: "It is not known yet how others can reach you." };
}
