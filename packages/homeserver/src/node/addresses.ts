/** Where a homeserver says it is reached: as configured, else by this machine's own addresses. */
import { isIP, isIPv6 } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import type { ServerAddress } from "@fedchat/protocol";
import { addressesPerKindMax } from "./limits.ts";
import { isLoopback, isNear } from "./remote-address.ts";

/** Bridges of containers and virtual machines: nobody else reaches us there. */
export const internalInterface = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel)/;

export interface ListeningPlace {
  /** The address that the port is bound to; `::` and `0.0.0.0` are all of them. */
  host: string;
  port: number;
  /** As told by `os.networkInterfaces()`. */
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
}

/**
 * Configured addresses stand alone: somebody behind a proxy does not want the machine's own known. Else public
 * addresses come first, then those of the local network; loopback only where there is nothing else.
 */
export function ownAddresses(configured: readonly ServerAddress[], place: ListeningPlace): ServerAddress[] {
  if (configured.length > 0) return [...configured];
  const { host, port } = place;
  const found = isEverything(host) ? interfaceAddresses(place) : [host];
  const hosts = found.length > 0 ? found : ["127.0.0.1"];
  const addresses = hosts.map((host): ServerAddress => ({
    host,
    port,
    kind: isLocal(host) ? "lan" : "direct",
  }));
  const ofKind = (kind: ServerAddress["kind"]) =>
    addresses.filter((address) => address.kind === kind).slice(0, addressesPerKindMax);
  return [...ofKind("direct"), ...ofKind("lan")];
}

function interfaceAddresses({ host, interfaces }: ListeningPlace): string[] {
  const found = Object.entries(interfaces)
    .filter(([name]) => !internalInterface.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, family, address }) => {
      if (internal || isLoopback(address) || isLinkLocal(address)) return false;
      return host === "::" || family === "IPv4";
    })
    .map(({ address }) => address);
  return [...new Set(found)].toSorted((a, b) => Number(isIPv6(a)) - Number(isIPv6(b)));
}

const isEverything = (host: string): boolean => host === "::" || host === "0.0.0.0" || host === "";
const isLocal = (host: string): boolean => host === "localhost" || (isIP(host) !== 0 && isNear(host));

/** They mean nothing without the name of an interface. */
const isLinkLocal = (address: string): boolean => /^(fe[89ab]|169\.254\.)/i.test(address);
