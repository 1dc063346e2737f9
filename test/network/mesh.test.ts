/**
 * A mesh of six in which not everybody has a wire to everybody: when relays die or fall silent while messages pass them,
 * other relays take over within seconds, and nothing is lost or comes twice.
 */
import { expect, test } from "vitest";
import { until } from "../harness/fedchat-process.ts";
import { openLab } from "../harness/namespaces.ts";
import { Flow } from "./flow.ts";
import { ring } from "./labs.ts";
import type { Pair, Resident } from "./residents.ts";
import {
  becomeContacts,
  expectNothingLostOrTwice,
  invite,
  link,
  settleAll,
  stopwatch,
  talk,
} from "./residents.ts";

const gapMsMax = 10_000;

test("[C7] [C8] [C10] in a mesh of 6 every pair talks, with one killed and with two; a lost relay costs at most ten seconds and no message", async () => {
  using lab = openLab();
  const { hosts, wires } = ring(lab);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const names = ["anna", "bert", "cora", "dora", "emil", "fred"] as const;
  const residents = await settleAll(
    stack,
    names.map((name, at) => [name, hosts[at]!] as const),
  );
  const [anna, , cora] = residents as [Resident, Resident, Resident];
  lap("started");
  await Promise.all(
    wires.map(({ from, to, host }) => link(residents[from]!, residents[to]!, { host, port: 8443 })),
  );
  lap("linked");
  const pairs: Pair[] = await Promise.all(
    residents.flatMap((a, at) =>
      residents.slice(at + 1).map(async (b) => {
        const meet = a === anna && b === cora ? invite : becomeContacts;
        return { a, b, roomId: await meet(a, b) };
      }),
    ),
  );
  await Promise.all(pairs.map((pair) => talk(pair, "hello")));
  lap("every pair has talked");

  const far = pairs.find(({ a, b }) => a === anna && b === cora)!;
  const relayNow = async (): Promise<Resident> => {
    // Between two connections there is none.
    const via = await until("a way leads there", async () => {
      const now = (await anna.linkWith(cora))?.via ?? [];
      return now.length > 0 ? now : undefined;
    });
    expect(via).toHaveLength(1);
    return residents.find(({ name }) => name === via[0])!;
  };
  const living = new Set(residents);
  const everyPairTalks = async (about: string) => {
    const left = pairs.filter(({ a, b }) => living.has(a) && living.has(b));
    await Promise.all(left.map((pair) => talk(pair, about)));
    lap(`each of ${left.length} pairs of ${living.size} has talked`);
  };

  const gaps: Record<string, number> = {};
  const first = await relayNow();
  gaps["killed"] = await Flow.through(far, () => first.fedchat.kill());
  living.delete(first);
  lap("the relay was killed");
  await everyPairTalks("one is gone");

  const second = await relayNow();
  expect(second).not.toBe(first);
  gaps["silent"] = await Flow.through(far, async () => second.fedchat.pause());
  lap("the next relay fell silent");
  const third = await relayNow();
  expect([first, second]).not.toContain(third);
  await second.fedchat.kill();
  living.delete(second);
  await everyPairTalks("two are gone");
  console.log(`longest time from sending to arriving, ms: ${JSON.stringify(gaps)}`);
  expect(Math.max(...Object.values(gaps))).toBeLessThanOrEqual(gapMsMax);
  await expectNothingLostOrTwice(pairs.filter(({ a, b }) => living.has(a) && living.has(b)));
});
