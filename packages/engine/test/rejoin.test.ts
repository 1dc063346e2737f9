/** Devices that come into their rooms again by themselves: after a recovery kit, and where their store was damaged. */
import type { AccountNote, OpenedAccountRecord, RoomId } from "@fedchat/protocol";
import { openAccountRecord, requestId } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { isDeepStrictEqual as isDeepEqual } from "node:util";
import { expect, test } from "vitest";
import { Identity } from "../src/core/identity.ts";
import { NotesSender } from "../src/core/notes-sender.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { friends, type Person, World } from "./world.ts";

/** Whether this device is in the room's group. */
const isIn = (person: Person, roomId: string) => () =>
  person.database.all("SELECT 1 FROM groups WHERE room = ?", roomId).length === 1;

async function lines(person: Person, roomId: string, kind: "text" | "notice"): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages.filter((one) => one.kind === kind).map(({ text }) => text);
}

async function sees(person: Person, roomId: string, ...wanted: string[]): Promise<void> {
  await person.home.world.until(
    async () => (await lines(person, roomId, "text")).join("\n") === wanted.join("\n"),
    `'${wanted.join(", ")}', seeing '${(await lines(person, roomId, "text")).join(", ")}'`,
  );
}

const get = async (person: Person, roomId: string) => await person.call("rooms.get", { roomId });

/** Alice, Bob and Carol on three homeservers: Alice has a chat with Bob, and all are in a room that Bob opened. */
async function three(world: World) {
  const { alice, bob } = await friends(world);
  const carol = await (await world.home("carol.example")).person("Carol");
  await bob.link(carol);
  const pair = (await alice.pair()).roomId;
  await bob.call("requests.send", { who: "@carol", text: "" });
  const { requestId } = await carol.request("pending");
  await carol.call("requests.accept", { requestId });
  await world.until(async () => (await bob.call("contacts.list", {})).length === 2, "bob's contacts");
  await world.pass(2_000);
  const people = [await alice.account(), await carol.account()];
  const { roomId: room } = await bob.call("rooms.create", { name: "Hiking", people });
  for (const person of [alice, carol]) {
    await world.until(
      async () => (await person.call("rooms.list", {})).some(({ state }) => state === "invited"),
      "the invitation",
    );
    await person.call("rooms.join", { roomId: room });
  }
  await world.until(async () => (await get(bob, room)).group?.people === 3, "all three");
  await world.pass(3_000);
  return { alice, bob, carol, pair, room };
}

/** All of this person's devices are lost; the kit's words bring a new one. */
async function recovered(
  person: Person,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<Person> {
  const { world } = person.home;
  const kit = await person.call("recovery.kit", {});
  await world.pass(40_000);
  await world.until(async () => (await person.call("archive.state", {})).waiting === 0, "the archive");
  await person.close();
  await meanwhile();
  const fresh = person.home.engine();
  await fresh.call("account.recover", { words: kit.words.join(" ") });
  await world.until(async () => (await fresh.call("archive.state", {})).read, "the history");
  return fresh;
}

test("[U7] [F13] who lost every device is back in every chat: messages go both ways, and it is said once", async () => {
  await using world = new World("real");
  const { alice, bob, carol, pair, room } = await three(world);
  await alice.call("messages.send", { roomId: pair, text: "before" });
  await alice.call("messages.send", { roomId: room, text: "all before" });
  await sees(carol, room, "all before");
  await sees(bob, pair, "before");
  const fresh = await recovered(alice, async () => {
    await bob.call("messages.send", { roomId: pair, text: "to nobody" });
  });
  for (const roomId of [pair, room]) await world.until(isIn(fresh, roomId), "alice to be in again");
  await sees(fresh, pair, "before");
  await fresh.call("messages.send", { roomId: pair, text: "I am back" });
  await sees(bob, pair, "before", "to nobody", "I am back");
  await bob.call("messages.send", { roomId: pair, text: "Welcome" });
  await sees(fresh, pair, "before", "I am back", "Welcome");
  await fresh.call("messages.send", { roomId: room, text: "back here, too" });
  for (const person of [bob, carol]) await sees(person, room, "all before", "back here, too");
  await carol.call("messages.send", { roomId: room, text: "good" });
  await sees(fresh, room, "all before", "back here, too", "good");
  for (const roomId of [pair, room]) {
    expect((await get(fresh, roomId)).cause).toBeNull();
    expect(
      (await lines(fresh, roomId, "notice")).filter((line) => line.startsWith("You are back")),
    ).toHaveLength(1);
  }
  expect((await get(fresh, room)).group?.people).toBe(3);
  await world.pass(120_000);
  expect((await get(fresh, pair)).gaps).toEqual([]);
});

test("[U7] while nobody is there who could let the device in, it says who was asked and what else there is", async () => {
  await using world = new World();
  const { alice, bob, pair, carol, room } = await three(world);
  const fresh = await recovered(alice, async () => {
    await bob.close();
    await carol.close();
  });
  await world.pass(2_000);
  expect((await get(fresh, pair)).cause).toMatchObject({
    code: "room-entering",
    sentence: "This device is not in this chat's encryption yet. Bob has to let it in, and was asked.",
    fix: expect.stringContaining("ask for a new chat"),
  });
  expect((await get(fresh, room)).cause).toMatchObject({ code: "room-entering" });
  expect(await fresh.failure("messages.send", { roomId: pair, text: "hello?" })).toBe("room-entering");
  expect(await fresh.failure("rooms.rename", { roomId: room, name: "x" })).toBe("room-entering");
  // What waits for an answer survives a restart on either side, and nobody is asked again and again.
  const asked = () => fresh.database.all("SELECT asks FROM roomEntering ORDER BY room");
  expect(asked()).toEqual([{ asks: 1 }, { asks: 1 }]);
  await fresh.restart();
  await world.pass(2_000);
  expect(asked()).toEqual([{ asks: 1 }, { asks: 1 }]);
  bob.open();
  for (const roomId of [pair, room]) await world.until(isIn(fresh, roomId), "alice to be in again");
  expect(asked()).toEqual([]);
  await fresh.call("messages.send", { roomId: pair, text: "there you are" });
  await sees(bob, pair, "there you are");
});

test("[U7] who is not in the room any more is told so by whom they asked", async () => {
  await using world = new World();
  const { alice, bob, room } = await three(world);
  const account = await alice.account();
  const fresh = await recovered(alice, async () => {
    await bob.call("rooms.remove", { roomId: room, account });
    await world.until(async () => (await get(bob, room)).group?.people === 2, "alice to be out");
  });
  await world.until(async () => (await get(fresh, room)).state === "closed", "alice to be told");
  expect((await get(fresh, room)).cause?.sentence).toBe("Bob says that you are not in this room any more.");
  expect(isIn(fresh, room)()).toBe(false);
  expect((await lines(fresh, room, "notice")).filter((line) => line.startsWith("You are back"))).toEqual([]);
});

test("[U7] whoever asks for the way into a room that they are not in learns nothing of its key", async () => {
  await using world = new World();
  const { alice, bob, carol, pair } = await three(world);
  // Carol knows the id of a chat that is not hers, and pretends to come into it.
  await world.pass(3_000);
  const others = carol.database.all<{ account: string }>("SELECT account FROM contacts");
  expect(others).toHaveLength(1);
  const at = carol.database.get<{ at: number }>("SELECT max(createdAt) AS at FROM rooms")!.at;
  carol.database.run(
    "INSERT INTO rooms (id, kind, peer, createdAt, lastActivityAt, state) VALUES (?, 'pair', ?, ?, ?, 'open')",
    ...[pair, others[0]!.account, at, at],
  );
  const { hub } = bob.database.get<{ hub: string }>("SELECT hub FROM roomLogs WHERE room = ?", pair)!;
  carol.database.run(
    "INSERT INTO roomLogs (room, hub, term, position, head, following, renewedAt) VALUES (?, ?, 1, 0, zeroblob(32), 'told', 0)",
    ...[pair, hub],
  );
  carol.database.run(
    'INSERT INTO roomChanges (room, change, createdAt) VALUES (?, \'{"kind":"enter"}\', 0)',
    pair,
  );
  await carol.restart();
  await world.until(async () => (await get(carol, pair)).state === "closed", "carol to be turned away");
  expect((await get(carol, pair)).cause?.sentence).toBe("Bob says that you are not in this room any more.");
  expect(carol.database.all("SELECT * FROM roomEntering WHERE key IS NOT NULL")).toEqual([]);
  expect(isIn(carol, pair)()).toBe(false);
  expect((await get(alice, pair)).state).toBe("open");
});

test("[U7] whose newer record the room is still to commit is told no key: it would be another by then", async () => {
  await using world = new World();
  const { alice, bob, carol, room } = await three(world);
  await alice.link(carol);
  await alice.call("requests.send", { who: "@carol", text: "" });
  const { requestId } = await carol.request("pending");
  await carol.call("requests.accept", { requestId });
  await world.pass(3_000);
  // Nothing is committed in the room any more.
  bob.home.die();
  const inRoom = (where: string) => () =>
    alice.database.all(`SELECT 1 FROM roomEntering WHERE room = ? AND ${where}`, room).length === 1;
  await damage(alice, "DELETE FROM groupRecords");
  alice.open();
  await world.until(inRoom("key IS NOT NULL"), "carol's answer");
  alice.database.run("DELETE FROM roomEntering");
  await alice.call("account.rename", { displayName: "Alicia" });
  await alice.restart();
  await world.until(inRoom("asks = 1"), "carol to be asked");
  await world.pass(2_000);
  expect(inRoom("key IS NOT NULL")()).toBe(false);
});

test("[U7] nobody but who is in the room tells its key or that one is out, and nobody unasked", async () => {
  await using world = new World();
  const { alice, bob, carol, pair } = await three(world);
  // What Carol says gets as far as Alice's engine.
  await alice.link(carol);
  const fresh = await recovered(alice, async () => await bob.close());
  await world.pass(2_000);
  const record = openAccountRecord(nodePrimitives, signedRecordOf(fresh));
  const place = { hub: carol.home.id, term: 1, position: 1, hash: new Uint8Array(32) };
  const room = pair as RoomId;
  for (const content of [
    { kind: "key", room, key: new Uint8Array(32), ...place },
    { kind: "gone", room },
  ] as const)
    await tell(carol, record, content);
  await world.pass(3_000);
  expect(fresh.database.all("SELECT * FROM roomEntering WHERE key IS NOT NULL")).toEqual([]);
  expect((await get(fresh, pair)).state).toBe("open");
  // Bob is in his chat: what Alice's new device tells him of its key is nothing to him.
  bob.open();
  await world.until(isIn(fresh, pair), "alice to be in again");
  const epoch = (of: Person) => of.database.all("SELECT position, head FROM roomLogs WHERE room = ?", pair);
  await world.until(() => isDeepEqual(epoch(bob), epoch(fresh)), "both to be as far");
  await tell(fresh, openAccountRecord(nodePrimitives, signedRecordOf(bob)), {
    ...{ kind: "key", room, key: new Uint8Array(32) },
    ...place,
  });
  await world.pass(3_000);
  expect(bob.database.all("SELECT * FROM roomEntering")).toEqual([]);
});

test("[U7] a member's key that opens nothing keeps nobody out: others are asked, and the right one lets in", async () => {
  await using world = new World();
  const { alice, bob, carol, room } = await three(world);
  const fresh = await recovered(alice, async () => {
    await bob.close();
    await carol.close();
  });
  await world.pass(2_000);
  fresh.database.run(
    "UPDATE roomEntering SET key = zeroblob(32), hub = ?, term = 1, position = 1, head = zeroblob(32) WHERE room = ?",
    bob.home.id,
    room,
  );
  await fresh.restart();
  await world.pass(2_000);
  expect(isIn(fresh, room)()).toBe(false);
  bob.open();
  await world.until(isIn(fresh, room), "alice to be in again");
});

test("[U7] [W7] who cannot come in is taken in anew, or asks for another chat", async () => {
  await using world = new World();
  const { alice, bob, carol, pair, room } = await three(world);
  const account = await alice.account();
  const fresh = await recovered(alice, async () => {
    for (const person of [bob, carol]) await person.close();
    // Nothing that opens an info comes: Bob's engine drops what Alice asks.
    bob.open();
    bob.database.run("UPDATE rooms SET state = 'closed' WHERE id IN (?, ?)", pair, room);
  });
  await world.pass(5_000);
  expect(isIn(fresh, pair)()).toBe(false);
  bob.database.run("UPDATE rooms SET state = 'open' WHERE id = ?", room);
  await bob.call("rooms.remove", { roomId: room, account });
  await world.until(async () => (await get(bob, room)).group?.people === 2, "alice to be out");
  await bob.call("rooms.invite", { roomId: room, who: "@alice" });
  await world.until(isIn(fresh, room), "alice to be taken in");
  expect((await get(fresh, room)).cause).toBeNull();
  await fresh.call("messages.send", { roomId: room, text: "in again" });
  await sees(bob, room, "in again");
  await fresh.call("requests.send", { who: "@bob", text: "a new chat, then" });
  const { requestId } = await bob.request("pending");
  await bob.call("requests.accept", { requestId });
  await world.until(
    async () =>
      (await fresh.call("rooms.list", {})).some(({ roomId, kind }) => kind === "pair" && roomId !== pair),
    "the new chat",
  );
});

test("[U7] [I8] where nobody in the room is known, a link into it lets the device in", async () => {
  await using world = new World();
  const { alice, bob, carol, room } = await three(world);
  await bob.call("rooms.setRole", { roomId: room, account: await carol.account(), role: "owner" });
  await world.until(async () => (await get(carol, room)).group?.role === "owner", "carol to own the room");
  await bob.call("rooms.leave", { roomId: room });
  await world.until(async () => (await get(carol, room)).group?.people === 2, "bob to be out");
  await carol.call("rooms.setRules", { roomId: room, joining: "approval" });
  await world.until(async () => (await get(alice, room)).group?.joining === "approval", "a room with links");
  const { link } = await carol.call("rooms.createLink", { roomId: room });
  const fresh = await recovered(alice);
  await world.pass(10_000);
  expect((await get(fresh, room)).cause).toMatchObject({
    sentence: expect.stringContaining("knows nobody in it well enough to ask"),
    fix: expect.stringContaining("a link into it"),
  });
  await fresh.call("rooms.ask", { link: link! });
  await world.until(isIn(fresh, room), "alice to be in again");
  expect(await fresh.call("rooms.asks", {})).toMatchObject([{ state: "admitted" }]);
  expect(await carol.call("rooms.asks", {})).toEqual([]);
  await fresh.call("messages.send", { roomId: room, text: "by your link" });
  await sees(carol, room, "by your link");
});

/** Alice's devices and her homeserver are gone; the kit's words bring her back at Carol's. */
async function elsewhere(alice: Person, carol: Person): Promise<Person> {
  const words = (await alice.call("recovery.kit", {})).words.join(" ");
  await alice.call("recovery.settle", { kit: "kept" });
  await alice.close();
  alice.home.die();
  const fresh = carol.home.engine();
  const registrationToken = await carol.home.invitation();
  await fresh.call("account.recover", { words, here: { displayName: "Alice", registrationToken } });
  return fresh;
}

/** She has a chat with Bob again. */
async function befriended(fresh: Person, bob: Person): Promise<void> {
  const { link } = await bob.call("invitations.create", {});
  await fresh.call("invitations.accept", { link: link! });
  await fresh.pair();
  const { world } = fresh.home;
  await world.until(
    async () =>
      (await bob.call("contacts.list", {})).some(
        ({ displayName, serverId }) => displayName === "Alice" && serverId === fresh.home.id,
      ),
    "bob to know where she is",
  );
}

const known = async (person: Person, roomId: string) =>
  (await person.call("rooms.list", {})).find((one) => one.roomId === roomId);

test("[U7] [A18] [I8] an owner who came back elsewhere by the kit comes into a room by a link, and owns it still", async () => {
  await using world = new World("real");
  const { alice, bob, carol, room } = await three(world);
  await bob.call("rooms.setRole", { roomId: room, account: await alice.account(), role: "owner" });
  await bob.call("rooms.setRules", { roomId: room, joining: "approval" });
  await world.until(async () => (await get(alice, room)).group?.role === "owner", "alice to own the room");
  await world.until(async () => (await get(bob, room)).group?.joining === "approval", "a room with links");
  const { link } = await bob.call("rooms.createLink", { roomId: room });
  const fresh = await elsewhere(alice, carol);
  expect(await known(fresh, room)).toBeUndefined();
  await fresh.call("rooms.ask", { link: link! });
  await world.until(async () => (await known(fresh, room))?.state === "open", "the room to be known");
  await world.until(isIn(fresh, room), "alice to be in again");
  expect(await fresh.call("rooms.asks", {})).toMatchObject([{ state: "admitted" }]);
  expect(await get(fresh, room)).toMatchObject({ title: "Hiking", group: { role: "owner", people: 3 } });
  expect((await lines(fresh, room, "notice")).filter((line) => line.startsWith("You are back"))).toHaveLength(
    1,
  );
  await fresh.call("messages.send", { roomId: room, text: "by your link" });
  for (const person of [bob, carol]) await sees(person, room, "by your link");
  await carol.call("messages.send", { roomId: room, text: "good" });
  await sees(fresh, room, "by your link", "good");
});

test("[U7] [A18] whoever invites a participant whose new device is outside tells it the way in, and its person says yes", async () => {
  await using world = new World();
  const { alice, bob, carol, room } = await three(world);
  const invite = { roomId: room, who: await alice.account() };
  expect(await bob.failure("rooms.invite", invite)).toBe("room-rule");
  const fresh = await elsewhere(alice, carol);
  await befriended(fresh, bob);
  await bob.call("rooms.invite", invite);
  await world.until(async () => (await known(fresh, room))?.state === "invited", "the room to be known");
  // Nobody hears of it before the yes.
  await world.pass(3_000);
  expect(isIn(fresh, room)()).toBe(false);
  await fresh.call("rooms.join", { roomId: room });
  await world.until(isIn(fresh, room), "alice to be in again");
  await fresh.call("messages.send", { roomId: room, text: "here again" });
  for (const person of [bob, carol]) await sees(person, room, "here again");
  expect((await get(bob, room)).group?.people).toBe(3);
  expect(await bob.failure("rooms.invite", invite)).toBe("room-rule");
});

test("[U7] of a room that is not known here nobody tells who is no contact and was not asked, and a contact only until the yes", async () => {
  await using world = new World();
  const { alice, bob, carol, room } = await three(world);
  await bob.call("rooms.setRules", { roomId: room, joining: "approval" });
  await world.until(async () => (await get(bob, room)).group?.joining === "approval", "a room with links");
  const { link } = await bob.call("rooms.createLink", { roomId: room });
  const fresh = await elsewhere(alice, carol);
  await befriended(fresh, bob);
  const record = openAccountRecord(nodePrimitives, signedRecordOf(fresh));
  const place = { hub: carol.home.id, term: 1, position: 1, hash: new Uint8Array(32) };
  const content = (of: string) =>
    ({ kind: "key", room: of as RoomId, key: new Uint8Array(32), ...place }) as const;
  const other = (await carol.call("rooms.list", {})).find(({ kind }) => kind === "notes")!.roomId;
  // It is asked of Bob, whose engine does not run.
  await bob.close();
  await fresh.call("rooms.ask", { link: link! });
  await tell(carol, record, content(room));
  await world.pass(3_000);
  expect(await known(fresh, room)).toBeUndefined();
  expect(await fresh.call("rooms.asks", {})).toMatchObject([{ state: "pending" }]);
  bob.open();
  await world.until(isIn(fresh, room), "alice to be in again");
  // A contact's word, unasked.
  await tell(bob, record, content(other));
  await world.until(async () => (await known(fresh, other))?.state === "invited", "the other room");
  // A chat that is there is not told of.
  const { roomId: pair } = await fresh.pair();
  await tell(bob, record, content(pair));
  await world.pass(3_000);
  expect(fresh.database.all("SELECT room FROM roomEntering")).toEqual([{ room: other }]);
});

test("[U7] [F10] a room of which the archive alone tells is come into, too", async () => {
  await using world = new World("real");
  const { alice, bob, carol, pair, room } = await three(world);
  await alice.call("messages.send", { roomId: room, text: "before" });
  await sees(carol, room, "before");
  const fresh = await recovered(alice, async () => {
    // The homeserver keeps back what Alice's devices shared of their rooms.
    const { store } = alice.home;
    const { sealedList, sealedGet } = store;
    store.sealedList = async (account) =>
      (await sealedList.call(store, account)).filter(({ name }) => !name.startsWith("room/"));
    store.sealedGet = async (account, name) =>
      name.startsWith("room/") ? undefined : await sealedGet.call(store, account, name);
  });
  for (const roomId of [pair, room]) await world.until(isIn(fresh, roomId), "alice to be in again");
  await fresh.call("messages.send", { roomId: room, text: "after" });
  for (const person of [bob, carol]) await sees(person, room, "before", "after");
  await fresh.call("messages.send", { roomId: pair, text: "you, too" });
  await sees(bob, pair, "you, too");
});

const signedRecordOf = (person: Person): Uint8Array =>
  person.database.get<{ record: Uint8Array }>("SELECT record FROM identity")!.record;

/** A note that this person's engine would not send by itself. */
async function tell(
  from: Person,
  recipient: OpenedAccountRecord,
  content: AccountNote["content"],
): Promise<void> {
  const store = openEngineStore(from.database);
  const base = { store, primitives: nodePrimitives, clock: from.home.world.clock, random: nodeRandom };
  const notes = new NotesSender({ ...base, identity: new Identity(base) });
  const request = requestId.fromBytes(nodeRandom.bytes(16));
  store.transport.enqueue(notes.envelope(recipient, request, content));
  await from.restart();
}

/** What the engine keeps of its groups, changed while it does not run. */
async function damage(person: Person, sql: string): Promise<void> {
  await person.close();
  const database = openSqliteDatabase(person.path);
  database.exec(sql);
  database.close();
}

for (const [what, sql] of [
  ["gone", "DELETE FROM groupRecords"],
  [
    "cut short",
    "UPDATE groupRecords SET value = substr(value, 1, length(value) / 2) WHERE long IS NULL; " +
      "UPDATE groupValues SET value = substr(value, 1, length(value) / 2)",
  ],
  ["gone with all that goes with them", "DELETE FROM groupRecords; DELETE FROM groups; DELETE FROM roomLogs"],
  [
    "gone with what devices share",
    "DELETE FROM groupRecords; DELETE FROM groups; DELETE FROM roomLogs; DELETE FROM shared",
  ],
] as const)
  test(`[U8] an engine whose group records are ${what} says so once, comes in again by itself, and reads on`, async () => {
    await using world = new World("real");
    const { alice, bob, carol, pair, room } = await three(world);
    await alice.call("messages.send", { roomId: room, text: "before" });
    await bob.call("messages.send", { roomId: pair, text: "hello" });
    for (const person of [bob, carol]) await sees(person, room, "before");
    await sees(alice, pair, "hello");
    await world.pass(40_000);
    await damage(alice, sql);
    await bob.call("messages.send", { roomId: room, text: "meanwhile" });
    await bob.call("messages.send", { roomId: pair, text: "are you there?" });
    await world.pass(1_000);
    alice.open();
    const told = async (roomId: string) =>
      (await lines(alice, roomId, "notice")).filter((line) => line.includes("were damaged")).length;
    for (const roomId of [pair, room]) {
      await world.until(async () => (await told(roomId)) > 0, "it to be noticed");
      await world.until(isIn(alice, roomId), "alice to be in again");
    }
    await alice.call("messages.send", { roomId: room, text: "here I am" });
    for (const person of [bob, carol]) await sees(person, room, "before", "meanwhile", "here I am");
    await carol.call("messages.send", { roomId: room, text: "fine" });
    await sees(alice, room, "before", "meanwhile", "here I am", "fine");
    await sees(alice, pair, "hello", "are you there?");
    for (const roomId of [pair, room]) {
      expect(await told(roomId)).toBe(1);
      expect((await get(alice, roomId)).cause).toBeNull();
    }
  });

test("[U8] whose own change counts though it was given up comes in again, and reads on", async () => {
  await using world = new World("real");
  const { alice, bob, carol, room } = await three(world);
  await world.pass(40_000);
  await bob.call("rooms.rename", { roomId: room, name: "Orchard" });
  // It is on its way to the hub, and Bob's engine no longer knows of it.
  await world.until(() => bob.database.all("SELECT 1 FROM pendingCommits").length > 0, "a Commit");
  bob.database.exec("DELETE FROM pendingCommits; DELETE FROM pendingRecords; DELETE FROM roomChanges");
  await world.until(async () => (await get(alice, room)).title === "Orchard", "the new name");
  const noticed = async () =>
    (await lines(bob, room, "notice")).filter((line) => line.includes("was made after all")).length;
  await world.until(async () => (await noticed()) === 1, "it to be noticed");
  await world.until(isIn(bob, room), "bob to be in again");
  await alice.call("messages.send", { roomId: room, text: "a good name" });
  await bob.call("messages.send", { roomId: room, text: "I think so, too" });
  for (const person of [bob, carol])
    await world.until(
      async () => (await lines(person, room, "text")).toSorted().join() === "I think so, too,a good name",
      "both messages",
    );
  expect((await get(bob, room)).title).toBe("Orchard");
  expect(await noticed()).toBe(1);
});
