/**
 * The local networks of this machine in which servers look for each other: those with a private IPv4 address, since
 * multicast goes by IPv4 here. Networks of containers and virtual machines, tunnels, and the open internet are none.
 */
import { BlockList, isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { internalInterface } from "./addresses.ts";
import { nearbyNetworksMax } from "./limits.ts";
import { isNear } from "./remote-address.ts";

export interface LocalNetwork {
  /** Our IPv4 address in it, by which the interface is chosen. */
  address: string;
  /** All our addresses on that interface that its neighbours can dial. */
  own: readonly string[];
  /** Whether an address is a private one of this very network: what comes from elsewhere is no neighbour's. */
  contains(address: string): boolean;
}

/** @param interfaces as told by `os.networkInterfaces()` */
export function localNetworks(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): LocalNetwork[] {
  return Object.entries(interfaces)
    .filter(([name]) => !internalInterface.test(name))
    .flatMap(([, infos = []]) => networkOf(infos.filter(isUsable)) ?? [])
    .slice(0, nearbyNetworksMax);
}

function networkOf(infos: readonly NetworkInterfaceInfo[]): LocalNetwork | undefined {
  const main = infos.find(({ family }) => family === "IPv4");
  if (main === undefined) return undefined;
  const subnets = new BlockList();
  for (const { cidr, family } of infos) {
    const [start, bits] = cidr!.split("/") as [string, string];
    subnets.addSubnet(start, Number(bits), family === "IPv4" ? "ipv4" : "ipv6");
  }
  return {
    address: main.address,
    own: infos.map(({ address }) => address),
    contains(address) {
      const family = isIP(address);
      return family !== 0 && isNear(address) && subnets.check(address, family === 4 ? "ipv4" : "ipv6");
    },
  };
}

/** IPv6 addresses of a link mean nothing without the name of an interface, which no record holds. */
function isUsable({ internal, address, cidr }: NetworkInterfaceInfo): boolean {
  return !internal && cidr !== null && isNear(address) && !/^fe[89ab]/i.test(address);
}
