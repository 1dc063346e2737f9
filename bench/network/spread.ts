/**
 * What it costs when a server's record changes, and when a server joins: the record and gossip layers of every server
 * of a network, on a virtual clock. A few servers' records stand for all, since each travels by itself.
 */
import type { Primitives } from "@fedchat/protocol";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";
import type { Surroundings } from "./layers.ts";
import { connect, Server } from "./layers.ts";
import type { Population } from "./records.ts";
import { recordOf } from "./records.ts";

/** Servers whose records change, one after the other. */
const subjects = 8;
const settledMs = 20_000;

export interface SpreadCost {
  /** Of each server, for one change of one other: questions and answers. */
  messages: number;
  bytes: number;
  /** Until the last one that hears of it has it. */
  seconds: number;
  /** How many of all hear of it: it goes six hops. */
  share: number;
}

export async function spread(population: Population): Promise<SpreadCost> {
  const { ids, edges, primitives } = population;
  const around = surroundings(primitives);
  const { clock, traffic } = around;
  const servers = ids.map((id) => new Server(id, around));
  for (const [a, b] of edges) connect(servers[a]!, servers[b]!, around);
  await clock.advance(settledMs);

  const count = Math.min(subjects, ids.length);
  const changing = Array.from({ length: count }, (_, n) => Math.floor((n * ids.length) / count));
  // Once to be known at all, and once more to be measured.
  for (const server of changing) await change(population, servers, server, clock);
  Object.assign(traffic, { messages: 0, bytes: 0 });
  let [tookMs, heard] = [0, 0];
  for (const server of changing) {
    const now = clock.now();
    const arrivals = await change(population, servers, server, clock);
    tookMs += Math.max(...arrivals) - now;
    heard += arrivals.length;
  }
  for (const { gossip } of servers) gossip.stop();
  return {
    messages: traffic.messages / count / ids.length,
    bytes: traffic.bytes / count / ids.length,
    seconds: tookMs / count / 1_000,
    share: heard / count / (ids.length - 1),
  };
}

export interface JoinCost {
  messages: number;
  bytes: number;
  seconds: number;
}

/** A server that knows nobody asks one that knows everybody. */
export async function join(population: Population): Promise<JoinCost> {
  const { ids, primitives } = population;
  const around = surroundings(primitives);
  const { clock, traffic } = around;
  const [old, young] = [new Server(ids[0]!, around), new Server(ids[1]!, around)];
  for (let server = 2; server < ids.length; server += 1) {
    const { signed } = recordOf(population, server, clock.now());
    const told = old.records.read(signed, 1, clock.now());
    old.records.admitTold(ids[2]!, told, clock.now());
  }
  const start = clock.now();
  connect(old, young, around);
  await clock.until(() => young.records.size === old.records.size, "everybody is known");
  const seconds = (clock.now() - start) / 1_000;
  for (const { gossip } of [old, young]) gossip.stop();
  return { messages: traffic.messages, bytes: traffic.bytes, seconds };
}

function surroundings(primitives: Primitives): Surroundings {
  const random = new SeededRandom("spread");
  return { clock: new VirtualClock(), random, primitives, traffic: { messages: 0, bytes: 0 } };
}

/** A server tells its links of its newer record [R5]; when each of the others had it. */
async function change(
  population: Population,
  servers: Server[],
  server: number,
  clock: VirtualClock,
): Promise<number[]> {
  const { record, signed } = recordOf(population, server, clock.now());
  const arrivals: number[] = [];
  for (const other of servers) {
    other.onChange = () => {
      if (other.records.get(record.key)?.sequence !== record.sequence) return;
      arrivals.push(clock.now());
      other.onChange = undefined;
    };
  }
  for (const wire of servers[server]!.wires) wire.send({ kind: "record", record: signed });
  await clock.advance(settledMs);
  return arrivals;
}
