/** A linked server whose address was wrong, or is another now: what puts it right. */
import { expect, test } from "vitest";
import { World } from "./world.ts";

const wrong = { host: "nowhere", port: 8443 };

test("[L14] the address of a linked server is replaced, and it is reached at the new one", async () => {
  await using world = new World();
  const [here, there] = [await world.home("here"), await world.home("there")];
  const alice = await here.person("Alice");
  await there.person("Bob");
  const { id: serverId } = there;
  world.unreachable.add(wrong.host);
  const linked = await world.during(alice.call("servers.link", { ...wrong, serverId }));
  expect(linked).toMatchObject({ state: "waiting", toldAddresses: [wrong] });

  const right = { host: there.host, port: 8443 };
  const mended = await world.during(alice.call("servers.setAddresses", { serverId, addresses: [right] }));
  expect(mended).toMatchObject({ state: "connected", toldAddresses: [right] });
  expect(mended.addresses.map(({ host }) => host)).not.toContain(wrong.host);
});

test("[L14] what a server announces itself is left when nothing is told any more; of one never met an address stays", async () => {
  await using world = new World();
  const [here, there, away] = [await world.home("here"), await world.home("there"), await world.home("away")];
  const alice = await here.person("Alice");
  const bob = await there.person("Bob");
  await alice.link(bob);
  const met = await alice.call("servers.setAddresses", { serverId: there.id, addresses: [] });
  expect(met).toMatchObject({ state: "connected", addresses: [{ host: there.host }] });
  expect(met).not.toHaveProperty("toldAddresses");

  world.unreachable.add(wrong.host);
  await world.during(alice.call("servers.link", { ...wrong, serverId: away.id }));
  expect(await alice.failure("servers.setAddresses", { serverId: away.id, addresses: [] })).toBe(
    "not-allowed",
  );
  const stranger = { serverId: here.id, addresses: [wrong] };
  expect(await alice.failure("servers.setAddresses", stranger)).toBe("unknown-server");
});

test("[I3] a fresh invitation tells where a server is that is linked already and not reached", async () => {
  await using world = new World();
  const [here, there] = [await world.home("here"), await world.home("there")];
  const alice = await here.person("Alice");
  const bob = await there.person("Bob");
  world.unreachable.add(wrong.host);
  await world.during(alice.call("servers.link", { ...wrong, serverId: there.id }));
  const { link } = await bob.call("invitations.create", {});
  await world.during(alice.call("invitations.accept", { link: link! }));
  const [server] = await alice.call("servers.list", {});
  expect(server).toMatchObject({ state: "connected", toldAddresses: [{ host: there.host }, wrong] });
});
