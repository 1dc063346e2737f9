/** A homeserver that gives a wrong list of somebody's devices to whoever takes them into a room. Real MLS. */
import { expect, test } from "vitest";
import type { AccountId, DeviceId, RoomId } from "@fedchat/protocol";
import { openAccountRecord } from "@fedchat/protocol";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { presentRecords, recordsIn } from "../src/store/group-records.ts";
import { person } from "./room-people.ts";
import { lines } from "./room-scene.ts";
import { friends, type Home, type Person, World } from "./world.ts";

const password = "correct horse battery staple plus";

/** A second device of this person's, which comes into their chat and is revoked then. */
async function revokedPhone(of: Person): Promise<{ phone: Person; before: Uint8Array }> {
  const { world } = of.home;
  await of.call("account.setPassword", { password });
  const phone = of.home.engine();
  const handle = (await of.call("engine.status", {})).me!.address.slice(1).split("@")[0]!;
  await phone.call("account.signIn", { handle, password });
  await world.until(() => phone.database.all("SELECT 1 FROM groups").length === 1, "the phone to come in");
  const before = await recordAt(of.home, (await of.account()) as AccountId);
  const [other] = (await of.call("devices.list", {})).devices.filter(({ self }) => !self);
  await of.call("devices.revoke", { deviceId: other!.deviceId });
  await world.pass(3_000);
  return { phone, before };
}

async function recordAt(home: Home, account: AccountId): Promise<Uint8Array> {
  const { accounts } = await home.store.load();
  return accounts.find((row) => row.account === account)!.record.slice();
}

/** From now on this homeserver says that this is the account's record. */
async function serves(of: Person, record: Uint8Array): Promise<void> {
  const { home } = of;
  await home.world.during(home.homeserver[Symbol.asyncDispose]());
  const { record: said, certificates } = openAccountRecord(primitives, record);
  const devices: DeviceId[] = certificates.map(({ device }) => device);
  const account = (await home.store.load()).accounts[0]!.account;
  await home.world.during(
    home.store.write([{ op: "account.record", account, record, handle: said.handle, devices }]),
  );
  await home.start();
}

test("[W16] [A3] an older list of somebody's devices lets no revoked device in, and it is told who gave it", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  const { phone, before } = await revokedPhone(bob);
  await bob.close();
  await serves(bob, before);
  const { roomId } = await alice.call("rooms.create", { name: "New", people: [await bobs(alice)] });
  await world.until(
    async () =>
      (await lines(alice, roomId)).includes(
        "bob gave an older list of Bob's devices than Bob has signed since. The newer one, which is known here, counts.",
      ),
    "the line",
  );
  await world.until(
    async () => (await alice.call("rooms.list", {})).some((room) => room.group?.people === 2),
    "bob to be taken in",
  );
  const state = world.groups.restore(recordsIn(alice.database, presentRecords(roomId as RoomId)));
  expect(world.groups.members(state)).toHaveLength(2);
  expect(phone.database.all("SELECT 1 FROM groups WHERE room = ?", roomId)).toHaveLength(0);
});

test("[W16] [A4] a list that somebody else signed lets nobody in, and is the cause that shows", async () => {
  await using world = new World("real");
  const { alice, bob } = await friends(world);
  const account = await bob.account();
  await bob.close();
  await serves(bob, person("mallory", { server: bob.home.id }).signed);
  const { roomId } = await alice.call("rooms.create", { name: "New", people: [account] });
  const room = await world.until(
    async () =>
      (await alice.call("rooms.list", {})).find(
        (one) => one.roomId === roomId && (one.group?.cause ?? null) !== null,
      ),
    "a cause",
  );
  expect(room.group).toMatchObject({ people: 1 });
  expect(room.group!.cause).toMatchObject({
    code: "wrong-devices",
    sentence: expect.stringMatching(/ gave a list of .+'s devices that they never signed\.$/),
  });
});

/** The account of the one contact. */
const bobs = async (person_: Person): Promise<string> =>
  (await person_.call("contacts.list", {}))[0]!.account;
