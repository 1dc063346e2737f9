/** How far people are shown, and the people of servers one hop beyond. */
import type { PersonView } from "@fedchat/protocol";
import { openAccountRecord } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";
import { makeAccount } from "./test-account.ts";

const handleOf = ({ record }: PersonView): string => openAccountRecord(primitives, record).record.handle;

async function shown(host: Host): Promise<string[]> {
  const people = await host.world.clock.settle(host.federation.people(false));
  return people.map(
    (person) => `${handleOf(person)} of ${person.serverName ?? "a linked server"} ${person.presence}`,
  );
}

/** Carol's server in the middle, Alice's and Bob's linked with it and not with each other. */
async function star(): Promise<[Host, Host, Host, World]> {
  const world = new World();
  const [alice, bob, carol] = [
    await world.homeserver("alice", { accounts: 1 }),
    await world.homeserver("bob", { accounts: 1 }),
    await world.homeserver("carol", { accounts: 0 }),
  ];
  bob.accounts.visibility = "beyond";
  await world.link(alice, carol);
  await world.link(bob, carol);
  await world.clock.advance(3_000);
  return [alice, bob, carol, world];
}

test("[L24] whoever looks sees the people of the star's other leaves, with presence and changes", async () => {
  const [alice, bob, , world] = await star();
  alice.federation.watchBeyond(true);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual(["person0 of bob online"]);

  const [person] = bob.accounts.listed();
  bob.accounts.change([{ ...person!, presence: "offline" }]);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual(["person0 of bob offline"]);
  expect(alice.events("people").at(-1)).toMatchObject({ server: bob.id });
  expect(await world.clock.settle(alice.federation.lookup(bob.id, bob.person))).toEqual(
    bob.people[0]!.signed,
  );
});

test("[L24] nothing is told to who does not look, and what was told is forgotten with the look", async () => {
  const [alice, bob, , world] = await star();
  expect(await shown(alice)).toEqual([]);
  alice.federation.watchBeyond(true);
  await world.clock.advance(3_000);
  alice.federation.watchBeyond(false);
  await world.clock.advance(1_000);
  expect(await shown(alice)).toEqual([]);
  expect(alice.events("people").at(-1)).toMatchObject({ server: bob.id, whole: true, people: [] });
});

test("[L24] only people who chose it are told beyond, and never on to a third hop", async () => {
  const [alice, bob, , world] = await star();
  bob.accounts.visibility = "linked";
  bob.accounts.change(bob.accounts.listed(), "beyond");
  const dora = await world.homeserver("dora", { accounts: 1 });
  await world.link(dora, bob);
  dora.accounts.visibility = "directory";
  dora.accounts.change(dora.accounts.listed(), "linked");
  alice.federation.watchBeyond(true);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual([]);
});

test("[L24] whoever was never shown beyond is not said to be gone there either", async () => {
  const [, bob, carol, world] = await star();
  const watcher = await BarePeer.mutual(world, carol);
  const comeAndGo = async (before: "linked" | "beyond") => {
    bob.accounts.change(bob.accounts.listed(), before);
    await world.clock.advance(3_000);
    const told = watcher.controls.splice(0).filter(({ kind }) => kind === "peopleBeyond");
    return told.flatMap((control) => (control.kind === "peopleBeyond" ? [control] : []));
  };
  bob.accounts.visibility = "linked";
  await comeAndGo("beyond");
  watcher.control({ kind: "watchBeyond", watching: true });
  await world.clock.advance(3_000);
  expect(await comeAndGo("linked")).not.toContainEqual(expect.objectContaining({ gone: [bob.person] }));
  expect(await comeAndGo("linked")).toEqual([]);

  bob.accounts.visibility = "beyond";
  expect((await comeAndGo("linked")).at(-1)!.people).toHaveLength(1);
  bob.accounts.visibility = "linked";
  expect((await comeAndGo("beyond")).at(-1)!.gone).toEqual([bob.person]);
});

test("[L23] who hides is gone from where they were shown; others are not told that somebody hides", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  await world.clock.advance(3_000);
  expect(await shown(alice)).toHaveLength(2);

  const [first, second] = bob.accounts.listed();
  bob.accounts.change([{ ...first!, visibility: "hidden" }]);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual(["person1 of a linked server online"]);

  const seen: unknown[] = [];
  world.network.tamper = (frame) => {
    seen.push(frame);
    return frame;
  };
  bob.accounts.change([{ ...second!, visibility: "hidden" }], "hidden");
  await world.clock.advance(1);
  expect(seen).toEqual([]);
});

test("[L21] [L24] people whose records are ahead of time are let go, and who passed them on is not to blame", async () => {
  const world = new World();
  const hub = await world.homeserver("hub");
  const carol = await world.homeserver("carol");
  await world.link(carol, hub);
  const leaf = await BarePeer.mutual(world, hub);
  carol.process.skewMs = -5_000;
  carol.federation.watchBeyond(true);
  await world.clock.advance(1_000);
  const made = (handle: string, nowMs: number) => ({
    record: makeAccount(
      { primitives, random: world.random.fork(handle) },
      { server: leaf.id, handle, nowMs, devices: 0 },
    ).signed,
    presence: "online" as const,
    visibility: "beyond" as const,
  });
  const tomorrow = world.clock.now() + 86_400_000 - 1_000;
  const people = Array.from({ length: 70 }, (_, number) => made(`p${number}`, tomorrow));
  people.push(made("present", world.clock.now() - 10_000));
  leaf.control({ kind: "people", whole: true, people, more: false, gone: [] });
  await world.clock.advance(3_000);

  expect(carol.link(hub)?.state).toBe("connected");
  expect((await shown(carol)).filter((line) => line.includes("mallory"))).toEqual([
    "present of mallory online",
  ]);
});

test("[L24] a server that is linked itself speaks for itself", async () => {
  const [alice, bob, , world] = await star();
  alice.federation.watchBeyond(true);
  await world.link(alice, bob);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual(["person0 of a linked server online"]);
  await world.clock.settle(alice.federation.removeLink(bob.id));
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual([]);
});

test("[L24] with the link that told, what it told is gone", async () => {
  const [alice, , carol, world] = await star();
  alice.federation.watchBeyond(true);
  await world.clock.advance(3_000);
  carol.crash();
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual([]);
});

test("[L24] a liar can tell only records that their servers signed, of people who live there, within bounds", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const mallory = await BarePeer.mutual(world, alice);
  const bob = await world.homeserver("bob", { accounts: 1 });
  const stranger = makeAccount(
    { primitives, random: world.random },
    { server: mallory.id, handle: "stranger", nowMs: world.clock.now() },
  );
  alice.federation.watchBeyond(true);
  await world.clock.advance(100);
  const tell = (server: Uint8Array, record: Uint8Array) =>
    mallory.control({
      kind: "peopleBeyond",
      server,
      whole: true,
      people: [{ record, presence: "online", visibility: "beyond" }],
      more: false,
      gone: [],
    });
  const forged = bob.own.signed.slice();
  forged[forged.length - 1]! ^= 1;

  tell(forged, bob.people[0]!.signed);
  tell(bob.own.signed, stranger.signed);
  tell(alice.own.signed, alice.people[0]!.signed);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual([]);
  tell(bob.own.signed, bob.people[0]!.signed);
  await world.clock.advance(3_000);
  expect(await shown(alice)).toEqual(["person0 of bob online"]);
});

test("[L23] people are found by the beginning of a handle or of a word of the name", async () => {
  const [alice, , , world] = await star();
  alice.federation.watchBeyond(true);
  await world.clock.advance(3_000);
  const found = async (text: string) =>
    (await world.clock.settle(alice.federation.searchPeople(text))).map(handleOf);
  expect(await found("@PERS")).toEqual(["person0"]);
  expect(await found("erson")).toEqual([]);
  expect(await found(" ")).toEqual([]);
});
