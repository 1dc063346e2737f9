/** Ways on which a server's bundles can be left with relays: only the first of these must be connected. [K1] */
import type { ServerId } from "@fedchat/protocol";
import { custodyWaysMax } from "../limits.ts";
import type { Links } from "./links.ts";
import type { ServerRecords } from "./records.ts";
import { findWays } from "./ways.ts";

export function custodyWays(
  links: Pick<Links, "all" | "get">,
  records: Pick<ServerRecords, "graph">,
  self: ServerId,
  server: ServerId,
): ServerId[][] {
  const known = {
    ...{ self, graph: records.graph },
    connected: () => [...links.all()].filter((link) => link.connected).map((link) => link.server),
    trust: (other: ServerId) => links.get(other)?.trust ?? "none",
    broken: () => false,
  };
  return findWays(known, server, { atMost: custodyWaysMax });
}
