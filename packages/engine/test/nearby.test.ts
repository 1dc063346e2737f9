import { expect, test } from "vitest";
import type { Home } from "./world.ts";
import { World } from "./world.ts";

const heard = (there: Home, name: string, host = there.host) => ({
  server: there.id,
  name,
  addresses: [{ host, port: 8443, kind: "lan" as const }],
  heardAt: 5,
});

test("[Y2] a server nearby is offered, linked when the person says so, and shown as linked from then on", async () => {
  await using world = new World();
  const [here, there] = [await world.home("here"), await world.home("there")];
  const alice = await here.person("Alice");
  await there.person("Bob");
  here.nearby = { mode: "announce", problem: null, servers: [heard(there, "bob"), heard(here, "")] };
  here.nearbyChanged();
  const told = await world.until(() => alice.events.find((event) => event.type === "nearby.changed"));
  expect(told).toMatchObject({
    nearby: {
      servers: [
        { serverId: there.id, shownName: "bob", trust: null, heardAt: 5 },
        { shownName: here.id.slice(0, 8) },
      ],
    },
  });
  expect(await alice.call("servers.list", {})).toEqual([]);
  const linked = await alice.call("servers.linkNearby", { serverId: there.id, localName: "Bob's" });
  expect(linked).toMatchObject({ shownName: "Bob's", trust: "outgoing" });
  expect((await alice.call("servers.nearby", {})).servers[0]).toMatchObject({ trust: "outgoing" });
});

test("[Y2] an id that another server answers for, one that is gone, and our own are refused and leave nothing", async () => {
  await using world = new World();
  const [here, there, liar] = [await world.home("here"), await world.home("there"), await world.home("liar")];
  const alice = await here.person("Alice");
  here.nearby.servers.push(heard(there, "bob", liar.host), heard(here, "me"));
  expect(await alice.failure("servers.linkNearby", { serverId: there.id })).toBe("wrong-server-key");
  expect(await alice.failure("servers.linkNearby", { serverId: liar.id })).toBe("not-nearby");
  expect(await alice.failure("servers.linkNearby", { serverId: here.id })).toBe("own-server");
  expect(await alice.call("servers.list", {})).toEqual([]);
});
