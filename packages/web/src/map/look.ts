/** What a server and a link look like on the map: each state has a shape and a word, not only a colour. */
import type { MapServer, NetworkMap, Server } from "@fedchat/engine/interface";
import { t } from "../strings.ts";

/** How a server is drawn. */
export type Look = "own" | "connected" | "waiting" | "refused" | "off" | "blocked" | "heard";

export const looks: Look[] = ["own", "connected", "waiting", "refused", "off", "blocked", "heard"];

export const lookNames: Record<Look, string> = {
  own: t.map.own,
  connected: t.servers.state.connected,
  waiting: t.servers.state.waiting,
  refused: t.servers.state.refused,
  off: t.map.notConnected,
  blocked: t.map.blocked,
  heard: t.map.heard,
};

export function lookOf({ hops, link }: Pick<MapServer, "hops" | "link">): Look {
  if (link === null) return hops === 0 ? "own" : "heard";
  if (link.trust === "blocked") return "blocked";
  return link.state === "connecting" ? "waiting" : link.state;
}

/**
 * The map as it is now: links change by themselves between two answers of the engine, and our own are known at once.
 * A link that was not there when the engine answered comes with its next answer.
 */
export function withLinks(map: NetworkMap, linked: (serverId: string) => Server | undefined): NetworkMap {
  const servers = map.servers.map((server) => ({
    ...server,
    link: server.hops === 0 ? null : (linked(server.serverId) ?? null),
  }));
  const links = new Map(servers.map(({ serverId, link }) => [serverId, link]));
  const edges = map.edges.flatMap((edge) => {
    if (edge.kind === "heard") return [edge];
    const link = links.get(edge.b);
    if (!link || link.trust === "blocked") return [];
    const kind: typeof edge.kind =
      link.state !== "connected" ? "down" : link.via.length > 0 ? "relayed" : "direct";
    return [{ ...edge, kind }];
  });
  return { ...map, servers, edges };
}
