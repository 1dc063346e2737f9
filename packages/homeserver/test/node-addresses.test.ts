import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, test } from "vitest";
import { ownAddresses } from "../src/node/addresses.ts";
import { ConnectionCounts } from "../src/node/connection-counts.ts";
import { connectionsPerAddressMax } from "../src/node/limits.ts";
import { countedBy, remoteOf, TrustedProxies } from "../src/node/remote-address.ts";

function face(address: string): NetworkInterfaceInfo {
  const internal = address === "127.0.0.1" || address === "::1";
  const common = { address, netmask: "", mac: "", internal, cidr: null };
  return address.includes(":") ? { ...common, family: "IPv6", scopeid: 0 } : { ...common, family: "IPv4" };
}

const port = 8443;
const at = (interfaces: Record<string, string[]>, host = "::") => ({
  host,
  port,
  interfaces: Object.fromEntries(Object.entries(interfaces).map(([name, list]) => [name, list.map(face)])),
});
const texts = (addresses: ReturnType<typeof ownAddresses>) =>
  addresses.map(({ host, port, kind }) => `${kind} ${host} ${port}`);

describe("own addresses", () => {
  test("are public ones first, then those of the local network", () => {
    const place = at({
      lo: ["127.0.0.1", "::1"],
      eth0: ["192.168.1.20", "2001:db8::20", "fe80::1"],
      eth1: ["203.0.113.9"],
      tailscale0: ["100.100.1.2"],
      docker0: ["172.17.0.1"],
    });
    expect(texts(ownAddresses([], place))).toEqual([
      "direct 203.0.113.9 8443",
      "direct 2001:db8::20 8443",
      "lan 192.168.1.20 8443",
      "lan 100.100.1.2 8443",
    ]);
    expect(texts(ownAddresses([], { ...place, host: "0.0.0.0" }))).not.toContain("direct 2001:db8::20 8443");
  });

  test("are loopback only where there is nothing else", () => {
    expect(
      texts(ownAddresses([], at({ lo: ["127.0.0.1", "::1"], eth0: ["fe80::1", "169.254.7.7"] }))),
    ).toEqual(["lan 127.0.0.1 8443"]);
  });

  test("are the one that the port is bound to", () => {
    const interfaces = { eth0: ["192.168.1.20"] };
    expect(texts(ownAddresses([], at(interfaces, "127.0.0.1")))).toEqual(["lan 127.0.0.1 8443"]);
    expect(texts(ownAddresses([], at(interfaces, "203.0.113.9")))).toEqual(["direct 203.0.113.9 8443"]);
  });

  test("are the configured ones and no others: who is behind a proxy stays there", () => {
    const configured = [{ host: "chat.example.com", port: 443, kind: "proxy" as const }];
    expect(ownAddresses(configured, at({ eth0: ["203.0.113.9"] }))).toEqual(configured);
  });
});

describe("the other end of a socket", () => {
  const none = new TrustedProxies([]);
  const remote = (address: string, forwarded?: string, proxies = none) =>
    remoteOf(address, forwarded === undefined ? {} : { "x-forwarded-for": forwarded }, proxies);

  test("is outside unless it is of this machine or its own network", () => {
    for (const near of [
      "127.0.0.1",
      "::1",
      "10.1.2.3",
      "192.168.0.4",
      "::ffff:172.20.0.1",
      "fd00::1",
      "fe80::1%eth0",
    ]) {
      expect(remote(near).fromOutside, near).toBe(false);
    }
    for (const far of ["203.0.113.9", "::ffff:8.8.8.8", "2001:db8::1", "172.32.0.1"]) {
      expect(remote(far).fromOutside, far).toBe(true);
    }
    expect(remoteOf(undefined, {}, none)).toEqual({ address: "", fromOutside: false });
  });

  test("counts as its address, and as its /64 in IPv6", () => {
    expect(remote("::ffff:8.8.8.8").address).toBe("8.8.8.8");
    expect(countedBy("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(countedBy("2001:db8:1:2::9")).toBe("2001:db8:1:2::/64");
    expect(countedBy("2001:db8::9")).toBe("2001:db8:0:0::/64");
    expect(countedBy("::1")).toBe("0:0:0:0::/64");
  });

  test("[L25] is dialled back as itself, IPv4 in IPv6 as IPv4, and not with a zone", () => {
    expect(remote("2001:db8:1:2:3:4:5:6").host).toBe("2001:db8:1:2:3:4:5:6");
    expect(remote("::ffff:8.8.8.8").host).toBe("8.8.8.8");
    expect(remote("127.0.0.1", "2001:db8::9").host).toBe("2001:db8::9");
    expect(remote("fe80::1%eth0").host).toBeUndefined();
    expect(remoteOf(undefined, {}, none).host).toBeUndefined();
  });

  test("is what a proxy on this machine saw, and never what a stranger claims", () => {
    expect(remote("127.0.0.1", "6.6.6.6, 203.0.113.9")).toEqual({
      address: "203.0.113.9",
      host: "203.0.113.9",
      fromOutside: true,
    });
    expect(remote("127.0.0.1", "nonsense")).toMatchObject({ address: "127.0.0.1", fromOutside: false });
    expect(remote("198.51.100.7", "203.0.113.9").address).toBe("198.51.100.7");
    expect(remote("192.168.1.3", "203.0.113.9").address).toBe("192.168.1.3");
  });

  test("is what a configured proxy saw, through a row of them, and nobody else's word", () => {
    const proxies = new TrustedProxies([
      { address: "10.20.0.2", prefix: 32 },
      { address: "203.0.113.0", prefix: 24 },
      { address: "2001:db8:5::", prefix: 48 },
    ]);
    const seen = (address: string, forwarded: string) => remote(address, forwarded, proxies).address;
    expect(seen("10.20.0.2", "6.6.6.6, 198.51.100.7")).toBe("198.51.100.7");
    expect(seen("::ffff:10.20.0.2", "198.51.100.7")).toBe("198.51.100.7");
    expect(seen("2001:db8:5:1::9", "198.51.100.7")).toBe("198.51.100.7");
    // Two in a row, and one on this machine before them.
    expect(seen("10.20.0.2", "6.6.6.6, 198.51.100.7, 203.0.113.80")).toBe("198.51.100.7");
    expect(seen("127.0.0.1", "198.51.100.7, 203.0.113.80, 10.20.0.2")).toBe("198.51.100.7");
    // Nothing but proxies, or something that is no address.
    expect(seen("10.20.0.2", "203.0.113.80")).toBe("203.0.113.80");
    expect(seen("10.20.0.2", "nonsense, 203.0.113.80")).toBe("203.0.113.80");
    expect(seen("10.20.0.2", "")).toBe("10.20.0.2");
    // Its neighbour is not configured.
    expect(seen("10.20.0.3", "198.51.100.7")).toBe("10.20.0.3");
    expect(remote("10.20.0.2", "198.51.100.7", proxies).fromOutside).toBe(true);
  });

  test("may open so many sockets, unless it is near or a configured proxy", () => {
    const counts = new ConnectionCounts(new TrustedProxies([{ address: "198.51.100.1", prefix: 32 }]));
    const open = (address: string) =>
      Array.from({ length: connectionsPerAddressMax }, () => counts.enter(address));
    expect(open("2001:db8::1").every(Boolean)).toBe(true);
    expect(counts.enter("2001:db8::2")).toBe(false);
    expect(counts.enter("2001:db8:0:1::2")).toBe(true);
    counts.leave("2001:db8::1");
    expect([counts.enter("2001:db8::2"), counts.enter("2001:db8::2")]).toEqual([true, false]);
    for (const uncounted of ["127.0.0.1", "198.51.100.1"]) {
      open(uncounted);
      expect(counts.enter(uncounted), uncounted).toBe(true);
    }
    open("198.51.100.2");
    expect(counts.enter("198.51.100.2")).toBe(false);
  });
});
