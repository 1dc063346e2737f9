/**
 * A laptop behind a router whose lid is closed for longer than any ping is waited for: nothing is said to anybody, and its
 * connections are dead when it wakes. Everything that was said to it meanwhile comes then, within seconds.
 */
import { expect, test } from "vitest";
import { until } from "../harness/fedchat-process.ts";
import { openLab } from "../harness/namespaces.ts";
import { star } from "./labs.ts";
import type { Resident } from "./residents.ts";
import { becomeContacts, expectNothingLostOrTwice, link, settleAll, stopwatch, talk } from "./residents.ts";

const wakesWithinMs = 15_000;

test("[L9] [K5] who slept for longer than the pings gets everything on waking", async () => {
  using lab = openLab();
  const { relay, leaves } = star(lab, 2);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const [middle, anna, cora] = (await settleAll(stack, [
    ["middle", relay],
    ["anna", leaves[0]!],
    ["cora", leaves[1]!, "--log", "debug"],
  ])) as [Resident, Resident, Resident];
  await Promise.all([link(anna, middle), link(cora, middle)]);
  const pairs = await Promise.all(
    [anna, middle].map(async (a) => ({ a, b: cora, roomId: await becomeContacts(a, cora) })),
  );
  await Promise.all(pairs.map((pair) => talk(pair, "hello")));
  lap("everybody has talked");

  cora.host.cut();
  cora.fedchat.pause();
  const said = Array.from({ length: 10 }, (_, index) => `while you sleep ${index}`);
  const say = async (texts: string[]) => {
    for (const text of texts) await Promise.all(pairs.map(({ a, roomId }) => a.say(roomId, text)));
  };
  await say(said.slice(0, 5));
  await until(
    "the relay notices that nobody answers",
    async () => !(await middle.connectedWith(cora)),
    60_000,
  );
  lap("the relay has noticed");
  await say(said.slice(5));

  cora.host.heal();
  cora.fedchat.resume();
  const wokenAt = Date.now();
  for (const { roomId } of pairs) for (const text of said) await cora.hears(roomId, text, 60_000);
  const tookMs = Date.now() - wokenAt;
  lap("everything has come");
  await Promise.all(pairs.map((pair) => talk(pair, "good morning")));
  await expectNothingLostOrTwice(pairs);
  console.log(`from waking to the last message, ms: ${tookMs}`);
  expect(tookMs).toBeLessThanOrEqual(wakesWithinMs);
});
