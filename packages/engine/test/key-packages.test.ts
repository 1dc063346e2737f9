/** Key packages that run out, and a homeserver that gives one out again. Real MLS. */
import { expect, test } from "vitest";
import type { AccountId, DeviceId } from "@fedchat/protocol";
import { capabilitySetting } from "../src/core/key-packages.ts";
import { group, lines, threeOf } from "./room-scene.ts";
import { type Person, World } from "./world.ts";

const suite = "hybrid";

/** What this person's homeserver would give to whoever may take one. */
async function takeOne(of: Person): Promise<Uint8Array | undefined> {
  const { account, device, capability } = await claim(of);
  const [taken] = await of.home.store.write([{ op: "keyPackages.take", account, device, suite, capability }]);
  return taken?.op === "keyPackages.take" ? taken.keyPackage : undefined;
}

async function claim(of: Person) {
  const { account, deviceId: device } = (await of.call("engine.status", {})).me!;
  const row = of.database.get<{ value: Uint8Array }>(
    "SELECT value FROM settings WHERE name = ?",
    capabilitySetting,
  );
  return { account: account as AccountId, device: device as DeviceId, capability: row!.value };
}

/** Of those for single use nothing is left; what comes now is the last resort. */
async function exhaust(of: Person): Promise<Uint8Array> {
  const { account, device } = await claim(of);
  while ((await of.home.store.keyPackageCount(account, device, suite)) > 0) await takeOne(of);
  return (await takeOne(of))!;
}

async function opens(by: Person, whom: Person, name: string): Promise<string> {
  const { roomId } = await by.call("rooms.create", { name, people: [await whom.account()] });
  return roomId;
}

async function joins(person: Person, roomId: string): Promise<void> {
  const { world } = person.home;
  const room = async () => (await person.call("rooms.list", {})).find((one) => one.roomId === roomId);
  await world.until(async () => (await room())?.state === "invited", "the invitation");
  await person.call("rooms.join", { roomId });
  await world.until(async () => (await room())?.state === "open", "the room");
}

test("[H15] [X7] where key packages ran out the last resort lets several people take somebody in, and is replaced then", async () => {
  await using world = new World("real");
  const { alice, bob, carol } = await threeOf(world);
  const before = await exhaust(alice);
  expect(await takeOne(alice)).toEqual(before);
  await alice.goOffline();
  const [first, second] = [await opens(bob, alice, "Bob's"), await opens(carol, alice, "Carol's")];
  await world.pass(3_000);
  await alice.goOnline();
  for (const roomId of [first, second]) await joins(alice, roomId);
  const { account, device } = await claim(alice);
  await world.until(
    async () => (await alice.home.store.keyPackageCount(account, device, suite)) > 10,
    "a new stock",
  );
  const after = await exhaust(alice);
  expect(after).not.toEqual(before);
  // It stays the same until it is used.
  await alice.restart();
  await alice.goOnline();
  await world.pass(2_000);
  expect(await exhaust(alice)).toEqual(after);
});

test("[H15] whom their homeserver's second giving of one key package keeps out of a room is told of it", async () => {
  await using world = new World("real");
  const { alice, bob } = await threeOf(world);
  const { account, device, capability } = await claim(bob);
  const old = (await takeOne(bob))!;
  const serve = async () => {
    await exhaust(bob);
    await bob.home.store.write([
      { op: "keyPackages.put", account, device, suite, packages: [old], lastResort: undefined, capability },
    ]);
  };
  await serve();
  await joins(bob, await opens(alice, bob, "Once"));
  await world.pass(2_000);
  await serve();
  await opens(alice, bob, "Twice");
  const pair = await world.until(
    async () => (await bob.call("rooms.list", {})).find(({ kind }) => kind === "pair"),
    "the chat",
  );
  await world.until(
    async () =>
      (await lines(bob, pair.roomId)).includes(
        "Alice wanted to take you into a room, but with keys that had been used before: either Alice used them twice, or your homeserver gave them out twice. Ask to be taken in once more; if it comes again, ask whoever runs your homeserver why.",
      ),
    "a warning",
  );
  expect((await group(bob)).title).toBe("Once");
});
