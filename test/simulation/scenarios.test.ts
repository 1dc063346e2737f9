/** What seeds have shown, as short stories of their own. */
import { expect, test } from "vitest";
import { acquaintances, conversations } from "./checkers.ts";
import { Faults } from "./faults.ts";
import { linkOneWay } from "./linking.ts";
import type { Simulation } from "./simulate.ts";
import { simulate } from "./simulate.ts";
import { becomeContacts } from "./meeting.ts";
import { neverTogether } from "./never-together.ts";
import { restartingRelays } from "./restarting-relays.ts";

/** Records follow links after half a minute. [G6] */
const settleMs = 60_000;

async function friends(seed: number, delayMs = { min: 1, max: 40 }): Promise<Simulation> {
  const simulation = await simulate({ seed, delayMs });
  await simulation.during(becomeContacts(simulation));
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

test("[H7] whoever read further than a restored backup knows misses nothing of what comes after it", async () => {
  await using network = await friends(5);
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  await network.clock.advance(60_000);
  const backup = bob.home.backup();
  for (const text of ["1", "2", "3"]) await network.during(alice.send(text));
  await network.clock.advance(60_000);
  await network.during(bob.stop());
  bob.home.crash();
  bob.home.restore(backup);
  await network.during(bob.home.start());
  // More than were lost: the homeserver counts past where bob's engine stands.
  const texts = ["4", "5", "6", "7", "8", "9", "10", "11", "12"];
  for (const text of texts) await network.during(alice.send(text));
  await network.clock.advance(60_000);
  bob.start();
  await network.clock.advance(600_000);
  expect(await network.during(bob.messages())).toEqual(["1", "2", "3", ...texts]);
  expect((await network.during(bob.pair())).missing).toBe(0);
  expect(await network.during(conversations(network, network.links))).toEqual([]);
});

test("[O6] a homeserver that was put back to a backup, and knows no more who follows a log, is told again", async () => {
  await using network = await simulate({ seed: 92 });
  const backups = network.homeservers.map((one) => [one, one.backup()] as const);
  await network.during(becomeContacts(network));
  await network.clock.advance(60_000);
  const sql = "SELECT hub FROM roomLogs";
  const { hub } = network.device("alice").database.get<{ hub: string }>(sql)!;
  const [other, backup] = backups.find(([{ id }]) => id !== hub)!;
  const followers = async () => (await other.store.load()).followers.map(({ account }) => account);
  const { account } = network.device(other.name);
  expect(await followers()).toEqual([account]);
  other.crash();
  other.restore(backup);
  expect(await followers()).toEqual([]);
  await network.during(other.start());
  await network.clock.advance(60_000);
  expect(await followers()).toEqual([account]);
});

test("[G1] [C11] a request is answered though its server was gone again before anybody else told of its newer record", async () => {
  await using network = await simulate({ seed: 121, homeservers: 3, topology: "star" });
  const [alice, bob, carol] = [network.device("alice"), network.device("bob"), network.device("carol")];
  network.acquaintance.acquaint("bob", "carol");
  network.acquaintance.showBeyond("carol");
  await network.during(carol.call("people.setVisibility", { visibility: "beyond" }));
  await network.clock.advance(settleMs);
  await network.during(bob.call("people.search", { text: "carol" }));
  network.network.partition([alice.name], [carol.name]);
  bob.home.crash();
  bob.home.move();
  await network.during(bob.home.start());
  await network.during(bob.call("requests.send", { who: carol.account, text: "may I?" }));
  await network.clock.advance(settleMs);
  bob.home.crash();
  await network.clock.advance(settleMs);

  const [request] = await network.during(carol.call("requests.list", {}));
  await network.during(carol.call("requests.accept", { requestId: request!.requestId }));
  await network.clock.advance(settleMs);
  await network.during(bob.home.start());
  await network.during(bob.send("thank you", carol));
  await network.clock.advance(settleMs);
  expect(await network.during(carol.messages(bob))).toEqual(["thank you"]);
});

test("a network in which nothing fails keeps both people's order and tells each of the other's receipt", async () => {
  await using network = await friends(1);
  for (const device of network.devices) await network.during(device.send(`hi from ${device.name}`));
  await network.clock.advance(10_000);
  expect(await network.during(conversations(network, network.links))).toEqual([]);
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
  expect(await network.during(conversations(network, network.links))).toEqual([]);
  expect(faults.counts["frames corrupted"]).toBeGreaterThan(3);
  expect(faults.counts["frames repeated"]).toBeGreaterThan(3);
});

test("[L16] a homeserver behind a NAT is not found, dials out, and its people write and are written to", async () => {
  const reachable = (_from: string, to: string) => to === "bob";
  await using network = await simulate({
    seed: 5,
    homeservers: ["alice", "bob"],
    reachable,
  });
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  await network.during(becomeContacts(network));
  network.network.cut("alice", "bob");
  await network.during(bob.send("are you home?"));
  await network.clock.advance(300_000);
  expect(await network.during(alice.messages())).toEqual(["are you home?"]);
  expect(network.network.carriers("alice", "bob")).toEqual(["alice"]);
});

test("[L22] whoever links a homeserver that does not link back learns of nobody there, and shows nobody", async () => {
  await using network = await simulate({ seed: 6, homeservers: 3, topology: "chain" });
  await network.during(linkOneWay(network, "alice", "carol"));
  await network.clock.advance(60_000);
  expect(await network.during(acquaintances(network))).toEqual([]);
  expect(network.violations.found).toEqual([]);
  const shown = await network.during(network.device("alice").call("people.list", {}));
  expect(shown.map(({ displayName }) => displayName).toSorted()).toEqual(["alice", "bob"]);
});

test("[L18] what lags on a connection that one end gave up comes late or never, and harms nothing", async () => {
  await using network = await friends(8);
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
  for (const [index, text] of texts.entries()) {
    if (index % 10 === 5) network.network.lag("alice", "bob", 3_000);
    if (index % 10 === 7) network.network.abandon("alice", "bob", 20_000);
    await network.during(alice.send(text));
    await network.clock.advance(500);
  }
  await network.clock.advance(300_000);
  expect(await network.during(bob.messages())).toEqual(texts);
  const { lostFrames, overtaken } = network.network.faults;
  expect(lostFrames + overtaken).toBeGreaterThan(0);
});

test("[G5] a homeserver that moved, and can dial only some of its links, is found again by the others from hearsay", async () => {
  const reachable = (_from: string, to: string) => to !== "carol";
  await using network = await simulate({ seed: 10, homeservers: 3, topology: "mesh", reachable });
  const [alice, carol] = [network.device("alice"), network.device("carol")];
  await network.during(becomeContacts(network, ["alice", "carol"]));
  await network.clock.advance(settleMs);
  alice.home.crash();
  alice.home.move();
  await network.during(carol.send("are you still there?", alice));
  await network.during(alice.home.start());
  await network.clock.advance(settleMs);
  expect(await network.during(alice.messages(carol))).toEqual(["are you still there?"]);
  expect(network.network.carriers("alice", "carol")).toEqual(["carol"]);
});

test.each([1, 2] as const)(
  "[K5] [K7] [K9] two people who are never online together get everything through relays, and know that (%i)",
  async (relays) => {
    const { wrong, counts } = await neverTogether({ seed: 1, relays });
    expect(wrong).toEqual([]);
    expect(counts["bundles delivered from custody"]).toBeGreaterThan(0);
    expect((counts["bundles handed on to the next relay"] ?? 0) > 0).toBe(relays === 2);
  },
);

test("[K2] [K4] what relays hold for somebody who is away stays where it is while they restart, and arrives", async () => {
  expect(await restartingRelays(1)).toEqual([]);
});

test("[I4] whoever cannot link back, and has no room to note that either, goes on", async () => {
  await using network = await simulate({ seed: 11, homeservers: 3, topology: "star" });
  const [bob, carol] = [network.device("bob"), network.device("carol")];
  const { link } = await network.during(bob.call("invitations.create", {}));
  network.acquaintance.link("bob", "carol");
  void carol.attempt("invitations.accept", { link: link! });
  const used = () => bob.database.get("SELECT 1 AS found FROM invitations WHERE usesLeft < usesMax");
  await network.clock.until(() => used() !== undefined, "the invitation is used");
  bob.disk.full = true;
  network.network.partition(bob.host, bob.home.clientHost);
  await network.clock.advance(60_000);
  expect(network.violations.found).toEqual([]);
  bob.disk.full = false;
  network.network.heal(bob.host, bob.home.clientHost);
  await network.during(carol.send("thanks for asking", bob));
  await network.clock.advance(300_000);
  expect(await network.during(bob.messages(carol))).toEqual(["thanks for asking"]);
});

test("sets of homeservers that are partitioned hear nothing of each other, and everything afterwards", async () => {
  await using network = await simulate({ seed: 9, homeservers: 4, topology: "ring" });
  for (const pair of network.links) await network.during(becomeContacts(network, pair));
  const [near, far] = [
    ["alice", "bob"],
    ["carol", "dave"],
  ];
  network.network.partition(near!, far!);
  for (const [from, to] of network.links)
    await network.during(network.device(from).send(`from ${from}`, network.device(to)));
  await network.clock.advance(20_000);
  const arrived = async (at: string, from: string) =>
    network.during(network.device(at).messages(network.device(from)));
  expect(await arrived("bob", "alice")).toEqual(["from alice"]);
  expect(await arrived("carol", "bob")).toEqual([]);
  network.network.heal(near!, far!);
  await network.clock.advance(600_000);
  expect(await network.during(conversations(network, network.links))).toEqual([]);
});
