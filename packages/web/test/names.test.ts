import { describe, expect, test } from "vitest";
import {
  hostPort,
  hueOf,
  inFours,
  initials,
  isInvitation,
  isServerId,
  matches,
  parsePlaces,
  parseServerPlace,
} from "../src/text/names.ts";

const key = "a2".repeat(26);

test("several places are read together, or a server's own line, and nothing where one of them is none", () => {
  const places = [
    { host: "bob.example.net", port: 8443 },
    { host: "fe80::1", port: 443 },
  ];
  expect(parsePlaces("bob.example.net:8443, [fe80::1]:443", key)).toEqual(places);
  expect(parsePlaces(`bob.example.net:8443/${key}`, key)).toEqual(places.slice(0, 1));
  expect(parsePlaces("  ", key)).toEqual([]);
  for (const wrong of ["bob.example.net", "bob.example.net:8443 x", `bob.example.net:8443/${"b".repeat(52)}`])
    expect(parsePlaces(wrong, key)).toBeNull();
  expect(parsePlaces("host:1 ".repeat(17), key)).toBeNull();
});

describe("a pasted place of a server", () => {
  test.each([
    [`bob.example.net:8443/${key}`, { host: "bob.example.net", port: 8443, serverId: key }],
    [` https://bob.example.net:443/${key}/ `, { host: "bob.example.net", port: 443, serverId: key }],
    [`192.168.1.20:8443/${key.toUpperCase()}`, { host: "192.168.1.20", port: 8443, serverId: key }],
    [`[fe80::1]:8443/${key}`, { host: "fe80::1", port: 8443, serverId: key }],
    ["bob.example.net:8443", { host: "bob.example.net", port: 8443, serverId: null }],
    ["bob.example.net", { host: "bob.example.net", port: null, serverId: null }],
  ])("fills what it holds: %s", (text, place) => {
    expect(parseServerPlace(text)).toEqual(place);
  });

  test.each([
    "",
    "a b",
    "host:0",
    "host:70000",
    `host:8443/${key}x`,
    "host:8443/short",
    "user@host:1",
    "host:8443/a/b",
  ])("is refused where it is none: %s", (text) => {
    expect(parseServerPlace(text)).toBeNull();
  });
});

test("a place that is shown can be pasted", () => {
  for (const host of ["bob.example.net", "192.168.1.20", "fd00::2"])
    expect(parseServerPlace(`${hostPort({ host, port: 8443 })}/${key}`)).toEqual({
      host,
      port: 8443,
      serverId: key,
    });
});

test("a server id is 52 letters of base32, in either case", () => {
  expect(isServerId(` ${key.toUpperCase()} `)).toBe(true);
  expect(isServerId(key.slice(1))).toBe(false);
  expect(isServerId(`${key.slice(1)}1`)).toBe(false);
});

test("an invitation is an address with its secret in the fragment", () => {
  expect(isInvitation("https://host:8443/i#abc")).toBe(true);
  expect(isInvitation(" https://host:8443/i#abc\n")).toBe(true);
  expect(isInvitation("https://host:8443/i")).toBe(false);
  expect(isInvitation("https://host:8443/other#abc")).toBe(false);
  expect(isInvitation("javascript://host/i#abc")).toBe(false);
});

test("keys are shown in groups of four and lose nothing", () => {
  expect(inFours(key)).toHaveLength(13);
  expect(inFours(key).join("")).toBe(key);
});

test("initials are the first and the last word's, in any script", () => {
  expect(["Ada Lovelace", "bob", "Zoë von Šimůnek", "🦊 fox", "  ", "李 小龙"].map(initials)).toEqual([
    "AL",
    "B",
    "ZŠ",
    "F",
    "?",
    "李小",
  ]);
});

test("a colour is one of eight and always the same", () => {
  expect(hueOf(key)).toBe(hueOf(key));
  expect(hueOf(key)).toBeLessThan(8);
});

test("a filter ignores case and accents and wants every word", () => {
  expect(matches("simunk chess", "Zoë Šimůnková", "zoe@chess-club")).toBe(true);
  expect(matches("simunk go", "Zoë Šimůnková", "zoe@chess-club")).toBe(false);
  expect(matches("", "anybody")).toBe(true);
});
