/**
 * `npm run bench:relay [-- --seconds N]`: two homeservers in processes of their own, linked over TLS and Noise, every
 * message committed with FULL before it is acknowledged.
 *
 * relay: 64 pairs × window 32, 400 bytes, from users of A to users of B, closed loop · local: the same within A ·
 * latency: 200 messages/s from A to B, open loop. CPU is that of both homeservers, all threads. One JSON line.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startHomeserverProcess } from "./homeserver-process.ts";
import type { HomeserverProcess } from "./homeserver-process.ts";
import { join, Pair } from "./load.ts";
import type { Person } from "./load.ts";

const pairs = 64;
const window = 32;
const payloadBytes = 400;
const latencyPerSecond = 200;
const warmUpMs = 1_000;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "10" } } });
const seconds = Math.min(Number(values.seconds), 120);

await using a = await startHomeserverProcess("a");
await using b = await startHomeserverProcess("b");
const [adminA, adminB] = [await join(a, "admin"), await join(b, "admin")];
await link(adminA, b);
await link(adminB, a);
await untilMutual(adminA);

const senders = await people(a, "sender");
const local = await people(a, "local");
const remote = await people(b, "remote");

const relay = await closedLoop(senders.map((from, index) => new Pair(from, remote[index]!, payloadBytes)));
const latency = await openLoop(senders.map((from, index) => new Pair(from, remote[index]!, payloadBytes)));
const within = await closedLoop(senders.map((from, index) => new Pair(from, local[index]!, payloadBytes)));
console.log(
  JSON.stringify({ bench: "relay", pairs, window, payloadBytes, seconds, relay, local: within, latency }),
);
for (const { client } of [adminA, adminB, ...senders, ...local, ...remote]) client.close();

function link(admin: Person, other: HomeserverProcess): Promise<unknown> {
  return admin.client.request("links.add", {
    server: other.id,
    addresses: [{ host: "127.0.0.1", port: other.port, kind: "direct" }],
  });
}

async function untilMutual(admin: Person): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { links } = await admin.client.request("links.list", {});
    if (links[0]?.trust === "mutual" && links[0].state === "connected") return;
    await delay(100);
  }
  throw new Error("the homeservers did not link");
}

async function people(server: HomeserverProcess, name: string): Promise<Person[]> {
  const all: Person[] = [];
  for (let index = 0; index < pairs; index++) all.push(await join(server, `${name}${index}`));
  return all;
}

/** Each pair keeps `window` messages on their way; an arrival sends the next one. */
async function closedLoop(loaded: Pair[]): Promise<{ perSecond: number; cpuSecondsPer1000: number }> {
  let delivered = 0;
  let running = true;
  let failed: unknown;
  let onTheWay = 0;
  const send = (pair: Pair) => {
    onTheWay++;
    pair.send().catch((error: unknown) => (failed = error));
  };
  for (const pair of loaded) {
    pair.onArrival = () => {
      delivered++;
      onTheWay--;
      if (running) send(pair);
    };
    for (let index = 0; index < window; index++) send(pair);
  }
  await delay(warmUpMs);
  const [cpuBefore, deliveredBefore, before] = [await cpu(), delivered, performance.now()];
  await delay(seconds * 1000);
  const [cpuAfter, deliveredAfter, after] = [await cpu(), delivered, performance.now()];
  running = false;
  for (let waited = 0; onTheWay > 0 && waited < 200; waited++) await delay(50);
  if (failed !== undefined) throw failed;
  if (onTheWay > 0) throw new Error(`${onTheWay} messages were lost`);
  const count = deliveredAfter - deliveredBefore;
  return {
    perSecond: Math.round((count * 1000) / (after - before)),
    cpuSecondsPer1000: round(((cpuAfter - cpuBefore) * 1000) / count),
  };
}

/** A steady rate that does not wait for arrivals. */
async function openLoop(loaded: Pair[]): Promise<{ perSecond: number; p50Ms: number; p99Ms: number }> {
  const ages: number[] = [];
  for (const pair of loaded) pair.onArrival = (ageMs) => ages.push(ageMs);
  const total = latencyPerSecond * seconds;
  const begun = performance.now();
  for (let sent = 0; sent < total; sent++) {
    const due = begun + (sent * 1000) / latencyPerSecond;
    if (due > performance.now()) await delay(due - performance.now());
    void loaded[sent % loaded.length]!.send();
  }
  for (let waited = 0; ages.length < total && waited < 200; waited++) await delay(50);
  if (ages.length < total) throw new Error(`${total - ages.length} messages were lost`);
  ages.sort((x, y) => x - y);
  const at = (share: number) => round(ages[Math.min(ages.length - 1, Math.floor(ages.length * share))]!);
  return { perSecond: latencyPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function cpu(): Promise<number> {
  return (await a.cpuSeconds()) + (await b.cpuSeconds());
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
