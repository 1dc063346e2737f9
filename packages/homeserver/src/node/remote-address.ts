/** What network addresses say: whether one is near, and what rate limits count by. */
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import type { Remote } from "../core/federation/options.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** Of this machine or its own network. RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6 */
const near = new BlockList();
near.addSubnet("127.0.0.0", 8);
near.addSubnet("10.0.0.0", 8);
near.addSubnet("172.16.0.0", 12);
near.addSubnet("192.168.0.0", 16);
near.addSubnet("100.64.0.0", 10);
near.addSubnet("169.254.0.0", 16);
near.addAddress("::1", "ipv6");
near.addSubnet("fc00::", 7, "ipv6");
near.addSubnet("fe80::", 10, "ipv6");

export const isLoopback = (address: string): boolean => contains(loopback, plain(address));
export const isNear = (address: string): boolean => contains(near, plain(address));

/** Addresses with the same first `prefix` bits. */
export interface AddressRange {
  address: string;
  prefix: number;
}

/** Proxies that somebody configured; what they say about those whom they serve is believed. */
export class TrustedProxies {
  readonly #ranges = new BlockList();

  constructor(ranges: readonly AddressRange[]) {
    for (const { address, prefix } of ranges) {
      this.#ranges.addSubnet(address, prefix, isIP(address) === 6 ? "ipv6" : "ipv4");
    }
  }

  has(address: string): boolean {
    return contains(this.#ranges, plain(address));
  }
}

/** Who is at the other end of a socket; a proxy, on this machine or configured, says it for those whom it serves. */
export function remoteOf(
  socketAddress: string | undefined,
  headers: IncomingHttpHeaders,
  proxies: TrustedProxies,
): Remote {
  const direct = plain(socketAddress ?? "");
  const isProxy = isLoopback(direct) || proxies.has(direct);
  const told = isProxy ? forwardedFor(headers, proxies) : undefined;
  const address = told ?? direct;
  return {
    address: countedBy(address),
    // An address with a zone means something on this machine alone. RFC 4007 §6
    ...(isIP(address) === 0 || address.includes("%") ? {} : { host: address }),
    fromOutside: address !== "" && !isNear(address),
  };
}

/** IPv4 by address; IPv6 by its /64, since whoever has one address of it has all. RFC 6177 */
export function countedBy(address: string): string {
  const ip = plain(address);
  if (isIP(ip) !== 6) return ip;
  const [head = "", tail] = ip.split("%")[0]!.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  const all = [...groups, ...Array.from({ length: zeros }, () => "0"), ...rest];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

/**
 * The last entry: what the proxy itself saw. Where that is a configured proxy again, what that one saw. Earlier entries
 * are whatever a client claimed.
 */
function forwardedFor(headers: IncomingHttpHeaders, proxies: TrustedProxies): string | undefined {
  const header = headers["x-forwarded-for"];
  const entries = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",");
  let seen: string | undefined;
  for (const entry of entries.toReversed()) {
    const address = plain(entry.trim());
    if (isIP(address) === 0) break;
    seen = address;
    if (!proxies.has(address)) break;
  }
  return seen;
}

/** A dual-stack socket shows IPv4 addresses inside IPv6 ones. RFC 4291 §2.5.5.2 */
function plain(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address.split("%")[0]!, family === 4 ? "ipv4" : "ipv6");
}
