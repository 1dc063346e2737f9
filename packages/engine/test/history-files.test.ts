/** A whole history as files, and back into another engine, into the same one, and from somebody who means ill. */
import { describe, expect, test } from "vitest";
import type { HistoryFile } from "../src/interface/index.ts";
import { friends, World } from "./world.ts";
import type { Person } from "./world.ts";

async function files(person: Person): Promise<Map<string, string>> {
  const { files: listed } = await person.call("history.files", {});
  const all = new Map<string, string>();
  for (const file of listed) all.set(file.name, await whole(person, file));
  return all;
}

async function whole(person: Person, file: HistoryFile): Promise<string> {
  let text = "";
  for (let at: number | null | undefined; at !== null;) {
    const piece = await person.call("history.piece", { file, ...(at === undefined ? {} : { at }) });
    text += piece.text;
    at = piece.next;
  }
  return text;
}

type Line = Record<string, unknown> & { kind: string };
const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

async function exported(person: Person): Promise<Line[]> {
  return linesOf((await files(person)).get("history.jsonl")!);
}

/** Two lines a call, so that a history is taken in over many of them. */
async function imported(person: Person, lines: Line[]) {
  let { next } = await person.call("history.importBegin", { header: lines[0]! });
  const all = { added: 0, known: 0, passedOver: 0 };
  for (let at = 0; at < lines.length; at += 2) {
    const taken = await person.call("history.import", { lines: lines.slice(at, at + 2), next });
    next = taken.next;
    all.added += taken.added;
    all.known += taken.known;
    all.passedOver += taken.passedOver;
  }
  await person.call("history.importEnd", {});
  return all;
}

/** Alice and Bob have talked; Alice has a note. */
async function talked(world: World) {
  const { alice, bob } = await friends(world);
  const first = await alice.send("hello <b>Bob</b> & all");
  await bob.sees("hello <b>Bob</b> & all");
  await bob.send("hello Alice");
  await alice.sees("hello <b>Bob</b> & all", "hello Alice");
  const { roomId } = await alice.pair();
  const last = await alice.call("messages.send", { roomId, text: "and on", inReplyTo: first.messageId });
  await alice.reaches(last, "delivered");
  await alice.call("messages.send", { to: "@alice", text: "milk" });
  return { alice, bob, roomId };
}

async function textsIn(person: Person, roomId: string): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages.filter(({ kind }) => kind === "text").map(({ text }) => text);
}

const said = ["hello <b>Bob</b> & all", "hello Alice", "and on"];

describe("files", () => {
  test("[F1] hold every message once, oldest first, with who wrote it and what it says byte for byte", async () => {
    await using world = new World();
    const { alice, roomId } = await talked(world);
    const lines = await exported(alice);
    const messages = lines.filter(({ kind }) => kind === "message");
    expect(lines[0]).toMatchObject({
      kind: "history",
      version: 1,
      displayName: "Alice",
      messages: messages.length,
    });
    expect(messages.filter(({ type }) => type === "text").map(({ text }) => text)).toEqual([...said, "milk"]);
    expect(lines.find((line) => line.kind === "person" && line["displayName"] === "Bob")).toBeDefined();
    expect(lines.filter((line) => line.kind === "room" && line["room"] === roomId)).toHaveLength(1);
    expect(messages.every(({ type, content }) => (type === "notice") === (content === null))).toBe(true);
  });

  test("[F4] say nothing that lets anybody act for the account or fetch keys", async () => {
    await using world = new World();
    const { alice } = await talked(world);
    for (const line of await exported(alice)) {
      expect(line).not.toHaveProperty("capability");
      expect(line).not.toHaveProperty("record");
      expect(line).not.toHaveProperty("log");
    }
  });

  test("[F4] [M8] leave out what expires, whose time is not over yet", async () => {
    await using world = new World();
    const { alice, roomId } = await talked(world);
    const expires = { at: world.clock.now() + 3_600_000 };
    await alice.call("messages.send", { roomId, text: "a xylophone for an hour", expires });
    await alice.call("messages.send", { roomId, text: "once read", expires: { afterReadingMs: 60_000 } });
    expect(await textsIn(alice, roomId)).toEqual([...said, "a xylophone for an hour", "once read"]);
    for (const text of (await files(alice)).values()) expect(text).not.toMatch(/xylophone|once read/);
  });

  test("[F5] pages are whole in themselves, without scripts, and what people wrote is text", async () => {
    await using world = new World();
    const { alice } = await talked(world);
    const pages = [...(await files(alice))].filter(([name]) => name.endsWith(".html"));
    expect(pages.map(([name]) => name.replace(/-[a-z0-9]{8}\./, "-x."))).toEqual([
      "index.html",
      "chats/notes-to-self-x.html",
      "chats/bob-x.html",
    ]);
    for (const [, page] of pages) {
      expect(page).toMatch(/^<!doctype html>\n[^]*<\/html>\n$/);
      expect(page).not.toMatch(/<script|src=|href="[a-z]+:|<b>/);
    }
    const bob = pages.at(-1)![1];
    expect(bob).toContain("hello &lt;b&gt;Bob&lt;/b&gt; &amp; all");
    expect(bob).toContain("<blockquote");
  });
});

describe("taken back", () => {
  test("[F3] by an engine that has none of it, its rooms come back to be read", async () => {
    await using world = new World();
    const { alice, roomId } = await talked(world);
    const lines = await exported(alice);
    const carol = await (await world.home("carol.example")).person("Carol");
    expect(await imported(carol, lines)).toMatchObject({ added: lines.filter(isMessage).length, known: 0 });
    expect(await textsIn(carol, roomId)).toEqual(said);
    const room = await carol.call("rooms.get", { roomId });
    expect(room).toMatchObject({
      title: "Bob",
      state: "closed",
      unread: 0,
      cause: { code: "room-from-file" },
    });
    expect(await carol.failure("messages.send", { roomId, text: "no" })).toBe("room-closed");
    // Another account's notes are that account's, and not Carol's own.
    const rooms = await carol.call("rooms.list", {});
    const notes = rooms.filter(({ kind }) => kind === "notes");
    expect(await textsIn(carol, notes[0]!.roomId)).toEqual([]);
    expect(rooms.find(({ title }) => title === "Alice")?.state).toBe("closed");
    const hits = await carol.call("messages.search", { text: "hello" });
    expect(hits.map(({ message }) => message.text)).toEqual(["hello Alice", "hello <b>Bob</b> & all"]);
  });

  test("[F3] twice, and by the engine that wrote it, adds nothing", async () => {
    await using world = new World();
    const { alice, roomId } = await talked(world);
    const lines = await exported(alice);
    const before = await alice.call("messages.list", { roomId });
    const messages = lines.filter(isMessage).length;
    for (let times = 0; times < 2; times++)
      expect(await imported(alice, lines)).toEqual({ added: 0, known: messages, passedOver: 0 });
    expect(await alice.call("messages.list", { roomId })).toEqual(before);
  });

  test("[F3] after some of it was cleared, it stands between what is here, and what is unread stays so", async () => {
    await using world = new World();
    const { alice, bob, roomId } = await talked(world);
    const lines = await exported(alice);
    const kept = lines.filter((line) => !isMessage(line) || line["text"] !== "hello Alice");
    await alice.call("rooms.clear", { roomId });
    await imported(alice, kept);
    expect(await textsIn(alice, roomId)).toEqual([said[0], said[2]]);
    await bob.send("new");
    await alice.sees(said[0]!, said[2]!, "new");
    const { position } = (await alice.call("messages.list", { roomId })).messages.at(-1)!;
    expect(await imported(alice, lines)).toMatchObject({ added: 1 });
    expect(await textsIn(alice, roomId)).toEqual([...said, "new"]);
    const { messages } = await alice.call("messages.list", { roomId });
    expect(messages.at(-1)!.position).toBe(position);
    expect(alice.events).toContainEqual({ type: "history.changed", roomId });
    expect((await alice.call("rooms.get", { roomId })).unread).toBe(1);
    const hits = await alice.call("messages.search", { text: "hello" });
    expect(hits.map(({ message }) => message.text)).toEqual([said[1], said[0]]);
  });

  test("[F3] after it was cut off in the middle, the rest comes and stands in order", async () => {
    await using world = new World();
    const { alice, roomId } = await talked(world);
    const lines = await exported(alice);
    const carol = await (await world.home("carol.example")).person("Carol");
    const { next } = await carol.call("history.importBegin", { header: lines[0]! });
    const half = lines.slice(0, lines.findIndex((line) => line["text"] === "hello Alice") + 1);
    await carol.call("history.import", { lines: half, next });
    await carol.restart();
    const { known } = await imported(carol, lines);
    expect(known).toBeGreaterThan(0);
    expect(await textsIn(carol, roomId)).toEqual(said);
  });
});

describe("a file from somebody who means ill", () => {
  test("[F3] cannot name the id of a message that is still to come", async () => {
    await using world = new World();
    const { alice, bob, roomId } = await talked(world);
    const lines = await exported(alice);
    const forged = lines.map((line) =>
      line["text"] === "hello Alice" ? { ...line, text: "x", id: "aeaq".padEnd(52, "a") } : line,
    );
    const carol = await (await world.home("carol.example")).person("Carol");
    expect(await imported(carol, forged)).toMatchObject({ passedOver: 1 });
    expect(await textsIn(carol, roomId)).toEqual([said[0], said[2]]);
    const notice = { ...lines.find(({ type }) => type === "notice")!, id: "aeaq".padEnd(52, "a") };
    expect(await imported(carol, [lines[0]!, notice])).toMatchObject({ added: 0, passedOver: 1 });
    expect(await bob.texts()).toEqual(said);
  });

  test("[F2] that is no history, of a later version or damaged is refused whole; kinds to come are passed over", async () => {
    await using world = new World();
    const { alice } = await talked(world);
    const [header, ...rest] = await exported(alice);
    const carol = await (await world.home("carol.example")).person("Carol");
    for (const bad of [{ ...header!, version: 2 }, { ...header!, account: "x" }, rest[0]!, {}, 7])
      expect(await carol.failure("history.importBegin", { header: bad })).toBe("bad-history");
    const { next } = await carol.call("history.importBegin", { header: header! });
    const message = rest.find(isMessage)!;
    for (const bad of [{ ...message, sentAt: "yesterday" }, { ...message, content: "%" }, "text"])
      expect(await carol.failure("history.import", { lines: [...rest, bad], next })).toBe("bad-history");
    expect(await carol.call("history.import", { lines: [{ kind: "sticker" }], next })).toMatchObject({
      added: 0,
    });
    expect((await carol.call("rooms.list", {})).filter(({ kind }) => kind === "pair")).toEqual([]);
    // Places that live messages have, or will get, are none for a file.
    for (const place of [1, 0, Number.MAX_SAFE_INTEGER])
      expect(await carol.failure("history.import", { lines: [message], next: place })).toBe("bad-history");
  });
});

const isMessage = (line: Line): boolean => line.kind === "message";
