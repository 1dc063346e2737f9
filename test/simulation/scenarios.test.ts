/** What seeds have shown, as short stories of their own. */
import { expect, test } from "vitest";
import { conversation } from "./checkers.ts";
import { Faults } from "./faults.ts";
import type { Simulation } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import { becomeContacts } from "./story.ts";

async function friends(seed: number, delayMs = { min: 1, max: 40 }): Promise<Simulation> {
  const simulation = await simulate({ seed, delayMs });
  await simulation.during(becomeContacts(simulation, false));
  return simulation;
}

test("[H4] an engine that could not keep what its session brought does not supersede itself", async () => {
  await using network = await friends(12);
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  bob.disk.full = true;
  network.network.cut(bob.host, bob.home.clientHost);
  await network.clock.advance(20_000);
  bob.disk.full = false;
  await network.during(alice.send("are you there?"));
  await network.clock.advance(60_000);
  expect(await network.during(bob.messages())).toEqual(["are you there?"]);
  expect(bob.disk.refusedByFullDisk).toBeGreaterThan(0);
});

test("[H6] an engine whose disk was full takes no later item before the one that it could not keep", async () => {
  await using network = await friends(32, { min: 100, max: 150 });
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  const texts = Array.from({ length: 150 }, (_, index) => `${index}`);
  const sending = (async () => {
    for (const text of texts) {
      await network.clock.sleep(50);
      await alice.send(text);
    }
  })();
  await network.clock.advance(1_000);
  bob.disk.full = true;
  await network.clock.advance(1_000);
  bob.disk.full = false;
  await network.during(sending);
  await network.clock.advance(60_000);
  expect(await network.during(bob.messages())).toEqual(texts);
});

test("[H10] what was refused for want of space is not overtaken by what was submitted behind it", async () => {
  await using network = await friends(3, { min: 50, max: 400 });
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  const texts = Array.from({ length: 150 }, (_, index) => `${index}`);
  const { disk } = alice.home;
  disk.delayMs = { min: 200, max: 400 };
  const filling = (async () => {
    for (let times = 0; times < 20; times++) {
      await network.clock.sleep(500);
      disk.full = !disk.full;
    }
  })();
  for (const text of texts) {
    await network.clock.advance(50);
    await network.during(alice.send(text));
  }
  await network.during(filling);
  await network.clock.advance(300_000);
  expect(await network.during(bob.messages())).toEqual(texts);
  expect(alice.home.counts.refusedByFullDisk).toBeGreaterThan(0);
});

test("a network in which nothing fails keeps both people's order and tells each of the other's receipt", async () => {
  await using network = await friends(1);
  for (const device of network.devices) await network.during(device.send(`hi from ${device.name}`));
  await network.clock.advance(10_000);
  expect(await network.during(conversation(network, false))).toEqual([]);
  expect(network.violations.found).toEqual([]);
});

test("[L5] frames that are changed or repeated on the way are noticed, and harm nothing", async () => {
  await using network = await friends(3);
  const faults = new Faults(network);
  const sending = (async () => {
    for (let n = 0; n < 30; n++) {
      await network.clock.sleep(1_000);
      await network.devices[n % 2]!.send(`${n}`);
    }
  })();
  const raging = faults.rage({ min: 500, max: 1_500 }, ["corruptFrame", "repeatFrame"]);
  await network.during(sending);
  await network.during(faults.heal());
  await network.during(raging);
  await network.clock.advance(2 * 3_600_000);
  expect(await network.during(conversation(network, false))).toEqual([]);
  expect(faults.counts["frames corrupted"]).toBeGreaterThan(3);
  expect(faults.counts["frames repeated"]).toBeGreaterThan(3);
});
