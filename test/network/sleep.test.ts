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

/** A ping every 25 seconds, and time for its answer. [L9] */
const missedWithinMs = 60_000;
const wakesWithinMs = 15_000;

test("[L9] [K5] who slept for longer than the pings gets everything on waking", async () => {
  using lab = openLab();
  const { relay, leaves } = star(lab, 2);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const [middle, anna, cora] = (await settleAll(stack, [
    ["middle", relay],
    ["anna", leaves[0]!],
    ["cora", leaves[1]!],
  ])) as [Resident, Resident, Resident];
  await Promise.all([link(anna, middle), link(cora, middle)]);
  const roomId = await becomeContacts(anna, cora);
  await talk({ a: anna, b: cora, roomId }, "hello");
  lap("talked");

  cora.host.cut();
  cora.fedchat.pause();
  const said = Array.from({ length: 10 }, (_, index) => `while you sleep ${index}`);
  for (const text of said) await anna.say(roomId, text);
  await until(
    "the relay's pings are missed",
    async () => !(await middle.connectedWith(cora)),
    missedWithinMs,
  );
  lap("the relay has noticed");

  cora.host.heal();
  cora.fedchat.resume();
  const wokenAt = Date.now();
  await cora.hears(roomId, said.at(-1)!, 60_000);
  const tookMs = Date.now() - wokenAt;
  lap("everything has come");
  await talk({ a: anna, b: cora, roomId }, "good morning");
  await expectNothingLostOrTwice([{ a: anna, b: cora, roomId }]);
  console.log(`from waking to the last message, ms: ${tookMs}`);
  expect(tookMs).toBeLessThanOrEqual(wakesWithinMs);
});
