/** A room whose hub was put back to a backup from before the room, and knows nothing of it: it goes on elsewhere. */
import { expect, test } from "vitest";
import { group, opened, sees, threeOf } from "./room-scene.ts";
import { type Person, World } from "./world.ts";

/** A room of three, and what Alice's homeserver, its hub, held before it. */
async function restorable(world: World) {
  world.takeoverAfterMs = 3_000;
  const three = await threeOf(world);
  const backup = three.alice.home.store.snapshot();
  const { roomId } = await opened(world, three);
  await three.carol.call("messages.send", { roomId, text: "before" });
  for (const person of [three.alice, three.bob]) await sees(person, roomId, "Carol: before");
  return { ...three, roomId, backup };
}

async function hubOf(person: Person): Promise<string | undefined> {
  return (await group(person)).group?.hub?.serverId;
}

test("[W9] the people of a hub that has no log of their room any more have the next server go on with it", async () => {
  await using world = new World();
  const { alice, bob, carol, roomId, backup } = await restorable(world);
  await alice.home.restored(backup);
  for (const person of [alice, bob, carol])
    await world.until(async () => (await hubOf(person)) !== alice.home.id, "the next hub");
  await alice.call("rooms.rename", { roomId, name: "Climbing" });
  for (const person of [bob, carol, alice])
    await world.until(async () => (await group(person)).title === "Climbing", "the room to go on");
  await alice.call("messages.send", { roomId, text: "after" });
  for (const person of [bob, carol]) await sees(person, roomId, "Carol: before", "Alice: after");
});

test("[W9] a hub that has no log of a room any more is one that is not there, and it is told why", async () => {
  await using world = new World();
  const { alice, bob, carol, roomId, backup } = await restorable(world);
  await alice.goOffline();
  await alice.home.restored(backup);
  await bob.call("rooms.leave", { roomId });
  const cause = async () => (await bob.call("rooms.get", { roomId })).group?.cause?.sentence;
  await world.until(cause, "a cause");
  expect(await cause()).toBe(
    "alice, which keeps this room's changes in order, has no record of it any more.",
  );
  await world.until(async () => (await group(carol)).group?.people === 2, "bob to be out");
  expect(await hubOf(carol)).not.toBe(alice.home.id);
  await alice.goOnline();
  await world.until(async () => (await group(alice)).group?.people === 2, "alice to see it");
  await alice.call("messages.send", { roomId, text: "after" });
  await sees(carol, roomId, "Carol: before", "Alice: after");
});
