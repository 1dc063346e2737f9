/** One server that can be dialled, and one that cannot: everything goes over the connection that the latter opens. */
import { expect, test } from "vitest";
import { openBrowserInside, openScreen } from "../harness/browser.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, startFedchat, until } from "../harness/fedchat-process.ts";
import { openLab } from "../harness/namespaces.ts";
import { star } from "./labs.ts";

test("[L16] a server behind a NAT links a public one: people talk both ways, through a cut wire and a sleep", async () => {
  using lab = openLab();
  const { relay, leaves } = star(lab, 1);
  lab.domain("public.example.test", relay);
  await using leaf = await startFedchat({ name: "leaf", inside: leaves[0]! });
  await using open = await startFedchat({ name: "open", inside: relay });
  const roomId = await befriend(leaf, open, { at: { host: "public.example.test", port: open.info.port } });
  expect(open.info.addresses).toEqual([{ host: relay.address, port: 8443, kind: "direct" }]);
  expect(leaf.info.addresses).toEqual([{ host: leaves[0]!.address, port: 8443, kind: "lan" }]);

  await say(leaf, roomId, "from behind the router");
  await say(open, roomId, "and back");
  await heard(open, roomId, "from behind the router");
  await heard(leaf, roomId, "and back");

  leaves[0]!.cut();
  await say(leaf, roomId, "while the wire was cut");
  await say(open, roomId, "nobody hears this yet");
  leaves[0]!.heal();
  await heard(open, roomId, "while the wire was cut");
  await heard(leaf, roomId, "nobody hears this yet");

  leaf.pause();
  await say(open, roomId, "while it slept");
  leaf.resume();
  await heard(leaf, roomId, "while it slept");
});

test("a person's screen opens in a browser on the same host of a lab", async () => {
  using lab = openLab();
  const { leaves } = star(lab, 1);
  await using fedchat = await startFedchat({ name: "leaf", inside: leaves[0]! });
  await using browser = await openBrowserInside(leaves[0]!);
  const { page, complaints } = await openScreen(browser, fedchat);
  await page.getByRole("heading").first().waitFor();
  expect(complaints).toEqual([]);
});

const say = (from: FedchatProcess, roomId: string, text: string) =>
  from.call("messages.send", { roomId, text });

const heard = (by: FedchatProcess, roomId: string, text: string) =>
  until(`'${text}' arrives`, async () => {
    const { messages } = await by.call("messages.list", { roomId });
    return messages.some((message) => message.text === text && !message.mine);
  });
