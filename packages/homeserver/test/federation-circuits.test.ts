/** Circuits: what a relay passes on, what it refuses, and what nobody can make it or an end hold. */
import type { LinkControl, SecureChannel, ServerId } from "@fedchat/protocol";
import {
  decodeLinkMessage,
  decodeOpening,
  dialChannel,
  encodeLinkControl,
  limits,
  serverId,
} from "@fedchat/protocol";
import { describe, expect, test } from "vitest";
import { CircuitChannel } from "../src/core/federation/circuit-channel.ts";
import { CircuitLegs } from "../src/core/federation/circuit-legs.ts";
import type { Neighbour } from "../src/core/federation/relay.ts";
import { Relay } from "../src/core/federation/relay.ts";
import {
  circuitFrameBytesMax,
  circuitOpenRate,
  circuitsOfStrangersMax,
  circuitsPerNeighbourMax,
  connectionFaultsMax,
  openingRate,
  relayWaitingBytesMax,
} from "../src/core/limits.ts";
import { BareRelay, CircuitPeer } from "./circuit-peer.ts";
import { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";
import { primitives, World } from "./federation-world.ts";
import { ManualClock } from "./manual-clock.ts";

type RelaysFor = "nobody" | "linked" | "anyone";

async function relayWith(relaysFor: RelaysFor = "linked"): Promise<{ world: World; relay: Host }> {
  const world = new World();
  const relay = await world.homeserver("relay");
  relay.renewRecord({ relaysFor });
  return { world, relay };
}

/** A neighbour that is mutually linked with the relay. */
async function linked(relay: Host, name: string): Promise<CircuitPeer> {
  return new CircuitPeer(await BarePeer.mutual(relay.world, relay, name));
}

async function stranger(relay: Host, name: string): Promise<CircuitPeer> {
  return new CircuitPeer(await BarePeer.connect(relay.world, relay, name));
}

/** Anna's circuit through the relay to Dora, opened: its numbers on both sides. */
async function circuit(relaysFor?: RelaysFor) {
  const { world, relay } = await relayWith(relaysFor);
  const [anna, dora] = [await linked(relay, "anna"), await linked(relay, "dora")];
  anna.open(dora);
  await world.clock.advance(100);
  const there = dora.heard("circuitOpen")[0]!.circuit;
  dora.peer.control({ kind: "circuitOpened", circuit: there });
  await world.clock.advance(100);
  return { world, relay, anna, dora, here: 0, there };
}

const someServer = (byte: number): ServerId => serverId.fromBytes(new Uint8Array(32).fill(byte));
const someBytes = (length: number, byte = 7): Uint8Array => new Uint8Array(length).fill(byte);

describe("a relay", () => {
  test("[C2] takes the next server off the path, and numbers the circuit anew for it", async () => {
    const { world, relay } = await relayWith();
    const [anna, next] = [await linked(relay, "anna"), await linked(relay, "next")];
    const destination = { id: someServer(1) };
    const ahead = { id: someServer(2) };
    anna.open(destination, [next, ahead], 4);
    await world.clock.advance(100);

    const [open] = next.heard("circuitOpen");
    expect(open).toMatchObject({ source: anna.id, destination: destination.id, path: [ahead.id] });
    expect(open!.circuit % 2, "a number of the connection's answerer").toBe(1);
    next.peer.control({ kind: "circuitOpened", circuit: open!.circuit });
    await world.clock.advance(100);
    expect(anna.heard("circuitOpened")).toEqual([{ kind: "circuitOpened", circuit: 4 }]);
  });

  test("[C2] counts a number that is in use, or of the wrong kind, as a fault", async () => {
    const { world, relay } = await relayWith();
    const [anna, dora] = [await linked(relay, "anna"), await linked(relay, "dora")];
    anna.open(dora, [], 0);
    anna.open(dora, [], 0);
    anna.open(dora, [], 1);
    await world.clock.advance(100);
    expect(dora.heard("circuitOpen")).toHaveLength(1);
    for (let fault = 0; fault < connectionFaultsMax; fault += 1) anna.open(dora, [], 1);
    await world.clock.advance(100);
    expect(anna.peer.closed).toBeDefined();
  });

  test.each<[RelaysFor, "linked" | "stranger", "linked" | "stranger", string | undefined]>([
    ["linked", "linked", "linked", undefined],
    ["linked", "stranger", "linked", "not-allowed"],
    ["linked", "linked", "stranger", "not-allowed"],
    ["anyone", "stranger", "linked", undefined],
    ["anyone", "linked", "stranger", "not-allowed"],
    ["anyone", "stranger", "stranger", "not-allowed"],
    ["nobody", "linked", "linked", "not-allowed"],
  ])("[C3] for %s passes what a %s server has for a %s one: %s", async (relaysFor, before, after, code) => {
    const { world, relay } = await relayWith(relaysFor);
    const join = { linked, stranger };
    const [anna, dora] = [await join[before](relay, "anna"), await join[after](relay, "dora")];
    anna.open(dora);
    await world.clock.advance(100);
    expect(dora.heard("circuitOpen")).toHaveLength(code === undefined ? 1 : 0);
    expect(anna.heard("circuitClose")).toMatchObject(code === undefined ? [] : [{ code, at: relay.id }]);
  });

  test("[C3] says that the next server has no connection, and where", async () => {
    const { world, relay } = await relayWith();
    const anna = await linked(relay, "anna");
    anna.open({ id: someServer(1) });
    await world.clock.advance(100);
    expect(anna.heard("circuitClose")).toEqual([
      { kind: "circuitClose", circuit: 0, code: "unreachable", at: relay.id },
    ]);
  });

  test("[C3] refuses loops: itself, an end or anything twice in the path", async () => {
    const { world, relay } = await relayWith();
    const [anna, dora] = [await linked(relay, "anna"), await linked(relay, "dora")];
    const [far, self] = [{ id: someServer(1) }, { id: relay.id }];
    const paths: [{ id: ServerId }, { id: ServerId }[]][] = [
      [far, [dora, self]],
      [far, [dora, anna]],
      [far, [dora, far]],
      [far, [dora, dora]],
      [anna, [dora]],
      [self, [dora]],
    ];
    paths.forEach(([destination, path], index) => anna.open(destination, path, index * 2));
    // Anna passes on what another one asked for.
    anna.open(far, [dora, { id: someServer(3) }], paths.length * 2, someServer(3));
    await world.clock.advance(100);
    expect(anna.heard("circuitClose").map(({ code }) => code)).toEqual(
      Array.from({ length: paths.length + 1 }, () => "malformed"),
    );
    expect(dora.heard("circuitOpen")).toEqual([]);
  });

  test("[C2] [C3] does not read a path that is longer than any may be", async () => {
    const { world, relay } = await relayWith();
    const [anna, dora] = [await linked(relay, "anna"), await linked(relay, "dora")];
    const path = [
      dora,
      ...Array.from({ length: limits.bundleHopsMax - 1 }, (_, n) => ({ id: someServer(n + 1) })),
    ];
    expect(() => anna.open({ id: someServer(200) }, path)).toThrow();
    anna.open({ id: someServer(200) }, path.slice(0, -1));
    await world.clock.advance(100);
    expect(dora.heard("circuitOpen")[0]?.path).toHaveLength(limits.bundleHopsMax - 2);
  });

  test("[C3] passes on what was refused further along, with the place", async () => {
    const { world, relay } = await relayWith();
    const [anna, next] = [await linked(relay, "anna"), await linked(relay, "next")];
    const at = someServer(2);
    anna.open({ id: someServer(1) }, [next, { id: at }]);
    await world.clock.advance(100);
    const { circuit: there } = next.heard("circuitOpen")[0]!;
    next.peer.control({ kind: "circuitClose", circuit: there, code: "not-allowed", at });
    await world.clock.advance(100);
    expect(anna.heard("circuitClose")).toEqual([
      { kind: "circuitClose", circuit: 0, code: "not-allowed", at },
    ]);
    expect(relay.federation.relayedCircuits()).toBe(0);
  });

  test("[C4] ends a circuit with either connection, and says where it broke", async () => {
    const { world, relay, anna, dora } = await circuit();
    dora.peer.channel.close();
    await world.clock.advance(100);
    expect(anna.heard("circuitClose")).toMatchObject([{ code: "unreachable", at: relay.id }]);
    expect(relay.federation.relayedCircuits()).toBe(0);
  });

  test("[C4] passes a close on behind the data before it", async () => {
    const { world, anna, dora, here, there } = await circuit();
    for (let n = 0; n < 3; n += 1) anna.piece(here, someBytes(1_000, n));
    anna.peer.control({ kind: "circuitClose", circuit: here, code: "closing" });
    await world.clock.advance(100);
    expect(dora.pieces.map(({ bytes }) => bytes[0])).toEqual([0, 1, 2]);
    expect(dora.heard("circuitClose")).toEqual([{ kind: "circuitClose", circuit: there, code: "closing" }]);
  });

  test("[C4] lets go what comes for a circuit that is not there, and for one that is over", async () => {
    const { world, relay, anna, dora, here, there } = await circuit();
    anna.peer.control({ kind: "circuitClose", circuit: here, code: "closing" });
    await world.clock.advance(100);
    const messages: LinkControl[] = [
      { kind: "circuitCredit", circuit: there, bytes: 100 },
      { kind: "circuitClose", circuit: there, code: "closing" },
      { kind: "circuitOpened", circuit: 998 },
    ];
    for (let n = 0; n < 2 * connectionFaultsMax; n += 1) {
      dora.piece(there, someBytes(10));
      dora.piece(998, someBytes(10));
      for (const message of messages) dora.peer.control(message);
    }
    await world.clock.advance(100);
    expect(dora.peer.closed).toBeUndefined();
    expect(anna.pieces).toEqual([]);
    expect(relay.federation.relayedCircuits()).toBe(0);
  });

  test("[C5] passes pieces and credit both ways, whole and in order", async () => {
    const { world, anna, dora, here, there } = await circuit();
    anna.piece(here, someBytes(65_536, 1), false);
    anna.piece(here, someBytes(1, 2));
    dora.piece(there, someBytes(5_000, 3));
    await world.clock.advance(200);
    dora.peer.control({ kind: "circuitCredit", circuit: there, bytes: 65_600 });
    await world.clock.advance(200);
    expect(dora.pieces.map(({ last, bytes }) => [last, bytes.length, bytes[0]])).toEqual([
      [false, 65_536, 1],
      [true, 1, 2],
    ]);
    expect(anna.pieces).toHaveLength(1);
    expect(anna.heard("circuitCredit")).toEqual([{ kind: "circuitCredit", circuit: here, bytes: 65_600 }]);
  });

  test("[C5] ends a circuit on which more comes than was credited, and no more than that passed", async () => {
    const { world, relay, anna, dora, here } = await circuit();
    for (let n = 0; n < 10; n += 1) anna.piece(here, someBytes(60_000));
    await world.clock.advance(1_000);
    expect(dora.receivedBytes).toBeLessThanOrEqual(limits.circuitWindowBytes);
    expect(anna.heard("circuitClose")).toMatchObject([{ code: "malformed", at: relay.id }]);
    expect(dora.heard("circuitClose")).toMatchObject([{ code: "malformed", at: relay.id }]);
  });

  test("[C5] counts small pieces for what they cost to hold", async () => {
    const { world, anna, dora, here } = await circuit();
    const affordable = Math.floor(limits.circuitWindowBytes / (1 + limits.circuitPieceCostBytes));
    for (let n = 0; n < affordable; n += 1) anna.piece(here, someBytes(1));
    await world.clock.advance(2_000);
    expect(anna.heard("circuitClose")).toEqual([]);
    expect(dora.pieces).toHaveLength(affordable);
    anna.piece(here, someBytes(1));
    await world.clock.advance(100);
    expect(anna.heard("circuitClose")).toMatchObject([{ code: "malformed" }]);
  });

  test.each([
    ["more than anybody took", 1_000_000],
    ["none", 0],
  ])("[C5] ends a circuit whose end gives credit for %s", async (_, bytes) => {
    const { world, anna, there, dora } = await circuit();
    anna.piece(0, someBytes(10_000));
    await world.clock.advance(100);
    dora.peer.control({ kind: "circuitCredit", circuit: there, bytes });
    await world.clock.advance(100);
    expect(anna.heard("circuitClose")).toMatchObject([{ code: "malformed" }]);
  });

  test("[C6] takes attempts to open at a bounded rate of each neighbour", async () => {
    const { world, relay } = await relayWith();
    const [anna, dora] = [await linked(relay, "anna"), await linked(relay, "dora")];
    for (let n = 0; n < circuitOpenRate.burst + 50; n += 1) anna.open({ id: someServer(1) }, [], n * 2);
    await world.clock.advance(100);
    const codes = anna.heard("circuitClose").map(({ code }) => code);
    expect(codes.filter((code) => code === "rate-limited").length).toBeGreaterThanOrEqual(49);
    dora.open(anna);
    await world.clock.advance(100);
    expect(anna.heard("circuitOpen")).toHaveLength(1);
  });
});

/** A relay among neighbours whose connections do as a test says. */
class Bench {
  readonly clock = new ManualClock();
  readonly neighbours = new Map<ServerId, Neighbour & { sent: number[]; bufferedBytes: number }>();
  readonly relay: Relay;

  constructor(bytesPerSecond: number) {
    this.relay = new Relay({
      self: someServer(255),
      clock: this.clock,
      relaysFor: () => "anyone",
      bytesPerSecond: () => bytesPerSecond,
      neighbour: (server) => this.neighbours.get(server),
    });
  }

  neighbour(number: number, { mutual = true } = {}) {
    const id = serverId.fromBytes(
      Uint8Array.from({ length: 32 }, (_, at) => (number >> (8 * (at % 2))) & 255),
    );
    const sent: number[] = [];
    const legs = new CircuitLegs(someServer(255), {
      dialled: true,
      via: [],
      server: { record: { key: id } } as never,
      get bufferedBytes() {
        return neighbour.bufferedBytes;
      },
      closed: false,
      send: () => undefined,
      sendPiece: (message: Uint8Array) => void sent.push(message.length),
      fault: () => undefined,
    });
    const neighbour = { server: id, mutual, direct: true, legs, sent, bufferedBytes: 0 };
    this.neighbours.set(id, neighbour);
    return neighbour;
  }

  /** Opens a circuit between two; whether it was passed on. */
  open(from: ReturnType<Bench["neighbour"]>, to: ReturnType<Bench["neighbour"]>, circuit: number): boolean {
    const before = this.relay.size;
    const leg = from.legs.take(circuit);
    const open = { circuit, source: from.server, destination: to.server, path: [] };
    this.relay.open(leg!, from, { kind: "circuitOpen", ...open });
    return this.relay.size > before;
  }
}

describe("a relay's bounds", () => {
  test("[C6] circuits of one neighbour, of all strangers, and those that ended do not count", () => {
    const bench = new Bench(1_000_000);
    const to = bench.neighbour(1);
    const busy = bench.neighbour(2);
    for (let n = 0; n < circuitsPerNeighbourMax; n += 1) expect(bench.open(busy, to, 2 * n + 1)).toBe(true);
    expect(bench.open(busy, to, 99_999)).toBe(false);
    busy.legs.control({ kind: "circuitClose", circuit: 1, code: "closing" });
    expect(bench.open(busy, to, 99_997)).toBe(true);

    for (let n = 0; n < circuitsOfStrangersMax; n += 1) {
      const from = bench.neighbour(100 + Math.floor(n / 200), { mutual: false });
      expect(bench.open(from, to, 2 * n + 1)).toBe(true);
    }
    expect(bench.open(bench.neighbour(999, { mutual: false }), to, 1)).toBe(false);
    expect(bench.open(bench.neighbour(998), to, 1)).toBe(true);
  });

  test("[C6] bytes per second, for all circuits together, which take turns", async () => {
    const bench = new Bench(100_000);
    const [to, one, other] = [bench.neighbour(1), bench.neighbour(2), bench.neighbour(3)];
    bench.open(one, to, 1);
    bench.open(other, to, 1);
    for (let n = 0; n < 4; n += 1) one.legs.piece({ circuit: 1, last: true, bytes: someBytes(60_000) });
    for (let n = 0; n < 4; n += 1) other.legs.piece({ circuit: 1, last: true, bytes: someBytes(60_001) });
    const total = () => to.sent.reduce((sum, bytes) => sum + bytes, 0);
    const burst = total();
    expect(burst).toBeLessThan(200_000);
    await bench.clock.advance(2_000);
    expect(total() - burst).toBeGreaterThan(120_000);
    expect(total() - burst).toBeLessThan(330_000);
    // Whoever came second does not wait for all of the first.
    const firstOfOther = to.sent.findIndex((bytes) => bytes === 60_001 + 6);
    expect(firstOfOther).toBeGreaterThan(-1);
    expect(firstOfOther).toBeLessThan(4);
    await bench.clock.advance(5_000);
    expect(to.sent).toHaveLength(8);
    expect(bench.relay.waitingBytes).toBe(0);
  });

  test("[C5] [C6] what waits for a neighbour that takes nothing is bounded, and the largest goes", async () => {
    const bench = new Bench(1_000_000_000);
    const dead = bench.neighbour(1);
    const alive = bench.neighbour(2);
    dead.bufferedBytes = 100_000_000;
    const circuits = Math.ceil(relayWaitingBytesMax / limits.circuitWindowBytes) + 20;
    for (let n = 0; n < circuits; n += 1) {
      const from = bench.neighbour(10 + n);
      bench.open(from, dead, 1);
      for (let piece = 0; piece < 4; piece += 1)
        from.legs.piece({ circuit: 1, last: true, bytes: someBytes(65_000) });
      expect(bench.relay.waitingBytes).toBeLessThanOrEqual(relayWaitingBytesMax);
    }
    expect(circuits - bench.relay.size).toBeGreaterThan(10);
    // The others go on meanwhile.
    const from = bench.neighbour(9_999);
    bench.open(from, alive, 1);
    from.legs.piece({ circuit: 1, last: true, bytes: someBytes(1_000) });
    await bench.clock.advance(1_000);
    expect(alive.sent).toHaveLength(1);
  });
});

describe("an end of a circuit", () => {
  /** Two ends joined by a carrier without a relay, which is as good as one that passes on everything. */
  function ends() {
    const controls: LinkControl[] = [];
    const ids = [someServer(1), someServer(2)];
    const legs: CircuitLegs[] = [0, 1].map(
      (side) =>
        new CircuitLegs(ids[side]!, {
          dialled: side === 0,
          via: [],
          server: { record: { key: ids[1 - side] } } as never,
          bufferedBytes: 0,
          closed: false,
          send(control) {
            controls.push(control);
            if (control.kind !== "circuitOpen") legs[1 - side]!.control(control as never);
          },
          sendPiece: (message) =>
            legs[1 - side]!.piece({
              circuit: new DataView(message.buffer).getUint32(1),
              last: message[5] === 1,
              bytes: message.subarray(6),
            }),
          fault: () => undefined,
        }),
    );
    const nearLeg = legs[0]!.create();
    const near = new CircuitChannel(nearLeg, () => undefined);
    const farLeg = legs[1]!.take(0)!;
    const far = new CircuitChannel(farLeg, () => undefined);
    return { near, nearLeg, far, farLeg, controls };
  }

  test("[C5] frames of every size come whole and in order, larger ones than the window, too", () => {
    const { near, far, controls } = ends();
    const got: Uint8Array[] = [];
    far.onMessage = (frame) => got.push(frame);
    const sizes = [1, 65_535, 65_536, 65_537, limits.circuitWindowBytes, circuitFrameBytesMax, 3];
    sizes.forEach((size, index) => near.send(someBytes(size, index)));
    expect(got.map((frame) => [frame.length, frame[0], frame.at(-1)])).toEqual(
      sizes.map((size, index) => [size, index, index]),
    );
    expect(near.bufferedBytes()).toBe(0);
    expect(controls.filter(({ kind }) => kind === "circuitCredit").length).toBeGreaterThan(5);
  });

  test("[C5] without credit nothing more is sent, and whoever sends sees that it waits", () => {
    const { near, farLeg } = ends();
    let taken = 0;
    farLeg.taker = {
      opened: () => undefined,
      credited: () => undefined,
      piece: ({ bytes }) => (taken += bytes.length),
      ended: () => undefined,
    };
    near.send(someBytes(circuitFrameBytesMax));
    expect(taken).toBeLessThanOrEqual(limits.circuitWindowBytes);
    expect(near.bufferedBytes()).toBe(circuitFrameBytesMax - taken);
  });

  test.each([
    // Nobody listens yet, so that nothing is credited.
    ["more than was credited", false, limits.circuitWindowBytes],
    ["a frame without an end", true, circuitFrameBytesMax],
  ])("[C5] who sends %s is cut off", (_, listening, bytesMax) => {
    const { nearLeg, far, farLeg, controls } = ends();
    nearLeg.taker = undefined;
    let reason: string | undefined;
    if (listening) far.onMessage = () => undefined;
    far.onClose = (why) => (reason = why);
    const taker = farLeg.taker!;
    let bytes = 0;
    for (; reason === undefined && bytes <= bytesMax; bytes += 60_000)
      taker.piece({ circuit: 0, last: false, bytes: someBytes(60_000) });
    expect(reason).toBe("malformed");
    expect(controls.at(-1)).toMatchObject({ kind: "circuitClose", code: "malformed" });
  });

  test("[C4] [C5] what comes before anybody listens is held, within the window, and then told with the end", async () => {
    const { near, far } = ends();
    near.send(someBytes(10, 1));
    near.send(someBytes(10, 2));
    near.close("that is all");
    const heard: (number | string)[] = [];
    far.onMessage = (frame) => heard.push(frame[0]!);
    far.onClose = (reason) => heard.push(reason);
    await Promise.resolve();
    await Promise.resolve();
    expect(heard).toEqual([1, 2, "that is all"]);
    far.close();
    expect(heard).toHaveLength(3);
  });
});

describe("circuits that end at a homeserver", () => {
  /** Opens a link to a host over a circuit that comes to it from `relay`. @param source who the circuit says it is */
  async function throughCircuit(
    relay: CircuitPeer,
    host: Host,
    as: BarePeer = relay.peer,
    source: ServerId = as.id,
  ): Promise<SecureChannel> {
    const { world } = host;
    const leg = relay.take().legs.create();
    const opened = new Promise<CircuitChannel>((resolve, reject) => {
      leg.taker = {
        opened: () => resolve(new CircuitChannel(leg, () => undefined)),
        credited: () => undefined,
        piece: () => undefined,
        ended: ({ code }) => reject(new Error(code)),
      };
    });
    leg.open({ source, destination: host.id, path: [] });
    const channel = await world.clock.settle(opened);
    const dialling = dialChannel({
      channel,
      protocol: "fedchat-link",
      expects: host.id,
      noiseKey: undefined,
      staticKey: as.noise,
      record: as.signed,
      features: [],
      ...{ primitives, random: world.random, clock: world.clock },
    });
    return world.clock.settle(dialling);
  }

  test("[C1] [C2] a source that is named is not believed: the handshake inside says who it is", async () => {
    const world = new World();
    const [host, victim] = [await world.homeserver("host"), await world.homeserver("victim")];
    await world.link(host, victim);
    const mallory = await linked(host, "mallory");
    await throughCircuit(mallory, host, mallory.peer, victim.id);
    await world.clock.advance(1_000);
    expect(host.link(victim)).toMatchObject({ state: "connected", via: [] });
    expect(victim.link(host)?.state).toBe("connected");
  });

  test("[C9] a relayed connection does not take the place of a direct one, however old", async () => {
    const world = new World();
    const host = await world.homeserver("host");
    const relay = await linked(host, "relay");
    const anna = await BarePeer.connect(world, host, "anna");
    await world.clock.advance(60_000);
    const inside = await throughCircuit(relay, host, anna);
    const byes: LinkControl[] = [];
    inside.onMessages = (messages) => {
      for (const message of messages) {
        const decoded = decodeLinkMessage(message);
        if (decoded.kind === "control" && decoded.control.kind === "bye") byes.push(decoded.control);
      }
    };
    await world.clock.advance(10_000);
    expect(byes).toEqual([{ kind: "bye", code: "replaced" }]);
    expect(anna.closed).toBeUndefined();
    expect(host.federation.links().find(({ server }) => server === anna.id)).toMatchObject({
      state: "connected",
      via: [],
    });
  });

  test("[C4] a circuit in a circuit is refused", async () => {
    const world = new World();
    const host = await world.homeserver("host");
    host.renewRecord({ relaysFor: "anyone" });
    const dora = await linked(host, "dora");
    const relay = await stranger(host, "relay");
    // Another server, whose circuit comes through that relay.
    const anna = new BarePeer(world, "anna", host);
    const inside = await throughCircuit(relay, host, anna);
    const heard: LinkControl[] = [];
    inside.onMessages = (messages) => {
      for (const message of messages) {
        const decoded = decodeLinkMessage(message);
        if (decoded.kind === "control") heard.push(decoded.control);
      }
    };
    inside.send(encodeLinkControl({ kind: "trust", linked: true }));
    const open = { circuit: 0, source: anna.id, path: [] };
    inside.send(encodeLinkControl({ kind: "circuitOpen", ...open, destination: dora.id }));
    inside.send(encodeLinkControl({ kind: "circuitOpen", ...open, circuit: 2, destination: host.id }));
    await world.clock.advance(500);
    expect(heard.filter(({ kind }) => kind === "circuitClose")).toMatchObject([
      { circuit: 0, code: "malformed", at: host.id },
      { circuit: 2, code: "malformed", at: host.id },
    ]);
    expect(dora.heard("circuitOpen")).toEqual([]);
  });

  test("[C6] circuits that end here are limited by neighbour", async () => {
    const world = new World();
    const host = await world.homeserver("host");
    const mallory = await linked(host, "mallory");
    for (let n = 0; n < circuitOpenRate.burst + 20; n += 1)
      mallory.open(host, [], n * 2, someServer(1 + (n % 200)));
    await world.clock.advance(200);
    const refused = mallory.heard("circuitClose").filter(({ code }) => code === "rate-limited");
    expect(refused.length).toBeGreaterThanOrEqual(19);
    expect(mallory.peer.closed).toBeUndefined();
  });

  test("[C6] openings over circuits are limited by the source that is named, and not at others' cost", async () => {
    const world = new World();
    const host = await world.homeserver("host");
    const relay = await linked(host, "relay");
    for (let n = 0; n <= openingRate.burst; n += 1) {
      relay.open(host, [], n * 2, someServer(1));
      if (n < openingRate.burst)
        relay.peer.control({ kind: "circuitClose", circuit: n * 2, code: "closing" });
      await world.clock.advance(10);
    }
    await world.clock.advance(100);
    const told = relay.pieces.map(({ circuit, bytes }) => [circuit, decodeOpening(bytes).refused?.code]);
    expect(told).toEqual([[openingRate.burst * 2, "rate-limited"]]);
    relay.open(host, [], 1_000, someServer(2));
    await world.clock.advance(100);
    expect(relay.pieces).toHaveLength(1);
  });

  test("[C6] one stranger's silent circuits keep nobody else from opening a link", async () => {
    const world = new World();
    const host = await world.homeserver("host");
    const mallory = new CircuitPeer(await BarePeer.connect(world, host, "mallory"));
    for (let n = 0; n < 200; n += 1) mallory.open(host, [], n * 2, someServer(n));
    await world.clock.advance(100);

    const refused = mallory.pieces.map(({ bytes }) => decodeOpening(bytes).refused?.code);
    expect(refused.filter((code) => code === "rate-limited").length).toBeGreaterThan(150);
    for (let n = 0; n < 9; n += 1) {
      const honest = await BarePeer.connect(world, host, `honest${n}`);
      expect(honest.closed, `honest${n}`).toBeUndefined();
    }
  });
});

describe("a relay that misbehaves", () => {
  /** Alice's link to Bob goes through a relay that does as it is told. */
  async function meddled() {
    const behindNat = new Set(["alice", "bob"]);
    const world = new World(1, { reachable: (from, to) => from.startsWith("mallory") || !behindNat.has(to) });
    const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
    const connect = async (host: Host) => {
      const peer = new BarePeer(world, "mallory", host, { relaysFor: "anyone" });
      await peer.dial();
      peer.control({ kind: "trust", linked: true });
      await world.clock.advance(100);
      return peer;
    };
    const [toAlice, toBob] = [await connect(alice), await connect(bob)];
    const relay = new BareRelay().between(toAlice, toBob);
    const relays = [{ server: toAlice.id, addresses: [] }];
    await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined, relays));
    await world.clock.until(() => bob.link(alice)?.trust === "incoming", "the link appears");
    await world.clock.settle(bob.federation.linkBack(alice.id));
    await world.clock.until(() => alice.link(bob)?.trust === "mutual", "the link is mutual");
    expect(alice.link(bob)?.via).toEqual([toAlice.id]);
    return { world, alice, bob, relay };
  }

  test.each<[string, (piece: { circuit: number; last: boolean; bytes: Uint8Array }) => (typeof piece)[]]>([
    [
      "changes a bit",
      (piece) => [{ ...piece, bytes: piece.bytes.map((byte, at) => (at === 3 ? byte ^ 1 : byte)) }],
    ],
    ["drops a piece", () => []],
    ["repeats a piece", (piece) => [piece, piece]],
    ["cuts a piece short", (piece) => [{ ...piece, bytes: piece.bytes.subarray(0, -1) }]],
    ["joins frames", (piece) => [{ ...piece, last: false }]],
  ])("[C1] that %s is noticed by the ends, and nothing is lost, doubled or changed", async (_, meddle) => {
    const { world, alice, bob, relay } = await meddled();
    let meddlings = 0;
    relay.meddle = (piece, to) => {
      if (to !== bob || meddlings > 0) return [piece];
      meddlings += 1;
      return meddle(piece);
    };
    await world.clock.settle(alice.send(bob, "hello"));
    await world.clock.until(() => alice.link(bob)?.state !== "connected", "it is noticed", 30_000);
    await world.clock.until(() => alice.link(bob)?.state === "connected", "it is dialled again", 120_000);
    await world.clock.until(() => alice.events("progress").length > 0, "it arrives", 120_000);
    expect(await bob.inbox()).toEqual(["hello"]);
    expect(meddlings).toBe(1);
  });

  test("[C1] that delays only delays", async () => {
    const { world, alice, bob, relay } = await meddled();
    relay.delayMs = 1_500;
    const sentAt = world.clock.now();
    await world.clock.settle(alice.send(bob, "hello"));
    await world.clock.until(() => alice.events("progress").length > 0, "it is acknowledged");
    expect(world.clock.now() - sentAt).toBeGreaterThan(2 * relay.delayMs);
    expect(alice.link(bob)).toMatchObject({ state: "connected", error: null });
    expect(await bob.inbox()).toEqual(["hello"]);
  });

  test("[C7] [C8] that leads to somebody else opens no link, and says nothing against the server", async () => {
    const world = new World(1, { reachable: (from, to) => from.startsWith("mallory") || to !== "bob" });
    const [alice, bob] = [await world.homeserver("alice"), await world.homeserver("bob")];
    const eve = await world.homeserver("eve");
    const connect = async (host: Host) => {
      const peer = new BarePeer(world, "mallory", host, { relaysFor: "anyone" });
      await peer.dial();
      peer.control({ kind: "trust", linked: true });
      await world.clock.advance(100);
      return peer;
    };
    const [toAlice, toEve] = [await connect(alice), await connect(eve)];
    new BareRelay().between(toAlice, toEve);
    const before = toAlice.onControl!;
    toAlice.onControl = (control) =>
      before(control.kind === "circuitOpen" ? { ...control, destination: eve.id } : control);
    const relays = [{ server: toAlice.id, addresses: [] }];
    const view = await world.clock.settle(alice.federation.addLink(bob.id, [bob.address], undefined, relays));
    expect(view.trust).toBe("outgoing");
    await world.clock.advance(30_000);
    expect(alice.link(bob)).toMatchObject({ error: { code: "unreachable" } });
    expect(alice.link(bob)?.error?.detail).toMatch(/did not prove/);
    expect(alice.accounts.warnings).toEqual([]);
    expect(eve.federation.links().map(({ server }) => server)).not.toContain(alice.id);
  });
});
