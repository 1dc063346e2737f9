/** Two engines, two homeservers, one process: everything that two people do with one another. */
import type { RoomItem } from "@fedchat/protocol";
import { decode, formatInvitationLink, parseInvitationLink, roomId, roomItem } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { UsedKeys } from "../../../test/simulation/used-keys.ts";
import type { IdentityRow } from "../src/store/identity-table.ts";
import { stubRooms } from "./stub-rooms.ts";
import type { Person } from "./world.ts";
import { friends, neighbours, World } from "./world.ts";

describe("asking for a chat", () => {
  test("[Q3] [Q9] a request waits, acceptance opens the room on both sides, and messages go both ways", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    const asked = await alice.call("requests.send", { who: "@bob", text: "Shall we talk?" });
    expect(asked).toMatchObject({ direction: "outgoing", state: "pending", displayName: "Bob" });
    const seen = await bob.request("pending");
    expect(seen).toMatchObject({ direction: "incoming", displayName: "Alice", text: "Shall we talk?" });
    const room = await bob.call("requests.accept", { requestId: seen.requestId });
    expect(room).toMatchObject({ kind: "pair", title: "Alice", state: "open" });
    expect((await alice.pair()).roomId).toBe(room.roomId);
    expect((await alice.request()).state).toBe("accepted");
    expect((await alice.pair()).lastMessage?.text).toBe("Bob accepted your request.");
    expect((await bob.pair()).lastMessage?.text).toBe("You accepted Alice's request.");
    await alice.send("hi");
    await bob.sees("hi");
    await bob.send("hello");
    await alice.sees("hi", "hello");
    expect(await alice.call("contacts.list", {})).toMatchObject([{ displayName: "Bob", address: "@bob" }]);
    const numbers = [
      await alice.call("contacts.safetyNumber", { account: await bob.account() }),
      await bob.call("contacts.safetyNumber", { account: await alice.account() }),
    ];
    const shown = numbers.map(({ digits, emoji }) => ({ digits, emoji }));
    expect(shown[0]).toEqual(shown[1]);
  });

  test("[Q3] the same with real MLS, over a restart of both engines", async () => {
    await using world = new World("real");
    const { alice, bob } = await friends(world);
    await alice.send("one");
    await bob.sees("one");
    await alice.restart();
    await bob.restart();
    await bob.send("two");
    await alice.sees("one", "two");
    const three = await alice.send("three");
    await bob.sees("one", "two", "three");
    await alice.reaches(three, "delivered");
  });

  test("[Q4] declining is silent", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    await alice.call("requests.send", { who: "@bob", text: "" });
    const { requestId } = await bob.request("pending");
    await bob.call("requests.decline", { requestId });
    await world.pass(2_000);
    expect(await bob.request()).toMatchObject({ state: "declined" });
    expect(await alice.request()).toMatchObject({ state: "pending", cause: null });
    expect(await bob.failure("requests.accept", { requestId })).toBe("request-settled");
  });

  test("a second request to the same person is the first one, and to a contact there is none", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    const first = await alice.call("requests.send", { who: "@bob", text: "one" });
    const second = await alice.call("requests.send", { who: "bob", text: "two" });
    expect(second.requestId).toBe(first.requestId);
    const { requestId } = await bob.request("pending");
    await bob.call("requests.accept", { requestId });
    await alice.pair();
    expect(await alice.failure("requests.send", { who: "@bob", text: "" })).toBe("already-contact");
    expect(await alice.failure("requests.send", { who: "@alice", text: "" })).toBe("is-self");
    const own = { host: "127.0.0.1", port: 8443, serverId: alice.home.id };
    expect(await alice.failure("servers.link", own)).toBe("own-server");
    expect(await alice.failure("requests.send", { who: "@carol", text: "" })).toBe("unknown-person");
    expect(await alice.failure("requests.send", { who: "@bob", text: "\u202e" })).toBe("bad-text");
  });

  test("asking somebody whose request waits accepts it", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    const asked = await alice.call("requests.send", { who: "@bob", text: "" });
    await bob.request("pending");
    const accepted = await bob.call("requests.send", { who: "@alice", text: "" });
    expect(accepted).toMatchObject({ requestId: asked.requestId, direction: "incoming", state: "accepted" });
    expect((await alice.pair()).roomId).toBe(accepted.roomId);
  });

  test("[Q5] a request that is taken back is gone on the other side", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    const { requestId } = await alice.call("requests.send", { who: "@bob", text: "" });
    await bob.request("pending");
    await alice.call("requests.withdraw", { requestId });
    expect(await bob.request("withdrawn")).toMatchObject({ requestId });
    expect(await alice.failure("requests.withdraw", { requestId })).toBe("request-settled");
    expect(await bob.failure("requests.accept", { requestId })).toBe("request-settled");
    expect((await bob.call("rooms.list", {})).filter(({ kind }) => kind === "pair")).toEqual([]);
  });

  test("[Q8] an acceptance that crosses with the withdrawal closes its room with a sentence", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    const { requestId } = await alice.call("requests.send", { who: "@bob", text: "" });
    await bob.request("pending");
    await world.during(
      Promise.all([
        alice.engine.call("requests.withdraw", { requestId }),
        bob.engine.call("requests.accept", { requestId }),
      ]),
    );
    const closed = await world.until(async () => {
      const room = await bob.pair();
      return room.state === "closed" && room;
    });
    expect(closed.cause).toMatchObject({
      code: "room-closed",
      sentence: expect.stringContaining("taken the request back"),
    });
    expect(await bob.failure("messages.send", { roomId: closed.roomId, text: "hello?" })).toBe("room-closed");
    expect((await alice.call("rooms.list", {})).filter(({ kind }) => kind === "pair")).toEqual([]);
  });

  test("[Q6] requests that cross open one room: the lower account key's counts", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    await world.during(
      Promise.all([
        alice.engine.call("requests.send", { who: "@bob", text: "from alice" }),
        bob.engine.call("requests.send", { who: "@alice", text: "from bob" }),
      ]),
    );
    const [hers, his] = [await alice.pair(), await bob.pair()];
    expect(hers.roomId).toBe(his.roomId);
    await world.pass(2_000);
    for (const person of [alice, bob]) {
      const states = (await person.call("requests.list", {})).map(({ state }) => state);
      expect(states.toSorted()).toEqual(["accepted", "withdrawn"]);
      expect((await person.call("rooms.list", {})).filter(({ kind }) => kind === "pair")).toHaveLength(1);
    }
    await alice.send("so we do");
    await bob.sees("so we do");
  });

  test("[Q3] a request that comes again in another envelope is not shown again", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    await alice.goOffline();
    await alice.engine.call("requests.send", { who: "@bob", text: "once" });
    alice.database
      .run(`INSERT INTO outgoing (envelope, kind, created, server, accounts, lane, payload, grantFirst, purpose, subject, state)
      SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaa', kind, created, server, accounts, lane, payload, grantFirst, 'note', '', 'queued' FROM outgoing`);
    await alice.restart();
    await alice.goOnline();
    const { requestId } = await bob.request("pending");
    await bob.call("requests.decline", { requestId });
    await world.pass(2_000);
    expect(await bob.call("requests.list", {})).toMatchObject([{ state: "declined" }]);
  });

  test("[Q9] [X2] [X7] a room is made by who accepts, of one key package, whose private part is then gone", async () => {
    await using world = new World();
    const alice = await (await world.home("alice.example")).person("Alice");
    const groups: Uint8Array[] = [];
    const watched = stubRooms(nodeRandom, new UsedKeys(), world.clock);
    const create = watched.create.bind(watched);
    watched.create = (args) => {
      groups.push(args.groupId);
      return create(args);
    };
    const bob = await (await world.home("bob.example")).person("Bob", watched);
    await alice.link(bob);
    const kept = () => alice.database.all("SELECT reference FROM keyPackages WHERE purpose = 'request'");
    await alice.call("requests.send", { who: "@bob", text: "" });
    const { requestId } = await bob.request("pending");
    expect([kept().length, groups.length]).toEqual([1, 0]);

    const { roomId: room } = await bob.call("requests.accept", { requestId });

    expect((await alice.pair()).roomId).toBe(room);
    expect(kept()).toEqual([]);
    expect(groups.map((id) => id.length)).toEqual([32]);
    expect(roomId.fromBytes(groups[0]!.slice(0, 16))).not.toBe(room);
  });

  test("[A5] [Q9] [X3] an answer that leads into a group with somebody else is refused", async () => {
    await using world = new World();
    const alice = await (await world.home("alice.example")).person("Alice");
    const mallory = await (await world.home("mallory.example")).person("Mallory");
    // Bob's engine builds the group in Mallory's name.
    const doctored = stubRooms(nodeRandom, new UsedKeys(), world.clock);
    const create = doctored.create.bind(doctored);
    doctored.create = (args) => {
      const [row] = mallory.database.all<IdentityRow>("SELECT * FROM identity");
      const { record, certificate: credential, signatureSeed: signaturePrivateKey } = row!;
      const signaturePublicKey = nodePrimitives.ed25519.publicKey(signaturePrivateKey);
      const identity = { credential, signaturePrivateKey, signaturePublicKey };
      return create({ ...args, identity, record });
    };
    const bob = await (await world.home("bob.example")).person("Bob", doctored);
    await alice.link(bob);
    await alice.call("requests.send", { who: "@bob", text: "" });
    const { requestId } = await bob.request("pending");
    await bob.call("requests.accept", { requestId });
    expect(await alice.request("failed")).toMatchObject({
      cause: { code: "wrong-credential" },
      roomId: null,
    });
    expect((await alice.call("rooms.list", {})).filter(({ kind }) => kind === "pair")).toEqual([]);
  });
});

describe("messages", () => {
  test("[M4] what was read is said before what is answered to it", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const asked = await alice.send("Are you coming?");
    await bob.sees("Are you coming?");
    await bob.engine.call("messages.markRead", { roomId: asked.roomId, messageId: asked.messageId });
    await bob.engine.call("messages.send", { roomId: asked.roomId, text: "Yes" });
    await alice.sees("Are you coming?", "Yes");
    expect((await alice.stateOf(asked)).state).toBe("read");
  });

  test("[M4] a state rises as it is confirmed, each with its time", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.goOffline();
    const written = await alice.send("are you there?");
    expect(written).toMatchObject({ state: "waiting", stateAt: {} });
    expect((await alice.reaches(written, "waiting")).text).toBe("are you there?");
    await world.until(async () => (await alice.stateOf(written)).cause?.code === "unreachable");
    await alice.goOnline();
    await bob.sees("are you there?");
    const delivered = await alice.reaches(written, "delivered");
    expect(delivered.cause).toBeNull();
    expect(Object.keys(delivered.stateAt)).toEqual(["submitted", "forwarded", "delivered"]);
    const { roomId } = await bob.pair();
    await bob.call("messages.markRead", { roomId, messageId: written.messageId });
    const read = await alice.reaches(written, "read");
    expect(Object.keys(read.stateAt)).toEqual(["submitted", "forwarded", "delivered", "read"]);
    const steps = await alice.call("messages.xray", { messageId: written.messageId });
    expect(steps.map(({ state }) => state)).toEqual(["done", "done", "done", "done", "done"]);
  });

  test("an X-ray says why a message waits at the own homeserver", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await world.during(bob.home.homeserver[Symbol.asyncDispose]());
    world.unreachable.add(bob.home.host);
    const written = await alice.send("are you there?");
    await alice.reaches(written, "submitted");
    await world.until(
      async () =>
        (await alice.call("messages.xray", { messageId: written.messageId }))[2]!.sentence.startsWith(
          "On its way to their homeserver, bob. Waiting: ",
        ),
      "the cause",
    );
    await bob.home.start();
  });

  test("what waits when an engine stops is sent once by the next one, in order", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.goOffline();
    for (const text of ["1", "2", "3"]) await alice.send(text);
    await alice.restart();
    await alice.send("4");
    await alice.goOnline();
    await bob.sees("1", "2", "3", "4");
    await world.pass(1_000);
    await bob.sees("1", "2", "3", "4");
    expect((await bob.pair()).missing).toBe(0);
  });

  test("the same client id twice sends once", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const { roomId } = await alice.pair();
    const once = { roomId, text: "once", clientId: "one" };
    const both = await world.during(
      Promise.all([alice.engine.call("messages.send", once), alice.engine.call("messages.send", once)]),
    );
    expect(both[0]!.messageId).toBe(both[1]!.messageId);
    await bob.sees("once");
  });

  test("an MLS message that comes again in another envelope is not shown again", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.goOffline();
    await alice.send("only once");
    alice.database
      .run(`INSERT INTO outgoing (envelope, kind, created, server, accounts, lane, payload, grantFirst, purpose, subject, state)
      SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaa', kind, created, server, accounts, lane, payload, grantFirst, 'status', '', 'queued' FROM outgoing`);
    await alice.restart();
    await alice.goOnline();
    await alice.send("the next");
    await bob.sees("only once", "the next");
  });

  test("[M2] a device counts its messages of a room from 1, each naming the one before, over a restart too", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    const items: RoomItem[] = [];
    const watched = stubRooms(nodeRandom, new UsedKeys(), world.clock);
    const encrypt = watched.encrypt.bind(watched);
    watched.encrypt = (state, plaintext, clear) => {
      items.push(decode(roomItem, plaintext));
      return encrypt(state, plaintext, clear);
    };
    const carol = await alice.home.person("Carol", watched);
    await world.until(() => carol.knows(bob), "people");
    await carol.call("requests.send", { who: await bob.account(), text: "" });
    await bob.call("requests.accept", { requestId: (await bob.request("pending")).requestId });
    await carol.pair();
    const one = await carol.send("one");
    await bob.send("between");
    await carol.sees("one", "between");
    await carol.restart();
    const two = await carol.send("two");
    await carol.send("three");
    await bob.sees("one", "between", "two", "three");
    const counted = items.flatMap((item) => (item.kind === "message" ? [[item.counter, item.previous]] : []));
    expect(counted).toEqual([
      [1, null],
      [2, one.messageId],
      [3, two.messageId],
    ]);
  });

  test("[M3] a message that never comes is counted as missing until it does", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.goOffline();
    for (const text of ["1", "2", "3"]) await alice.send(text);
    const held = alice.database.all<Record<string, never>>("SELECT * FROM outgoing ORDER BY seq")[1]!;
    alice.database.run("DELETE FROM outgoing WHERE seq = ?", held["seq"]!);
    await alice.restart();
    await alice.goOnline();
    await bob.sees("1", "3");
    expect((await bob.pair()).missing).toBe(1);
    await alice.close();
    alice.open();
    const columns = Object.keys(held);
    alice.database.run(
      `INSERT INTO outgoing (${columns.join()}) VALUES (${columns.map(() => "?").join()})`,
      ...columns.map((column) => (column === "seq" ? 1_000 : held[column]!)),
    );
    await alice.restart();
    await bob.sees("1", "2", "3");
    expect((await bob.pair()).missing).toBe(0);
  });

  test("a full disk of the homeserver defers a message with its cause, and it goes once there is room", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await world.pass(2_000);
    alice.home.diskFull = true;
    const written = await alice.send("patience");
    await world.until(async () => (await alice.stateOf(written)).cause?.code === "storage-full", "the cause");
    expect((await alice.stateOf(written)).state).toBe("waiting");
    alice.home.diskFull = false;
    await bob.sees("patience");
    expect((await alice.reaches(written, "delivered")).cause).toBeNull();
  });

  test("[C11] contacts still reach each other when their servers are not linked any more", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.call("servers.unlink", { serverId: bob.home.id });
    await bob.call("servers.unlink", { serverId: alice.home.id });
    await world.pass(1_000);
    const written = await alice.send("hello?");
    await bob.sees("hello?");
    await alice.reaches(written, "delivered");
  });

  test("a message to a server that is blocked here fails with its cause, and goes on Retry", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.call("servers.block", { serverId: bob.home.id });
    const written = await alice.send("hello?");
    const failed = await alice.reaches(written, "failed");
    expect(failed.cause?.code).toBe("blocked");
    await alice.call("servers.unblock", { serverId: bob.home.id });
    expect(await alice.call("messages.retry", { messageId: written.messageId })).toMatchObject({
      state: "waiting",
    });
    await bob.sees("hello?");
    await alice.reaches(written, "delivered");
    expect(await alice.failure("messages.retry", { messageId: written.messageId })).toBe("nothing-to-retry");
  });

  test("replies name what they answer, in their own room only", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const question = await alice.send("tea?");
    await bob.sees("tea?");
    const { roomId } = await bob.pair();
    await bob.call("messages.send", { roomId, text: "yes", inReplyTo: question.messageId });
    await alice.sees("tea?", "yes");
    const { messages } = await alice.call("messages.list", { roomId });
    expect(messages.at(-1)).toMatchObject({ text: "yes", inReplyTo: question.messageId });
    const { roomId: notes } = (await alice.call("rooms.list", {})).find(({ kind }) => kind === "notes")!;
    const elsewhere = { roomId: notes, text: "no", inReplyTo: question.messageId };
    expect(await alice.failure("messages.send", elsewhere)).toBe("unknown-message");
  });
});

describe("blocking", () => {
  test("[H9] nothing of a blocked account is shown, and nothing can be written to it", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const account = await alice.account();
    await bob.call("contacts.block", { account });
    const { roomId, ...room } = await bob.pair();
    expect(room).toMatchObject({ state: "closed", cause: { code: "you-blocked" } });
    await alice.send("do you hear me?");
    await world.pass(2_000);
    await bob.sees();
    expect(await bob.failure("messages.send", { roomId, text: "no" })).toBe("you-blocked");
    expect(await bob.call("contacts.blocked", {})).toMatchObject([{ account, displayName: "Alice" }]);
    await bob.call("contacts.unblock", { account });
    expect((await bob.pair()).state).toBe("open");
    await alice.send("and now?");
    await bob.sees("and now?");
  });

  test("[H9] what lay in the inbox when its sender was blocked is not shown either", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await bob.goOffline();
    await alice.send("too late");
    await world.pass(1_000);
    await bob.call("contacts.block", { account: await alice.account() });
    await bob.goOnline();
    await world.pass(1_000);
    await bob.sees();
    // The homeserver learns of it as soon as it is reached; Alice is told nothing.
    const late = await alice.send("and now?");
    expect((await alice.reaches(late, "forwarded")).cause).toBeNull();
    await bob.sees();
  });

  test("[H9] a request from a blocked account is dropped, its pending one is gone", async () => {
    await using world = new World();
    const { alice, bob } = await neighbours(world);
    await alice.call("requests.send", { who: "@bob", text: "" });
    const { requestId } = await bob.request("pending");
    await bob.call("contacts.block", { account: await alice.account() });
    expect(await bob.request()).toMatchObject({ requestId, state: "declined" });
    await alice.call("requests.withdraw", { requestId });
    await alice.call("requests.send", { who: "@bob", text: "please" });
    await world.pass(2_000);
    expect(await bob.call("requests.list", {})).toHaveLength(1);
    expect(await bob.failure("requests.send", { who: await alice.account(), text: "" })).toBe("you-blocked");
  });
});

describe("invitations", () => {
  test("[I3] a link links the servers, opens the room on both sides, and works once", async () => {
    await using world = new World();
    const alice = await (await world.home("alice.example")).person("Alice");
    const bob = await (await world.home("bob.example")).person("Bob");
    const carol = await (await world.home("carol.example")).person("Carol");
    const { link } = await alice.call("invitations.create", { label: "for Bob" });
    expect(await bob.call("invitations.inspect", { link: link! })).toMatchObject({
      displayName: "Alice",
      account: await alice.account(),
      serverId: alice.home.id,
    });
    await bob.call("invitations.accept", { link: link! });
    expect((await bob.pair()).roomId).toBe((await alice.pair()).roomId);
    await world.until(
      async () => (await alice.call("servers.list", {}))[0]?.trust === "mutual",
      "linking back",
    );
    const [invitation] = await alice.call("invitations.list", {});
    expect(invitation).toMatchObject({
      state: "used",
      usesLeft: 0,
      link: null,
      usedBy: [{ displayName: "Bob" }],
    });
    expect((await alice.request()).why).toContain("for Bob");
    // Whoever followed the link accepted; whoever made it was asked nothing.
    const lines = async (person: Person) => {
      const { roomId } = await person.pair();
      const { messages } = await person.call("messages.list", { roomId, limit: 10 });
      return messages.filter(({ kind }) => kind === "notice").map(({ text }) => text);
    };
    expect(await lines(bob)).toEqual(["You accepted Alice's invitation."]);
    expect(await lines(alice)).toEqual(["Bob accepted your invitation."]);
    await bob.send("here I am");
    await alice.sees("here I am");

    await carol.call("invitations.accept", { link: link! });
    expect(await alice.request("pending")).toMatchObject({
      displayName: "Carol",
      serverName: expect.stringContaining(carol.home.id.slice(0, 8)),
    });
    await world.pass(1_000);
    expect((await carol.request()).state).toBe("pending");
  });

  test("[I4] whoever only knows a link's public part asks like anybody else", async () => {
    await using world = new World();
    const alice = await (await world.home("alice.example")).person("Alice");
    const bob = await (await world.home("bob.example")).person("Bob");
    const { link } = await alice.call("invitations.create", {});
    const forged = formatInvitationLink("https://x", {
      ...parseInvitationLink(link!),
      secret: new Uint8Array(16),
    });
    await bob.call("invitations.accept", { link: forged });
    expect(await alice.request("pending")).toMatchObject({ displayName: "Bob" });
    expect((await alice.call("invitations.list", {}))[0]).toMatchObject({
      state: "open",
      usesLeft: 1,
      usedBy: [],
    });
    // Acceptance lets this one person in, whatever the servers' trust is. [H9]
    const { requestId, why } = await alice.request("pending");
    expect(why).toContain("You have not linked it.");
    await alice.call("requests.accept", { requestId });
    await bob.pair();
    await bob.send("let in");
    await alice.sees("let in");
    await alice.send("welcome");
    await bob.sees("let in", "welcome");
    expect((await alice.call("servers.list", {}))[0]).toMatchObject({ trust: "incoming" });
  });

  test("[I5] a revoked link is an ordinary request, an expired one is refused, one's own is said to be", async () => {
    await using world = new World();
    const alice = await (await world.home("alice.example")).person("Alice");
    const bob = await (await world.home("bob.example")).person("Bob");
    const revoked = await alice.call("invitations.create", {});
    await alice.call("invitations.revoke", { invitationId: revoked.invitationId });
    await bob.call("invitations.accept", { link: revoked.link! });
    await alice.request("pending");
    const short = await alice.call("invitations.create", { expiresInMs: 60_000 });
    await world.pass(60_000);
    expect((await alice.call("invitations.list", {}))[0]).toMatchObject({ state: "expired", link: null });
    expect(await bob.failure("invitations.accept", { link: short.link! })).toBe("expired");
    const own = await alice.call("invitations.create", { uses: 3 });
    expect(await alice.failure("invitations.accept", { link: own.link! })).toBe("own-invitation");
    expect(await bob.failure("invitations.inspect", { link: own.link!.slice(0, -5) })).toBe("bad-invitation");
  });
});
