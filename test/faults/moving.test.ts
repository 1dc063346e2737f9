/**
 * An account whose homeserver dies goes to live on another one: real processes, the homeserver killed. Alice has an engine
 * of her own on a shared homeserver; Bob and Carol have boxes. After `fedchat account move` a pair and a room of three go
 * on both ways, and her FedChat starts again where she lives now.
 */
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { FedchatProcess, freePorts, startClient, startFedchat, until } from "../harness/fedchat-process.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const run = promisify(execFile);

test("[A13] [A15] [A17] an account moves while its homeserver is dead: what contacts and rooms write arrives, both ways", async () => {
  await using formerly = await startFedchat({ name: "formerly", command: "server" });
  await using now = await startFedchat({ name: "now", command: "server" });
  await using bob = await impatient("bob");
  await using carol = await impatient("carol");
  await using alice = await startClient("alice", formerly);
  const registrationToken = await invitationTo(formerly);
  const alices = await alice.call("account.create", { displayName: "Alice", registrationToken });
  const people = { bob, carol };
  for (const [name, box] of Object.entries(people)) {
    await box.call("account.create", { displayName: name === "bob" ? "Bob" : "Carol" });
    const { link } = await box.call("invitations.create", {});
    await alice.call("invitations.accept", { link: link! });
  }
  const contacts = await until("both are contacts", async () => {
    const list = await alice.call("contacts.list", {});
    return list.length === 2 && list.map(({ account }) => account);
  });
  const { roomId } = await alice.call("rooms.create", { name: "Weekend", people: contacts });
  for (const box of [bob, carol]) {
    await until("the room is there", async () =>
      (await box.call("rooms.list", {})).some((room) => room.roomId === roomId && room.state === "invited"),
    );
    await box.call("rooms.join", { roomId });
  }
  await write(alice, roomId, "before");
  for (const box of [bob, carol]) await reads(box, roomId, "before");
  const pair = await pairWith(bob, alices.account);
  await write(bob, pair, "hello Alice");
  await reads(alice, pair, "hello Alice");

  await formerly.kill();
  await write(bob, pair, "are you there?");
  await write(carol, roomId, "where is Alice?");
  const moved = await fedchat(alice, "account", "move", await invitationTo(now), "--json");
  expect(JSON.parse(moved)).toMatchObject({ account: alices.account });
  expect((await alice.call("engine.status", {})).homeserver.serverId).toBe(now.info.serverId);

  await reads(alice, pair, "are you there?");
  await reads(alice, roomId, "where is Alice?");
  await write(alice, pair, "I moved");
  await reads(bob, pair, "I moved");
  await write(bob, pair, "so I see");
  await reads(alice, pair, "so I see");
  for (const [from, text] of [
    [alice, "here I am"],
    [bob, "good"],
    [carol, "very good"],
  ] as const) {
    await write(from, roomId, text);
    for (const reader of [alice, bob, carol]) await reads(reader, roomId, text);
  }
  // The room can be changed again, under the next of its servers.
  await alice.call("rooms.rename", { roomId, name: "Mountains" });
  for (const box of [alice, bob, carol])
    await until("the new name", async () => (await box.call("rooms.get", { roomId })).title === "Mountains");
  await until("one line", async () =>
    (await lines(bob, pair)).some((line) => line.startsWith("Alice is now at alice@")),
  );
  expect((await lines(bob, pair)).filter((line) => line.startsWith("Alice is now at"))).toHaveLength(1);

  // Started again, without a word of where: it is known.
  await alice.stop();
  await using again = await startAgain(alice);
  await write(bob, pair, "and after a restart?");
  await reads(again, pair, "and after a restart?");
});

/** The same data folder, started without naming a homeserver. */
async function startAgain({ data }: FedchatProcess): Promise<FedchatProcess> {
  const [port] = await freePorts(1);
  const words = ["chat", "--json", "--data", data, "--no-open", "--screen-port", String(port)];
  const again = new FedchatProcess(data, [main, ...words]);
  await again.start();
  return again;
}

/** One whose engine gives a room's homeserver three seconds. */
async function impatient(name: string): Promise<FedchatProcess> {
  const data = await mkdtemp(join(tmpdir(), `fedchat-${name}-`));
  await writeFile(join(data, "fedchat.toml"), "room_takeover_seconds = 3\n");
  return await startFedchat({ name, data });
}

async function invitationTo(server: FedchatProcess): Promise<string> {
  return (await server.call("accountInvitations.create", {})).link;
}

async function pairWith(person: FedchatProcess, account: string): Promise<string> {
  return await until("the chat", async () => {
    const rooms = await person.call("rooms.list", {});
    return rooms.find(({ kind, peer }) => kind === "pair" && peer?.account === account)?.roomId;
  });
}

const write = (person: FedchatProcess, roomId: string, text: string): Promise<unknown> =>
  person.call("messages.send", { roomId, text });

const reads = (person: FedchatProcess, roomId: string, text: string): Promise<unknown> =>
  until(`'${text}'`, async () => (await textsOf(person, roomId, "text")).includes(text), 60_000);

const lines = (person: FedchatProcess, roomId: string) => textsOf(person, roomId, "notice");

async function textsOf(person: FedchatProcess, roomId: string, kind: "text" | "notice"): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages.filter((message) => message.kind === kind).map(({ text }) => text);
}

async function fedchat(of: FedchatProcess, ...words: string[]): Promise<string> {
  return (await run(process.execPath, [main, ...words, "--data", of.data])).stdout;
}
