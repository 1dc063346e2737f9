/**
 * What a homeserver, its disk, its logs and the wire hold is ciphertext: known plaintexts and keys are searched in them
 * in every form that they could have, and the same search finds them where they belong, in the engine's store.
 */
import { basename } from "node:path";
import { expect, test } from "vitest";
import { engineSecrets, filesOf, isEngineStore } from "../harness/engine-secrets.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";
import { formsOf } from "../harness/forms-of.ts";
import { recordingProxy } from "../harness/recording-proxy.ts";

const requestText = "plum-request-9f1c, may I?";
const messageText = "The heron stands at Quillfeather lock 7741";
const draftText = "unsent-marmalade-draft-5520";

test("[X1] [P1] no plaintext, no password and no key of an engine is anywhere on a homeserver, in its logs or on the wire", async () => {
  await using alice = await startFedchat({ name: "alice", args: ["--log", "debug"] });
  await using bob = await startFedchat({ name: "bob", args: ["--log", "debug"] });
  using proxy = await recordingProxy(bob);
  await alice.call("account.create", { displayName: "Alice", password: "correct horse battery staple" });
  const bobsAccount = await bob.call("account.create", { displayName: "Bob" });
  await alice.call("servers.link", { host: "127.0.0.1", port: proxy.port, serverId: bob.info.serverId });
  await bob.call("servers.linkBack", { serverId: alice.info.serverId });
  await until("Bob is listed", async () =>
    (await alice.call("people.list", {})).some((p) => p.account === bobsAccount.account),
  );
  await alice.call("requests.send", { who: bobsAccount.account, text: requestText });
  const request = await until("the request arrives", async () => (await bob.call("requests.list", {}))[0]);
  const { roomId } = await bob.call("requests.accept", { requestId: request.requestId });
  await until("the room opens", async () =>
    (await alice.call("rooms.list", {})).some((r) => r.roomId === roomId),
  );
  await alice.call("drafts.set", { roomId, text: draftText });
  await alice.call("messages.send", { roomId, text: messageText });
  await until("it arrives", async () => {
    const { messages } = await bob.call("messages.list", { roomId });
    return messages.some((message) => message.text === messageText);
  });
  // While it waits in an outbox, and while it lies in an inbox that nobody reads.
  await bob.kill();
  await alice.call("messages.send", { roomId, text: `${messageText} waiting` });
  await until("it waits", async () => {
    const { messages } = await alice.call("messages.list", { roomId });
    return messages.at(-1)?.state === "submitted";
  });

  const texts = [requestText, messageText, draftText, "correct horse battery staple"];
  const keys = [...engineSecrets(alice), ...engineSecrets(bob)];
  expect(keys.length).toBeGreaterThanOrEqual(8);
  const outside = [...filesOf(alice), ...filesOf(bob)].filter(({ path }) => !isEngineStore(path));
  expect(outside.some(({ path }) => path.endsWith("-wal"))).toBe(true);
  expect(outside.some(({ path }) => path.endsWith(".log"))).toBe(true);
  const wire = proxy.recorded();
  expect(wire.length).toBeGreaterThan(5_000);

  const found = [...outside, { path: "the wire", bytes: wire }].flatMap(({ path, bytes }) =>
    [...texts, ...keys].flatMap((secret) =>
      formsOf(secret)
        .filter((form) => bytes.includes(form.bytes))
        .map(
          ({ form }) => `${typeof secret === "string" ? secret : "a key"} as ${form} in ${basename(path)}`,
        ),
    ),
  );
  expect(found).toEqual([]);

  // The same search where they belong. A password is nowhere, not even there.
  const inside = [...filesOf(alice), ...filesOf(bob)].filter(({ path }) => isEngineStore(path));
  const stands = (secret: string | Uint8Array) =>
    inside.some(({ bytes }) => formsOf(secret).some((form) => bytes.includes(form.bytes)));
  expect([requestText, messageText, draftText].map(stands)).toEqual([true, true, true]);
  expect(keys.every(stands)).toBe(true);
  expect(stands("correct horse battery staple")).toBe(false);
});
