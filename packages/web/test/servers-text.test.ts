import type { NetworkMap, Server } from "@fedchat/engine/interface";
import { expect, test } from "vitest";
import { lookOf, withLinks } from "../src/map/look.ts";
import { lastContact, nodeLine, stateLine, wayOf } from "../src/text/servers.ts";
import { size } from "../src/text/size.ts";

const link = (patch: Partial<Server> = {}): Server => ({
  serverId: "b".repeat(52),
  name: "hub",
  localName: null,
  shownName: "hub",
  trust: "mutual",
  state: "connected",
  cause: null,
  nextTryAt: null,
  addresses: [],
  via: [],
  origin: "person",
  relaysFor: "nobody",
  roundTripMs: 12,
  queueDepth: 0,
  lastContactAt: 1_000,
  linkedAt: 1,
  software: "",
  ...patch,
});

test("a link says which way it goes, and none where there is no connection", () => {
  expect(wayOf(link())).toBe("direct");
  expect(wayOf(link({ via: ["hub", "club"] }))).toBe("through hub, then club");
  expect(wayOf(link({ state: "waiting" }))).toBeNull();
  expect(stateLine(link({ via: ["hub"] }))).toBe("Connected through hub · 12 ms");
  expect(stateLine(link({ state: "waiting", roundTripMs: 12 }))).toBe("Waiting");
  expect(stateLine(link({ trust: "blocked", state: "off" }))).toBe("Blocked");
});

test("while connected the last contact is now; afterwards it is when the server was last heard", () => {
  const now = 1_000 + 7_200_000;
  expect(lastContact(link(), now)).toBe("now");
  expect(lastContact(link({ state: "waiting" }), now)).toBe("2 hours ago");
  expect(lastContact(link({ state: "waiting", lastContactAt: null }), now)).toBe("never");
});

test("the map says of each server what it is, how far it is and for whom it relays", () => {
  expect(nodeLine({ hops: 0, relaysFor: "linked", link: null })).toBe("This server · relays for its links");
  expect(nodeLine({ hops: 2, relaysFor: "anyone", link: null })).toBe(
    "Heard of · 2 links away · relays for anyone",
  );
  expect(nodeLine({ hops: 1, relaysFor: "nobody", link: link() })).toBe("Connected directly · 12 ms");
});

test("our own links are drawn as they are now, whatever the map was told before", () => {
  const own = "a".repeat(52);
  const [linked, gone] = ["b".repeat(52), "c".repeat(52)];
  const told: NetworkMap = {
    servers: [
      { serverId: own, shownName: "ada", hops: 0, relaysFor: "linked", link: null },
      { serverId: linked, shownName: "hub", hops: 1, relaysFor: "linked", link: link() },
      { serverId: gone, shownName: "ben", hops: 1, relaysFor: "linked", link: link() },
    ],
    edges: [
      { a: own, b: linked, kind: "direct" },
      { a: own, b: gone, kind: "direct" },
      { a: linked, b: gone, kind: "heard" },
    ],
    more: 0,
  };
  const now = withLinks(told, (id) => (id === linked ? link({ state: "waiting" }) : undefined));
  expect(now.servers.map(lookOf)).toEqual(["own", "waiting", "heard"]);
  expect(now.edges).toEqual([
    { a: own, b: linked, kind: "down" },
    { a: linked, b: gone, kind: "heard" },
  ]);
  expect(lookOf({ hops: 1, link: link({ trust: "blocked" }) })).toBe("blocked");
});

test("sizes are read at a glance", () => {
  expect([0, 1_023, 1_536, 10_485_760, 268_435_456].map(size)).toEqual([
    "0 bytes",
    "1,023 bytes",
    "1.5 kB",
    "10 MB",
    "256 MB",
  ]);
});
