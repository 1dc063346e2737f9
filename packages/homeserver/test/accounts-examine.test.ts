/** The doctor's findings, for administrators. */
import type { Examination } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { startHomeserver } from "./start-homeserver.ts";

const found: Examination = {
  startedAt: 1,
  finishedAt: null,
  findings: [
    {
      check: "proxy",
      title: "Proxy chat.example.com:443",
      result: "failed",
      code: "no-upgrade",
      sentence: "It passes no WebSockets on.",
      fix: "Have it pass the header Upgrade.",
      action: { kind: "copy", text: "location / {\n}" },
    },
  ],
  pending: ["Clock"],
};

test("[H2] what the doctor found is told to administrators, and to nobody else", async () => {
  const asked: boolean[] = [];
  await using world = await startHomeserver({
    examine(again) {
      asked.push(again);
      return found;
    },
  });
  const alice = await world.join("alice");
  const bob = await world.join("bob");
  expect(await alice.client.request("server.examine", { again: true })).toEqual(found);
  expect(await alice.client.request("server.examine", { again: false })).toEqual(found);
  await expect(bob.client.request("server.examine", { again: true })).rejects.toMatchObject({
    code: "not-allowed",
  });
  expect(asked).toEqual([true, false]);
});

test("where nobody can look, that is said", async () => {
  await using world = await startHomeserver();
  const { client } = await world.join("alice");
  await expect(client.request("server.examine", { again: false })).rejects.toMatchObject({
    code: "unknown-method",
  });
});
