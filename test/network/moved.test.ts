/**
 * A server moves to another machine, port and host name, and nobody answers at the old one. It cannot dial the people it
 * knows, who sit behind routers; they hear from somebody else where it is now, and dial it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeDirectory } from "../harness/directory-process.ts";
import { openLab } from "../harness/namespaces.ts";
import type { Lab } from "../harness/namespaces.ts";
import { star } from "./labs.ts";
import type { Pair, Resident } from "./residents.ts";
import { becomeContacts, link, settleAll, stopwatch, talk } from "./residents.ts";

const newPort = 9443;

test("[G5] a server that moved is found by its contacts through a third server's gossip", async () => {
  using lab = openLab();
  const { internet, relay, leaves } = star(lab, 2);
  const [before, after] = [lab.host("before", internet), lab.host("after", internet)];
  lab.domain("old.example.test", before);
  lab.domain("new.example.test", after);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const [third, mover, ...contacts] = (await settleAll(stack, [
    ["third", relay],
    ["mover", before, ...reachedAt(lab, "old.example.test:8443")],
    ["anna", leaves[0]!],
    ["bert", leaves[1]!],
  ])) as [Resident, Resident, Resident, Resident];
  // It tells records and passes nothing on.
  await third.fedchat.call("servers.setRelaying", { relaysFor: "nobody" });
  await Promise.all([mover, ...contacts].map((one) => link(one, third)));
  const pairs = await meet(contacts, mover);
  lap("everybody knows everybody");

  await mover.fedchat.stop();
  await Promise.all(pairs.map(({ a, roomId }) => a.say(roomId, "where are you?")));
  await mover.move(after, newPort, ...reachedAt(lab, `new.example.test:${newPort}`));
  lap("the server has moved");
  await expectFound(pairs);
  lap("its contacts have found it");
});

test("[G5] [D3] a server that moved is found by its contacts through a directory in common", async () => {
  using lab = openLab();
  const { internet, relay, leaves } = star(lab, 2);
  const [before, after] = [lab.host("before", internet), lab.host("after", internet)];
  lab.domain("old.example.test", before);
  lab.domain("new.example.test", after);
  lab.domain("directory.example.test", relay);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const directory = stack.use(await makeDirectory(relay));
  await directory.start();
  const registers = ["--directory", `directory.example.test:${directory.port}`];
  const [mover, ...contacts] = (await settleAll(stack, [
    ["mover", before, ...registers, ...reachedAt(lab, "old.example.test:8443")],
    ["anna", leaves[0]!, ...registers],
    ["bert", leaves[1]!, ...registers],
  ])) as [Resident, Resident, Resident];
  const pairs = await meet(contacts, mover);
  lap("everybody knows everybody");

  await mover.fedchat.stop();
  await Promise.all(pairs.map(({ a, roomId }) => a.say(roomId, "where are you?")));
  await mover.move(after, newPort, ...registers, ...reachedAt(lab, `new.example.test:${newPort}`));
  lap("the server has moved");
  await expectFound(pairs);
  lap("its contacts have found it");
});

/** What a person writes into the settings who knows where their server is reached. */
function reachedAt(lab: Lab, address: string): string[] {
  const config = join(lab.folder, `${address.replace(":", "-")}.toml`);
  writeFileSync(config, `addresses = ["${address}"]\n`);
  return ["--config", config];
}

async function meet(contacts: Resident[], mover: Resident): Promise<Pair[]> {
  return Promise.all(
    contacts.map(async (contact) => {
      await link(contact, mover, { host: "old.example.test", port: 8443 });
      const pair = { a: contact, b: mover, roomId: await becomeContacts(contact, mover) };
      await talk(pair, "hello");
      return pair;
    }),
  );
}

/** What was said meanwhile and what is said next arrives, over connections that the contacts dialled. */
async function expectFound(pairs: readonly Pair[]): Promise<void> {
  for (const pair of pairs) {
    const { a, b, roomId } = pair;
    await b.hears(roomId, "where are you?");
    await talk(pair, "you have moved");
    const server = await a.linkWith(b);
    expect(server).toMatchObject({ state: "connected", via: [] });
    expect(server?.addresses).toContainEqual({ host: "new.example.test", port: newPort, kind: "direct" });
    expect(await b.linkWith(a)).toMatchObject({ state: "connected", via: [] });
  }
}
