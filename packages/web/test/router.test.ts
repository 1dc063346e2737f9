import { expect, test } from "vitest";
import { parseRoute, routePath, serveUnder, type Route } from "../src/router.ts";

const id = "abcdefghijklmnopqrstuvwxyz".slice(0, 26);
const key = "a2".repeat(26);

const routes: Route[] = [
  { at: "chats" },
  { at: "room", roomId: id, messageId: null },
  { at: "room", roomId: id, messageId: key },
  { at: "window", roomId: id, messageId: null },
  { at: "window", roomId: id, messageId: key },
  { at: "people", account: null },
  { at: "people", account: key },
  { at: "requests", requestId: id },
  { at: "servers", serverId: null },
  { at: "servers", serverId: key },
  { at: "link-server" },
  { at: "map", serverId: null },
  { at: "map", serverId: key },
  { at: "relaying" },
  { at: "doctor" },
  { at: "settings", section: null },
  { at: "settings", section: "device" },
  { at: "invite" },
];

test.each(routes)("an address and its route name each other: $at", (route) => {
  const url = new URL(routePath(route), "http://localhost");
  expect(parseRoute(url.pathname, url.search)).toEqual(route);
});

test.each([
  "/nothing",
  "/r/",
  "/r/../x",
  "/r/UPPER",
  "/w/<script>",
  "/r/short",
  `/r/${id}/more`,
  "//evil.example",
])("an address that means nothing is the list of chats: %s", (path) => {
  expect(parseRoute(path)).toEqual({ at: "chats" });
});

test("under a path of its own, addresses lead there and nowhere else", () => {
  serveUnder("/app");
  try {
    expect(routePath({ at: "chats" })).toBe("/app");
    for (const route of routes) {
      const url = new URL(routePath(route), "http://localhost");
      expect(url.pathname).toMatch(/^\/app(?:\/|$)/);
      expect(parseRoute(url.pathname, url.search)).toEqual(route);
    }
    expect(parseRoute("/app/")).toEqual({ at: "chats" });
  } finally {
    serveUnder("");
  }
});

test("a message that is no message id is left out", () => {
  expect(parseRoute(`/r/${id}`, "?m=%22onload")).toEqual({ at: "room", roomId: id, messageId: null });
});
