import type { NetworkMap, Server } from "@fedchat/engine/interface";
import { expect, test } from "vitest";
import { lookOf, withLinks } from "../src/map/look.ts";
import { lastContact, nodeLine, stateLine, trustLine, unlinkedLine, wayOf } from "../src/text/servers.ts";
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

test("who links whom is said as last heard where the server cannot be asked now, and who blocked us is named", () => {
  const now = 1_000 + 7_200_000;
  const cause = {
    code: "blocked",
    sentence: "They have blocked your server.",
    fix: null,
    retry: "never",
  } as const;
  const line = (patch: Partial<Server>) => trustLine(link(patch), now);
  expect(line({})).toBe("Linked both ways");
  expect(line({ state: "waiting" })).toBe("Linked both ways, as last heard 2 hours ago");
  expect(line({ state: "waiting", trust: "outgoing", lastContactAt: null })).toBe(
    "You link them; they do not link you",
  );
  const refused = { state: "refused", trust: "outgoing", cause } as const;
  expect(line(refused)).toBe("You link them; they have blocked your server");
  expect(stateLine(link(refused))).toBe("Has blocked your server");
  // A refusal that came in the clear is nobody's word.
  const forged = { ...refused, state: "waiting", cause: { ...cause, retry: "later" } } as const;
  expect(line(forged)).toBe("You link them; they do not link you, as last heard 2 hours ago");
});

test("a server without a link says who lives there and how it is reached", () => {
  const people = ["Ben", "Bea", "Bo", "Bob", "Bill"];
  const line = (patch: Partial<Server>, count: number) =>
    unlinkedLine({ ...link(patch), people: people.slice(0, count) });
  expect(line({ via: ["hub"] }, 1)).toBe("Ben · connected through hub");
  expect(line({}, 2)).toBe("Ben and Bea · connected directly");
  expect(line({ state: "off" }, 5)).toBe("Ben, Bea, Bo, and 2 more · Not connected");
  expect(line({ state: "off" }, 0)).toBe("Not connected");
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
