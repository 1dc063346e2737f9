/** Homeservers that ask linked ones whether they can be dialled. */
import type { LinkQuery, ServerAddress, ServerRecord } from "@fedchat/protocol";
import {
  answerChannel,
  decode,
  dialBackResults,
  encode,
  isDisguised,
  isPrivateHost,
  isSameHost,
} from "@fedchat/protocol";
import { expect, test } from "vitest";
import { dialBackMs, dialBackRate } from "../src/core/limits.ts";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";

const at = (host: string, kind: ServerAddress["kind"] = "direct"): ServerAddress => ({
  host,
  port: 8443,
  kind,
});

/** Whoever dials `name` meets this homeserver as a device does. */
function answerDevices(world: World, host: Host, name: string): void {
  world.network.listen(name, (channel) => {
    void answerChannel({
      channel,
      protocol: "fedchat-client",
      self: host.id,
      staticKey: host.keys.noise,
      record: () => host.own.signed,
      features: [],
      primitives,
      random: world.random.fork(name),
      clock: world.clock,
    }).catch(() => undefined);
  });
}

async function announce(world: World, host: Host, change: Partial<ServerRecord>): Promise<void> {
  host.renewRecord(change);
  await world.clock.advance(100);
}

test("[L25] a linked server dials each address of the record and says where the key was proved", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const mallory = await world.homeserver("mallory");
  answerDevices(world, alice, "front.example");
  answerDevices(world, mallory, "elsewhere.example");
  world.network.listen("silent.example", () => undefined);
  const addresses = [
    at("front.example"),
    at("elsewhere.example"),
    at("nowhere.example"),
    at("silent.example"),
  ];
  await announce(world, alice, { addresses });

  const reports = await world.clock.settle(alice.federation.dialBack());

  expect(reports).toEqual([
    {
      server: bob.id,
      name: "bob",
      results: [
        { address: at("front.example"), code: "ok" },
        { address: at("elsewhere.example"), code: "wrong-server-key" },
        { address: at("nowhere.example"), code: "unreachable" },
        { address: at("silent.example"), code: "unreachable" },
        // Alice dialled Bob, so Bob saw where she comes from: a name of the local network, of which he tells no more.
        { address: at("alice", "lan"), code: "unreachable" },
      ],
    },
  ]);
  expect(alice.link(bob)?.state).toBe("connected");
});

test("[L25] the dials end before the question does, and the link's connection stays as it is", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  world.network.listen("silent.example", () => undefined);
  await announce(world, alice, { addresses: [at("silent.example")] });
  const [before, carriers] = [world.clock.now(), world.network.carriers("alice", "bob")];

  const [report] = await world.clock.settle(alice.federation.dialBack());

  expect(report?.error).toBeUndefined();
  expect(report?.results[0]).toEqual({ address: at("silent.example"), code: "unreachable" });
  expect(world.clock.now() - before).toBeLessThan(dialBackMs + 1_000);
  expect(world.network.carriers("alice", "bob")).toEqual(carriers);
  expect(bob.link(alice)?.state).toBe("connected");
});

test("[L25] an address that is neither in the record nor the asker's own is not dialled", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const peer = await BarePeer.mutual(world, alice);
  let dialled = 0;
  world.network.listen("victim.example", () => (dialled += 1));

  peer.control({
    kind: "query",
    id: 1,
    query: { ask: "dialBack", addresses: [at("victim.example"), at("mallory")] },
  });
  await world.clock.advance(dialBackMs + 1_000);

  const answer = peer.controls.find((control) => control.kind === "answer");
  const results = decode(dialBackResults, answer?.kind === "answer" ? answer.result! : new Uint8Array());
  expect(results.map(({ address }) => address.host)).toEqual(["mallory"]);
  expect(dialled).toBe(0);
});

test("[L25] what else answers in the answerer's own network is not told", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const mallory = await world.homeserver("mallory");
  answerDevices(world, mallory, "10.0.0.5");
  answerDevices(world, alice, "10.0.0.6");
  await announce(world, alice, { addresses: [at("10.0.0.5", "lan"), at("10.0.0.6", "lan")] });

  const [report] = await world.clock.settle(alice.federation.dialBack());

  expect(report?.results.slice(0, 2)).toEqual([
    { address: at("10.0.0.5", "lan"), code: "unreachable" },
    { address: at("10.0.0.6", "lan"), code: "ok" },
  ]);
  expect(bob.link(alice)?.state).toBe("connected");
});

test("[L25] of a name that stands for an address of the answerer's own network no more is told than of that address", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  const mallory = await world.homeserver("mallory");
  answerDevices(world, mallory, "inside.example");
  answerDevices(world, mallory, "outside.example");
  answerDevices(world, mallory, "2130706433");
  world.network.resolves.set("inside.example", "10.0.0.5");
  const addresses = [at("inside.example"), at("outside.example"), at("2130706433")];
  await announce(world, alice, { addresses });

  const [report] = await world.clock.settle(alice.federation.dialBack());

  expect(report?.server).toBe(bob.id);
  expect(report?.results.slice(0, -1)).toEqual([
    { address: at("inside.example"), code: "unreachable" },
    { address: at("outside.example"), code: "wrong-server-key" },
  ]);
});

test.each([
  ["2001:db8:7::1", "2001:db8:7::1", []],
  ["2001:db8:7::1", "2001:DB8:7:0::1", ["2001:DB8:7:0::1"]],
  ["203.0.113.7", "203.0.113.7", ["203.0.113.7"]],
  ["203.0.113.7", "::ffff:203.0.113.7", ["::ffff:203.0.113.7"]],
])("[L25] who connects from %s is dialled there, though it asks for %s", async (source, wanted, asked) => {
  const world = new World();
  const alice = await world.homeserver("alice");
  alice.from = () => source;
  const peer = await BarePeer.mutual(world, alice);
  const dialled: string[] = [];
  for (const host of [source, wanted, "2001:db8:7::2"])
    world.network.listen(host, () => void dialled.push(host));

  const addresses = [at("2001:db8:7::2"), ...asked.map((host) => at(host))];
  peer.control({ kind: "query", id: 1, query: { ask: "dialBack", addresses } });
  await world.clock.advance(dialBackMs + 1_000);

  expect(dialled).toEqual([wanted]);
});

test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])(
  "[L25] whoever seems to connect from %s, as through a proxy here, has nothing dialled on this machine",
  async (source) => {
    const world = new World();
    const alice = await world.homeserver("alice");
    alice.from = () => source;
    const peer = await BarePeer.mutual(world, alice);
    const dialled: string[] = [];
    world.network.listen(source, () => void dialled.push(source));

    const addresses = [at(source), at("2001:db8:7::2")];
    peer.control({ kind: "query", id: 1, query: { ask: "dialBack", addresses } });
    await world.clock.advance(dialBackMs + 1_000);

    expect(dialled).toEqual([]);
  },
);

test("[L25] an answer that takes all of its ten seconds, and a slow link, is still heard", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const peer = await BarePeer.mutual(world, alice);
  peer.onControl = (control) => {
    if (control.kind !== "query") return;
    const result = encode(dialBackResults, [{ address: at("alice"), code: "ok" }]);
    world.clock.after(12_000, () => peer.control({ kind: "answer", id: control.id, result }));
  };

  const [report] = await world.clock.settle(alice.federation.dialBack());

  expect(report).toMatchObject({ server: peer.id, results: [{ address: at("alice"), code: "ok" }] });
});

test.each([
  ["203.0.113.7", "::ffff:203.0.113.7", true],
  ["::ffff:cb00:7107", "203.0.113.7", true],
  ["2001:db8::1", "2001:0DB8:0:0::1", true],
  ["2001:db8::1", "2001:db8::2", false],
  ["203.0.113.7", "64:ff9b::203.0.113.7", false],
  ["chat.example", "CHAT.example", true],
])("[L25] whether %s and %s are one host: %s", (a, b, same) => expect(isSameHost(a, b)).toBe(same));

test("[L25] a server that was not linked is refused, and so is a flood", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const stranger = await BarePeer.connect(world, alice, "stranger");
  const linked = await BarePeer.mutual(world, alice, "linked");
  const query: LinkQuery = { ask: "dialBack", addresses: [at("mallory")] };

  stranger.control({ kind: "query", id: 1, query });
  for (let id = 1; id <= dialBackRate.burst + 1; id++) linked.control({ kind: "query", id, query });
  await world.clock.advance(dialBackMs + 1_000);

  const codes = (peer: BarePeer) =>
    peer.controls.flatMap((control) =>
      control.kind === "answer" ? [control.error?.code ?? "answered"] : [],
    );
  expect(codes(stranger)).toEqual(["not-allowed"]);
  expect(codes(linked).toSorted()).toEqual([
    ...Array.from({ length: dialBackRate.burst }, () => "answered"),
    "rate-limited",
  ]);
});

test("[L25] nobody is asked where nobody linked us", async () => {
  const world = new World();
  const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
  await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined));
  expect(await world.clock.settle(alice.federation.dialBack())).toEqual([]);
});

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "172.16.0.1",
  "192.168.1.7",
  "100.64.0.1",
  "::1",
  "fd00::1",
  "fe80::1",
  "nas.local",
  "localhost",
  "localhost.",
  "printer.lan.",
  "router",
  "nas.home.arpa",
  "127.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "0",
  "0.0.0.0",
  "::",
  "0:0:0:0:0:0:0:1",
  "::ffff:10.0.0.1",
  "0:0:0:0:0:ffff:a00:1",
  "64:ff9b::a00:1",
])("[L25] %s is an address of somebody's own network", (host) => expect(isPrivateHost(host)).toBe(true));

test.each([
  "203.0.113.7",
  "172.32.0.1",
  "100.128.0.1",
  "2001:db8::1",
  "chat.example.com",
  "1270.example",
  "::ffff:203.0.113.7",
  "64:ff9b::cb00:7107",
])("[L25] %s is not", (host) => expect(isPrivateHost(host)).toBe(false));

test.each(["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"])(
  "[L25] %s hides which address it is, and is not dialled",
  (host) => expect(isDisguised(host)).toBe(true),
);
test.each(["203.0.113.7", "::1", "chat.example.com", "router"])("[L25] %s hides nothing", (host) =>
  expect(isDisguised(host)).toBe(false),
);
