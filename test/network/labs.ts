/** The topologies in which FedChat has to work, laid out in a lab: who can dial whom is a matter of wires alone. */
import type { LabHost } from "../harness/lab-host.ts";
import type { Lab, Network } from "../harness/namespaces.ts";

export interface Star {
  /** Everybody can dial it, at its address in the internet. */
  relay: LabHost;
  /** Each behind a NAT of its own: it can dial out, and nobody can dial it. */
  leaves: LabHost[];
  /** Each leaf's; its address is what the internet sees of the leaf. */
  routers: LabHost[];
  internet: Network;
}

/** A relay in the middle, and leaves that reach nothing but what is on the internet. */
export function star(lab: Lab, leaves = 4): Star {
  const internet = lab.network("198.51.100");
  const relay = lab.host("relay", internet);
  const homes = Array.from({ length: leaves }, (_, index) =>
    lab.behindNat(`router-${index}`, internet, `10.1.${index}`),
  );
  return {
    internet,
    relay,
    leaves: homes.map((home, index) => lab.host(`leaf-${index}`, home)),
    routers: homes.map(({ router }) => router),
  };
}

/**
 * Each host shares a network with the one before it and the one after it, and with nobody else. Dial `hosts[i + 1]` from
 * `hosts[i]` at its first address, and back at the second one.
 */
export function chain(lab: Lab, length = 4): LabHost[] {
  const wires = Array.from({ length: length - 1 }, (_, index) => lab.network(`10.2.${index}`));
  return Array.from({ length }, (_, index) =>
    lab.host(`link-${index}`, ...wires.slice(Math.max(0, index - 1), index + 1)),
  );
}

/** All on the internet; everybody can dial everybody. */
export function mesh(lab: Lab, size = 6): LabHost[] {
  const internet = lab.network("198.51.100");
  return Array.from({ length: size }, (_, index) => lab.host(`peer-${index}`, internet));
}

export interface Mesh {
  hosts: LabHost[];
  /** Pairs that share a wire, by their places in `hosts`; the first dials the second at this address. */
  wires: { from: number; to: number; host: string }[];
}

/**
 * A ring of six in which each has one more wire, to the one opposite: whoever shares no wire has three others between
 * them, so that any two can be lost and the rest still has ways.
 */
export function ring(lab: Lab): Mesh {
  const size = 6;
  const ends = Array.from({ length: size }, (_, at) => [
    [at, (at + 1) % size] as const,
    ...(at < size / 2 ? [[at, at + size / 2] as const] : []),
  ]).flat();
  const networks = ends.map((_, wire) => lab.network(`10.3.${wire}`));
  const wiresOf = (at: number) =>
    ends.flatMap(([from, to], wire) => (from === at || to === at ? [wire] : []));
  const hosts = Array.from({ length: size }, (_, at) =>
    lab.host(`peer-${at}`, ...wiresOf(at).map((wire) => networks[wire]!)),
  );
  const wires = ends.map(([from, to], wire) => ({
    ...{ from, to },
    host: hosts[to]!.addresses[wiresOf(to).indexOf(wire)]!,
  }));
  return { hosts, wires };
}
