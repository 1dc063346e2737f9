import type { ClientResult, LinkView, MapServer, ServerId } from "@fedchat/protocol";
import { parseInvitationLink } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { networkMap } from "../src/core/network-map.ts";
import type { Server } from "../src/interface/index.ts";
import { World } from "./world.ts";

const id = (letter: string) => letter.repeat(52) as ServerId;
const [own, hub, leaf, far] = [id("a"), id("b"), id("c"), id("d")];

const heardOf = (server: ServerId, neighbours: ServerId[], hops: number): MapServer => ({
  server,
  name: server.slice(0, 1),
  relaysFor: "linked",
  neighbours,
  hops,
});

const linkTo = (server: ServerId, patch: Partial<LinkView> = {}): LinkView => ({
  server,
  name: server.slice(0, 1),
  localName: null,
  trust: "mutual",
  state: "connected",
  error: null,
  nextTryAt: null,
  addresses: [],
  roundTripMs: null,
  queueDepth: 0,
  lastContactAt: null,
  linkedAt: 1,
  software: "",
  via: [],
  origin: "person",
  relaysFor: "nobody",
  ...patch,
});

function mapOf(servers: MapServer[], links: LinkView[], { more = false, limit = 200 } = {}) {
  const heard: ClientResult<"network.map"> = { servers, more };
  const shown = (server: ServerId) => server.slice(0, 1).toUpperCase();
  return networkMap(
    { own, heard, links, shown, view: ({ server }) => ({ serverId: server }) as Partial<Server> as Server },
    limit,
  );
}

const hopsOf = ({ servers }: ReturnType<typeof mapOf>) =>
  Object.fromEntries(servers.map(({ serverId, hops }) => [serverId.slice(0, 1), hops]));
const edgesOf = ({ edges }: ReturnType<typeof mapOf>) =>
  edges.map(({ a, b, kind }) => `${a.slice(0, 1)}${b.slice(0, 1)} ${kind}`).sort();

test("servers stand as far away as the shortest way to them has links, our own first", () => {
  const map = mapOf(
    [heardOf(own, [hub], 0), heardOf(hub, [own, leaf], 0), heardOf(leaf, [], 1), heardOf(far, [leaf], 2)],
    [linkTo(hub)],
  );
  expect(hopsOf(map)).toEqual({ a: 0, b: 1, c: 2, d: 3 });
  expect(map.servers.map(({ link }) => link?.serverId)).toEqual([undefined, hub, undefined, undefined]);
  expect(edgesOf(map)).toEqual(["ab direct", "bc heard", "cd heard"]);
});

test("our own links say what they are; others' word of them does not count", () => {
  const blocked = id("e");
  const map = mapOf(
    [heardOf(own, [], 0), heardOf(hub, [own, blocked], 0), heardOf(blocked, [own], 0)],
    [
      linkTo(hub),
      linkTo(leaf, { via: [hub] }),
      linkTo(far, { state: "waiting" }),
      linkTo(blocked, { trust: "blocked", state: "off" }),
    ],
  );
  expect(edgesOf(map)).toEqual(["ab direct", "ac relayed", "ad down", "be heard"]);
  expect(hopsOf(map)).toEqual({ a: 0, b: 1, c: 2, d: 1, e: 2 });
  const seen = mapOf(
    [heardOf(own, [], 0), heardOf(hub, [far], 0), heardOf(far, [], 1)],
    [linkTo(hub), linkTo(far, { state: "waiting" })],
  );
  expect(hopsOf(seen)).toEqual({ a: 0, b: 1, d: 2 });
  expect(edgesOf(seen)).toEqual(["ab direct", "ad down", "bd heard"]);
});

test("a server to which no way is known stands behind those that are; one that was never heard of has no edge", () => {
  const map = mapOf([heardOf(own, [], 0), heardOf(far, [id("z")], 3)], []);
  expect(hopsOf(map)).toEqual({ a: 0, d: 4 });
  expect(map.edges).toEqual([]);
});

test("beyond the limit the farthest are counted, links of our own before all others, and no edge leads out", () => {
  const many = Array.from({ length: 9 }, (_, index) => id("efghijklm"[index]!));
  const map = mapOf(
    [heardOf(own, [], 0), heardOf(hub, [...many], 0), ...many.map((server) => heardOf(server, [], 1))],
    [linkTo(hub), linkTo(leaf, { via: [hub, many[0]!, many[1]!] })],
    { limit: 5, more: true },
  );
  expect(map.servers.map(({ serverId }) => serverId)).toEqual([own, hub, leaf, many[0], many[1]]);
  expect(map.more).toBe(8);
  expect(edgesOf(map)).toEqual(["ab direct", "ac relayed", "be heard", "bf heard"]);
});

test("a server heard of through a linked one is on the map, by the name that it claims with a piece of its key", async () => {
  await using world = new World();
  const [left, middle, right] = [
    await world.home("left"),
    await world.home("middle"),
    await world.home("right"),
  ];
  const [alice, bob, carol] = [
    await left.person("Alice"),
    await middle.person("Bob"),
    await right.person("Carol"),
  ];
  await alice.link(bob);
  await bob.link(carol);
  const map = await world.until(async () => {
    const now = await alice.call("network.map", {});
    return now.servers.length === 3 && now;
  }, "the third server");
  expect(map.servers.map(({ serverId, hops }) => [serverId, hops])).toEqual([
    [left.id, 0],
    [middle.id, 1],
    [right.id, 2],
  ]);
  const name = (await carol.call("engine.status", {})).homeserver.name;
  expect(map.servers[2]).toMatchObject({ shownName: `${name}·${right.id.slice(0, 8)}`, link: null });
  expect(map.edges).toContainEqual({ a: left.id, b: middle.id, kind: "direct" });
  expect(map.servers[1]!.link).toMatchObject({ via: [], origin: "person", relaysFor: "linked" });
});

test("[I1] an invitation made right after the only relay was linked says where it is", async () => {
  await using world = new World();
  const alice = await (await world.home("alice.example")).person("Alice");
  const relay = await (await world.home("relay.example")).person("Relay");
  await relay.call("servers.setRelaying", { relaysFor: "anyone" });
  await alice.link(relay);

  const { link } = await alice.call("invitations.create", {});
  expect(parseInvitationLink(link!).relays).toMatchObject([{ server: relay.home.id }]);
});

test("[C3] for whom this server relays is the administrator's decision, told to screens and to links", async () => {
  await using world = new World();
  const [left, right] = [await world.home("left"), await world.home("right")];
  const [alice, bob] = [await left.person("Alice"), await right.person("Bob")];
  const eve = await left.person("Eve");
  await alice.link(bob);
  expect(await alice.call("servers.relaying", {})).toMatchObject({ relaysFor: "linked", custodyBundles: 0 });
  expect(await eve.failure("servers.setRelaying", { relaysFor: "anyone" })).toBe("not-allowed");
  expect((await alice.call("servers.relaying", {})).relaysFor).toBe("linked");

  expect((await alice.call("servers.setRelaying", { relaysFor: "anyone" })).relaysFor).toBe("anyone");
  await world.until(
    async () =>
      (await bob.call("servers.list", {})).find(({ serverId }) => serverId === left.id)?.relaysFor ===
      "anyone",
    "the link to hear of it",
  );
  await world.until(
    () =>
      eve.events.some(
        (event) =>
          event.type === "status.changed" && event.status.homeserver.relaying?.relaysFor === "anyone",
      ),
    "another screen to be told",
  );
});
