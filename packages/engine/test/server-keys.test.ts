/** A homeserver whose owner replaces its key: its people's engines go over, and others learn of it from them. */
import type { HomeserverKeys } from "../../homeserver/src/core/server-identity.ts";
import { fingerprint, recoveryKeyHashOf, replaceServer, serverId } from "@fedchat/protocol";
import { nodePrimitives as p } from "@fedchat/protocol/primitives/node";
import { nodeRandom } from "@fedchat/protocol/node";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../homeserver/src/store/memory-store.ts";
import { lines } from "./room-scene.ts";
import type { Home, Person } from "./world.ts";
import { friends, World } from "./world.ts";

const words = new Uint8Array(32).fill(7);
const otherWords = new Uint8Array(32).fill(8);

/** What a chat says of homeservers. */
async function told(person: Person, roomId: string): Promise<string[]> {
  return (await lines(person, roomId)).filter((line) => /homeserver|is now at/.test(line));
}

/** Who answers is tried, and not gone over to. */
async function isRefused(person: Person, { identity }: HomeserverKeys): Promise<void> {
  const state = async () => (await person.call("engine.status", {})).homeserver;
  const { world } = person.home;
  await world.until(async () => (await state()).cause?.code === "wrong-server-key", "another one answers");
  expect(person.isToReopen).toBe(false);
  expect((await state()).serverId).toBe(serverId.fromBytes(p.ed25519.publicKey(identity)));
}

/** From now on its record names a recovery key, and its people's engines have seen that. */
async function prepare(home: Home): Promise<void> {
  await home.startWith({ ...home.keys, recoveryKeyHash: recoveryKeyHashOf(p, words) });
  await home.world.pass(60_000);
}

/** Another key, by the words that were prepared, or by others. */
function nextKeys(home: Home, by = words): HomeserverKeys {
  const identity = nodeRandom.bytes(32);
  const successor = serverId.fromBytes(p.ed25519.publicKey(identity));
  return {
    ...{ identity, noise: nodeRandom.bytes(32), recoveryKeyHash: recoveryKeyHashOf(p, by) },
    replaces: [replaceServer(p, by, { former: home.id, successor, issued: home.world.clock.now() })],
  };
}

async function goesOver(person: Person): Promise<void> {
  const { world } = person.home;
  await world.until(() => person.isToReopen, "the engine goes over");
  await person.restart();
  await world.until(async () => (await person.connection()) === "connected", "a session");
  expect((await person.call("engine.status", {})).homeserver.serverId).toBe(person.home.id);
}

describe("a homeserver whose key is replaced", () => {
  test("[R10] by the prepared words alone its people's engines go over; contacts see one line and write there", async () => {
    await using world = new World();
    world.takeoverAfterMs = 3_000;
    const { alice, bob } = await friends(world);
    const { home } = alice;
    const own = { keys: home.keys, store: home.store };
    // Before any were prepared, whoever answers in its place gets nothing; and by other words later.
    await home.startWith(nextKeys(home), new MemoryStore());
    await isRefused(alice, own.keys);
    await home.startWith({ ...own.keys, recoveryKeyHash: recoveryKeyHashOf(p, words) }, own.store);
    await bob.restart();
    await alice.send("before");
    await bob.sees("before");
    await world.pass(3_000);
    own.keys = home.keys;
    await home.startWith(nextKeys(home, otherWords), new MemoryStore());
    await isRefused(alice, own.keys);

    await home.startWith(own.keys, own.store);
    await home.startWith(nextKeys(home));
    await goesOver(alice);
    expect(world.warnings.splice(0)).toHaveLength(1);
    const notices = await alice.call("engine.notices", {});
    expect(notices.map(({ cause }) => cause.code)).toEqual(["server-key-replaced"]);
    expect(notices[0]!.cause.sentence).toContain(fingerprint(home.id));
    await alice.send("after");
    await bob.sees("before", "after");
    await bob.send("so I see");
    await alice.sees("before", "after", "so I see");
    const { roomId } = await bob.pair();
    await world.until(async () => (await told(bob, roomId)).length > 0, "the line");
    await alice.restart();
    await world.pass(30_000);
    expect(await told(bob, roomId)).toEqual([
      expect.stringMatching(/^Alice's homeserver .*verify them again/),
    ]);
  });

  test("[R10] a room and a chat whose people all live there go on there", async () => {
    await using world = new World();
    world.takeoverAfterMs = 3_000;
    const home = await world.home("both.example");
    const [alice, bob] = [await home.person("Alice"), await home.person("Bob")];
    await alice.call("requests.send", { who: "@bob", text: "Shall we talk?" });
    const { requestId } = await bob.request("pending");
    await bob.call("requests.accept", { requestId });
    const { roomId: chat } = await alice.pair();
    const { roomId } = await alice.call("rooms.create", { name: "Home", people: [await bob.account()] });
    await world.until(
      async () => (await bob.call("rooms.list", {})).some((one) => one.roomId === roomId),
      "the room",
    );
    await bob.call("rooms.join", { roomId });
    await prepare(home);

    // Bob's engine is started beside it, under its new key at once.
    await bob.close();
    await home.startWith(nextKeys(home));
    bob.open();
    await goesOver(alice);
    expect(world.warnings.splice(0)).toHaveLength(1);
    await alice.send("after");
    await bob.sees("after");
    await bob.call("messages.send", { roomId, text: "here, too" });
    await alice.call("rooms.rename", { roomId, name: "Garden" });
    await world.until(
      async () => (await bob.call("rooms.get", { roomId })).title === "Garden",
      "the new name",
    );
    const { messages } = await alice.call("messages.list", { roomId, limit: 50 });
    expect(messages.map(({ text }) => text)).toContain("here, too");
    expect(await told(alice, chat)).toEqual([expect.stringContaining("Bob's homeserver")]);
    const record = (await bob.call("contacts.list", {})).find((one) => one.displayName === "Alice");
    expect(record?.serverId).toBe(home.id);
  });

  test("[R7] put back from a backup from before the words, it takes the recovery key back from who was told of it", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const { home } = alice;
    const { keys } = home;
    const backup = home.store.snapshot({ full: () => false, commit: async () => undefined });
    await prepare(home);
    await alice.send("with words");
    await bob.sees("with words");
    const named = home.homeserver.record().record.recoveryKeyHash!;

    await home.startWith(keys, backup);
    expect(home.homeserver.record().record.recoveryKeyHash).toBeUndefined();
    await world.until(() => home.homeserver.recoveryStanding === "recalled", "what was forgotten");
    await world.until(() => home.homeserver.record().record.recoveryKeyHash !== undefined, "its new record");
    expect(home.homeserver.record().record.recoveryKeyHash).toEqual(named);
  });
});
