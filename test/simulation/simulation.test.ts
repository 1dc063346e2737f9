/**
 * Seeded runs of whole networks: a few here, hundreds by run.ts. README.md says how to find what a failing one did.
 */
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { afterAll, describe, expect, test } from "vitest";
import { backlog } from "./backlog.ts";
import { crowd } from "./crowd.ts";
import { mutants, tellOf } from "./mutants.ts";
import { networkOf } from "./networks.ts";
import type { StoryOptions, Told } from "./story.ts";
import { story } from "./story.ts";
import { realGroups } from "./group-kinds.ts";
import { Tally } from "./tally.ts";
import { namesOf, randomGraph } from "./topology.ts";
import { createdPair, pairPerson } from "../../packages/engine/test/pair-scene.ts";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";

const seedsOfTwo = [1, 20];
const seedsOfFive = [10];
/** Seeds in which each mutant has to show. */
const mutantSeeds = [1, 2, 3, 4, 5, 6, 7, 8];

const told: Told[] = [];
const tally = new Tally();
afterAll(() => console.log(`simulation: ${tally.toString()}`));

async function expectGood(options: StoryOptions): Promise<void> {
  const run = await story(options);
  told.push(run);
  tally.add(run);
  expect(run.wrong, run.wrong.join("\n")).toEqual([]);
}

describe("whatever fails", () => {
  test.each(seedsOfTwo)(
    "[H6] [H10] [B4] [B16] what was acknowledged arrives once, in order, and is known to have arrived (seed %i)",
    (seed) => expectGood({ seed }),
    60_000,
  );

  test.each(seedsOfFive)(
    "[B4] [B16] [L21] [L22] among five homeservers it arrives too, and no stranger learns of people (seed %i)",
    (seed) => expectGood({ seed, messages: 60, ...networkOf(seed, 5) }),
    60_000,
  );
});

test("[X4] with real MLS nothing is lost either, no key seals twice, and the seed replays byte for byte, with native libsodium or without", async () => {
  const told = (groups: "real" | "real-without-native") =>
    story({ seed: 3, messages: 40, network: { homeservers: 2, groups } });
  const [first, second] = [await told("real"), await told("real-without-native")];
  tally.add(first);
  expect(first.wrong, first.wrong.join("\n")).toEqual([]);
  expect(second.digest).toBe(first.digest);
});

test("the watch on real groups notices two messages from one state", () => {
  const found: string[] = [];
  const groups = realGroups({ add: (what) => found.push(what) }, () => true, {
    native: true,
    protocolPrimitives: nodePrimitives,
  });
  const ports = { random: new SeededRandom("twice"), clock: { now: () => 1_800_000_000_000 } };
  const crypto = groups.crypto(ports);
  const { aliceState } = createdPair(crypto, {
    ...{ alice: pairPerson("alice"), bob: pairPerson("bob"), groupId: new Uint8Array(32) },
  });
  const [one, two] = ["one", "two"].map((text) => crypto.encrypt(aliceState, new TextEncoder().encode(text)));
  groups.left(one!.message);
  groups.left(one!.message);
  expect(found).toEqual([]);
  groups.left(two!.message);
  expect(found).toEqual([expect.stringContaining("a key was used twice")]);
});

test("people with engines talk while some homeservers have none", () =>
  expectGood({
    seed: 7,
    messages: 20,
    network: { homeservers: 4, topology: "ring", people: ["alice", "bob"] },
  }));

test.each(seedsOfTwo.slice(0, 1))("seed %i gives the same trace again, byte for byte", async (seed) => {
  const first = told.find((run) => run.seed === seed) ?? (await story({ seed }));
  const second = await story({ seed });
  expect(first.events).toBeGreaterThan(1_000);
  if (first.digest !== second.digest) expect.unreachable(await firstDifference(seed));
  expect(second.wrong).toEqual(first.wrong);
});

test("each seed has a course of its own", () => {
  expect(new Set(told.map(({ digest }) => digest)).size).toBe(told.length);
});

test("[B20] a homeserver that was away gets everything, and no more is under way than a sender may have", async () => {
  expect(await backlog(1)).toEqual([]);
});

test("a network of twelve homeservers without engines loses nothing while it fails", async () => {
  const topology = randomGraph(namesOf(12), 4, new SeededRandom("twelve"));
  const run = await crowd({ seed: 1, homeservers: 12, topology, envelopes: 100, faultsForMs: 20_000 });
  expect(run.wrong).toEqual([]);
  expect(run.faults["homeserver crashes"]).toBeGreaterThan(0);
});

test.each(mutants)(
  "a mutant is caught: $name",
  async (mutant) => {
    for (const seed of new Set([mutant.seed ?? 1, ...mutantSeeds])) {
      const shown = (await tellOf(mutant, seed)).find((sentence) => mutant.shows.test(sentence));
      if (shown === undefined) continue;
      console.log(`${mutant.name}: seed ${seed}: ${shown.slice(0, 120)}`);
      return;
    }
    expect.unreachable(`no checker noticed ${mutant.name} in seeds ${mutantSeeds.join(", ")}`);
  },
  60_000,
);

async function firstDifference(seed: number): Promise<string> {
  const [one, other] = [await story({ seed, keepTrace: true }), await story({ seed, keepTrace: true })];
  const at = one.trace!.findIndex((line, index) => line !== other.trace![index]);
  return `${at}:\n${one.trace!.slice(at - 3, at + 1).join("\n")}\nand\n${other.trace![at]}`;
}
