import { expect, test } from "vitest";
import { linkTarget } from "../src/commands/servers.ts";
import {
  editDistance,
  formatAddress,
  nearest,
  parseAddress,
  parseAddressRange,
  parseDuration,
} from "../src/config/text-forms.ts";
import { CommandError } from "../src/exit-codes.ts";

test.each([
  ["example.com:8443", { host: "example.com", port: 8443, kind: "direct" }],
  ["Example.COM:443 proxy", { host: "example.com", port: 443, kind: "proxy" }],
  ["192.168.1.7:1 lan", { host: "192.168.1.7", port: 1, kind: "lan" }],
  ["[::1]:65535", { host: "::1", port: 65_535, kind: "direct" }],
])("%s is an address", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(parseAddress(formatAddress(address))).toEqual({ ...address, kind: "direct" });
});

test.each([
  "example.com",
  ":80",
  "example.com:0",
  "example.com:65536",
  "::1:80",
  "a b:80",
  "http://a:80",
  "a:80 relay",
])("%s is no address", (text) => expect(parseAddress(text)).toBeUndefined());

test.each([
  ["10.0.0.2", "10.0.0.2", 32],
  ["10.0.0.0/8", "10.0.0.0", 8],
  ["0.0.0.0/0", "0.0.0.0", 0],
  ["2001:db8::/32", "2001:db8::", 32],
  ["::1", "::1", 128],
])("%s is a range of addresses", (text, address, prefix) =>
  expect(parseAddressRange(text)).toEqual({ address, prefix }),
);

test.each([
  "",
  "example.com",
  "10.0.0",
  "10.0.0.0/",
  "10.0.0.0/33",
  "::1/129",
  "10.0.0.0/8/8",
  "fe80::1%eth0",
])("'%s' is no range of addresses", (text) => expect(parseAddressRange(text)).toBeUndefined());

test.each([
  ["250ms", 250],
  ["90s", 90_000],
  ["1h30m", 5_400_000],
  ["1.5h", 5_400_000],
  ["7d", 604_800_000],
  ["2w", 1_209_600_000],
  ["10", 10_000],
])("%s is a duration", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(["", "soon", "10 m", "-5s", "5y", "m", "1h2", "9999999999999999d"])("'%s' is no duration", (text) =>
  expect(parseDuration(text)).toBeUndefined(),
);

test("a swap of neighbours is one edit", () => {
  expect(editDistance("prot", "port")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("same", "same")).toBe(0);
  expect(nearest("adress", ["accept", "addresses", "data"])).toBe("addresses");
});

test("a server to link is written in one word or two, its id in groups or not", () => {
  const serverId = "nfxw4ylcmuqgc3ren5xgk4tbnvsseidboqqg63ramjsxe43foqaa";
  const wanted = { host: "10.0.0.2", port: 8443, serverId };
  expect(linkTarget("10.0.0.2:8443", [serverId])).toEqual(wanted);
  expect(linkTarget("10.0.0.2", ["8443", serverId])).toEqual(wanted);
  expect(linkTarget("10.0.0.2:8443", serverId.toUpperCase().match(/.{4}/g)!)).toEqual(wanted);
  expect(linkTarget(`10.0.0.2:8443/${serverId}`, [])).toEqual(wanted);
  expect(() => linkTarget("https://10.0.0.2:8443", [serverId])).toThrow(CommandError);
  expect(() => linkTarget("10.0.0.2:8443", ["short"])).toThrow(CommandError);
  expect(() => linkTarget("10.0.0.2", [serverId])).toThrow(CommandError);
});
