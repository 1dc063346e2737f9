/**
 * Time to a working path between whole homeserver federations: every server reaches those that it is linked with and
 * nobody else, so that others are reached through relays found in gossiped records. Virtual time.
 */
import type { Host } from "../../packages/homeserver/test/federation-world.ts";
import { World } from "../../packages/homeserver/test/federation-world.ts";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { Population } from "./records.ts";

/** Pairs that look for each other. */
const pairs = 10;
/** Records and what they say of neighbours settle in half a minute, and spread. [G6] */
const settledMs = 120_000;
const withinMs = 120_000;

export interface PathCost {
  /** From a person's adding a link until it is connected: median and longest. */
  medianMs: number;
  longestMs: number;
  relays: number;
  found: number;
}

export async function paths({ ids, edges, neighbours, isLeaf }: Population): Promise<PathCost> {
  const linked = new Set(edges.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]));
  const world = new World("paths", {
    reachable: (from, to) => linked.has(`${from.slice(1)} ${to.slice(1)}`),
  });
  const hosts: Host[] = [];
  for (let server = 0; server < ids.length; server += 1) {
    const host = await world.homeserver(`s${server}`, { accounts: 1 });
    host.fromOutside = !isLeaf(server);
    if (isLeaf(server)) {
      host.relaying = { ...host.relaying, relaysFor: "nobody" };
      host.renewRecord();
    }
    hosts.push(host);
  }
  for (const [a, b] of edges) await world.link(hosts[b]!, hosts[a]!);
  await world.clock.advance(settledMs);

  const random = new SeededRandom("pairs");
  const took: number[] = [];
  let [tried, relays] = [0, 0];
  for (let count = 0; count < pairs; count += 1) {
    const found = strangers(hosts, neighbours, random);
    if (found === undefined) break;
    tried += 1;
    const [from, to] = found;
    const start = world.clock.now();
    void from.federation.addLink(to.id, [], undefined).catch(() => undefined);
    try {
      await world.clock.until(() => from.link(to)?.state === "connected", "a path", withinMs);
    } catch {
      continue;
    }
    took.push(world.clock.now() - start);
    relays += from.link(to)!.via.length;
  }
  for (const host of hosts) host.crash();
  took.sort((a, b) => a - b);
  return {
    medianMs: took[Math.floor(took.length / 2)] ?? 0,
    longestMs: took.at(-1) ?? 0,
    relays: relays / Math.max(1, took.length),
    found: took.length / Math.max(1, tried),
  };
}

/** Two servers that are not linked, directly or by an earlier pair; none where all are. */
function strangers(hosts: Host[], neighbours: number[][], random: SeededRandom): [Host, Host] | undefined {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const [from, to] = [random.between(0, hosts.length - 1), random.between(0, hosts.length - 1)];
    const near = from === to || neighbours[from]!.includes(to);
    if (!near && hosts[from]!.link(hosts[to]!) === undefined) return [hosts[from]!, hosts[to]!];
  }
  return undefined;
}
