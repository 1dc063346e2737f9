/**
 * `npm run bench:rooms [-- --members 2,10,50,200,500] [--rounds N]`: one room that grows, on two homeservers in processes
 * of their own (every entry and message committed with FULL before it is acknowledged), with two engines in processes of
 * their own: Alice, whose homeserver is the hub, adds somebody, removes them and writes; Bob, on the other homeserver,
 * follows. Everybody else has an account and no engine. Beside it the same steps as bare calls of packages/mls, and
 * through the engine's use of it.
 *
 * ms: from Alice's deed until both engines show it · cpu: processor milliseconds of each process for it (a message's are
 * those of a hundred together) · plain, room: processor milliseconds of MLS alone and with the room's state · bytes: of
 * the Commit, the info for the hub, a Welcome and a message. A table, and one JSON line.
 */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives, withNativeSodium } from "@fedchat/mls/node";
import { nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { vouchesFor } from "../../packages/engine/src/core/credentials.ts";
import { MlsRoomCrypto } from "../../packages/engine/src/mls/mls-room.ts";
import { type HomeserverProcess, startHomeserverProcess } from "../relay/homeserver-process.ts";
import { join } from "../relay/load.ts";
import { crowd } from "./crowd.ts";
import { type EngineProcess, startEngineProcess } from "./engine-process.ts";
import { median } from "./median.ts";
import { plainCosts, roomCosts } from "./plain.ts";
import { table, type Figures, type Step } from "./table.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "2,10,50,200,500" },
    rounds: { type: "string", default: "5" },
  },
});
const sizes = values.members.split(",").map((size) => Math.min(Math.max(Number(size), 2), 500));
const rounds = Math.min(Number(values.rounds), 50);
const messagesPerRound = 100;

const primitives = withNativeSodium(nodeMlsPrimitives(await sodiumPrimitives()));
const backend = { primitives, random: nodeRandom };
const crypto = new MlsRoomCrypto({
  ...{ primitives, protocolPrimitives: nodePrimitives, random: nodeRandom },
  ...{ clock: { now: () => Date.now() }, vouches: vouchesFor(nodePrimitives) },
});

await using hub = await startHomeserverProcess("hub");
await using other = await startHomeserverProcess("other");
await using alice = await startEngineProcess(hub, "alice");
await using bob = await startEngineProcess(other, "bob");
await linked(hub, other);
await introduced();
const bystanders = await crowd(crypto, [hub, other], Math.max(...sizes) - 1);
await alice.know(bystanders);
await connected(alice);
const roomId = await opened();
const extra = bystanders.pop()!;

const all: Figures[] = [];
let there = 2;
for (const size of sizes) {
  await grow(size);
  const { costs: room, bytes } = roomCosts(crypto, size);
  const plain = plainCosts(backend, size);
  all.push({ members: size, steps: await rounded(), plain, room, bytes });
  console.error(`${size} members done`);
}
console.log(table(all));
console.log(JSON.stringify({ bench: "rooms", rounds, messagesPerRound, sizes: all }));

async function linked(one: HomeserverProcess, two: HomeserverProcess): Promise<void> {
  const [adminOne, adminTwo] = [await join(one, "admin"), await join(two, "admin")];
  const add = (admin: typeof adminOne, { id, port }: HomeserverProcess) =>
    admin.client.request("links.add", {
      server: id,
      addresses: [{ host: "127.0.0.1", port, kind: "direct" }],
    });
  await add(adminOne, two);
  await add(adminTwo, one);
  await soon("a link", async () => {
    const { links } = await adminOne.client.request("links.list", {});
    return links[0]?.trust === "mutual" && links[0].state === "connected";
  });
  for (const { client } of [adminOne, adminTwo]) client.close();
}

/** Alice and Bob have a chat. */
async function introduced(): Promise<void> {
  for (const [engine, displayName] of [
    [alice, "Alice"],
    [bob, "Bob"],
  ] as const)
    await engine.call("account.create", { displayName });
  const { account } = (await alice.call("engine.status", {})).me!;
  await soon("Alice among Bob's people", async () => {
    const people = await bob.call("people.list", { refresh: true });
    return people.some((person) => person.account === account);
  });
  await bob.call("requests.send", { who: account, text: "Hello" });
  const request = await soon("Bob's request", async () =>
    (await alice.call("requests.list", {})).find(({ direction }) => direction === "incoming"),
  );
  await alice.call("requests.accept", { requestId: request.requestId });
  await soon("a chat that can take Bob into rooms", async () => {
    const [contact] = await alice.call("contacts.list", {});
    return contact !== undefined && (await bob.call("contacts.list", {})).length === 1;
  });
  // Each tells the other how to take them into rooms.
  await delay(2_000);
}

async function opened(): Promise<string> {
  const { account } = (await bob.call("engine.status", {})).me!;
  const room = await alice.call("rooms.create", { name: "Bench", people: [account], size: "large" });
  await soon("Bob's invitation", async () =>
    (await bob.call("rooms.list", {})).some((one) => one.roomId === room.roomId),
  );
  await bob.call("rooms.join", { roomId: room.roomId });
  await delay(2_000);
  return room.roomId;
}

async function connected(engine: EngineProcess): Promise<void> {
  await soon(
    "a session",
    async () => (await engine.call("engine.status", {})).homeserver.connection === "connected",
  );
}

/** Takes in as many as are missing, as the engine does it: 32 with a Commit. */
async function grow(size: number): Promise<void> {
  if (size <= there) return;
  const seen = bothSee(size);
  for (; there < size; there += 1) {
    await alice.call("rooms.invite", { roomId, who: bystanders[there - 2]!.account });
  }
  await seen;
  await delay(1_000);
}

/** Alice's engine goes on to the next epoch only when the log has her Commit. */
function bothSee(people: number): Promise<unknown> {
  return Promise.all([alice.until({ roomId, people }), bob.until({ roomId, people })]);
}

async function rounded(): Promise<Figures["steps"]> {
  const taken: Record<keyof Figures["steps"], Step[]> = { add: [], remove: [], send: [] };
  for (let round = 0; round < rounds; round += 1) {
    taken.add.push(await measured(() => added()));
    taken.remove.push(await measured(() => removed()));
    taken.send.push(perMessage(await measured(() => sent(round))));
  }
  return { add: middle(taken.add), remove: middle(taken.remove), send: middle(taken.send) };
}

async function added(): Promise<void> {
  const seen = bothSee(there + 1);
  await alice.call("rooms.invite", { roomId, who: extra.account });
  await seen;
}

async function removed(): Promise<void> {
  const seen = bothSee(there);
  await alice.call("rooms.remove", { roomId, account: extra.account });
  await seen;
}

/** As fast as Alice's engine takes them. */
async function sent(round: number): Promise<void> {
  const text = (n: number) => `${there} ${round} ${n}`.padEnd(400, ".");
  const seen = bob.until({ roomId, text: text(messagesPerRound) });
  for (let n = 1; n <= messagesPerRound; n += 1) await alice.call("messages.send", { roomId, text: text(n) });
  await seen;
}

async function measured(work: () => Promise<void>): Promise<Step> {
  const before = await cpuMs();
  const begun = performance.now();
  await work();
  const ms = performance.now() - begun;
  // What follows the deed (acknowledgements, receipts) is a part of what it costs.
  await delay(500);
  const after = await cpuMs();
  const since = (who: keyof Cpu) => after[who] - before[who];
  return { ms, alice: since("alice"), hub: since("hub"), other: since("other"), bob: since("bob") };
}

type Cpu = Omit<Step, "ms">;

async function cpuMs(): Promise<Cpu> {
  const ms = async (process: { cpuSeconds(): Promise<number> }) => (await process.cpuSeconds()) * 1_000;
  return { alice: await ms(alice), hub: await ms(hub), other: await ms(other), bob: await ms(bob) };
}

function perMessage(step: Step): Step {
  const entries = Object.entries(step).map(([name, value]) => [name, value / messagesPerRound]);
  return Object.fromEntries(entries) as Step;
}

function middle(steps: readonly Step[]): Step {
  const of = (name: keyof Step) => median(steps.map((step) => step[name]));
  return { ms: of("ms"), alice: of("alice"), hub: of("hub"), other: of("other"), bob: of("bob") };
}

/** Looks again and again, for a minute. */
async function soon<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await delay(100);
  }
  throw new Error(`waited in vain for ${what}`);
}
