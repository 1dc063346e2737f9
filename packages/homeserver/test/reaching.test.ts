/** Which ways are tried: those that failed a moment ago come last. */
import type { ServerId, ServerRecord } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { BrokenEdges } from "../src/core/federation/broken-edges.ts";
import { Reaching } from "../src/core/federation/reaching.ts";
import { RelayGraph } from "../src/core/federation/relay-graph.ts";
import { brokenEdgeMs, brokenEdgeMsMax, brokenEdgesMax } from "../src/core/limits.ts";
import { ManualClock } from "./manual-clock.ts";

const server = (number: number): ServerId =>
  serverId.fromBytes(Uint8Array.from({ length: 32 }, (_, at) => (number >> (8 * (at % 3))) & 255));
const [self, relay, other, destination] = [1, 2, 3, 4].map(server) as [
  ServerId,
  ServerId,
  ServerId,
  ServerId,
];

function record(key: ServerId, says: Partial<ServerRecord> = {}): ServerRecord {
  return {
    ...{ key, name: "somebody", noiseKey: new Uint8Array(32), addresses: [], relays: [], neighbours: [] },
    ...{ relaysFor: "linked", software: "", sequence: 1, issued: 1, expires: 2 },
    ...says,
  };
}

function scene() {
  const clock = new ManualClock();
  const graph = new RelayGraph();
  const records = new Map<ServerId, ServerRecord>();
  const put = (says: ServerRecord) => {
    records.set(says.key, says);
    graph.put(says);
  };
  for (const says of [record(relay), record(other), record(destination, { relays: [relay, other] })])
    put(says);
  const reaching = new Reaching({
    ...{ self, clock, graph },
    circuits: { open: () => Promise.reject(new Error("nothing is opened here")) },
    record: (key) => records.get(key),
    trust: () => "mutual",
    connected: () => [relay, other],
    connection: () => undefined,
    connect: () => Promise.reject(new Error("nothing is dialled here")),
  });
  const ways = () => reaching.ways(destination).map(({ via }) => via[0]);
  const mislead = (via: ServerId) =>
    reaching
      .ways(destination)
      .find((way) => way.via[0] === via)!
      .misled();
  return { clock, reaching, ways, mislead, put };
}

test("[C7] [C8] a way that misled is left out for a while where there is another one", async () => {
  const { clock, ways, mislead } = scene();
  expect(ways().toSorted()).toEqual([relay, other].toSorted());
  mislead(relay);
  expect(ways()).toEqual([other]);
  await clock.advance(brokenEdgeMs);
  expect(ways()).toHaveLength(2);
});

test("[C7] where all have failed all are tried", () => {
  const { ways, mislead } = scene();
  mislead(relay);
  mislead(other);
  expect(ways().toSorted()).toEqual([relay, other].toSorted());
});

test("[C7] a way that worked counts anew", async () => {
  const { clock, reaching, ways, mislead } = scene();
  mislead(relay);
  await clock.advance(brokenEdgeMs);
  reaching.worked(destination, [relay]);
  mislead(relay);
  await clock.advance(brokenEdgeMs);
  expect(ways()).toHaveLength(2);
});

test("[C7] an edge that fails again and again is left out for ever longer, up to ten minutes, in both directions", async () => {
  const clock = new ManualClock();
  const edges = new BrokenEdges(clock, () => undefined);
  let lastsMs = brokenEdgeMs;
  for (let failure = 0; failure < 8; failure += 1) {
    edges.failed(relay, destination);
    // Of ways tried side by side.
    edges.failed(destination, relay);
    await clock.advance(lastsMs - 1);
    expect(edges.broken(destination, relay)).toBe(true);
    await clock.advance(1);
    expect(edges.broken(relay, destination)).toBe(false);
    lastsMs = Math.min(brokenEdgeMsMax, lastsMs * 2);
  }
  expect(lastsMs).toBe(brokenEdgeMsMax);
});

test("[C7] a newer record of either end mends an edge, and what is remembered is bounded", () => {
  const clock = new ManualClock();
  const sequences = new Map<ServerId, number>();
  const edges = new BrokenEdges(clock, (key) => record(key, { sequence: sequences.get(key) ?? 1 }));
  edges.failed(relay, destination);
  sequences.set(destination, 2);
  expect(edges.broken(relay, destination)).toBe(false);

  edges.failed(relay, other);
  for (let n = 0; n < brokenEdgesMax; n += 1) edges.failed(relay, server(1_000 + n));
  expect(edges.broken(relay, other)).toBe(false);
  expect(edges.broken(relay, server(1_000 + brokenEdgesMax - 1))).toBe(true);
});
