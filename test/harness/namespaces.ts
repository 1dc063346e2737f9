/**
 * Networks of real processes: each host in a Linux network namespace of its own, joined by bridges; NAT routers with
 * the kernel's masquerade; host names by a hosts file. Invariant: every interface, address and route lies in a namespace
 * of the lab, the machine's own network is not touched; all of it goes with the lab, and what a crashed run left behind
 * goes when the next lab is opened.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { LabHost } from "./lab-host.ts";
import { clearLeftovers, labPrefix, remove } from "./lab-leftovers.ts";

/** One wire that all its hosts share, /24. Another network is reached through a router only. */
export interface Network {
  /** The first three numbers of its addresses. */
  readonly start: string;
  readonly bridge: string;
  /** Where its hosts send what is not for this network; undefined: nowhere. */
  readonly gateway: string | undefined;
}

/** Throws a sentence with the fix where this machine cannot do it: a suite that cannot run must say so. */
export function openLab(): Lab {
  if (process.platform !== "linux") throw new Error("These tests need Linux, for its network namespaces.");
  if (process.getuid?.() !== 0) {
    throw new Error("These tests make network namespaces, which only root may. Run them as root.");
  }
  for (const [program, debian] of Object.entries({ ip: "iproute2", nft: "nftables", sysctl: "procps" })) {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    } catch {
      throw new Error(`These tests need the program ${program}. Debian: apt-get install ${debian}`);
    }
  }
  clearLeftovers();
  return new Lab();
}

export class Lab implements Disposable {
  readonly #prefix = labPrefix();
  /** Of this lab alone; goes with it. */
  readonly folder = mkdtempSync(join(tmpdir(), this.#prefix));
  /** Holds the bridges, so that a wire can be cut without touching its host. */
  readonly #switch: string;
  readonly #hosts: LabHost[] = [];
  readonly #domains = new Map<string, string>();
  readonly #namespaces: string[] = [];
  readonly #lastAddress = new Map<string, number>();
  #ports = 0;

  constructor() {
    this.#switch = this.#namespace("switch");
  }

  /** @param start of its addresses: `198.51.100` for what stands for the internet, `10.x.y` for private ones */
  network(start: string, gateway?: string): Network {
    if (!/^(198\.51\.100|10\.\d{1,3}\.\d{1,3})$/.test(start)) throw new Error(`not for tests: ${start}`);
    if (this.#lastAddress.has(start)) throw new Error(`there is a network ${start} already`);
    const bridge = `bridge${this.#lastAddress.size}`;
    this.#lastAddress.set(start, 1); // .1 is left for a router.
    ip("-n", this.#switch, "link", "add", bridge, "type", "bridge", "forward_delay", "0");
    ip("-n", this.#switch, "link", "set", bridge, "up");
    return { start, bridge, gateway };
  }

  /** A machine with a leg in each of these networks, which forwards nothing between them. */
  host(name: string, ...networks: Network[]): LabHost {
    const host = new LabHost(name, this.#namespace(name));
    this.#quiet(host);
    for (const network of networks) this.#join(host, network, this.#nextAddress(network.start));
    this.#hosts.push(host);
    this.#writeNames(host);
    return host;
  }

  /**
   * A private network behind a NAT router: its hosts can dial out, each other included, and nobody can dial in; what
   * tries to hears nothing.
   */
  behindNat(name: string, outside: Network, insideStart: string): Network & { readonly router: LabHost } {
    const gateway = `${insideStart}.1`;
    const inside = this.network(insideStart, gateway);
    const router = this.host(name, outside);
    this.#join(router, inside, gateway);
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1");
    router.run("nft", natRules);
    return { ...inside, router };
  }

  /** From now on every host of the lab finds this host under this name. */
  domain(domain: string, host: LabHost): void {
    this.#domains.set(domain, host.address);
    for (const each of this.#hosts) this.#writeNames(each);
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#namespaces, basename(this.folder)]) remove(name);
  }

  #namespace(name: string): string {
    if (!/^[a-z0-9-]{1,32}$/.test(name)) throw new Error(`not a name for a host: ${name}`);
    const namespace = `${this.#prefix}${name}`;
    ip("netns", "add", namespace);
    this.#namespaces.push(namespace);
    mkdirSync(join("/etc/netns", namespace), { recursive: true });
    ip("-n", namespace, "link", "set", "lo", "up");
    return namespace;
  }

  /** Settings of the machine are not inherited: no forwarding, and no IPv6 beside what the lab lays out. */
  #quiet(host: LabHost): void {
    host.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.disable_ipv6=1");
  }

  #join(host: LabHost, network: Network, address: string): void {
    const [own, port] = [`eth${host.addresses.length}`, `port${this.#ports++}`];
    const far = ["type", "veth", "peer", "name", own, "netns", host.namespace];
    ip("-n", this.#switch, "link", "add", port, ...far);
    ip("-n", this.#switch, "link", "set", port, "master", network.bridge, "up");
    ip("-n", host.namespace, "address", "add", `${address}/24`, "dev", own);
    ip("-n", host.namespace, "link", "set", own, "up");
    const first = host.addresses.length === 0;
    // mDNS needs a route to its group, also where there is no way out.
    if (first) ip("-n", host.namespace, "route", "add", "224.0.0.0/4", "dev", own);
    if (first && network.gateway !== undefined) {
      ip("-n", host.namespace, "route", "add", "default", "via", network.gateway);
    }
    host.joined(address, (state) => ip("-n", this.#switch, "link", "set", port, state));
  }

  #nextAddress(start: string): string {
    const last = this.#lastAddress.get(start)! + 1;
    this.#lastAddress.set(start, last);
    return `${start}.${last}`;
  }

  /** `ip netns exec` shows these in the place of the machine's own files. Written in place: running processes see it. */
  #writeNames(host: LabHost): void {
    const folder = join("/etc/netns", host.namespace);
    const names = [["localhost", "127.0.0.1"], ...this.#domains].map(([name, at]) => `${at} ${name}\n`);
    writeFileSync(join(folder, "hosts"), names.join(""));
    // Nobody is asked: a name that is not in the file does not exist.
    writeFileSync(join(folder, "nsswitch.conf"), "hosts: files\npasswd: files\ngroup: files\n");
    writeFileSync(join(folder, "resolv.conf"), "");
  }
}

/** The outside is eth0, the inside eth1. A home router says nothing to who knocks. */
const natRules = `
  table ip lab {
    chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
    chain through {
      type filter hook forward priority filter; policy drop;
      ct state established,related accept
      iifname "eth1" accept
    }
    chain in {
      type filter hook input priority filter;
      iifname "eth0" ct state new drop
    }
  }`;

function ip(...words: string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
}
