/**
 * Nothing acknowledged is lost or shown twice, whatever is killed. Two homeservers and two engines in four processes;
 * both sides write at once, and processes die by SIGKILL while messages are on their way.
 */
import { expect, test } from "vitest";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, startEngine, startFedchat, until } from "../harness/fedchat-process.ts";

const messagesPerSide = 1_000;
const homeserverKills = 20;
const engineKills = 6;
const inFlightWanted = 50;

test("[B1] [H8] 2,000 messages arrive exactly once and in order while processes are killed", async () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  const random = seededRandom(seed);
  console.log(`seed ${seed}`);
  const server = { command: "server" as const, args: ["--registration", "invited"] };
  await using serverA = await startFedchat({ name: "a", ...server });
  await using serverB = await startFedchat({ name: "b", ...server });
  await using alice = await startEngine("alice", serverA);
  await using bob = await startEngine("bob", serverB);
  const roomId = await befriend(alice, bob);

  const sides = [new Side(alice, "alice", roomId), new Side(bob, "bob", roomId)] as const;
  const inFlight = () => sides.reduce((sum, side) => sum + side.acknowledged, 0) - arrived(sides);
  const kills = { homeserver: 0, both: 0, engine: 0, inFlight: [] as number[] };
  const sending = Promise.all(sides.map((side) => side.sendAll(messagesPerSide)));

  const rounds = shuffled(
    [...Array(homeserverKills).fill("homeserver"), ...Array(engineKills).fill("engine")],
    random,
  );
  for (const [index, what] of rounds.entries()) {
    const victims = what === "engine" ? [random() < 0.5 ? alice : bob] : pick(random, serverA, serverB);
    if (what === "engine") kills.engine++;
    else kills.homeserver++;
    if (victims.length === 2) kills.both++;
    kills.inFlight.push(inFlight());
    await Promise.all(victims.map((victim) => victim.kill()));
    // People go on writing meanwhile, so that the restarted process meets a backlog, and the next kill hits its middle.
    for (const side of sides) side.mayHaveSent = Math.ceil(((index + 1) / rounds.length) * messagesPerSide);
    const living = sides.filter((side) => !victims.includes(side.process));
    await until("the living have written", async () =>
      living.every((side) => side.acknowledged === side.mayHaveSent),
    );
    await Promise.all(victims.map((victim) => victim.start()));
    await Promise.all(sides.filter((side) => victims.includes(side.process)).map((side) => side.listen()));
    await new Promise((resolve) => setTimeout(resolve, random() * 400));
  }
  await sending;

  const total = messagesPerSide * 2;
  for (const [reader, writer] of [sides, [sides[1], sides[0]] as const]) {
    const texts = await until(
      "everything arrived",
      async () => {
        const all = await reader.history(writer.name);
        return all.length >= messagesPerSide ? all : undefined;
      },
      120_000,
    );
    expect(texts).toEqual(Array.from({ length: messagesPerSide }, (_, index) => `${writer.name} ${index}`));
  }
  const full = kills.inFlight.filter((count) => count >= inFlightWanted).length;
  console.log(
    `${total} messages, ${kills.homeserver} kills of homeservers (${kills.both} of both at once), ${kills.engine} of engines; ` +
      `in flight at each kill: ${kills.inFlight.join(" ")}; ${full} kills with ${inFlightWanted} or more in flight`,
  );
  expect(full).toBeGreaterThanOrEqual(10);
});

/** One person: sends in order, keeps what was acknowledged, and looks at what arrived. */
class Side {
  readonly process: FedchatProcess;
  readonly name: string;
  readonly #roomId: string;
  acknowledged = 0;
  /** How far it may go for now: the messages are spread over all kills. */
  mayHaveSent = 0;
  received = new Set<string>();

  constructor(fedchat: FedchatProcess, name: string, roomId: string) {
    this.process = fedchat;
    this.name = name;
    this.#roomId = roomId;
  }

  async sendAll(count: number): Promise<void> {
    await this.listen();
    for (let index = 0; index < count; index++) {
      const text = `${this.name} ${index}`;
      await until("the next round", async () => index < this.mayHaveSent, 120_000);
      // The same clientId after a kill: whether the first call was committed or not, the text is sent once.
      await until("the engine takes the message", async () => {
        await this.process.call("messages.send", { roomId: this.#roomId, text, clientId: text });
        return true;
      });
      this.acknowledged++;
    }
  }

  async listen(): Promise<void> {
    await this.process
      .onEvent((event) => {
        if (event.type === "message.added" && !event.message.mine) this.received.add(event.message.messageId);
      })
      .catch(() => undefined);
    for (const message of await this.#all().catch(() => []))
      if (!message.mine) this.received.add(message.messageId);
  }

  async history(sender: string): Promise<string[]> {
    return (await this.#all()).filter((m) => m.text.startsWith(`${sender} `) && !m.mine).map((m) => m.text);
  }

  async #all() {
    const all = [];
    for (let after = 0; ;) {
      const page = await this.process.call("messages.since", { after, limit: 500 });
      all.push(...page.filter((message) => message.kind === "text"));
      if (page.length < 500) return all;
      after = page.at(-1)!.position;
    }
  }
}

function arrived(sides: readonly Side[]): number {
  return sides.reduce((sum, side) => sum + side.received.size, 0);
}

/** One of the two, or both. */
function pick<T>(random: () => number, one: T, other: T): T[] {
  const throwOf = random();
  return throwOf < 0.3 ? [one] : throwOf < 0.6 ? [other] : [one, other];
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** mulberry32: small, seeded, good enough to choose victims. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
