/** What a person does with what is on their own engine: notes, paging, search, unread, drafts, names. */
import { describe, expect, test } from "vitest";
import type { Message } from "../src/interface/index.ts";
import { friends, World } from "./world.ts";
import type { Person } from "./world.ts";

async function notes(person: Person): Promise<string> {
  return (await person.call("rooms.list", {})).find(({ kind }) => kind === "notes")!.roomId;
}

async function noted(person: Person, ...texts: string[]): Promise<Message[]> {
  const roomId = await notes(person);
  const written: Message[] = [];
  for (const text of texts) written.push(await person.call("messages.send", { roomId, text }));
  return written;
}

async function alone(world: World): Promise<Person> {
  return (await world.home("alice.example")).person("Alice");
}

describe("notes to self", () => {
  test("are kept here, read at once, and survive a restart", async () => {
    await using world = new World();
    const alice = await alone(world);
    const [note] = await noted(alice, "milk");
    expect(note).toMatchObject({ state: "read", mine: true, senderName: "Alice", text: "milk" });
    await alice.restart();
    const { messages } = await alice.call("messages.list", { roomId: await notes(alice) });
    expect(messages).toEqual([note]);
    expect(await alice.call("messages.xray", { messageId: note!.messageId })).toHaveLength(1);
    const again = await alice.call("messages.send", { to: "@alice", text: "bread" });
    expect(again.roomId).toBe(note!.roomId);
  });
});

describe("paging", () => {
  test("before, after and around a message, oldest first, saying whether there is more", async () => {
    await using world = new World();
    const alice = await alone(world);
    const all = await noted(alice, ..."abcdefghij");
    const roomId = await notes(alice);
    const page = async (at: object) => {
      const { messages, more } = await alice.call("messages.list", { roomId, limit: 3, ...at });
      return [messages.map(({ text }) => text).join(""), more.before, more.after];
    };
    expect(await page({})).toEqual(["hij", true, false]);
    expect(await page({ before: all[7]!.position })).toEqual(["efg", true, true]);
    expect(await page({ after: all[7]!.position })).toEqual(["ij", true, false]);
    expect(await page({ after: 0 })).toEqual(["abc", false, true]);
    expect(await page({ around: all[4]!.messageId })).toEqual(["def", true, true]);
    expect(await page({ before: 0 })).toEqual(["", false, false]);
    const since = await alice.call("messages.since", { after: all[6]!.position, limit: 2 });
    expect(since.map(({ text }) => text)).toEqual(["h", "i"]);
    expect(await alice.call("engine.subscribe", {})).toEqual({ position: all[9]!.position });
  });
});

describe("search", () => {
  test("finds all words, the last one as a prefix, in any accent, newest first", async () => {
    await using world = new World();
    const alice = await alone(world);
    await noted(alice, "Café au lait", "the cafeteria is closed", "a closed question", "nothing");
    const found = async (text: string) =>
      (await alice.call("messages.search", { text })).map(({ message }) => message.text);
    expect(await found("cafe")).toEqual(["the cafeteria is closed", "Café au lait"]);
    expect(await found("closed caf")).toEqual(["the cafeteria is closed"]);
    expect(await found("cafe lait")).toEqual(["Café au lait"]);
    expect(await found("missing")).toEqual([]);
    expect(await found('" OR * NEAR( ^')).toEqual([]);
    expect(await found("!?")).toEqual([]);
    const [hit] = await alice.call("messages.search", { text: "quest" });
    expect(hit).toMatchObject({ roomTitle: "Notes to self" });
    expect(hit!.snippet).toEqual([
      { text: "a closed ", hit: false },
      { text: "question", hit: true },
    ]);
  });

  test("stays within a room, pages by position, and forgets what was cleared", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await bob.send("apple one");
    await alice.sees("apple one");
    const [note] = await noted(alice, "apple two");
    const { roomId } = await alice.pair();
    const found = async (more: object) =>
      (await alice.call("messages.search", { text: "apple", ...more })).map(({ message }) => message.text);
    expect(await found({})).toEqual(["apple two", "apple one"]);
    expect(await found({ roomId })).toEqual(["apple one"]);
    expect(await found({ before: note!.position })).toEqual(["apple one"]);
    expect(await found({ limit: 1 })).toEqual(["apple two"]);
    await alice.call("rooms.clear", { roomId });
    expect(await found({})).toEqual(["apple two"]);
    expect(await alice.pair()).toMatchObject({ lastMessage: null, unread: 0 });
  });
});

describe("unread", () => {
  test("counts others' messages, is taken back from any of them, and tells the sender once", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const sent = [await bob.send("1"), await bob.send("2"), await bob.send("3")];
    await alice.sees("1", "2", "3");
    const [first, second, third] = sent.map(({ messageId }) => messageId);
    const { roomId } = await alice.pair();
    expect(await alice.pair()).toMatchObject({ unread: 3, firstUnread: first });
    expect((await alice.call("engine.status", {})).counts.unread).toBe(3);
    await alice.call("messages.markRead", { roomId, messageId: second! });
    expect(await alice.pair()).toMatchObject({ unread: 1, firstUnread: third });
    await bob.reaches(sent[1]!, "read");
    expect((await bob.stateOf(sent[2]!)).state).toBe("delivered");
    await alice.call("messages.markUnread", { roomId, messageId: first! });
    expect(await alice.pair()).toMatchObject({ unread: 3, firstUnread: first });
    await alice.call("messages.markRead", { roomId, messageId: third! });
    expect(await alice.pair()).toMatchObject({ unread: 0, firstUnread: null });
    const read = await bob.reaches(sent[2]!, "read");
    expect(read.stateAt.read).toBeGreaterThanOrEqual(read.stateAt.delivered!);
    expect(await alice.failure("messages.markRead", { roomId: await notes(alice), messageId: first! })).toBe(
      "unknown-message",
    );
  });
});

describe("drafts, names and events", () => {
  test("a draft is kept over a restart and told to other screens", async () => {
    await using world = new World();
    const alice = await alone(world);
    const roomId = await notes(alice);
    await alice.call("drafts.set", { roomId, text: "half a thou" });
    await world.until(() =>
      alice.events.some((event) => event.type === "draft.changed" && event.text === "half a thou"),
    );
    await alice.restart();
    expect(await alice.call("rooms.get", { roomId })).toMatchObject({ draft: "half a thou" });
  });

  test("a nickname is shown instead of the name, here only", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const account = await bob.account();
    expect(await alice.call("contacts.nickname", { account, nickname: "Bobby" })).toMatchObject({
      nickname: "Bobby",
    });
    expect(await alice.pair()).toMatchObject({
      title: "Bobby",
      peer: { displayName: "Bob", relation: "contact" },
    });
    expect((await alice.call("people.find", { who: "bobby" })).account).toBe(account);
    await alice.call("contacts.nickname", { account, nickname: null });
    expect(await alice.pair()).toMatchObject({ title: "Bob" });
  });

  test("every change is an event with the whole view: rooms before their messages", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    alice.events.length = 0;
    const hi = await bob.send("hi");
    await alice.sees("hi");
    await world.until(() => alice.events.some(({ type }) => type === "message.added"));
    const types = alice.events.map(({ type }) => type);
    expect(types.indexOf("room.changed")).toBeLessThan(types.indexOf("message.added"));
    expect(types).toContain("status.changed");
    const added = alice.events.find((event) => event.type === "message.added");
    expect(added).toMatchObject({
      message: { messageId: hi.messageId, text: "hi", mine: false, state: null },
    });
    await bob.reaches(hi, "delivered");
    await world.until(() =>
      bob.events.some((event) => event.type === "message.changed" && event.message.state === "delivered"),
    );
  });

  test("addresses: @handle, handle@server, server id, or the account; what fits several is asked back", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    const account = await bob.account();
    for (const who of ["@bob", "bob", "bob@bob", `bob@${bob.home.id}`, account, " Bob "]) {
      expect((await alice.call("people.find", { who })).account).toBe(account);
    }
    const other = await (await world.home("other.example")).person("Bob");
    await alice.link(other, "the-other");
    expect((await alice.call("people.find", { who: "bob@the-other" })).account).toBe(await other.account());
    expect(await alice.failure("people.find", { who: "@bob" })).toBe("ambiguous");
    expect((await alice.call("people.find", { who: `bob@${other.home.id}` })).account).toBe(
      await other.account(),
    );
    expect(await alice.failure("messages.send", { to: "alice@bob", text: "?" })).toBe("unknown-person");
    await bob.close();
  });
});
