/**
 * The network as this server knows it: itself, then those that it has records of, nearest first, within bounds. Of
 * servers that nobody told of only those that were linked from here: whom some account here knows, and who connected on
 * their own, is not for every account to see.
 */
import type { MapServer, ServerId, ServerRecord } from "@fedchat/protocol";
import { networkMapBytesMax, networkMapServersMax } from "../limits.ts";
import type { Trust } from "../seams.ts";
import { isOpenlyKnown } from "./records-telling.ts";
import type { KnownRecord, ServerRecords } from "./records.ts";

export interface NetworkMap {
  servers: MapServer[];
  /** There are farther ones. */
  more: boolean;
}

export function networkMap(
  own: ServerRecord,
  records: Pick<ServerRecords, "all" | "graph">,
  trustOf: (server: ServerId) => Trust,
): NetworkMap {
  const nearest = [...records.all()]
    .filter((known) => isOpenlyKnown(known, trustOf(known.record.key)))
    .sort((a, b) => a.hops - b.hops || (a.record.key < b.record.key ? -1 : 1));
  const servers = [placed(own, 0, [...own.neighbours, ...own.relays])];
  let bytes = bytesOf(servers[0]!);
  for (const { record, hops } of nearest) {
    const edges = records.graph.place(record.key)?.edges.map(({ server }) => server) ?? [];
    const server = placed(record, hops, [...edges, ...record.relays]);
    bytes += bytesOf(server);
    if (servers.length >= networkMapServersMax || bytes > networkMapBytesMax) return { servers, more: true };
    servers.push(server);
  }
  return { servers, more: false };
}

function placed(record: ServerRecord, hops: KnownRecord["hops"], neighbours: ServerId[]): MapServer {
  const { key: server, name, relaysFor } = record;
  return { server, name, relaysFor, neighbours: [...new Set(neighbours)], hops };
}

/** About what it takes when it is encoded. */
function bytesOf({ name, neighbours }: MapServer): number {
  return 120 + name.length + 34 * neighbours.length;
}
