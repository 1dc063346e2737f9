/**
 * Ways to a server through relays, found in records and nowhere else: shortest first, and those of one length through
 * different last relays in turn, so that ways tried side by side do not fail together. Invariant: a way names no server
 * twice, neither us nor the destination nor a server that is blocked here, and every step of it is an edge that stands
 * in the records. Trusts records to say what their signers want; a liar sends ways through itself into the void, and
 * `broken` leaves those out. [C7]
 */
import type { ServerId } from "@fedchat/protocol";
import { wayRelaysMax, waySearchStepsMax } from "../limits.ts";
import type { Trust } from "../seams.ts";
import type { Place, RelayGraph } from "./relay-graph.ts";

/** What a search reads. */
export interface KnownNetwork {
  self: ServerId;
  graph: Pick<RelayGraph, "place" | "slots">;
  /** Servers with a direct connection here. */
  connected: () => Iterable<ServerId>;
  trust: (server: ServerId) => Trust;
  /** Whether an attempt failed lately on the step from the one to the other. */
  broken: (from: ServerId, to: ServerId) => boolean;
}

export interface WayOptions {
  atMost: number;
  /** Servers at which the destination is said to be reached, beside those of its record: an invitation's. [C8] */
  relays?: readonly ServerId[];
}

/** The relays to pass in order, from one connected here to one that reaches `destination`; nothing where none is known. */
export function findWays(known: KnownNetwork, destination: ServerId, options: WayOptions): ServerId[][] {
  const { self, trust } = known;
  const usable = (place: Place) =>
    place.server !== self &&
    place.server !== destination &&
    place.record.relaysFor !== "nobody" &&
    trust(place.server) !== "blocked";
  const last = lastRelays(known, destination, options.relays ?? []).filter(usable);
  if (last.length === 0) return [];
  const first = firstRelays(known).filter(usable);
  const depth = new Uint8Array(known.graph.slots);
  for (const { slot } of first) depth[slot] = 1;
  const search: Search = { known, usable, depth, frontier: first, steps: 0 };

  const ways: ServerId[][] = [];
  for (let length = 1; length <= wayRelaysMax; length += 1) {
    if (length > 1) reachFarther(search, length);
    let searches = last.map((place) => waysOf(search, place, length, [place]));
    while (searches.length > 0) {
      searches = searches.filter((each) => {
        const way = each.next();
        if (way.done === true || ways.length >= options.atMost) return false;
        ways.push(way.value);
        return true;
      });
    }
    if (ways.length >= options.atMost) break;
  }
  return ways;
}

interface Search {
  known: KnownNetwork;
  usable: (place: Place) => boolean;
  /** By slot: of how many relays the shortest way is that ends there; 1 for first relays, 0 where none was found so far. */
  depth: Uint8Array;
  /** Those found last. */
  frontier: Place[];
  steps: number;
}

/** Those that hand over to the destination: it lists them, alone or mutually. Consent is in its record's making. [G6] */
function lastRelays(
  { graph, broken }: KnownNetwork,
  destination: ServerId,
  told: readonly ServerId[],
): Place[] {
  const place = graph.place(destination);
  const listed = [...(place?.record.relays ?? []), ...told].flatMap((server) => graph.place(server) ?? []);
  return [...new Set([...listed, ...(place?.edges ?? [])])].filter(
    ({ server }) => !broken(server, destination),
  );
}

/** Those that we hand to: connected, and willing to relay for us. [C3] */
function firstRelays({ self, graph, connected, trust, broken }: KnownNetwork): Place[] {
  return [...new Set(connected())]
    .flatMap((server) => graph.place(server) ?? [])
    .filter(
      ({ server, record }) =>
        (record.relaysFor === "anyone" || trust(server) === "mutual") && !broken(self, server),
    );
}

/** Breadth first, one step at a time: most searches find what they want near by. */
function reachFarther(search: Search, length: number): void {
  const { depth, usable, known, frontier } = search;
  search.frontier = [];
  for (const place of frontier) {
    for (const other of place.edges) {
      if (depth[other.slot] !== 0 || !usable(other) || known.broken(place.server, other.server)) continue;
      depth[other.slot] = length;
      search.frontier.push(other);
    }
  }
}

/**
 * All ways of exactly this length that end in `tail`, which was gone backwards so far. A first relay stands first only:
 * a way that comes to it over others is a detour.
 */
function* waysOf(search: Search, place: Place, length: number, tail: Place[]): Generator<ServerId[]> {
  const { depth, known } = search;
  const here = depth[place.slot]!;
  const first = here === 1;
  if (here === 0 || here > length || first !== (length === 1)) return;
  if (first) return yield tail.map(({ server }) => server).reverse();
  for (const before of place.edges) {
    search.steps += 1;
    if (search.steps > waySearchStepsMax) return;
    if (tail.includes(before) || known.broken(before.server, place.server)) continue;
    yield* waysOf(search, before, length - 1, [...tail, before]);
  }
}
