/** An account that moves to another homeserver, the one that it leaves being there, or gone for good. */
import type { AccountRecord } from "@fedchat/protocol";
import {
  accountId,
  accountRecord,
  accountRecordReplaces,
  guardedRecord,
  openAccountRecord,
} from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { wordsOfKit } from "../src/core/recovery-words.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { person } from "./room-people.ts";
import { group, lines, opened, sees, texts } from "./room-scene.ts";
import type { Person } from "./world.ts";
import { friends, World } from "./world.ts";

const password = "correct horse battery staple plus";

/** A further device of this account, linked by a code. */
async function linkedTo(of: Person): Promise<Person> {
  const { code } = await of.call("devices.link", {});
  const further = of.home.engine();
  await further.call("devices.join", { code, name: "computer" });
  const asks = async () => (await of.call("devices.list", {})).linking.state === "asking";
  await of.home.world.until(asks, "it to ask");
  await of.call("devices.confirm", {});
  const isLinked = async () => (await further.call("engine.status", {})).me !== null;
  await of.home.world.until(isLinked, "it to be linked");
  return further;
}

const isIn = (person: Person, roomId: string) => () =>
  person.database.all("SELECT 1 FROM groups WHERE room = ?", roomId).length === 1;

/** Everything that is kept there stands in the archive. */
async function archived(of: Person): Promise<void> {
  await of.home.world.pass(40_000);
  await of.home.world.until(async () => (await of.call("archive.state", {})).waiting === 0, "the archive");
}

/** The lines of the chat with somebody. */
async function notices(of: Person): Promise<string[]> {
  const { roomId } = await of.pair();
  const { messages } = await of.call("messages.list", { roomId, limit: 500 });
  return messages.filter(({ kind }) => kind === "notice").map(({ text }) => text);
}

describe("an account that moves while its homeserver is dead", () => {
  test("[A12] [A13] [A15] writes from the new one; contacts see one line and write there", async () => {
    await using world = new World();
    world.takeoverAfterMs = 3_000;
    const { alice, bob } = await friends(world);
    await alice.send("from the old place");
    await bob.sees("from the old place");
    const carols = await world.home("carol.example");
    await carols.person("Carol");
    await world.pass(3_000);

    alice.home.die();
    await bob.send("into the void");
    await alice.move(carols);
    expect((await alice.call("engine.status", {})).homeserver.serverId).toBe(carols.id);
    await alice.sees("from the old place", "into the void");
    await alice.send("I am here now");
    await bob.sees("from the old place", "into the void", "I am here now");
    await bob.send("and I find you");
    await alice.sees("from the old place", "into the void", "I am here now", "and I find you");
    await world.until(
      async () => (await notices(bob)).some((line) => line.startsWith("Alice is now at alice@")),
      "the line",
    );
  });

  test("[A14] [A17] rooms go on: the next server orders them, and lists the new homeserver", async () => {
    await using world = new World();
    world.takeoverAfterMs = 3_000;
    const { alice, bob, carol, roomId } = await opened(world);
    await alice.call("messages.send", { roomId, text: "before" });
    for (const person of [bob, carol]) await sees(person, roomId, "Alice: before");
    const daves = await world.home("dave.example");
    await daves.person("Dave");
    await world.pass(3_000);

    alice.home.die();
    await bob.call("messages.send", { roomId, text: "nobody hears this at Alice's" });
    await alice.move(daves);
    const first = ["Alice: before", "Bob: nobody hears this at Alice's"];
    for (const person of [alice, carol]) await sees(person, roomId, ...first);
    await alice.call("messages.send", { roomId, text: "from the new place" });
    await carol.call("messages.send", { roomId, text: "welcome there" });
    const all = [...first, "Alice: from the new place", "Carol: welcome there"];
    for (const person of [alice, bob, carol])
      await world.until(async () => {
        const seen = await texts(person, roomId);
        return all.every((text) => seen.includes(text));
      }, "all messages");
    await alice.call("rooms.rename", { roomId, name: "Climbing" });
    for (const person of [bob, carol])
      await world.until(async () => (await group(person)).title === "Climbing", "the new name");
    for (const person of [bob, carol])
      expect((await lines(person, roomId)).filter((line) => line.startsWith("Alice is now at"))).toHaveLength(
        1,
      );
  });
});

describe("an account that moves while its homeserver lives", () => {
  test("[A16] what had come there, and what still comes, is read", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.send("hello");
    await bob.sees("hello");
    const carols = await world.home("carol.example");
    await carols.person("Carol");
    await world.pass(3_000);
    const formerly = alice.home;
    formerly.down = true;
    alice.cut();
    await bob.send("it lies at the old place");
    await world.pass(1_000);

    await alice.move(carols);
    expect(await alice.texts()).toEqual(["hello"]);
    formerly.down = false;
    await alice.sees("hello", "it lies at the old place");
    await alice.send("I have it");
    await bob.sees("hello", "it lies at the old place", "I have it");
  });

  test("[A12] is listed there no more, and whoever asks is told where it is", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const eve = await alice.home.person("Eve");
    const isListed = async () => {
      const people = await eve.call("people.list", {});
      return people.some(({ account, serverId }) => account === key && serverId === formerly.id);
    };
    const [key, formerly] = [await alice.account(), alice.home];
    await world.until(isListed, "Alice is listed");
    const carols = await world.home("carol.example");
    await carols.person("Carol");
    await world.pass(3_000);
    await alice.move(carols);
    await world.until(async () => !(await isListed()), "Alice is listed no more");
    await bob.send("still there?");
    await alice.sees("still there?");
  });
});

describe("a move that cannot be", () => {
  test("[A13] changes nothing: a link that is none, one of the same homeserver, one that is used up", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const carols = await world.home("carol.example");
    await carols.person("Carol");
    const used = await carols.invitation();
    await carols.homeserver.accountInvitations.revoke(carols.homeserver.accountInvitations.list()[0]!.id);
    expect(await alice.failure("account.move", { invitation: "https://example.com/" })).toBe(
      "bad-account-invitation",
    );
    const own = await alice.home.invitation();
    expect(await alice.failure("account.move", { invitation: own })).toBe("lives-there");
    expect(await alice.failure("account.move", { invitation: used })).toBe("registration-closed");
    await alice.send("here as ever");
    await bob.sees("here as ever");
  });
});

test("[A13] [F10] an account that lives in a browser moves by a computer that is linked, and comes back into the browser with everything", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  await alice.call("account.setPassword", { password });
  alice.inBrowser = true;
  await alice.restart();
  await alice.send("from the browser");
  await bob.sees("from the browser");
  const carols = await world.home("carol.example");
  await carols.person("Carol");
  const invitation = await carols.invitation();
  expect(await alice.failure("account.move", { invitation })).toBe("cannot-move-here");
  const [former] = (await alice.call("devices.list", {})).devices;

  await archived(alice);
  const computer = await linkedTo(alice);
  const { roomId } = await computer.pair();
  await computer.sees("from the browser");
  await world.until(isIn(computer, roomId), "the computer to come in");
  await computer.move(carols, password);
  // The browser cannot follow, and is told how to come there.
  const told = async () => (await alice.call("engine.notices", {})).map(({ cause }) => cause.code);
  await world.until(async () => (await told()).includes("account-moved-away"), "a notice");
  expect((await computer.call("engine.status", {})).me).toMatchObject({ hasPassword: true });
  await archived(computer);

  const back = carols.engine();
  back.inBrowser = true;
  const { handle } = (await computer.call("engine.status", {})).me!;
  await back.call("account.signIn", { handle, password, replaces: former!.deviceId });
  await back.pair();
  await back.sees("from the browser");
  await world.until(isIn(back, roomId), "the browser to come in");
  await back.send("from the browser, elsewhere");
  await bob.sees("from the browser", "from the browser, elsewhere");
  await bob.send("welcome");
  await back.sees("from the browser", "from the browser, elsewhere", "welcome");
  expect((await back.call("devices.list", {})).devices).toHaveLength(2);
});

describe("an account whose devices and homeserver are lost together", () => {
  for (const who of ["their contact", "who came back"])
    test(`[A18] [A21] [A22] comes back at another homeserver by its kit, as the same to its contacts; what lay on the lost one does not; ${who} invites`, async () => {
      await using world = new World();
      const { alice, bob } = await friends(world);
      await alice.send("while all was well");
      await bob.sees("while all was well");
      const key = await alice.account();
      const words = (await alice.call("recovery.kit", {})).words.join(" ");
      await alice.call("recovery.settle", { kit: "kept" });
      const carols = await world.home("carol.example");
      await carols.person("Carol");
      await alice.close();
      alice.home.die();

      const fresh = carols.engine();
      expect(await fresh.failure("account.recover", { words })).toBe("kit-of-elsewhere");
      const registrationToken = await carols.invitation();
      const here = { displayName: "Alice", registrationToken };
      const wrong =
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon";
      expect(await fresh.failure("account.recover", { words: wrong, here })).toBe("bad-words");
      expect((await fresh.call("account.recover", { words, here })).account).toBe(key);
      expect((await fresh.call("engine.status", {})).recoveryKit).toBe("kept");
      expect(await fresh.call("contacts.list", {})).toEqual([]);

      const [inviter, follower] = who === "their contact" ? [bob, fresh] : [fresh, bob];
      const { link } = await inviter.call("invitations.create", {});
      await follower.call("invitations.accept", { link: link! });
      await fresh.pair();
      await fresh.send("it is me, from elsewhere");
      await world.until(async () => {
        const room = (await bob.call("rooms.list", {})).find(
          ({ kind, state }) => kind === "pair" && state === "open",
        );
        const { messages } = await bob.call("messages.list", { roomId: room!.roomId, limit: 50 });
        return messages.some(({ text }) => text === "it is me, from elsewhere");
      }, "Bob reads it");
      const [contact, ...others] = await bob.call("contacts.list", {});
      expect(others).toEqual([]);
      expect(contact).toMatchObject({ account: key, serverId: carols.id });
      const told = bob.database.all<{ text: string }>("SELECT text FROM messages WHERE kind = 'notice'");
      const guarded = told.map(({ text }) => text).filter((line) => line.includes("kit alone"));
      expect(guarded).toEqual([
        expect.stringContaining("Alice's account goes on at another homeserver, by its recovery kit."),
      ]);
    });
});

describe("an account whose key was stolen", () => {
  test("[A20] [A21] changes by the words of its kit alone; contacts are told, and verify again", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const words = (await alice.call("recovery.kit", {})).words.join(" ");
    await alice.call("recovery.settle", { kit: "kept" });
    const key = await alice.account();
    await bob.call("contacts.verify", { account: key });
    const stolen = openEngineStore(alice.database).identity.read()!;

    expect(await alice.failure("account.guard", { words: wordsOfKit(new Uint8Array(16)).join(" ") })).toBe(
      "bad-words",
    );
    await alice.call("account.guard", { words });
    await world.until(async () => (await notices(bob)).some((line) => line.includes("may have been stolen")));
    const [contact] = await bob.call("contacts.list", {});
    expect(contact).toMatchObject({ account: key, verified: false });

    // The thief has the account key and the device's: at the homeserver neither changes anything.
    const theirs = accountRecord.open(nodePrimitives, stolen.record);
    const sequence = world.clock.now() + 3_600_000;
    const forged = accountRecord.sign(nodePrimitives, stolen.accountSeed, {
      ...theirs,
      displayName: "Mallory",
      sequence,
    });
    const own = openAccountRecord(nodePrimitives, openEngineStore(alice.database).identity.read()!.record);
    const opened = openAccountRecord(nodePrimitives, forged);
    expect(accountRecordReplaces(nodePrimitives, opened, own, world.clock.now())).toBe(false);

    expect(await alice.failure("account.rename", { displayName: "Alice B." })).toBe("account-key-needed");
    await alice.call("account.rename", { displayName: "Alice B.", password: words });
    await alice.send("it is me");
    await world.until(async () => (await bob.texts()).includes("it is me"));
    await world.until(async () => (await bob.call("contacts.list", {}))[0]?.displayName === "Alice B.");
  });

  test("[A20] is opened anew by the words, and by the account key alone no more", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const words = (await alice.call("recovery.kit", {})).words.join(" ");
    await alice.call("recovery.settle", { kit: "kept" });
    const { accountSeed } = openEngineStore(alice.database).identity.read()!;
    const { home } = alice;
    await alice.close();
    const fresh = home.engine();
    await fresh.call("account.recover", { words, stolen: true });
    const thief = home.engine();
    const byKey = wordsOfKit(accountSeed).join(" ");
    expect(await thief.failure("account.recover", { words: byKey })).toBe("account-key-needed");
    await world.until(async () => (await notices(bob)).some((line) => line.includes("may have been stolen")));
    expect((await fresh.call("engine.status", {})).homeserver.connection).toBe("connected");
  });

  test("[A19] [A20] a record replaces another by its guard first, and never with another recovery key", () => {
    const random = (n: number) => new Uint8Array(32).fill(n);
    const [accountSeed, recoverySeed] = [random(1), random(2)];
    const hashOf = (seed: Uint8Array) => nodePrimitives.sha256(nodePrimitives.ed25519.publicKey(seed));
    const { record } = person("alice");
    const base = {
      ...record,
      account: accountId.fromBytes(nodePrimitives.ed25519.publicKey(accountSeed)),
      devices: [],
      recoveryKeyHash: hashOf(recoverySeed),
    };
    const now = base.sequence;
    const signed = (change: Partial<AccountRecord>, guard?: Uint8Array) => {
      const next = { ...base, ...change };
      const body = guard === undefined ? next : guardedRecord(nodePrimitives, guard, next);
      return openAccountRecord(nodePrimitives, accountRecord.sign(nodePrimitives, accountSeed, body));
    };
    const replaces = (a: ReturnType<typeof signed>, b: ReturnType<typeof signed>) =>
      accountRecordReplaces(nodePrimitives, a, b, now);
    const [plain, later] = [signed({}), signed({ sequence: now + 1 })];
    const guarded = signed({ sequence: now - 5 }, recoverySeed);
    expect(replaces(later, plain)).toBe(true);
    expect(replaces(guarded, later)).toBe(true);
    expect(replaces(later, guarded)).toBe(false);
    expect(replaces(signed({ sequence: now }, recoverySeed), guarded)).toBe(true);
    expect(replaces(signed({ sequence: now + 9, recoveryKeyHash: hashOf(random(3)) }), plain)).toBe(false);
    expect(replaces(signed({ sequence: now + 9, recoveryKeyHash: null }), plain)).toBe(false);
    expect(() => signed({}, random(3))).toThrow(/guard/);
    const other = { ...guardedRecord(nodePrimitives, recoverySeed, base), displayName: "Mallory" };
    expect(() =>
      openAccountRecord(nodePrimitives, accountRecord.sign(nodePrimitives, accountSeed, other)),
    ).toThrow(/guard/);
  });
});

test("[A22] two who lived on the same homeserver, which died, find each other again in their chat by the invitation of one", async () => {
  await using world = new World("real");
  const home = await world.home("shared.example");
  const alice = await home.person("Alice");
  const bob = await home.person("Bob");
  await alice.call("requests.send", { who: await bob.account(), text: "Shall we talk?" });
  const { requestId } = await bob.request("pending");
  await bob.call("requests.accept", { requestId });
  const { roomId } = await alice.pair();
  await alice.send("when all was well");
  await bob.sees("when all was well");
  const unneeded = await alice.call("invitations.create", {});
  expect(await bob.failure("invitations.accept", { link: unneeded.link! })).toBe("already-contact");
  const [first, second] = [await world.home("first.example"), await world.home("second.example")];
  await first.person("Carol");
  await second.person("Dave");
  await world.pass(3_000);

  home.die();
  await alice.move(first);
  await bob.move(second);
  await alice.send("are you there?");
  await world.pass(5_000);
  expect(await texts(bob, roomId)).not.toContain("Alice: are you there?");

  for (const [one, other] of [
    [alice, "Bob"],
    [bob, "Alice"],
  ] as const)
    expect((await notices(one)).at(-1)).toContain(`Send ${other} an invitation link over another way`);

  const { link } = await alice.call("invitations.create", {});
  const used = await bob.call("invitations.accept", { link: link! });
  expect(used).toMatchObject({ state: "accepted", roomId });
  await bob.sees("when all was well", "are you there?");
  await bob.send("now I am");
  await alice.sees("when all was well", "are you there?", "now I am");
  for (const [one, other] of [
    [alice, "Bob is now at bob@"],
    [bob, "Alice is now at alice@"],
  ] as const) {
    await world.until(async () => (await notices(one)).some((line) => line.startsWith(other)), "the line");
    expect((await one.call("rooms.list", {})).filter(({ kind }) => kind === "pair")).toMatchObject([
      { roomId, state: "open" },
    ]);
  }
});
