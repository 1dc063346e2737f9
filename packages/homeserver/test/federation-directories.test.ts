/** Directories: registering, what they announce, what they may not do, and going on without them. */
import type { Invitation, LinkControl, PersonView, RoomId, ServerAddress, ServerId } from "@fedchat/protocol";
import {
  answerChannel,
  decodeLinkMessage,
  encode,
  encodeLinkControl,
  invitation,
  linkOfListing,
  openAccountRecord,
  ProtocolError,
  serverId,
  serverRecord,
} from "@fedchat/protocol";
import { expect, test } from "vitest";
import { DirectoryRoom } from "../src/core/directory/directory-room.ts";
import { Directory } from "../src/core/directory/directory.ts";
import type { OwnRecord } from "../src/core/federation/index.ts";
import { isFoundBy, searchedBy, searchForm } from "../src/core/federation/person-search.ts";
import { Roster } from "../src/core/federation/roster.ts";
import { GroupCommit } from "../src/core/group-commit.ts";
import {
  directoryNewServersRate,
  directoryPeopleMax,
  directoryPeoplePerAddressMax,
} from "../src/core/limits.ts";
import { silentLog } from "../src/core/log.ts";
import { RateLimits } from "../src/core/rate-limits.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { BarePeer } from "./federation-peer.ts";
import { Host, primitives, World } from "./federation-world.ts";
import type { ProcessClock } from "./virtual/virtual-clock.ts";

/** A directory on the virtual network: what survives its process, and its process. */
class TestDirectory {
  readonly id: ServerId;
  readonly world: World;
  readonly address: ServerAddress;
  readonly own: OwnRecord;
  directory!: Directory;
  readonly #noise: Uint8Array;
  readonly #token: Uint8Array | undefined;
  lobby: Uint8Array | undefined;
  #store = new MemoryStore();
  #clock: ProcessClock | undefined;

  constructor(world: World, host: string, token?: string, keysOf = host) {
    const random = world.random.fork(`keys of ${keysOf}`);
    const seed = random.bytes(32);
    this.world = world;
    this.address = { host, port: 8443, kind: "direct" };
    this.#noise = random.bytes(32);
    this.#token = token === undefined ? undefined : new TextEncoder().encode(token);
    const now = world.clock.now();
    this.id = serverId.fromBytes(primitives.ed25519.publicKey(seed));
    const record = {
      key: this.id,
      name: host,
      noiseKey: primitives.x25519.publicKey(this.#noise),
      addresses: [this.address],
      relays: [],
      relaysFor: "nobody" as const,
      neighbours: [],
      software: "fedchat test",
      sequence: now,
      issued: now,
      expires: now + 30 * 86_400_000,
    };
    this.own = { record, signed: serverRecord.sign(primitives, seed, record) };
  }

  async start(): Promise<this> {
    const { world, address } = this;
    const clock = world.clock.process();
    this.#clock = clock;
    this.directory = new Directory({
      state: await this.#store.load(),
      commit: new GroupCommit(this.#store, clock),
      clock,
      random: world.random.fork(`run of ${address.host} at ${clock.now()}`),
      primitives,
      noisePrivateKey: this.#noise,
      ownRecord: () => this.own,
      dialer: world.network.dialer(address.host),
      token: this.#token,
      lobby: this.lobby,
      log: silentLog,
    });
    world.network.listen(address.host, (channel, from) => {
      void this.directory.accept(channel, { address: from, host: from, fromOutside: true });
    });
    return this;
  }

  /** Somebody with its keys, who says what a test has them say. */
  async impersonate(): Promise<{ heard: LinkControl[]; send: (control: LinkControl) => void }> {
    const { world, address } = this;
    const heard: LinkControl[] = [];
    let send: (control: LinkControl) => void = () => undefined;
    world.network.listen(address.host, (channel) => {
      const answering = answerChannel({
        channel,
        protocol: "fedchat-link",
        self: this.id,
        staticKey: this.#noise,
        record: () => this.own.signed,
        features: ["directory"],
        primitives,
        random: world.random,
        clock: world.clock,
      });
      void answering.then((opened) => {
        send = (control) => opened.send(encodeLinkControl(control));
        opened.onMessages = (messages) => {
          for (const message of messages) {
            const decoded = decodeLinkMessage(message.slice());
            if (decoded.kind !== "control") continue;
            heard.push(decoded.control);
            if (decoded.control.kind === "register") send({ kind: "registered" });
          }
        };
        send({ kind: "trust", linked: false });
      });
    });
    return { heard, send: (control) => send(control) };
  }

  crash(): void {
    this.#clock?.crash();
    this.world.network.crash(this.address.host);
    this.#store = this.#store.snapshot();
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A homeserver that knows these directories by their addresses alone. */
async function registering(
  world: World,
  name: string,
  directories: TestDirectory[],
  token?: string,
  before?: (host: Host) => void,
): Promise<Host> {
  const host = new Host(world, name, {
    accept: "ask",
    listed: [],
    accounts: 1,
    directories: {
      places: directories.map(({ address }) => ({ address, server: undefined })),
      token: token === undefined ? undefined : bytesOf(token),
      identify: async ({ host }) => {
        const there = directories.find(({ address }) => address.host === host);
        if (there === undefined) throw new ProtocolError("unreachable");
        return there.own.signed;
      },
    },
  });
  await host.settle();
  before?.(host);
  await host.start();
  return host;
}

const handlesOf = (people: PersonView[]): string[] =>
  people.map(({ record }) => openAccountRecord(primitives, record).record.handle);

const isMutual = (a: Host, b: Host): boolean =>
  a.link(b)?.trust === "mutual" && a.link(b)?.state === "connected";

test("[D1] [D2] [D3] [D4] homeservers that know only a directory's address link each other by themselves, and talk", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const hosts = [];
  for (const name of ["alice", "bob", "carol"]) hosts.push(await registering(world, name, [directory]));
  const [alice, bob, carol] = hosts as [Host, Host, Host];
  await world.clock.until(
    () => isMutual(alice, bob) && isMutual(carol, bob) && isMutual(alice, carol),
    "all linked",
  );

  expect(alice.link(bob)?.origin).toBe("directory");
  expect(alice.federation.directories()).toMatchObject([
    { state: "connected", name: "directory", server: directory.id, servers: 2 },
  ]);
  await world.clock.settle(alice.send(bob, "hi", "request"));
  await world.clock.advance(2_000);
  expect(await bob.inbox()).toEqual(["hi"]);
});

test("[D7] what was learnt stays when the directory is gone, and another one takes its place", async () => {
  const world = new World();
  const first = await new TestDirectory(world, "first").start();
  const second = new TestDirectory(world, "second");
  const alice = await registering(world, "alice", [first, second]);
  const bob = await registering(world, "bob", [first, second]);
  await world.clock.until(() => isMutual(alice, bob), "linked");

  first.crash();
  await bob.restart();
  await world.clock.until(() => isMutual(alice, bob), "linked again without it");
  await second.start();
  const carol = await registering(world, "carol", [second]);
  await world.clock.until(() => isMutual(alice, carol) && isMutual(bob, carol), "the new one joins", 900_000);
});

test("[D3] a directory that restarts still announces whoever registered", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  await world.clock.until(() => directory.directory.stats().servers === 1, "registered");
  await world.clock.advance(1_000);
  alice.crash();
  directory.crash();
  await directory.start();
  expect(directory.directory.stats().servers).toBe(1);

  const bob = await registering(world, "bob", [directory]);
  await world.clock.until(() => bob.federation.directories()[0]?.servers === 1, "announced");
  await alice.start();
  await world.clock.until(() => isMutual(alice, bob), "linked", 900_000);
});

test("[D2] a directory with a token registers who knows it, and tells others nothing", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory", "the token").start();
  const alice = await registering(world, "alice", [directory], "the token");
  const mallory = await registering(world, "mallory", [directory], "a guess");
  await world.clock.until(() => mallory.federation.directories()[0]?.error !== null, "refused");
  await world.clock.advance(3_000);

  expect(mallory.federation.directories()).toMatchObject([{ state: "waiting", servers: 0 }]);
  expect(mallory.federation.directories()[0]?.error?.code).toBe("not-allowed");
  expect(directory.directory.stats()).toMatchObject({ servers: 1, connected: 1 });
  expect(alice.federation.links()).toEqual([]);
});

test("[D2] the key first seen at a directory's address is pinned: another one there is none", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  await world.clock.until(() => alice.federation.directories()[0]?.state === "connected", "registered");
  directory.crash();
  const impostor = await new TestDirectory(world, "directory", undefined, "impostor").start();
  expect(impostor.id).not.toBe(directory.id);
  await alice.restart();
  await world.clock.until(() => alice.federation.directories()[0]?.error !== null, "refused");

  expect(alice.federation.directories()[0]).toMatchObject({
    server: directory.id,
    error: { code: "wrong-server-key" },
  });
});

test("[D4] what a person undid no directory does again", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  const bob = await registering(world, "bob", [directory]);
  await world.clock.until(() => isMutual(alice, bob), "linked");

  await world.clock.settle(alice.federation.removeLink(bob.id));
  await alice.restart();
  await bob.restart();
  await world.clock.advance(30_000);
  expect(alice.link(bob)?.trust).toBe("incoming");

  await world.clock.settle(alice.federation.linkBack(bob.id));
  expect(alice.link(bob)).toMatchObject({ trust: "mutual", origin: "person" });
});

test("[D5] [D6] over such a link, and by a directory, only people are shown who chose directories", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  const bob = await registering(world, "bob", [directory]);
  bob.accounts.visibility = "beyond";
  await world.clock.until(() => isMutual(alice, bob), "linked");
  await world.clock.advance(3_000);
  expect(await world.clock.settle(alice.federation.people(false))).toEqual([]);
  expect(await world.clock.settle(alice.federation.searchPeople("person"))).toEqual([]);

  bob.accounts.visibility = "directory";
  bob.accounts.change(bob.accounts.listed(), "beyond");
  await world.clock.advance(3_000);
  expect(handlesOf(await world.clock.settle(alice.federation.people(false)))).toEqual(["person0"]);
  const found = await world.clock.settle(alice.federation.searchPeople("pers"));
  expect(found).toContainEqual(
    expect.objectContaining({ server: bob.id, serverName: "bob", shownBy: directory.id }),
  );

  bob.accounts.visibility = "hidden";
  bob.accounts.change(bob.accounts.listed(), "directory");
  await world.clock.advance(3_000);
  expect(await world.clock.settle(alice.federation.searchPeople("pers"))).toEqual([]);
});

test("[D5] whom a directory linked is told of people, and people of them, once a person links them", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  const bob = await registering(world, "bob", [directory]);
  const carol = await world.homeserver("carol");
  await world.link(carol, alice);
  carol.federation.watchBeyond(true);
  bob.accounts.visibility = "beyond";
  await world.clock.until(() => isMutual(alice, bob), "linked");
  await world.clock.advance(3_000);
  const seenBy = async (host: Host) =>
    handlesOf(
      (await world.clock.settle(host.federation.people(false))).filter(({ server }) => server === bob.id),
    );
  expect([await seenBy(alice), await seenBy(carol)]).toEqual([[], []]);

  await world.clock.settle(bob.federation.linkBack(alice.id));
  await world.clock.advance(3_000);
  expect([await seenBy(alice), await seenBy(carol)]).toEqual([["person0"], []]);
  await world.clock.settle(alice.federation.linkBack(bob.id));
  await world.clock.advance(3_000);
  expect([await seenBy(alice), await seenBy(carol)]).toEqual([["person0"], ["person0"]]);
});

test("[D4] of a long list nobody is linked before something is sent there", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  for (let index = 0; index < 33; index += 1) {
    const peer = new BarePeer(world, `host${index}`, directory);
    await peer.dial();
    peer.control({ kind: "trust", linked: false });
    peer.control({ kind: "register" });
  }
  const first = await registering(world, "first", [directory]);
  const late = await registering(world, "late", [directory]);
  const announced = () => late.federation.directories()[0]?.servers ?? 0;
  await world.clock.until(() => announced() === 34, "announced");
  await world.clock.advance(5_000);
  expect(late.federation.links()).toEqual([]);

  await world.clock.settle(late.send(first, "hello", "request"));
  await world.clock.until(() => isMutual(late, first), "linked on first use");
  expect(late.federation.links()).toHaveLength(1);
});

test("[D3] a directory hands on no forged record, and whoever registers speaks for itself only", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  const bob = await world.homeserver("bob");
  const mallory = new BarePeer(world, "mallory", directory);
  await mallory.dial();
  mallory.control({ kind: "trust", linked: false });
  mallory.control({ kind: "askRecords", since: 0 });
  await world.clock.advance(1_000);
  expect(mallory.closed).toBe("not-allowed");

  const eve = new BarePeer(world, "eve", directory);
  await eve.dial();
  eve.control({ kind: "trust", linked: false });
  eve.control({ kind: "register" });
  eve.control({ kind: "record", record: bob.own.signed });
  await world.clock.advance(2_000);
  expect(directory.directory.stats().servers).toBe(2);
  expect(alice.federation.directories()[0]?.servers).toBe(1);
  expect(alice.link(bob)).toBeUndefined();
});

test("[D4] a link that a person made and undid is not made again by a directory either", async () => {
  const world = new World();
  const directory = new TestDirectory(world, "directory");
  const alice = await registering(world, "alice", [directory]);
  const bob = await registering(world, "bob", [directory]);
  await world.link(alice, bob);
  await world.clock.settle(alice.federation.removeLink(bob.id));
  await directory.start();
  await world.clock.until(() => alice.federation.directories()[0]?.servers === 1, "announced", 900_000);
  await world.clock.advance(30_000);
  expect(alice.link(bob)?.trust).toBe("incoming");
});

test("[D1] [D4] a forged record announces nobody", async () => {
  const world = new World();
  const directory = new TestDirectory(world, "directory");
  const alice = await registering(world, "alice", [directory]);
  const mallory = await BarePeer.connect(world, alice, "mallory");
  const evil = await directory.impersonate();
  await world.clock.until(
    () => alice.federation.directories()[0]?.state === "connected",
    "registered",
    900_000,
  );
  await world.clock.advance(1_000);
  expect(evil.heard.map(({ kind }) => kind)).toContain("askRecords");

  const forged = mallory.signed.slice();
  forged[forged.length - 1]! ^= 1;
  const page = { kind: "records" as const, incarnation: new Uint8Array(8), upTo: 1 };
  evil.send({ ...page, records: [{ record: forged, hops: 0 }] });
  await world.clock.advance(10_000);
  expect(alice.federation.directories()[0]?.servers).toBe(0);
  expect(alice.federation.links().find(({ server }) => server === mallory.id)?.trust).toBe("incoming");
});

test("[D4] whom only a directory linked has nothing relayed, and is told of nobody", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", [directory]);
  const bob = await registering(world, "bob", [directory]);
  const carol = await world.homeserver("carol");
  await world.link(alice, carol);
  await world.clock.until(() => isMutual(alice, bob), "linked");
  await world.clock.advance(60_000);

  expect(bob.federation.networkMap().servers.map(({ name }) => name)).not.toContain("carol");
  expect(alice.own.record.neighbours).toEqual([carol.id]);
  await expect(world.clock.settle(bob.send(carol, "hi", "request"))).rejects.toMatchObject({
    code: "unknown-server",
  });
});

test("[D2] a full disk keeps a directory from being pinned for a while, and nothing else", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const alice = await registering(world, "alice", []);
  const known = await registering(world, "known", [directory], undefined, (host) => (host.disk.full = true));
  await world.clock.until(() => known.federation.directories()[0]?.error !== null, "refused");
  expect(known.federation.directories()[0]?.error?.code).toBe("storage-full");

  known.disk.full = false;
  await world.clock.until(
    () => known.federation.directories()[0]?.state === "connected",
    "registered",
    900_000,
  );
  expect(alice.federation.directories()).toEqual([]);
});

test("[D2] from one network address only so many servers register for the first time, and others still do", async () => {
  const world = new World();
  const directory = await new TestDirectory(world, "directory").start();
  const register = async (name: string, from: string) => {
    const peer = Object.assign(new BarePeer(world, name, directory), { name: from });
    await peer.dial();
    peer.control({ kind: "trust", linked: false });
    peer.control({ kind: "register" });
    await world.clock.advance(1_000);
    return peer;
  };
  const first = await register("sybil0", "farm.example");
  for (let count = 1; count < directoryNewServersRate.burst; count += 1)
    await register(`sybil${count}`, "farm.example");
  const late = await register("sybil", "farm.example");
  expect(late.closed).toBe("rate-limited");
  expect(directory.directory.stats().servers).toBe(directoryNewServersRate.burst);

  const again = await register("sybil0", "farm.example");
  expect([first.closed, again.closed]).toEqual(["replaced", undefined]);
  expect((await register("honest", "home.example")).closed).toBeUndefined();
}, 30_000);

test("[D2] the servers of one network address have a tenth of the room for people, and give it back", () => {
  const room = new DirectoryRoom();
  const [farm, home] = [room.of("farm.example"), room.of("home.example")];
  for (let count = 0; count < directoryPeoplePerAddressMax; count += 1) expect(farm.take()).toBe(true);
  expect([farm.take(), room.of("farm.example").take(), home.take()]).toEqual([false, false, true]);
  farm.release(1);
  expect([farm.take(), farm.take()]).toEqual([true, false]);

  for (let address = 0; room.people < directoryPeopleMax; address += 1)
    while (room.people < directoryPeopleMax && room.of(`address ${address}`).take());
  expect(room.of("another").take()).toBe(false);
});

test("[D2] [D6] of people for whom there is no room the rest is let go, and their server stays registered", async () => {
  const world = new World();
  const left = { places: 3 };
  const faults: unknown[] = [];
  const alice = await world.homeserver("alice", { accounts: 5 });
  const roster = new Roster({
    server: alice.id,
    clock: world.clock,
    primitives,
    changed: () => undefined,
    fault: (error) => faults.push(error),
    verifies: () => 0,
    room: {
      take: () => left.places > 0 && (left.places -= 1) >= 0,
      release: (people) => (left.places += people),
    },
  });
  const entry = ({ signed }: { signed: Uint8Array }) =>
    ({ record: signed, presence: "online", visibility: "directory" }) as const;
  const list = async (people: typeof alice.people) => {
    roster.received({ whole: true, people: people.map(entry), more: false, gone: [] });
    await world.clock.advance(100);
  };
  await list(alice.people);
  expect([roster.size, left.places, faults]).toEqual([3, 0, []]);
  await list(alice.people.slice(0, 3));
  expect([roster.size, left.places]).toEqual([3, 0]);
  await list(alice.people.slice(0, 1));
  expect([roster.size, left.places]).toEqual([1, 2]);
  roster.received({ whole: false, people: [], more: false, gone: [alice.person] });
  await world.clock.advance(100);
  expect([roster.size, left.places]).toEqual([0, 3]);
});

test("[L21] records that are not known are verified at a bounded rate, the rest of a list after a while", async () => {
  const world = new World();
  const alice = await world.homeserver("alice", { accounts: 5 });
  const rate = new RateLimits({ burst: 3, refillMs: 1_000, keysMax: 1 }, world.clock);
  const roster = new Roster({
    server: alice.id,
    clock: world.clock,
    primitives,
    changed: () => undefined,
    fault: () => expect.unreachable(),
    verifies: () => rate.take("alice"),
  });
  const people = alice.people.map(({ signed }) => ({
    record: signed,
    presence: "online" as const,
    visibility: "linked" as const,
  }));
  roster.received({ whole: false, people, more: false, gone: [] });
  await world.clock.advance(500);
  expect(roster.size).toBe(3);
  await world.clock.advance(3_000);
  expect(roster.size).toBe(5);
  roster.received({ whole: false, people, more: false, gone: [alice.person] });
  await world.clock.advance(10);
  expect(roster.size).toBe(4);
});

test("[D6] people are found by the beginning of a handle or of a word of their name, by nothing they are not", () => {
  const anna = searchedBy({ handle: "anna7", displayName: "Änne van-Dyk" });
  for (const text of ["anna", "@ann", "anne v", "DYK", "van"])
    expect(isFoundBy(anna, searchForm(text)), text).toBe(true);
  for (const text of ["", "@", " @ ", "nna", "yk", "@@anna"])
    expect(isFoundBy(anna, searchForm(text)), text).toBe(false);
});

test("[D8] [I13] a directory's lobby is shown first to all who registered, once, and no more when its link has expired", async () => {
  const world = new World();
  const directory = new TestDirectory(world, "directory");
  const room = "a".repeat(26) as RoomId;
  const expires = world.clock.now() + 3_600_000;
  const lobby = (of: Partial<Invitation>): Uint8Array =>
    encode(invitation, {
      ...{ id: new Uint8Array(16), secret: new Uint8Array(16), expires, server: directory.id },
      ...{ serverName: "chat.example.com", addresses: [], relays: [], inviter: directory.id as never },
      ...{ handle: "olga", displayName: "Olga", room: { id: room, name: "Lobby", also: [] }, ...of },
    });
  directory.lobby = lobby({});
  await directory.start();
  const alice = await registering(world, "alice", [directory]);
  const bob = await registering(world, "bob", [directory]);
  await world.clock.until(() => isMutual(alice, bob), "linked");
  const seen = async (host: Host) => {
    const { rooms } = await world.clock.settle(host.rooms.listed());
    return rooms.map(({ lobby: of, listing }) => ({ of, room: linkOfListing(listing).room.name }));
  };
  for (const host of [alice, bob]) expect(await seen(host)).toEqual([{ of: "directory", room: "Lobby" }]);
  const unregistered = await world.homeserver("carol");
  expect(await seen(unregistered)).toEqual([]);
  await world.clock.advance(3_700_000);
  for (const host of [alice, bob]) expect(await seen(host)).toEqual([]);
  // A directory that says nonsense has none.
  directory.crash();
  directory.lobby = bytesOf("no link");
  await directory.start();
  await world.clock.advance(60_000);
  for (const host of [alice, bob]) expect(await seen(host)).toEqual([]);
});
