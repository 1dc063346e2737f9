/** A network's servers, as numbers, with keys and signed records as homeservers in such places would have them. */
import type { Primitives, ServerId, ServerRecord } from "@fedchat/protocol";
import { serverId, serverRecord } from "@fedchat/protocol";
import type { Edge, Shape } from "./shapes.ts";
import { neighboursOf } from "./shapes.ts";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";

/** A record lasts for a month. */
const lifetimeMs = 30 * 86_400_000;
const ownRelays = 8;
const neighboursMax = 256;

export interface Population {
  ids: ServerId[];
  edges: Edge[];
  neighbours: number[][];
  isLeaf: (server: number) => boolean;
  primitives: Primitives;
}

export function populationOf(shape: Shape, servers: number, primitives: Primitives): Population {
  const edges = shape.edges(servers, new SeededRandom(`${shape.name} ${servers}`));
  return {
    ids: Array.from({ length: servers }, (_, server) =>
      serverId.fromBytes(primitives.ed25519.publicKey(seedOf(server))),
    ),
    edges,
    neighbours: neighboursOf(servers, edges),
    isLeaf: (server) => shape.isLeaf(server, servers),
    primitives,
  };
}

/** [G6] */
export function recordOf(
  { ids, neighbours, isLeaf, primitives }: Population,
  server: number,
  now: number,
): { record: ServerRecord; signed: Uint8Array } {
  const relaying = neighbours[server]!.filter((other) => !isLeaf(other)).map((other) => ids[other]!);
  const record: ServerRecord = {
    key: ids[server]!,
    name: `server${server}.example.com`,
    noiseKey: new Uint8Array(32).fill(3),
    addresses: [
      { host: `server${server}.example.com`, port: 8443, kind: "direct" },
      { host: "192.168.1.20", port: 8443, kind: "lan" },
    ],
    relays: isLeaf(server) ? relaying.slice(0, ownRelays) : [],
    relaysFor: isLeaf(server) ? "nobody" : "linked",
    neighbours: relaying.slice(0, neighboursMax),
    software: "fedchat bench",
    sequence: now,
    issued: now,
    expires: now + lifetimeMs,
  };
  return { record, signed: serverRecord.sign(primitives, seedOf(server), record) };
}

function seedOf(server: number): Uint8Array {
  const seed = new Uint8Array(32).fill(7);
  new DataView(seed.buffer).setUint32(0, server);
  return seed;
}
