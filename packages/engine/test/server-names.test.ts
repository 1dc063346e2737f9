/** What servers are called on a screen. */
import { expect, test } from "vitest";
import { World } from "./world.ts";

const port = 8443;

test("[N4] a linked server is shown by a domain only once that has confirmed its key, else with a piece of its key", async () => {
  await using world = new World();
  const [here, there, liar] = [await world.home("here"), await world.home("there"), await world.home("liar")];
  world.domains.set("chat.example.com", there.id);
  world.domains.set("bank.example.com", there.id);
  await there.homeserver.setName("chat.example.com");
  await liar.homeserver.setName("bank.example.com");
  const alice = await here.person("Alice");

  for (const { host, id } of [there, liar]) await alice.call("servers.link", { host, port, serverId: id });
  const shown = async () =>
    new Map((await alice.call("servers.list", {})).map(({ serverId, shownName }) => [serverId, shownName]));
  await world.until(
    async () => (await shown()).get(there.id) === "chat.example.com",
    "the domain is confirmed",
  );
  expect((await shown()).get(liar.id)).toBe(`bank.example.com·${liar.id.slice(0, 8)}`);
});
