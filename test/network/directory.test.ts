/**
 * Ten homeservers that know nothing but a directory's address: they find each other, talk, go on without it, and a new
 * one joins by another directory.
 */
import { expect, test } from "vitest";
import { makeDirectory } from "../harness/directory-process.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";

const count = 10;

/** Finds somebody by name, asks for a chat, and sends a message that arrives. */
async function talk(from: FedchatProcess, to: FedchatProcess, name: string, text: string): Promise<void> {
  const person = await until(`${name} is found`, async () => {
    const found = await from.call("people.search", { text: name });
    return found.find(({ displayName }) => displayName === name);
  });
  await from.call("requests.send", { who: person.account, text: "May I?" });
  const { requestId } = await until("the request arrives", async () =>
    (await to.call("requests.list", {})).find(
      ({ state, direction }) => state === "pending" && direction === "incoming",
    ),
  );
  const { roomId } = await to.call("requests.accept", { requestId });
  await until("the room opens", async () =>
    (await from.call("rooms.list", {})).some((room) => room.roomId === roomId),
  );
  await say(from, to, roomId, text);
}

async function say(from: FedchatProcess, to: FedchatProcess, roomId: string, text: string): Promise<void> {
  await from.call("messages.send", { roomId, text });
  await until(`'${text}' arrives`, async () =>
    (await to.call("messages.list", { roomId })).messages.some((message) => message.text === text),
  );
}

const connected = async (fedchat: FedchatProcess): Promise<number> =>
  (await fedchat.call("servers.list", {})).filter(
    ({ trust, state }) => trust === "mutual" && state === "connected",
  ).length;

test("[D2] [D3] [D4] [D7] homeservers with only a directory's address talk, and go on when it dies", async () => {
  await using processes = new AsyncDisposableStack();
  const first = processes.use(await makeDirectory());
  const second = processes.use(await makeDirectory());
  await first.start();
  const both = `127.0.0.1:${first.port},127.0.0.1:${second.port}`;
  const homes: FedchatProcess[] = [];
  for (let index = 0; index < count; index += 1) {
    const home = await startFedchat({ name: `home${index}`, args: ["--directory", both] });
    homes.push(processes.use(home));
    await home.call("account.create", { displayName: `Person${index}` });
    await home.call("people.setVisibility", { visibility: "directory" });
  }
  for (const [index, home] of homes.entries()) {
    await until(
      `home${index} is linked with all others`,
      async () => (await connected(home)) === count - 1,
      120_000,
    );
  }
  const [alice, bob, carol] = homes as [FedchatProcess, FedchatProcess, FedchatProcess];
  await talk(alice, bob, "Person1", "hello across");

  await first.kill();
  const room = (await alice.call("rooms.list", {})).find(({ kind }) => kind === "pair");
  await say(bob, alice, room!.roomId, "without a directory");
  await bob.kill();
  await bob.start();
  await until("a restarted one is linked again", async () => (await connected(bob)) === count - 1, 60_000);
  await say(alice, bob, room!.roomId, "after a restart");

  await second.start();
  const late = processes.use(
    await startFedchat({ name: "late", args: ["--directory", `127.0.0.1:${second.port}`] }),
  );
  await late.call("account.create", { displayName: "Late" });
  await late.call("people.setVisibility", { visibility: "directory" });
  await until("the new one is linked with all", async () => (await connected(late)) === count, 120_000);
  await talk(carol, late, "Late", "welcome");
  expect(await connected(carol)).toBe(count);
});
