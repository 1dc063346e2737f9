/** Servers without a link where people of ours live: what is said of them, what they are called, and linking them. */
import { expect, test } from "vitest";
import { type Person, World } from "./world.ts";

/** Alice's and Bob's servers are linked with Carol's, not with each other; Bob has asked Alice for a chat. */
async function askedFromAfar(world: World): Promise<{ alice: Person; bob: Person; serverName: string }> {
  const alice = await (await world.home("alice.example")).person("Alice");
  const bob = await (await world.home("bob.example")).person("Bob");
  const carol = await (await world.home("carol.example")).person("Carol");
  await alice.link(carol);
  await bob.link(carol);
  await alice.call("people.setVisibility", { visibility: "beyond" });
  await bob.call("people.look", {});
  await world.until(() => bob.knows(alice), "Alice appears");
  await bob.call("requests.send", { who: await alice.account(), text: "May I?" });
  await alice.request("pending");
  return { alice, bob, serverName: `bob·${bob.home.id.slice(0, 8)}` };
}

test("[C11] a request from a server without a link says so, and that nobody linked anything", async () => {
  await using world = new World();
  const { alice } = await askedFromAfar(world);
  const { why } = await alice.request("pending");
  expect(why).toContain("is not linked with yours");
  expect(why).not.toContain("linked yours");
  expect(await alice.call("servers.list", {})).toHaveLength(1);
});

test("[N4] an address of a server without a link looks alike in requests, contacts and rooms, also later", async () => {
  await using world = new World();
  const { alice, serverName } = await askedFromAfar(world);
  const named = { address: `bob@${serverName}`, serverName };
  await world.until(
    async () => (await alice.request("pending")).address === named.address,
    "the name is learned",
  );
  const { requestId } = await alice.request("pending");
  const room = await alice.call("requests.accept", { requestId });
  expect(room.peer).toMatchObject(named);
  await world.pass(125_000);
  await alice.restart();
  const told: string[] = [];
  alice.engine.onEvent((event) => {
    if (event.type === "contact.changed") told.push(event.contact.address);
  });
  await world.until(() => told.includes(named.address), "the address is told after the restart");
  expect(await alice.call("contacts.list", {})).toMatchObject([named]);
  expect(await alice.request("accepted")).toMatchObject(named);
  expect((await alice.pair()).peer).toMatchObject(named);
});

test("[C11] a contact's server without a link is listed with who lives there, and linked where it is known to be", async () => {
  await using world = new World();
  const { alice, bob, serverName } = await askedFromAfar(world);
  const { requestId } = await alice.request("pending");
  await alice.call("requests.accept", { requestId });
  const [shown] = await world.until(async () => {
    const servers = await alice.call("servers.unlinked", {});
    return servers[0]?.state === "connected" && servers;
  }, "Bob's server is listed");
  expect(shown).toMatchObject({
    serverId: bob.home.id,
    shownName: serverName,
    people: ["Bob"],
    via: [],
    cause: null,
    addresses: [{ host: "bob.example" }],
  });

  expect(await alice.call("servers.linkKnown", { serverId: bob.home.id })).toMatchObject({
    trust: "outgoing",
    shownName: "bob",
  });
  expect(await alice.call("servers.unlinked", {})).toEqual([]);
});
