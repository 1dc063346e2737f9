/** Making sure of somebody: codes that are read, numbers that are compared, and other keys at a contact's address. */
import type { AccountId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { emojiTable } from "../src/core/emoji-table.ts";
import type { Person } from "./world.ts";
import { friends, World } from "./world.ts";

async function codeOf(shower: Person, shownTo: AccountId): Promise<string> {
  return (await shower.call("contacts.safetyNumber", { account: shownTo })).code;
}

test("[N9] a contact is verified when the person says so, by that key, over a restart, until it is taken back", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const account = await bob.account();
  expect(await alice.call("contacts.safetyNumber", { account })).toMatchObject({ verified: null });
  expect(await alice.call("contacts.list", {})).toMatchObject([{ verified: false }]);
  const verified = await alice.call("contacts.verify", { account });
  expect(verified.verified).toMatchObject({ how: "compared" });
  expect(verified.emoji).toHaveLength(7);
  expect(emojiTable).toHaveLength(64);
  await alice.restart();
  expect((await alice.call("contacts.safetyNumber", { account })).verified).toEqual(verified.verified);
  expect((await alice.pair()).peer).toMatchObject({ verified: true });
  expect((await bob.pair()).peer).toMatchObject({ verified: false });
  expect((await alice.call("contacts.unverify", { account })).verified).toBeNull();
  expect(await alice.call("contacts.list", {})).toMatchObject([{ verified: false }]);
  expect(await alice.failure("contacts.verify", { account: await alice.account() })).toBe("is-self");
});

test("[N10] reading the other's code verifies them, whether in upper or in lower case", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const account = await bob.account();
  const code = await codeOf(bob, await alice.account());
  expect(code).toBe(`FEDCHAT:VERIFY/${account}/${await alice.account()}`.toUpperCase());
  const { verified } = await alice.call("contacts.verify", { account, code: ` ${code.toLowerCase()}\n` });
  expect(verified).toMatchObject({ how: "code" });
});

test("[N10] a code that shows another key on either side, one's own, or none at all verifies nobody", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const mallory = await (await world.home("mallory.example")).person("Mallory");
  const [account, own, other] = [await bob.account(), await alice.account(), await mallory.account()];
  const wrong = {
    // Somebody in between showed Alice another key for Bob, or Bob another one for Alice.
    [await codeOf(mallory, own)]: "key-mismatch",
    [await codeOf(bob, other)]: "key-mismatch",
    [await codeOf(alice, account)]: "bad-code",
    "https://example.org": "bad-code",
    [`fedchat:verify/${account}/${own.slice(1)}`]: "bad-code",
    [`fedchat:verify/${account}/${own}/`]: "bad-code",
    // No identifier: unused bits are set. [N3]
    [`fedchat:verify/${account}/${own.slice(0, -1)}b`]: "bad-code",
  };
  for (const [code, cause] of Object.entries(wrong))
    expect(await alice.failure("contacts.verify", { account, code }), code).toBe(cause);
  expect((await alice.call("contacts.safetyNumber", { account })).verified).toBeNull();
});

test("[I6] an invitation that one follows verifies its maker, and never who follows it", async () => {
  await using world = new World();
  const alice = await (await world.home("alice.example")).person("Alice");
  const bob = await (await world.home("bob.example")).person("Bob");
  const { link } = await bob.call("invitations.create", {});
  await alice.call("invitations.accept", { link: link! });
  expect((await alice.pair()).peer).toMatchObject({ displayName: "Bob", verified: true });
  expect((await bob.pair()).peer).toMatchObject({ displayName: "Alice", verified: false });
  const account = await bob.account();
  expect((await alice.call("contacts.safetyNumber", { account })).verified).toMatchObject({
    how: "invitation",
  });
});

/** Bob's homeserver says that another key is Bob now. */
async function changed(world: World) {
  const { alice, bob } = await friends(world);
  await alice.send("before");
  await bob.sees("before");
  const former = await bob.account();
  await bob.home.beginAnew();
  const anew = await bob.home.person("Bob");
  await world.until(
    async () => (await anew.call("servers.list", {})).length > 0,
    "the link of Alice's server",
  );
  await anew.call("servers.linkBack", { serverId: alice.home.id });
  await world.until(async () => await alice.knows(anew), "Alice's server to list the new Bob");
  return { alice, anew, former };
}

test("[N11] another key at a contact's address is told in their chat, and is not them", async () => {
  await using world = new World();
  const { alice, anew, former } = await changed(world);
  const other = await anew.account();
  const room = await alice.pair();
  expect(room.peer).toMatchObject({ account: former });
  expect(room.keyChange).toMatchObject({ account: other, verified: false });
  const people = await alice.call("people.list", {});
  expect(people.find(({ account }) => account === other)).toMatchObject({
    relation: "none",
    insteadOf: "Bob",
  });
  expect(people.find(({ account }) => account === former)).toMatchObject({ insteadOf: null });
});

test("[N11] nothing goes to the new key by the contact's name before the person decided for it", async () => {
  await using world = new World();
  const { alice, anew, former } = await changed(world);
  const other = await anew.account();
  expect(await alice.failure("messages.send", { to: "@bob", text: "secret" })).toBe("key-changed");
  expect(await alice.failure("requests.send", { who: "@bob", text: "secret" })).toBe("key-changed");
  const { roomId } = await alice.pair();
  await alice.call("messages.send", { roomId, text: "for the key that I know" });
  await world.pass(3_000);
  expect(await anew.call("requests.list", {})).toEqual([]);
  expect((await anew.call("rooms.list", {})).map(({ kind }) => kind)).toEqual(["notes"]);

  // 'Not now' takes the warning away, and decides nothing.
  await alice.call("contacts.dismissKeyChange", { account: former });
  expect((await alice.pair()).keyChange).toBeNull();
  expect(await alice.failure("requests.send", { who: "@bob", text: "" })).toBe("key-changed");

  await alice.call("contacts.verify", { account: other, code: await codeOf(anew, await alice.account()) });
  expect(await alice.call("requests.send", { who: "@bob", text: "" })).toMatchObject({ account: other });
});

test("[N11] a request of the new key says in whose place it comes", async () => {
  await using world = new World();
  const { alice, anew } = await changed(world);
  await anew.call("requests.send", { who: await alice.account(), text: "It is me, with a new machine." });
  expect(await alice.request("pending")).toMatchObject({ displayName: "Bob", insteadOf: "Bob" });
  const room = await alice.pair();
  expect(room.keyChange).not.toBeNull();
});
