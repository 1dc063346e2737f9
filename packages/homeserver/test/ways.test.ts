/** Ways through relays, against a search that tries everything. */
import type { ServerId, ServerRecord } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RelayGraph } from "../src/core/federation/relay-graph.ts";
import type { KnownNetwork } from "../src/core/federation/ways.ts";
import { findWays } from "../src/core/federation/ways.ts";
import type { Trust } from "../src/core/seams.ts";

const server = (number: number): ServerId =>
  serverId.fromBytes(
    Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? number >> 8 : at === 1 ? number : 7)),
  );
const self = server(999);

interface Listing {
  relays?: ServerId[];
  neighbours?: ServerId[];
  relaysFor?: ServerRecord["relaysFor"];
}

function recordOf(
  key: ServerId,
  { relays = [], neighbours = [], relaysFor = "linked" }: Listing,
): ServerRecord {
  return {
    key,
    name: "somebody",
    noiseKey: new Uint8Array(32),
    addresses: [],
    relays,
    relaysFor,
    neighbours,
    software: "",
    sequence: 1,
    issued: 1,
    expires: 2,
  };
}

interface Scene {
  listings: Map<ServerId, Listing>;
  connected: ServerId[];
  trust?: Map<ServerId, Trust>;
  broken?: [ServerId, ServerId][];
}

function known({ listings, connected, trust, broken = [] }: Scene): KnownNetwork {
  const graph = new RelayGraph();
  for (const [key, listing] of listings) graph.put(recordOf(key, listing));
  return {
    self,
    graph,
    connected: () => connected,
    trust: (key) => trust?.get(key) ?? "mutual",
    broken: (from, to) => broken.some((edge) => edge[0] === from && edge[1] === to),
  };
}

const [a, b, c, d] = [server(1), server(2), server(3), server(4)];
const leaf = server(10);

/** a - b - c in a chain, the leaf behind c; we are connected to a. */
function chain(): Scene {
  return {
    listings: new Map([
      [a, { neighbours: [b] }],
      [b, { neighbours: [a, c] }],
      [c, { neighbours: [b] }],
      [leaf, { relays: [c] }],
    ]),
    connected: [a],
  };
}

describe("[C7] a way to a server through relays", () => {
  test("leads over edges that both ends list to a relay that the destination lists", () => {
    expect(findWays(known(chain()), leaf, { atMost: 3 })).toEqual([[a, b, c]]);
    expect(findWays(known(chain()), c, { atMost: 3 })).toEqual([[a, b]]);
    expect(findWays(known(chain()), server(77), { atMost: 3 })).toEqual([]);
  });

  test("does not lead over an edge that one end alone lists", () => {
    const scene = chain();
    scene.listings.set(b, { neighbours: [a] });
    expect(findWays(known(scene), leaf, { atMost: 3 })).toEqual([]);
  });

  test("needs no listing by the last relay, and believes no relay that the destination does not list", () => {
    const scene = chain();
    scene.listings.set(leaf, {});
    scene.listings.set(d, { neighbours: [leaf, a] });
    scene.listings.set(a, { neighbours: [b, d] });
    expect(findWays(known(scene), leaf, { atMost: 3 })).toEqual([]);
    expect(findWays(known(scene), leaf, { atMost: 3, relays: [c] })).toEqual([[a, b, c]]);
  });

  test("starts at a server that consents to relay for us", () => {
    const scene = chain();
    for (const trust of ["incoming", "outgoing", "none"] as const) {
      expect(findWays(known({ ...scene, trust: new Map([[a, trust]]) }), leaf, { atMost: 3 })).toEqual([]);
    }
    scene.listings.set(a, { neighbours: [b], relaysFor: "anyone" });
    expect(findWays(known({ ...scene, trust: new Map([[a, "none"]]) }), leaf, { atMost: 3 })).toHaveLength(1);
    scene.listings.set(a, { neighbours: [b], relaysFor: "nobody" });
    expect(findWays(known(scene), leaf, { atMost: 3 })).toEqual([]);
  });

  test("avoids servers that are blocked here, relay for nobody, or failed lately", () => {
    const scene = chain();
    expect(findWays(known({ ...scene, trust: new Map([[b, "blocked"]]) }), leaf, { atMost: 3 })).toEqual([]);
    expect(findWays(known({ ...scene, broken: [[b, c]] }), leaf, { atMost: 3 })).toEqual([]);
    expect(findWays(known({ ...scene, broken: [[c, b]] }), leaf, { atMost: 3 })).toEqual([[a, b, c]]);
    expect(findWays(known({ ...scene, broken: [[c, leaf]] }), leaf, { atMost: 3 })).toEqual([]);
    expect(findWays(known({ ...scene, broken: [[self, a]] }), leaf, { atMost: 3 })).toEqual([]);
    scene.listings.set(b, { neighbours: [a, c], relaysFor: "nobody" });
    expect(findWays(known(scene), leaf, { atMost: 3 })).toEqual([]);
  });

  test("passes at most 15 relays", () => {
    const along = (length: number): Scene => {
      const relays = Array.from({ length }, (_, index) => server(100 + index));
      const listings = new Map<ServerId, Listing>(
        relays.map((key, index) => [key, { neighbours: relays.slice(Math.max(0, index - 1), index + 2) }]),
      );
      listings.set(leaf, { relays: [relays.at(-1)!] });
      return { listings, connected: [relays[0]!] };
    };
    expect(findWays(known(along(15)), leaf, { atMost: 1 })[0]).toHaveLength(15);
    expect(findWays(known(along(16)), leaf, { atMost: 1 })).toEqual([]);
  });

  test("of one length they pass different last relays in turn", () => {
    const firsts = [1, 2, 3, 4].map(server);
    const lasts = [21, 22, 23].map(server);
    const listings = new Map<ServerId, Listing>([
      ...firsts.map((key) => [key, { neighbours: lasts }] as const),
      ...lasts.map((key) => [key, { neighbours: firsts }] as const),
      [leaf, { relays: lasts }],
    ]);
    const ways = findWays(known({ listings, connected: firsts }), leaf, { atMost: 3 });
    expect(new Set(ways.map((way) => way.at(-1)))).toEqual(new Set(lasts));
  });

  test("follows the newest record, and ends with it", () => {
    const graph = new RelayGraph();
    const scene = chain();
    for (const [key, listing] of scene.listings) graph.put(recordOf(key, listing));
    const network = { ...known(scene), graph };
    graph.put(recordOf(b, { neighbours: [c] }));
    expect(findWays(network, leaf, { atMost: 1 })).toEqual([]);
    graph.put(recordOf(b, { neighbours: [a, c] }));
    expect(findWays(network, leaf, { atMost: 1 })).toEqual([[a, b, c]]);
    graph.delete(b);
    expect(findWays(network, leaf, { atMost: 1 })).toEqual([]);
    graph.put(recordOf(b, { relays: [a], neighbours: [c] }));
    expect(findWays(network, leaf, { atMost: 1 })).toEqual([[a, b, c]]);
  });
});

const count = 7;
const relaying = fc.constantFrom("linked" as const, "linked" as const, "anyone" as const, "nobody" as const);
const edges = fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 26 });

const scenes = fc.record({
  neighbours: edges,
  relays: edges,
  mutual: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { minLength: 6, maxLength: 20 }),
  broken: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 4 }),
  relaysFor: fc.array(relaying, { minLength: count, maxLength: count }),
  trust: fc.array(fc.constantFrom<Trust>("mutual", "mutual", "mutual", "none", "blocked"), {
    minLength: count,
    maxLength: count,
  }),
  connected: fc.subarray([1, 2, 3, 4, 5]),
});

function sceneOf(drawn: typeof scenes extends fc.Arbitrary<infer T> ? T : never): Scene {
  const listings = new Map<ServerId, Required<Listing>>(
    Array.from({ length: count }, (_, index) => [
      server(index),
      { relays: [], neighbours: [], relaysFor: drawn.relaysFor[index]! },
    ]),
  );
  for (const [x, y] of drawn.neighbours) listings.get(server(x))!.neighbours.push(server(y));
  for (const [x, y] of drawn.relays) listings.get(server(x))!.relays.push(server(y));
  for (const [x, y] of drawn.mutual) {
    listings.get(server(x))!.neighbours.push(server(y));
    listings.get(server(y))!.neighbours.push(server(x));
  }
  return {
    listings,
    connected: drawn.connected.map(server),
    trust: new Map(drawn.trust.map((trust, index) => [server(index), trust])),
    broken: drawn.broken.map(([x, y]) => [server(x), server(y)]),
  };
}

/** Every way there is to server 0, by trying all orders of all servers. */
function everyWay({ listings, connected, trust, broken }: Scene, destination: ServerId): ServerId[][] {
  const fails = (from: ServerId, to: ServerId) => broken!.some(([x, y]) => x === from && y === to);
  const lists = (from: ServerId, to: ServerId) =>
    [...listings.get(from)!.neighbours!, ...listings.get(from)!.relays!].includes(to);
  const edge = (from: ServerId, to: ServerId) => lists(from, to) && lists(to, from) && !fails(from, to);
  const relays = [...listings.keys()].filter(
    (key) =>
      key !== destination && listings.get(key)!.relaysFor !== "nobody" && trust!.get(key) !== "blocked",
  );
  const first = new Set(
    relays.filter(
      (key) =>
        connected.includes(key) &&
        (listings.get(key)!.relaysFor === "anyone" || trust!.get(key) === "mutual") &&
        !fails(self, key),
    ),
  );
  const reaches = (key: ServerId) =>
    !fails(key, destination) &&
    (listings.get(destination)!.relays!.includes(key) ||
      (lists(key, destination) && lists(destination, key)));
  const ways: ServerId[][] = [];
  const extend = (way: ServerId[]) => {
    if (reaches(way.at(-1)!)) ways.push(way);
    for (const next of relays) {
      if (!first.has(next) && !way.includes(next) && edge(way.at(-1)!, next)) extend([...way, next]);
    }
  };
  for (const key of first) extend([key]);
  return ways;
}

describe("[C7] in any small network", () => {
  test("all ways are found that a search of everything finds, shorter ones first", () => {
    let found = 0;
    fc.assert(
      fc.property(scenes, (drawn) => {
        const scene = sceneOf(drawn);
        const ways = findWays(known(scene), server(0), { atMost: 10_000 });
        const expected = everyWay(scene, server(0));
        found += ways.length;
        expect(ways.map((way) => way.join(" ")).sort()).toEqual(expected.map((way) => way.join(" ")).sort());
        expect(ways.map(({ length }) => length)).toEqual(
          ways.map(({ length }) => length).sort((x, y) => x - y),
        );
      }),
      { numRuns: 500, seed: 7 },
    );
    expect(found).toBeGreaterThan(100);
  });

  test("as many as asked for are given, the shortest", () => {
    fc.assert(
      fc.property(scenes, fc.integer({ min: 1, max: 4 }), (drawn, atMost) => {
        const network = known(sceneOf(drawn));
        const all = findWays(network, server(0), { atMost: 10_000 });
        const some = findWays(network, server(0), { atMost });
        expect(some.map(({ length }) => length)).toEqual(all.slice(0, atMost).map(({ length }) => length));
      }),
      { numRuns: 200, seed: 8 },
    );
  });
});
