/**
 * The network for drawing: our links as they are, and what other servers say of theirs. Where our own link tells
 * something, others' word of it does not count. Distances are counted in links from our own server, by the shortest way
 * that is known; a server to which none is known stands next to us if it is linked, else as far as its record came.
 */
import type { ClientResult, LinkView, ServerId } from "@fedchat/protocol";
import type { MapEdge, MapServer, NetworkMap, Server } from "../interface/index.ts";

export interface KnownNetwork {
  own: ServerId;
  heard: ClientResult<"network.map">;
  links: readonly LinkView[];
  /** What a server is called on a screen. */
  shown: (server: ServerId) => string;
  view: (link: LinkView) => Server;
}

/** @param limit servers at most: our own first, then linked ones, then the nearest of the others */
export function networkMap(known: KnownNetwork, limit: number): NetworkMap {
  const { own, heard, links, shown, view } = known;
  const link = new Map(links.map((each) => [each.server, each]));
  const record = new Map(heard.servers.map((each) => [each.server, each]));
  const others = neighboursOf(known);
  const hops = distances(known, others);
  const rank = (server: ServerId) => (server === own ? 0 : link.has(server) ? 1 : 2);
  const all = [...new Set([own, ...link.keys(), ...record.keys()])].sort(
    (a, b) => rank(a) - rank(b) || hops(a) - hops(b) || (a < b ? -1 : 1),
  );
  const listed = all.slice(0, limit);
  const servers = listed.map((server): MapServer => {
    const ours = link.get(server);
    return {
      serverId: server,
      shownName: shown(server),
      hops: hops(server),
      relaysFor: record.get(server)?.relaysFor ?? ours?.relaysFor ?? "nobody",
      link: ours === undefined ? null : view(ours),
    };
  });
  return {
    servers,
    edges: edges(new Set(listed), own, links, others),
    more: all.length - listed.length + (heard.more ? 1 : 0),
  };
}

type Neighbours = ReadonlyMap<ServerId, ReadonlySet<ServerId>>;

/** Links between others, as either end tells; both ends are known servers. */
function neighboursOf({ own, heard, links }: KnownNetwork): Neighbours {
  const known = new Set([...heard.servers, ...links].map(({ server }) => server));
  const neighbours = new Map<ServerId, Set<ServerId>>();
  const add = (from: ServerId, to: ServerId) => {
    const already = neighbours.get(from);
    if (already === undefined) neighbours.set(from, new Set([to]));
    else already.add(to);
  };
  for (const { server, neighbours: told } of heard.servers) {
    for (const other of told) {
      if (server === own || other === own || server === other || !known.has(other)) continue;
      add(server, other);
      add(other, server);
    }
  }
  return neighbours;
}

function distances(
  { own, heard, links }: KnownNetwork,
  neighbours: Neighbours,
): (server: ServerId) => number {
  const distance = new Map<ServerId, number>([[own, 0]]);
  const levels: ServerId[][] = [];
  const reach = (server: ServerId, hops: number) => {
    if (hops >= (distance.get(server) ?? Number.POSITIVE_INFINITY)) return;
    distance.set(server, hops);
    (levels[hops] ??= []).push(server);
  };
  for (const { server, state, via } of links) if (state === "connected") reach(server, via.length + 1);
  for (let hops = 1; hops < levels.length; hops++) {
    for (const server of levels[hops] ?? []) {
      if (distance.get(server) !== hops) continue;
      for (const next of neighbours.get(server) ?? []) reach(next, hops + 1);
    }
  }
  const told = new Map(heard.servers.map(({ server, hops }) => [server, hops]));
  // One that is linked and away is where others see it, else next to us.
  const linked = new Set(links.map(({ server }) => server));
  const unseen = (server: ServerId) => (linked.has(server) ? 1 : Math.max(2, (told.get(server) ?? 0) + 1));
  return (server) => distance.get(server) ?? unseen(server);
}

function edges(
  listed: ReadonlySet<ServerId>,
  own: ServerId,
  links: readonly LinkView[],
  neighbours: Neighbours,
): MapEdge[] {
  const ours = links
    .filter(({ server, trust }) => listed.has(server) && trust !== "blocked")
    .map(({ server, state, via }): MapEdge => {
      const kind = state !== "connected" ? "down" : via.length > 0 ? "relayed" : "direct";
      return { a: own, b: server, kind };
    });
  const theirs = [...neighbours].flatMap(([a, others]) =>
    [...others]
      .filter((b) => a < b && listed.has(a) && listed.has(b))
      .map((b) => ({ a, b, kind: "heard" as const })),
  );
  return [...ours, ...theirs];
}
