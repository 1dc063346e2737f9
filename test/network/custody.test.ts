/**
 * People who are never online at the same time: what one of them says lies with relays, which signed for it, until the
 * other wakes; and so does the word that it has arrived.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { until } from "../harness/fedchat-process.ts";
import { openLab } from "../harness/namespaces.ts";
import { chain, star } from "./labs.ts";
import type { Resident } from "./residents.ts";
import { becomeContacts, invite, link, settleAll, stopwatch, talk } from "./residents.ts";

test("[K1] [K5] [K7] [H18] two who are never online together reach each other through a relay's custody", async () => {
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

  await cora.fedchat.kill();
  lap("cora is gone");
  const sentAt = Date.now();
  const message = await anna.say(roomId, "for when you wake");
  const inCustody = await until("anna's X-ray shows the relay's custody", async () => {
    const steps = await anna.xray(message);
    return steps.find(({ keptUntil }) => keptUntil !== undefined);
  });
  lap("in custody");
  expect(inCustody).toMatchObject({
    state: "done",
    sentence: expect.stringContaining("In the custody of middle"),
    path: [{ serverId: middle.serverId, name: "middle" }],
  });
  expect(inCustody.at).toBeGreaterThanOrEqual(sentAt);
  expect(inCustody.keptUntil! - inCustody.at!).toBe(14 * 24 * 3_600_000);

  await anna.fedchat.stop();
  await cora.fedchat.start();
  lap("anna is gone, cora is back");
  const { messageId } = await cora.hears(roomId, "for when you wake");
  await cora.fedchat.call("messages.markRead", { roomId, messageId });
  await cora.say(roomId, "I have it");
  lap("cora has it");
  await until("what cora has for anna lies at the relay", () => signedFor(cora, roomId, "I have it"));
  lap("answer in custody");
  await cora.fedchat.stop();

  await anna.fedchat.start();
  lap("anna is back");
  await anna.hears(roomId, "I have it");
  await anna.learns(roomId, "for when you wake", "read");
  lap("anna knows");
  const steps = await anna.xray(message);
  expect(steps.map(({ state }) => state)).toEqual(["done", "done", "done", "done", "done", "done"]);
  expect(steps[2]).toEqual(inCustody);
  const [delivered, read] = steps.slice(-2);
  expect(read!.at).toBeGreaterThanOrEqual(inCustody.at!);
  // Read at once, cora's receipt says that alone: when it was delivered is not known then.
  expect(delivered!.at ?? read!.at).toBeGreaterThanOrEqual(inCustody.at!);
});

test("[K2] [K4] a chain of two relays, of which the one that has it is killed and started again", async () => {
  using lab = openLab();
  const hosts = chain(lab);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const [anna, first, second, dora] = (await settleAll(
    stack,
    (["anna", "first", "second", "dora"] as const).map((name, at) => [name, hosts[at]!] as const),
  )) as [Resident, Resident, Resident, Resident];
  await Promise.all([link(anna, first), link(first, second), link(second, dora)]);
  lap("linked");
  const roomId = await invite(anna, dora);
  await talk({ a: anna, b: dora, roomId }, "hello");
  lap("talked");

  await dora.fedchat.kill();
  const message = await anna.say(roomId, "by two relays");
  const path = [first, second].map(({ serverId, name }) => ({
    serverId,
    name: expect.stringMatching(`^${name}`) as string,
  }));
  const inCustody = await until("both relays have signed", async () => {
    const steps = await anna.xray(message);
    const signed = steps.filter(({ keptUntil }) => keptUntil !== undefined);
    return signed.length === 2 && signed;
  });
  lap("in custody");
  expect(inCustody).toMatchObject([
    { sentence: expect.stringContaining("first"), path },
    { sentence: expect.stringContaining("second"), path },
  ]);
  await second.fedchat.kill();
  await anna.fedchat.stop();
  await second.fedchat.start();
  await dora.fedchat.start();
  lap("restarted");
  await dora.hears(roomId, "by two relays");
  lap("arrived");
  await dora.say(roomId, "heard through both");
  await until("the answer is signed for", () => signedFor(dora, roomId, "heard through both"));
  await dora.fedchat.stop();
  await anna.fedchat.start();
  await anna.hears(roomId, "heard through both");
  await anna.learns(roomId, "by two relays", "delivered");
  lap("anna knows");
});

test("[K3] what a relay has no room for waits at its sender, who is told why, and arrives when both are there", async () => {
  using lab = openLab();
  const { relay, leaves } = star(lab, 2);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const config = join(lab.folder, "small.toml");
  writeFileSync(config, "relay_storage_mb = 1\n");
  const [middle, anna, cora] = (await settleAll(stack, [
    ["middle", relay, "--config", config],
    ["anna", leaves[0]!],
    ["cora", leaves[1]!],
  ])) as [Resident, Resident, Resident];
  await Promise.all([link(anna, middle), link(cora, middle)]);
  const roomId = await becomeContacts(anna, cora);
  await talk({ a: anna, b: cora, roomId }, "hello");
  lap("talked");

  // A quarter of the relay's megabyte is for one source.
  await cora.fedchat.stop();
  const texts = Array.from({ length: 6 }, (_, index) => `${index} ${"word ".repeat(12_000)}`);
  const messages = [];
  for (const text of texts) {
    messages.push(await anna.say(roomId, text));
    await anna.learns(roomId, text, "submitted"); // Each in a bundle of its own.
  }
  const [kept, deferred] = [messages[0]!, messages.at(-1)!];
  await until("the first is in custody", async () =>
    (await anna.xray(kept)).some(({ keptUntil }) => keptUntil !== undefined),
  );
  const waits = await until("the last waits, with the reason", async () => {
    const step = (await anna.xray(deferred)).find(({ state }) => state === "now");
    return step?.nextTryAt !== undefined && step;
  });
  lap("deferred");
  expect(waits.sentence).toContain("used up");
  expect((await anna.xray(deferred)).some(({ keptUntil }) => keptUntil !== undefined)).toBe(false);
  const { custodyBytes, custodyBytesMax } = await middle.fedchat.call("servers.relaying", {});
  expect(custodyBytesMax).toBe(1_048_576);
  expect(custodyBytes).toBeLessThanOrEqual(custodyBytesMax / 4);
  await cora.fedchat.start();
  lap("cora is back");
  await cora.hears(roomId, texts.at(-1)!, 60_000);
  lap("all arrived");
  expect((await cora.heard(roomId)).slice(-texts.length)).toEqual(texts);
});

/** Whether a relay signed for a message of ours. */
async function signedFor(by: Resident, roomId: string, text: string): Promise<boolean> {
  const message = (await by.message(roomId, text))!;
  return (await by.xray(message)).some(({ keptUntil }) => keptUntil !== undefined);
}
