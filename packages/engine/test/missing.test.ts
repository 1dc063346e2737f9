/** Missing messages: shown, asked for, handed on and closed, whoever withholds what. Real MLS, three homeservers. */
import { expect, test } from "vitest";
import { group, opened, sees, texts } from "./room-scene.ts";
import { type Person, World } from "./world.ts";

/** Writes while offline; `lost` says which of it never leaves for this person's homeserver. */
async function writes(by: Person, roomId: string, said: string[], lost: string[], to: Person): Promise<void> {
  await by.goOffline();
  for (const text of said) await by.call("messages.send", { roomId, text });
  for (const text of lost) withhold(by, text, to);
  await by.restart();
  await by.goOnline();
}

/** A message that waits at its sender never leaves for this homeserver. */
function withhold(by: Person, text: string, to: Person): void {
  const { changes } = by.database.run(
    "DELETE FROM outgoing WHERE server = ? AND subject IN (SELECT id FROM messages WHERE text = ?)",
    to.home.id,
    text,
  );
  expect(changes).toBe(1);
}

/** Larger steps than the world's own, for waits of minutes. */
async function later(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) await world.clock.step(250);
}

async function missing(person: Person, roomId: string): Promise<number> {
  const rooms = await person.call("rooms.list", {});
  return rooms.find((room) => room.roomId === roomId)!.missing;
}

test("[Z1] [Z2] [Z3] what a homeserver withheld in the middle is shown, asked from its sender, and stands in its place", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await writes(alice, roomId, ["1", "2", "3", "4"], ["2", "3"], bob);
  await sees(bob, roomId, "Alice: 1", "Alice: 4");
  expect(await missing(bob, roomId)).toBe(2);
  expect((await group(bob)).gaps).toEqual([
    { name: "Alice", count: 2, sentence: "FedChat asks for what Alice sent." },
  ]);
  await carol.goOffline();
  await later(world, 10_000);
  await sees(bob, roomId, "Alice: 1", "Alice: 2", "Alice: 3", "Alice: 4");
  expect(await missing(bob, roomId)).toBe(0);
  expect((await group(bob)).gaps).toEqual([]);
});

test("[M2] [Z1] what a homeserver hands on in another order stands in its sender's order, each once", async () => {
  await using world = new World("real");
  const { alice, bob, roomId } = await opened(world);
  await alice.goOffline();
  for (const text of ["1", "2", "3"]) await alice.call("messages.send", { roomId, text });
  // The order in which Alice's server gives them to Bob's: the first one last.
  const moved = alice.database.run(
    "UPDATE outgoing SET seq = (SELECT max(seq) + 1 FROM outgoing) WHERE server = ? AND subject IN (SELECT id FROM messages WHERE text = '1')",
    bob.home.id,
  );
  expect(moved.changes).toBe(1);
  await alice.restart();
  await alice.goOnline();
  await sees(bob, roomId, "Alice: 1", "Alice: 2", "Alice: 3");
  await later(world, 3_000);
  expect(await missing(bob, roomId)).toBe(0);
});

test("[Z1] a last message that was withheld shows by a beat, and comes", async () => {
  await using world = new World("real");
  const { alice, bob, roomId } = await opened(world);
  await writes(alice, roomId, ["first", "last"], ["last"], bob);
  await sees(bob, roomId, "Alice: first");
  await later(world, 11 * 60_000);
  await sees(bob, roomId, "Alice: first", "Alice: last");
});

test("[Z2] [Z4] where the sender is away another member hands it on, and it verifies as the sender's", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await writes(alice, roomId, ["1", "2", "3"], ["2"], bob);
  await sees(carol, roomId, "Alice: 1", "Alice: 2", "Alice: 3");
  await sees(bob, roomId, "Alice: 1", "Alice: 3");
  await alice.goOffline();
  await later(world, 120_000);
  await sees(bob, roomId, "Alice: 1", "Alice: 2", "Alice: 3");
  const { messages } = await bob.call("messages.list", { roomId });
  const late = messages.find(({ text }) => text === "2")!;
  expect(late).toMatchObject({ senderName: "Alice", mine: false });
  const steps = await bob.call("messages.xray", { messageId: late.messageId });
  expect(steps.map(({ sentence }) => sentence)).toEqual([
    "It was missing here. Carol handed it on; Alice's signature on it is right.",
  ]);
});

/** Bob misses the second of Alice's three messages, Carol has it, and Alice is away. */
async function bobMisses(world: World) {
  const scene = await opened(world);
  const { alice, bob, carol, roomId } = scene;
  await writes(alice, roomId, ["one", "two", "three"], ["two"], bob);
  await sees(carol, roomId, "Alice: one", "Alice: two", "Alice: three");
  await sees(bob, roomId, "Alice: one", "Alice: three");
  await alice.goOffline();
  return scene;
}

const proofOfTwo = "message = (SELECT id FROM messages WHERE text = 'two')";

for (const [what, lie] of [
  [
    "with another text",
    "UPDATE messages SET content = CAST(replace(CAST(content AS TEXT), 'two', 'TWO') AS BLOB) WHERE text = 'two'",
  ],
  ["with a forged signature", `UPDATE messageProofs SET signature = randomblob(64) WHERE ${proofOfTwo}`],
  [
    "that stood in another place",
    `UPDATE messageProofs SET (message, head, tail, signature, previous) =
       (SELECT message, head, tail, signature, previous FROM messageProofs WHERE counter = 1) WHERE counter = 2`,
  ],
  ["of another epoch", `UPDATE messageProofs SET epoch = epoch - 1 WHERE ${proofOfTwo}`],
  ["of another leaf", `UPDATE messageProofs SET leaf = leaf + 1 WHERE ${proofOfTwo}`],
] as const) {
  test(`[Z4] a member who hands on a message ${what} is not believed, and the sender closes the gap later`, async () => {
    await using world = new World("real");
    const { alice, bob, carol, roomId } = await bobMisses(world);
    const untouched = await texts(carol, roomId);
    // Whatever the content's bytes become, they stay a blob: Carol's engine hands them on as they are.
    expect(carol.database.run(lie).changes).toBe(1);
    await later(world, 90_000);
    expect(await texts(bob, roomId)).toEqual(["Alice: one", "Alice: three"]);
    expect(await missing(bob, roomId)).toBe(1);
    expect((await group(bob)).gaps).toMatchObject([{ name: "Alice", count: 1 }]);
    await alice.goOnline();
    await later(world, 25 * 60_000);
    await sees(bob, roomId, ...untouched);
  });
}

test("[Z4] a message of another room is not taken for one of this room", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  const { roomId: other } = await alice.call("rooms.create", {
    name: "Elsewhere",
    people: [await carol.account()],
  });
  await world.until(
    async () => (await carol.call("rooms.list", {})).some((room) => room.roomId === other),
    "the other room",
  );
  await carol.call("rooms.join", { roomId: other });
  await world.pass(2_000);
  for (const text of ["a", "two, elsewhere", "c"]) await alice.call("messages.send", { roomId: other, text });
  await sees(carol, other, "Alice: a", "Alice: two, elsewhere", "Alice: c");
  await writes(alice, roomId, ["one", "two", "three"], ["two"], bob);
  await sees(carol, roomId, "Alice: one", "Alice: two", "Alice: three");
  await alice.goOffline();
  // Carol hands on what Alice said elsewhere, in the same place, with all that it was signed with.
  const { changes } = carol.database.run(
    `UPDATE messageProofs SET (message, previous, epoch, leaf, head, tail, signature) =
       (SELECT message, previous, epoch, leaf, head, tail, signature FROM messageProofs
        WHERE room = ? AND counter = 2) WHERE room = ? AND counter = 2`,
    other,
    roomId,
  );
  expect(changes).toBe(1);
  await later(world, 90_000);
  expect(await texts(bob, roomId)).toEqual(["Alice: one", "Alice: three"]);
  expect(await missing(bob, roomId)).toBe(1);
});

test("[Z5] a newcomer is handed nothing from before, is told of no hole there, and of one after", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  for (const text of ["before 1", "before 2"]) await alice.call("messages.send", { roomId, text });
  await sees(carol, roomId, "Alice: before 1", "Alice: before 2");
  await alice.call("rooms.remove", { roomId, account: await bob.account() });
  await group(bob, "closed");
  await alice.call("messages.send", { roomId, text: "without Bob" });
  await sees(carol, roomId, "Alice: before 1", "Alice: before 2", "Alice: without Bob");
  await alice.call("rooms.invite", { roomId, who: await bob.account() });
  await group(bob, "invited");
  await bob.call("rooms.join", { roomId });
  await world.pass(3_000);
  await writes(alice, roomId, ["withheld", "again"], ["withheld"], bob);
  await later(world, 40_000);
  const seen = await texts(bob, roomId);
  expect(seen).toEqual(["Alice: before 1", "Alice: before 2", "Alice: withheld", "Alice: again"]);
  expect(await missing(bob, roomId)).toBe(0);
  // Alice said which of hers are not Bob's, and handed on nothing that he would have had to refuse.
  expect(bob.database.all("SELECT * FROM gaps")).toEqual([]);
});

test("[Z2] what a member only claims is shown until the sender's own device says that it never was", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("messages.send", { roomId, text: "one" });
  await sees(bob, roomId, "Alice: one");
  await sees(carol, roomId, "Alice: one");
  await world.pass(2_000);
  await alice.goOffline();
  // Carol says that she saw nine messages of Alice.
  carol.database.run("UPDATE counters SET received = 9, highest = 9 WHERE received = 1 AND told > 0");
  await carol.call("messages.send", { roomId, text: "so many!" });
  await sees(bob, roomId, "Alice: one", "Carol: so many!");
  expect(await missing(bob, roomId)).toBe(8);
  await alice.goOnline();
  await later(world, 25 * 60_000);
  expect(await missing(bob, roomId)).toBe(0);
  await alice.call("messages.send", { roomId, text: "two" });
  await sees(bob, roomId, "Alice: one", "Carol: so many!", "Alice: two");
});

test("[Z2] a message that came when its keys were gone is sent again by its sender", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("messages.send", { roomId, text: "first" });
  await sees(bob, roomId, "Alice: first");
  await alice.goOffline();
  await alice.call("messages.send", { roomId, text: "old" });
  const columns =
    "envelope, kind, created, server, accounts, lane, payload, grantFirst, purpose, subject, state";
  alice.database.exec(`CREATE TEMP TABLE kept AS SELECT ${columns} FROM outgoing`);
  withhold(alice, "old", bob);
  withhold(alice, "old", carol);
  await alice.goOnline();
  for (let change = 0; change < 7; change++) {
    await alice.call("rooms.rename", { roomId, name: `Name ${change}` });
    for (const person of [bob, carol])
      await world.until(async () => (await group(person)).title === `Name ${change}`, "the new name");
  }
  expect(await texts(bob, roomId)).toEqual(["Alice: first"]);
  alice.database.exec(`INSERT INTO outgoing (${columns}) SELECT ${columns} FROM kept`);
  await alice.restart();
  await sees(bob, roomId, "Alice: first", "Alice: old");
  await sees(carol, roomId, "Alice: first", "Alice: old");
});
