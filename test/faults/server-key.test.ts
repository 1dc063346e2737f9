/**
 * A homeserver's key is stolen, and its owner replaces it by the words on paper: real processes. Alice and Erin have engines
 * of their own on that homeserver, Bob a box that is linked with it. Nobody does anything but the owner: chats and a room go
 * on both ways under the new key, and whoever runs the stolen one is refused.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { startClient, startFedchat, until } from "../harness/fedchat-process.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;

test("[R8] [R9] [R10] a stolen server key is replaced by the words on paper: people go on, the thief is refused", async () => {
  await using home = await startFedchat({ name: "home", data: await folder("home"), command: "server" });
  await home.stop();
  const words = await makeKit(home.data);
  expect(words).toHaveLength(12);
  await home.start();

  await using bob = await startFedchat({ name: "bob", data: await folder("bob") });
  await using alice = await startClient("alice", home);
  await using erin = await startClient("erin", home);
  await bob.call("account.create", { displayName: "Bob" });
  for (const [engine, displayName] of [
    [alice, "Alice"],
    [erin, "Erin"],
  ] as const) {
    const registrationToken = (await home.call("accountInvitations.create", {})).link;
    await engine.call("account.create", { displayName, registrationToken });
  }
  const { serverId: formerId, port } = home.info;
  await bob.call("servers.link", { host: "127.0.0.1", port, serverId: formerId });
  for (const friend of [bob, erin]) {
    const { link } = await friend.call("invitations.create", {});
    await alice.call("invitations.accept", { link: link! });
  }
  const people = await until("both are contacts", async () => {
    const list = await alice.call("contacts.list", {});
    return list.length === 2 && list.map(({ account }) => account);
  });
  const { roomId } = await alice.call("rooms.create", { name: "Weekend", people });
  for (const friend of [bob, erin]) {
    await until("the room is there", async () =>
      (await friend.call("rooms.list", {})).some((one) => one.roomId === roomId && one.state === "invited"),
    );
    await friend.call("rooms.join", { roomId });
  }
  const withBob = await pairOf(alice, "Bob");
  const withErin = await pairOf(alice, "Erin");
  for (const room of [withBob, withErin, roomId]) await write(alice, room, "before");
  for (const [friend, room] of [
    [bob, withBob],
    [erin, withErin],
    [bob, roomId],
    [erin, roomId],
  ] as const)
    await reads(friend, room, "before");

  // The thief has everything that lies there.
  await home.stop();
  await write(bob, withBob, "while it was away");
  const stolen = await mkdtemp(join(tmpdir(), "fedchat-stolen-"));
  await cp(home.data, stolen, { recursive: true });
  const replaced = await serverKey(["replace", "--data", home.data, "--json"], () => words.join(" "));
  expect(replaced).toMatchObject([{ former: formerId }]);
  await home.start();
  const { serverId } = home.info;
  expect(serverId).not.toBe(formerId);

  const link = await until("bob's server goes over", async () => {
    const servers = await bob.call("servers.list", {});
    return servers.find((server) => server.serverId === serverId && server.state === "connected");
  });
  expect(link).toMatchObject({ trust: "mutual", replaced: { serverId: formerId } });
  expect((await bob.call("servers.list", {})).map((server) => server.serverId)).toEqual([serverId]);
  const notices = await bob.call("engine.notices", {});
  expect(notices.filter(({ cause }) => cause.code === "server-key-replaced")).toHaveLength(1);
  for (const engine of [alice, erin])
    await until("it goes over by itself", async () => {
      const { homeserver } = await engine.call("engine.status", {});
      return homeserver.serverId === serverId && homeserver.connection === "connected";
    });

  await reads(alice, withBob, "while it was away");
  await using thief = await startFedchat({
    name: "home",
    command: "server",
    data: stolen,
    args: ["--log", "debug"],
  });
  expect(thief.info.serverId).toBe(formerId);
  await until("the thief is refused", async () =>
    (await readFile(join(stolen, "fedchat.log"), "utf8")).includes("server-key-replaced"),
  );

  for (const [one, other, room] of [
    [alice, bob, withBob],
    [alice, erin, withErin],
  ] as const) {
    await write(one, room, "after");
    await reads(other, room, "after");
    await write(other, room, "so I see");
    await reads(one, room, "so I see");
  }
  for (const writer of [alice, bob, erin]) {
    await write(writer, roomId, `from ${writer.data}`);
    for (const reader of [alice, bob, erin]) await reads(reader, roomId, `from ${writer.data}`);
  }
  // Rooms and the chat of two on that server can still be changed: somebody orders them.
  await alice.call("rooms.rename", { roomId, name: "Mountains" });
  for (const engine of [alice, bob, erin])
    await until(
      "the new name",
      async () => (await engine.call("rooms.get", { roomId })).title === "Mountains",
    );
  await until("one line in the chat", async () =>
    (await textsOf(bob, withBob, "notice")).some((line) => line.includes("Alice's homeserver")),
  );
  expect((await textsOf(bob, withBob, "notice")).filter((line) => line.includes("homeserver"))).toHaveLength(
    1,
  );
  expect((await bob.call("servers.list", {})).map((server) => server.serverId)).toEqual([serverId]);
  await rm(stolen, { recursive: true, force: true });
});

/** One that links back whoever links it, and whose engine gives a room's homeserver three seconds. */
async function folder(name: string): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), `fedchat-${name}-`));
  await writeFile(join(data, "fedchat.toml"), 'accept = "anyone"\nroom_takeover_seconds = 3\n');
  return data;
}

async function makeKit(data: string): Promise<string[]> {
  let words: string[] = [];
  await serverKey(["kit", "--data", data, "--json"], (shown) => {
    ({ words } = shown as { words: string[] });
    return words.join(" ");
  });
  return words;
}

/** Runs `fedchat server-key`, and types what `answer` makes of the first line, or at once where nothing is shown first. */
async function serverKey(args: string[], answer: (shown: unknown) => string): Promise<unknown[]> {
  const child = spawn(process.execPath, [main, "server-key", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let [said, failed] = ["", ""];
  if (args[0] === "replace") child.stdin.end(`${answer(undefined)}\n`);
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (args[0] === "kit" && !child.stdin.writableEnded) child.stdin.end(`${answer(JSON.parse(said))}\n`);
  });
  child.stderr.on("data", (chunk: Buffer) => (failed += chunk.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(failed);
  return said
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

async function pairOf(person: FedchatProcess, name: string): Promise<string> {
  return await until("the chat", async () => {
    const rooms = await person.call("rooms.list", {});
    return rooms.find(({ kind, title }) => kind === "pair" && title === name)?.roomId;
  });
}

const write = (person: FedchatProcess, roomId: string, text: string): Promise<unknown> =>
  person.call("messages.send", { roomId, text });

const reads = (person: FedchatProcess, roomId: string, text: string): Promise<unknown> =>
  until(`'${text}'`, async () => (await textsOf(person, roomId, "text")).includes(text), 60_000);

async function textsOf(person: FedchatProcess, roomId: string, kind: "text" | "notice"): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages.filter((message) => message.kind === kind).map(({ text }) => text);
}
