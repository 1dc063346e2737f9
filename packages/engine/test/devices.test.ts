/** Several devices of one account: each comes into every room, and what one does shows on the others. */
import { decode, openAccountRecord, storageKeyList } from "@fedchat/protocol";
import { noblePrimitives } from "@fedchat/protocol/primitives/noble";
import { expect, test } from "vitest";
import type { Room } from "../src/interface/index.ts";
import { friends, type Person, World } from "./world.ts";

const password = "correct horse battery staple plus";

async function texts(person: Person, roomId: string): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages.filter(({ kind }) => kind === "text").map(({ text, mine }) => `${mine ? "> " : ""}${text}`);
}

async function sees(person: Person, roomId: string, ...wanted: string[]): Promise<void> {
  await person.home.world.until(
    async () => (await texts(person, roomId)).join("\n") === wanted.join("\n"),
    `'${wanted.join(", ")}', seeing '${(await texts(person, roomId)).join(", ")}'`,
  );
}

/** Whether this device has come into the room's group. */
const isIn = (person: Person, roomId: string) => () =>
  person.database.all("SELECT 1 FROM groups WHERE room = ?", roomId).length === 1;

const roomOf = async (person: Person, kind: Room["kind"] = "pair") =>
  await person.home.world.until(
    async () =>
      (await person.call("rooms.list", {})).find((room) => room.kind === kind && room.state === "open"),
    `a ${kind}`,
  );

async function signedIn(of: Person): Promise<Person> {
  const { home } = of;
  await of.call("account.setPassword", { password });
  const second = home.engine();
  const handle = (await of.call("engine.status", {})).me!.address.slice(1).split("@")[0]!;
  await second.call("account.signIn", { handle, password });
  return second;
}

/** A further device of this account, linked by a code whose signs were compared. */
async function linked(of: Person): Promise<Person> {
  const { world } = of.home;
  const { code } = await of.call("devices.link", {});
  const second = of.home.engine();
  const { signs } = await second.call("devices.join", { code, name: "phone" });
  const { linking } = await world.until(async () => {
    const devices = await of.call("devices.list", {});
    return devices.linking.state === "asking" && devices;
  }, "somebody who asks");
  expect(linking).toMatchObject({ name: "phone", signs });
  await of.call("devices.confirm", {});
  await world.until(
    async () => (await second.call("engine.status", {})).me !== null,
    "the device to be linked",
  );
  return second;
}

test("[U1] [U3] a device that signs in by a password comes into its account's chat, and what it writes is its person's", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  await alice.send("before");
  await bob.sees("before");
  const phone = await signedIn(alice);
  const { roomId } = await roomOf(phone);
  await world.until(isIn(phone, roomId), "the phone to come in");
  await phone.call("messages.send", { roomId, text: "from the phone" });
  await bob.sees("before", "from the phone");
  await sees(alice, roomId, "> before", "> from the phone");
  await alice.send("from the desk");
  await bob.send("hello, both");
  await sees(alice, roomId, "> before", "> from the phone", "> from the desk", "hello, both");
  await sees(phone, roomId, "> from the phone", "> from the desk", "hello, both");
  const seeds = phone.database.all<{ n: number }>("SELECT length(accountSeed) AS n FROM identity");
  expect(seeds).toEqual([{ n: 0 }]);
});

test("[U4] [U5] a device is linked by a code, without a password; both show the same signs", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const phone = await linked(alice);
  const { roomId } = await roomOf(phone);
  await world.until(isIn(phone, roomId), "the phone to come in");
  await bob.send("hi");
  await sees(phone, roomId, "hi");
  expect(await phone.call("devices.list", {})).toMatchObject({
    devices: [
      { self: false, known: true },
      { name: "phone", self: true, known: true },
    ],
  });
  const { devices } = await alice.call("devices.list", {});
  expect(devices.map(({ name, known }) => [name, known])).toEqual([
    ["test", true],
    ["phone", true],
  ]);
});

test("[U3] a device comes in where no other of its account is there any more: contacts bring its record", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await alice.call("account.setPassword", { password });
  await world.pass(40_000);
  await alice.close();
  const phone = alice.home.engine();
  await phone.call("account.signIn", { handle: "alice", password });
  const { roomId } = await roomOf(phone);
  await world.until(isIn(phone, roomId), "the phone to come in");
  await phone.call("messages.send", { roomId, text: "all I have left" });
  await bob.sees("all I have left");
});

test("[U6] who signs in where a device was lost takes its place: it is out of every room, and opens nothing new", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await alice.call("account.setPassword", { password });
  const [lost] = (await alice.call("devices.list", {})).devices;
  const { roomId: pair } = await roomOf(bob);
  const { roomId } = await bob.call("rooms.create", { name: "Hiking", people: [await alice.account()] });
  await world.until(
    async () => (await alice.call("rooms.list", {})).some(({ state }) => state === "invited"),
    "the invitation",
  );
  await alice.call("rooms.join", { roomId });
  await world.pass(40_000);
  const formerKey = openAccountRecord(noblePrimitives, record(alice)).record.requestKey.id;
  await alice.close();

  const back = alice.home.engine();
  expect(await back.failure("account.signIn", { handle: "alice", password: "no", ...replacing(lost!) })).toBe(
    "wrong-credentials",
  );
  await back.call("account.signIn", { handle: "alice", password, ...replacing(lost!) });

  expect((await back.call("devices.list", {})).devices).toMatchObject([{ self: true, known: true }]);
  for (const room of [pair, roomId]) {
    await world.until(isIn(back, room), "the device to come in");
    await world.until(() => devicesIn(bob, room) === 2, "the lost one to be out");
    await back.call("messages.send", { roomId: room, text: `back in ${room}` });
    await sees(bob, room, `back in ${room}`);
  }
  // Beside what the lost one had, a key of requests and a storage key that are in use now.
  const { requestKey } = openAccountRecord(noblePrimitives, record(back)).record;
  expect(requestKey.id).not.toEqual(formerKey);
  await world.until(
    () => back.database.all("SELECT id FROM requestKeys").length === 2,
    "the former key, for requests that are under way",
  );
  const { value } = back.database.get<{ value: Uint8Array }>(
    "SELECT value FROM settings WHERE name = 'storage-keys'",
  )!;
  expect(decode(storageKeyList, value)).toHaveLength(2);
  // What is not on the list is missed by nobody.
  const another = alice.home.engine();
  const nobody = { deviceId: "a".repeat(26) };
  await another.call("account.signIn", { handle: "alice", password, ...replacing(nobody) });
  expect((await another.call("devices.list", {})).devices).toHaveLength(2);
});

const record = ({ database }: Person) =>
  database.get<{ record: Uint8Array }>("SELECT record FROM identity")!.record;

/** How many devices a person's own group of this room has, as their store keeps it. */
const devicesIn = ({ database }: Person, roomId: string): number =>
  database.all(
    "SELECT device FROM groupMembers JOIN groups USING (groupId) WHERE room = ? AND last IS NULL",
    roomId,
  ).length;

const replacing = ({ deviceId }: { deviceId: string }) => ({ replaces: deviceId });

test("[U3] a device comes into rooms of many, too, and later where their hub is away", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await world.pass(2_000);
  const { roomId } = await bob.call("rooms.create", { name: "Hiking", people: [await alice.account()] });
  await world.until(
    async () => (await alice.call("rooms.list", {})).some(({ state }) => state === "invited"),
    "the invitation",
  );
  await alice.call("rooms.join", { roomId });
  await world.pass(3_000);
  bob.home.cutLinks();
  world.unreachable.add(bob.home.host);
  const phone = await linked(alice);
  await roomOf(phone, "group");
  await world.pass(3_000);
  expect(isIn(phone, roomId)()).toBe(false);
  world.unreachable.clear();
  await world.until(isIn(phone, roomId), "the phone to come in");
  await bob.call("messages.send", { roomId, text: "Sunday?" });
  for (const person of [alice, phone]) await sees(person, roomId, "Sunday?");
  expect((await phone.call("rooms.get", { roomId })).title).toBe("Hiking");
});

test("[U3] what one device reads, drafts and names is so on the other", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const phone = await linked(alice);
  const { roomId } = await roomOf(phone);
  await world.until(isIn(phone, roomId), "the phone to come in");
  await bob.send("one");
  const { messageId } = await bob.send("two");
  await sees(phone, roomId, "one", "two");
  await sees(alice, roomId, "one", "two");
  expect((await phone.call("rooms.get", { roomId })).unread).toBe(2);
  await alice.call("messages.markRead", { roomId, messageId });
  await world.until(
    async () => (await phone.call("rooms.get", { roomId })).unread === 0,
    "read on the phone",
  );
  await phone.call("drafts.set", { roomId, text: "half a sent" });
  await world.until(
    async () => (await alice.call("rooms.get", { roomId })).draft === "half a sent",
    "the draft at the desk",
  );
  const account = await bob.account();
  await alice.call("contacts.nickname", { account, nickname: "Bobby" });
  await world.until(
    async () => (await phone.call("rooms.get", { roomId })).title === "Bobby",
    "the nickname",
  );
  expect((await phone.call("rooms.get", { roomId })).draft).toBe("half a sent");
  await phone.call("contacts.block", { account });
  await world.until(
    async () => (await alice.call("contacts.blocked", {})).length === 1,
    "the block at the desk",
  );
});

test("[U6] a device that another one added is told of until the person knows it; revoked, it opens nothing new", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  const phone = await signedIn(alice);
  const { roomId } = await roomOf(phone);
  await world.until(isIn(phone, roomId), "the phone to come in");
  await world.until(
    async () => (await alice.call("devices.list", {})).devices.some(({ known }) => !known),
    "the new device to be noticed",
  );
  expect((await alice.call("engine.status", {})).counts.unknownDevices).toBe(1);
  await alice.restart();
  const [foreign] = (await alice.call("devices.list", {})).devices.filter(({ known }) => !known);
  const before = phone.database.all<{ name: string; version: number }>("SELECT * FROM sealedVersions");
  expect(before.length).toBeGreaterThan(0);

  await alice.call("devices.revoke", { deviceId: foreign!.deviceId });

  expect((await alice.call("engine.status", {})).counts.unknownDevices).toBe(0);
  await world.until(async () => (await phone.connection()) !== "connected", "the phone to be cut off");
  const own = async () => (await phone.call("devices.list", {})).devices.filter(({ self }) => self);
  await world.until(async () => (await own())[0]?.removed === true, "the phone to know why");
  expect((await phone.call("engine.status", {})).homeserver.cause).toMatchObject({
    code: "device-removed",
    sentence: "This device was removed from your account: your homeserver lists it no more.",
  });
  const unsent = await phone.call("messages.send", { roomId, text: "still here?" });
  const held = (await phone.call("messages.xray", { messageId: unsent.messageId })).find(
    ({ state }) => state === "now",
  );
  expect(held?.sentence).toContain("Waiting: This device was removed from your account");
  expect((await alice.call("devices.list", {})).devices).toMatchObject([{ self: true }]);
  expect((await alice.call("devices.list", {})).devices[0]).not.toHaveProperty("removed");
  const members = () =>
    alice.database.get<{ position: number }>("SELECT position FROM roomLogs WHERE room = ?", roomId)!
      .position;
  const at = members();
  await world.until(() => members() > at || at >= 5, "the commit that takes it out");
  await bob.send("only you");
  await world.until(async () => (await texts(alice, roomId)).includes("only you"), "it arrives");
  await world.pass(3_000);
  expect(await texts(phone, roomId)).not.toContain("only you");
  const keysOf = ({ database }: Person) =>
    database.get<{ value: Uint8Array }>("SELECT value FROM settings WHERE name = 'storage-keys'")!.value
      .length;
  expect(keysOf(alice)).toBeGreaterThan(keysOf(phone));
});

test("[U1] a device without the account's key signs by the password, and not without it", async () => {
  await using world = new World();
  const { alice } = await friends(world);
  const phone = await signedIn(alice);
  const own = (await phone.call("devices.list", {})).devices.find(({ self }) => self)!;
  const wish = { deviceId: own.deviceId, name: "my phone" };
  expect(await phone.failure("devices.rename", wish)).toBe("account-key-needed");
  expect(await phone.failure("devices.rename", { ...wish, password: "another password" })).toBe(
    "wrong-credentials",
  );
  await phone.call("devices.rename", { ...wish, password });
  await world.until(
    async () => (await alice.call("devices.list", {})).devices.some(({ name }) => name === "my phone"),
    "the name at the desk",
  );
  // Its person is not asked for a kit that it cannot make.
  expect((await phone.call("engine.status", {})).recoveryKit).toBe("later");
  expect((await alice.call("engine.status", {})).recoveryKit).toBe("unseen");
});

test("[U4] [U5] a code serves once, not after it was taken back, and nobody who has not confirmed it gives anything", async () => {
  await using world = new World();
  const { alice } = await friends(world);
  const { code } = await alice.call("devices.link", {});
  const [phone, thief] = [alice.home.engine(), alice.home.engine()];
  await phone.call("devices.join", { code });
  expect(await thief.failure("devices.join", { code: `${code}a` })).toBe("bad-device-code");
  const late = thief.call("devices.join", { code }).then(
    () => "joined",
    (error: unknown) => String(error),
  );
  await world.pass(2_000);
  expect((await alice.call("devices.list", {})).devices).toHaveLength(1);
  await alice.call("devices.cancel", {});
  expect(await late).not.toBe("joined");
  await world.until(
    async () => (await phone.call("devices.list", {})).joining.state === "failed",
    "it fails",
  );
  expect((await phone.call("devices.list", {})).joining.cause?.code).toBe("device-code-over");
  expect((await phone.call("engine.status", {})).me).toBeNull();
  expect((await alice.call("devices.list", {})).devices).toHaveLength(1);
});
