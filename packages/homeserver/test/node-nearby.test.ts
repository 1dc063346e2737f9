import type { NetworkInterfaceInfo } from "node:os";
import type { ServerId } from "@fedchat/protocol";
import { encode, limits, serverId } from "@fedchat/protocol";
import { clientMethods } from "@fedchat/protocol";
import { nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { silentLog } from "../src/core/log.ts";
import { nearbyForgottenAfterMs, nearbyPerSourceMax, nearbyRoundMs } from "../src/node/limits.ts";
import type { RawAnswer } from "../src/node/nearby-answer.ts";
import { answerText, readAnswer } from "../src/node/nearby-answer.ts";
import { NearbyList } from "../src/node/nearby-list.ts";
import { localNetworks } from "../src/node/nearby-networks.ts";
import { isModest, MulticastError } from "../src/node/nearby-socket.ts";
import type { VoiceOptions } from "../src/node/nearby-voice.ts";
import type { NearbyOptions } from "../src/node/nearby.ts";
import { NearbyServers } from "../src/node/nearby.ts";
import { ManualClock, turns } from "./manual-clock.ts";

const anyId = (): ServerId => serverId.fromBytes(random.bytes(32));
const bob = anyId();

const at = (address: string, bits: number, change: Partial<NetworkInterfaceInfo> = {}) =>
  ({
    address,
    cidr: `${address}/${bits}`,
    family: address.includes(":") ? "IPv6" : "IPv4",
    internal: false,
    mac: "02:00:00:00:00:01",
    netmask: "",
    ...change,
  }) as NetworkInterfaceInfo;
const home = {
  lo: [at("127.0.0.1", 8, { internal: true })],
  wlan0: [at("192.168.1.5", 24), at("fd00::5", 64), at("fe80::5", 64)],
};
const network = localNetworks(home)[0]!;

describe("local networks", () => {
  test("are those of private addresses, without loopback, containers, and the internet", () => {
    const networks = localNetworks({
      ...home,
      docker0: [at("172.17.0.1", 16)],
      eth0: [at("203.0.113.9", 24)],
      eth1: [at("10.0.0.7", 8)],
    });
    expect(networks.map(({ address, own }) => [address, own])).toEqual([
      ["192.168.1.5", ["192.168.1.5", "fd00::5"]],
      ["10.0.0.7", ["10.0.0.7"]],
    ]);
  });

  test("contain their own addresses only", () => {
    for (const address of ["192.168.1.9", "192.168.1.5", "fd00::9"])
      expect(network.contains(address)).toBe(true);
    for (const address of ["192.168.2.9", "8.8.8.8", "fd01::9", "fe80::9", "127.0.0.1", "bob.local", ""]) {
      expect(network.contains(address), address).toBe(false);
    }
  });
});

const raw = (change: Partial<RawAnswer> = {}, txt: Record<string, unknown> = {}): RawAnswer => ({
  txt: { ...answerText(bob, "bob"), ...txt },
  port: 8443,
  addresses: ["192.168.1.9"],
  referer: { address: "192.168.1.9" },
  ...change,
});

describe("[Y2] an answer", () => {
  test("says who is where", () => {
    expect(readAnswer(raw(), network)).toEqual({
      server: bob,
      name: "bob",
      addresses: [{ host: "192.168.1.9", port: 8443, kind: "lan" }],
      source: "192.168.1.9",
    });
    expect(readAnswer(raw({ txt: { id: bob, v: "1" } }), network)?.name).toBe("");
  });

  test.each<[string, RawAnswer]>([
    ["of another version", raw({}, { v: "2" })],
    ["without an id", raw({}, { id: undefined })],
    ["with an id in upper case", raw({}, { id: bob.toUpperCase() })],
    ["with an id that is too long", raw({}, { id: `${bob}aaaa` })],
    ["with control characters in the name", raw({}, { name: "bob\u001b[31m" })],
    ["with a name that turns direction", raw({}, { name: "bob\u202e" })],
    ["with a huge name", raw({}, { name: "b".repeat(9_000) })],
    ["with a name that is no text", raw({}, { name: Buffer.from("bob") })],
    ["without a TXT record", raw({ txt: undefined })],
    ["at port 0", raw({ port: 0 })],
    ["at no port", raw({ port: "8443" })],
    ["without an address", raw({ addresses: [] })],
    ["at addresses elsewhere only", raw({ addresses: ["8.8.8.8", "192.168.2.9", "169.254.169.254", "::1"] })],
    ["from another network", raw({ referer: { address: "192.168.2.9" } })],
    ["from nobody", raw({ referer: undefined })],
  ])("%s is none", (_, answer) => {
    expect(readAnswer(answer, network)).toBeUndefined();
  });

  test("gives few addresses, each once, and none of other networks", () => {
    const many = Array.from({ length: 50 }, (_, index) => `192.168.1.${index + 1}`);
    const answer = readAnswer(
      raw({ addresses: ["8.8.8.8", "192.168.1.9", "192.168.1.9", ...many] }),
      network,
    )!;
    expect(answer.addresses.map(({ host }) => host)).toEqual(["192.168.1.9", "192.168.1.1", "192.168.1.2"]);
  });

  test("leaves out a name that does not fit into it", () => {
    const long = `${"a".repeat(63)}.`.repeat(3) + "a".repeat(61);
    expect(long).toHaveLength(253);
    expect(answerText(bob, long)).toEqual({ id: bob, v: "1" });
  });
});

describe("[Y3] the list", () => {
  const said = (server: ServerId, source: string, name = "bob") =>
    readAnswer(raw({ addresses: [source], referer: { address: source } }, { id: server, name }), network)!;

  test("is bounded in all and by machine, and fits into its message", () => {
    const list = new NearbyList();
    for (let n = 0; n < 50; n++) list.hear(said(anyId(), "192.168.1.66"), 0);
    expect(list.servers()).toHaveLength(nearbyPerSourceMax);
    for (let n = 0; n < 200; n++) list.hear(said(anyId(), `192.168.1.${n + 1}`), 0);
    expect(list.servers()).toHaveLength(limits.nearbyServersMax);
    const state = { mode: "announce" as const, problem: null, servers: list.servers() };
    expect(() => encode(clientMethods["servers.nearby"].result, state)).not.toThrow();
  });

  test("a liar's addresses stand beside the true ones and never in their place, nor does its name", () => {
    const list = new NearbyList();
    list.hear(said(bob, "192.168.1.9"), 0);
    for (let n = 100; n < 120; n++) list.hear(said(bob, `192.168.1.${n}`, "mallory"), 0);
    const [server] = list.servers();
    expect(server).toMatchObject({ server: bob, name: "bob" });
    expect(server!.addresses[0]!.host).toBe("192.168.1.9");
    expect(server!.addresses.length).toBeLessThanOrEqual(limits.nearbyAddressesMax);
  });

  test("tells only what is new, and forgets who left or was not heard for long", () => {
    const list = new NearbyList();
    expect(list.hear(said(bob, "192.168.1.9"), 0)).toBe(true);
    expect(list.hear(said(bob, "192.168.1.9"), 10)).toBe(false);
    expect(list.hear(said(bob, "192.168.1.9", "robert"), 10)).toBe(true);
    expect(list.leave(bob, "192.168.1.10")).toBe(false);
    expect(list.expire(10 + nearbyForgottenAfterMs - 1)).toBe(false);
    expect(list.servers()).toMatchObject([{ name: "robert", heardAt: 10 }]);
    expect(list.expire(10 + nearbyForgottenAfterMs)).toBe(true);
    expect(list.hear(said(bob, "192.168.1.9"), 20)).toBe(true);
    expect(list.leave(bob, "192.168.1.9")).toBe(true);
    expect(list.servers()).toEqual([]);
  });
});

test("[Y3] a packet that says that it holds many records, or that is too short or too long, is let go", () => {
  const packet = (length: number, ...counts: number[]) => {
    const bytes = new Uint8Array(length);
    counts.forEach((count, index) => new DataView(bytes.buffer).setUint16(4 + 2 * index, count));
    return bytes;
  };
  expect(isModest(packet(300, 1, 3, 0, 8))).toBe(true);
  expect(isModest(packet(300, 1_500))).toBe(false);
  expect(isModest(packet(300, 0, 50, 0, 50))).toBe(false);
  expect(isModest(packet(300, 0xffff, 0xffff, 0xffff, 0xffff))).toBe(false);
  expect(isModest(packet(11))).toBe(false);
  expect(isModest(packet(9_001))).toBe(false);
});

describe("looking", () => {
  /** Networks and what is heard in them are the test's. */
  function looking(change: Partial<NearbyOptions> = {}) {
    const clock = new ManualClock();
    const opened: VoiceOptions[] = [];
    const left: string[] = [];
    let asked = 0;
    const around = { interfaces: home as NodeJS.Dict<NetworkInterfaceInfo[]>, failure: "" };
    const nearby = new NearbyServers({
      self: anyId(),
      mode: "announce",
      name: () => "here",
      host: "::",
      port: 8443,
      clock,
      log: silentLog,
      interfaces: () => around.interfaces,
      open: async (options) => {
        if (around.failure !== "") throw new MulticastError(around.failure);
        opened.push(options);
        return {
          ask: () => void (asked += 1),
          [Symbol.asyncDispose]: async () => void left.push(options.network.address),
        };
      },
      ...change,
    });
    let told = 0;
    nearby.onChange(() => (told += 1));
    nearby.start();
    return { nearby, clock, opened, left, around, told: () => told, asked: () => asked };
  }
  const heard = (server = anyId(), source = "192.168.1.9") =>
    readAnswer(raw({ addresses: [source], referer: { address: source } }, { id: server }), network)!;

  test("[Y1] announces the addresses that it listens on, and nothing where it listens on none of the network", async () => {
    const hosts = async (host: string, mode: "announce" | "look" = "announce") => {
      const { nearby, opened } = looking({ host, mode });
      await using _ = nearby;
      await turns();
      return opened[0]!.announce?.hosts;
    };
    expect(await hosts("::")).toEqual(["192.168.1.5", "fd00::5"]);
    expect(await hosts("0.0.0.0")).toEqual(["192.168.1.5"]);
    expect(await hosts("fd00::5")).toEqual(["fd00::5"]);
    expect(await hosts("127.0.0.1")).toBeUndefined();
    expect(await hosts("::", "look")).toBeUndefined();
  });

  test("[Y3] tells listeners of a flood of changes once a second, and not of ourselves", async () => {
    const self = anyId();
    const { nearby, clock, opened, told } = looking({ self });
    await using _ = nearby;
    await clock.advance(5_000);
    const before = told();
    opened[0]!.onAnswer(heard(self));
    await clock.advance(5_000);
    expect(told()).toBe(before);
    for (let n = 0; n < 1_000; n++) {
      opened[0]!.onAnswer(heard(anyId(), `192.168.1.${(n % 250) + 1}`));
      await clock.advance(3);
    }
    await clock.advance(1_000);
    expect(told() - before).toBeGreaterThanOrEqual(1);
    expect(told() - before).toBeLessThanOrEqual(5);
    expect(nearby.state().servers).toHaveLength(limits.nearbyServersMax);
  });

  test("[Y4] a network that takes no multicast is one sentence, and is tried again", async () => {
    const { nearby, clock, around } = looking();
    await using _ = nearby;
    around.failure = "Something keeps the port.";
    around.interfaces = { eth0: [at("10.0.0.7", 24)] };
    await clock.advance(nearbyRoundMs);
    expect(nearby.state()).toEqual({ mode: "announce", problem: "Something keeps the port.", servers: [] });
    around.failure = "";
    await clock.advance(nearbyRoundMs);
    expect(nearby.state().problem).toBeNull();
  });

  test("[Y4] a laptop without a network says so, and goes on in the next one", async () => {
    const { nearby, clock, around, opened, left } = looking();
    await using _ = nearby;
    await turns();
    opened[0]!.onAnswer(heard(bob));
    around.interfaces = { lo: home.lo };
    await clock.advance(nearbyRoundMs);
    expect(left).toEqual(["192.168.1.5"]);
    expect(nearby.state().problem).toMatch(/no local network/);
    expect(nearby.state().servers).toMatchObject([{ server: bob }]);
    around.interfaces = { wlan0: [at("10.0.0.7", 24)] };
    await clock.advance(nearbyForgottenAfterMs);
    expect(opened.map((options) => options.network.address)).toEqual(["192.168.1.5", "10.0.0.7"]);
    expect(nearby.state()).toMatchObject({ problem: null, servers: [] });
  });

  test("asks anew every round, and announces anew under another name", async () => {
    let name = "here";
    const { nearby, clock, opened, left, asked } = looking({ name: () => name });
    await using _ = nearby;
    await clock.advance(nearbyRoundMs * 3);
    expect(opened).toHaveLength(1);
    expect(asked()).toBe(3);
    name = "there";
    await clock.advance(nearbyRoundMs);
    expect(left).toEqual(["192.168.1.5"]);
    expect(opened.map(({ announce }) => announce?.name)).toEqual(["here", "there"]);
  });

  test("once stopped it has left every network and tells nothing more", async () => {
    const { nearby, clock, opened, left, told } = looking();
    await turns();
    await nearby[Symbol.asyncDispose]();
    opened[0]!.onAnswer(heard());
    await clock.advance(nearbyRoundMs * 2);
    expect(left).toEqual(["192.168.1.5"]);
    expect(opened).toHaveLength(1);
    expect(told()).toBe(0);
  });
});
