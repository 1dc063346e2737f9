/**
 * Homeservers and engines in one process: real cores on real channels, joined by carriers in memory, on a clock that
 * moves only while a test waits for something.
 */
import type { AccountId, Clock, NearbyState, ServerId, Timer } from "@fedchat/protocol";
import { formatAccountInvitation, ProtocolError, serverId } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsedKeys } from "../../../test/simulation/used-keys.ts";
import type { Homeserver } from "../../homeserver/src/core/homeserver.ts";
import { openHomeserver } from "../../homeserver/src/core/homeserver.ts";
import type { HomeserverKeys } from "../../homeserver/src/core/server-identity.ts";
import { loadOpaque } from "../../homeserver/src/node/opaque-server.ts";
import { MemoryStore } from "../../homeserver/src/store/memory-store.ts";
import type { TestChannel } from "../../homeserver/test/channel-pair.ts";
import { channelPair } from "../../homeserver/test/channel-pair.ts";
import { causeOf } from "../src/core/causes.ts";
import type { Engine } from "../src/core/engine.ts";
import { openEngine } from "../src/core/engine.ts";
import { silentLog } from "../src/core/log.ts";
import { EngineEvent, methods } from "../src/interface/index.ts";
import type { Message, MethodName, Params, Request, Room } from "../src/interface/index.ts";
import type { RoomCrypto } from "../src/mls/room-crypto.ts";
import type { OpaqueClient } from "../src/core/opaque-client.ts";
import { opaqueStretchedBy } from "../src/opaque-serenity.ts";
import type { Database } from "../src/store/database.ts";
import { openMigratedDatabase } from "./migrated-database.ts";
import { realGroups } from "./real-groups.ts";
import type { InProcessDirectory } from "./in-process-directory.ts";
import { stubRooms } from "./stub-rooms.ts";

const localToken = new TextEncoder().encode("the owner's token");
const quickOpaque = opaqueStretchedBy({ "argon2id-custom": { iterations: 1, memory: 64, parallelism: 1 } });
const opaqueServer = await loadOpaque();
const port = 8443;

/** Time moves in small steps, and only while somebody waits. */
class WaitingClock implements Clock {
  #now: number;
  #timers: { at: number; run: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** Time passes in which nothing happens: what was due meanwhile is due at the next step. */
  skip(ms: number): void {
    this.#now += ms;
  }

  /** Lets everything run that is due within the next `ms`. */
  async step(ms: number): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
  }
}

export class World implements AsyncDisposable {
  readonly clock = new WaitingClock(Date.now());
  readonly groups: RoomCrypto;
  readonly homes = new Map<string, Home>();
  /** What engines and homeservers found wrong with themselves: nothing, in a test that passes. */
  readonly warnings: string[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), "fedchat-engine-"));
  /** Whose record each domain serves. */
  readonly domains = new Map<string, ServerId>();
  /** Servers (by host) that nobody reaches just now. */
  readonly unreachable = new Set<string>();
  /** Who answers a homeserver that dials this host; undefined: nobody. */
  answering = (_from: Home, host: string): Home | undefined => this.homes.get(host);
  /** The directory that all homeservers register with which are started from then on. */
  directory: InProcessDirectory | undefined;
  /** Whether carriers between homeservers come from beyond their local networks. */
  fromOutside = true;
  /** With less work than the engines' own, which half a second of each password would go into. */
  opaque: OpaqueClient = quickOpaque;
  /** How long rooms' hubs are given to be reached. */
  takeoverAfterMs: number | undefined;

  /** @param groups `real` where a test is about what MLS makes of it */
  constructor(groups: "stub" | "real" = "stub") {
    this.groups =
      groups === "real" ? realGroups(this.clock) : stubRooms(nodeRandom, new UsedKeys(), this.clock);
  }

  /** A homeserver at this host. */
  async home(host: string): Promise<Home> {
    const home = new Home(this, host, join(this.#directory, host));
    await home.start();
    this.homes.set(host, home);
    return home;
  }

  /** Waits until `look` finds something, moving time on meanwhile. */
  async until<T>(
    look: () => Promise<T | undefined | false> | T | undefined | false,
    what = "it",
  ): Promise<T> {
    for (let attempt = 0; attempt < 3_000; attempt++) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      await this.clock.step(10);
    }
    throw new Error(`waited in vain for ${what}`);
  }

  /** Lets a while pass in which everything that is due happens. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) await this.clock.step(10);
  }

  /** While this is awaited time moves on. */
  async during<T>(work: PromiseLike<T>): Promise<T> {
    const standing = { settled: false };
    const done = Promise.resolve(work).finally(() => (standing.settled = true));
    done.catch(() => undefined);
    for (let attempt = 0; attempt < 10_000 && !standing.settled; attempt++) await this.clock.step(5);
    return await done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const home of this.homes.values()) await home[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
    if (this.warnings.length > 0) throw new Error(`warned of: ${this.warnings.join("; ")}`);
  }
}

export class Home implements AsyncDisposable {
  readonly world: World;
  readonly host: string;
  keys: HomeserverKeys;
  readonly directory: string;
  id: ServerId;
  readonly people: Person[] = [];
  /** While true, the homeserver's disk is full. */
  diskFull = false;
  /** Called before each of the homeserver's transactions. */
  onCommit: (() => void) | undefined;
  store: MemoryStore;
  homeserver!: Homeserver;
  /** While true, engines cannot reach it. */
  down = false;
  /** While set, somebody on the way answers engines with this frame. */
  forged: Uint8Array | undefined;
  /** What it hears of in its local network. */
  nearby: NearbyState = { mode: "announce", problem: null, servers: [] };
  /** Says that this has changed. */
  nearbyChanged: () => void = () => undefined;

  /** Carriers to other homeservers that it opened. */
  readonly #links: { to: string; channel: TestChannel }[] = [];

  /** @param twin of which this is another run, with the same keys, from what its disk holds now */
  constructor(world: World, host: string, directory: string, twin?: Home) {
    this.world = world;
    this.host = host;
    this.directory = directory;
    this.keys = twin?.keys ?? { identity: nodeRandom.bytes(32), noise: nodeRandom.bytes(32) };
    this.id = serverId.fromBytes(nodePrimitives.ed25519.publicKey(this.keys.identity));
    this.store =
      twin?.store.snapshot({ full: () => false, commit: async () => undefined }) ?? this.#emptyStore();
  }

  async start(): Promise<void> {
    this.homeserver = await openHomeserver({
      store: this.store,
      clock: this.world.clock,
      random: nodeRandom,
      primitives: nodePrimitives,
      keys: this.keys,
      config: {
        name: undefined,
        addresses: [{ host: this.host, port, kind: "direct" }],
        software: "fedchat test",
        registration: "invited",
        federation: { accept: "ask", listed: [] },
        ...(this.world.directory && { directories: this.world.directory.config }),
      },
      dialer: {
        dial: async ({ host }) => {
          if (host === this.world.directory?.host) return this.world.directory.answer(this.host);
          const there = this.world.answering(this, host);
          if (
            there === undefined ||
            this.world.unreachable.has(host) ||
            this.world.unreachable.has(this.host)
          ) {
            throw new ProtocolError("unreachable");
          }
          const [near, far] = channelPair();
          this.#links.push({ to: host, channel: near });
          void there.homeserver.acceptLink(far, { address: this.host, fromOutside: this.world.fromOutside });
          return near;
        },
      },
      opaque: opaqueServer,
      localToken,
      domains: { keyOf: async (domain) => this.world.domains.get(domain) },
      nearby: { state: () => this.nearby, onChange: (listener) => (this.nearbyChanged = listener) },
      log: { ...silentLog, error: (message) => this.world.warnings.push(message) },
    });
  }

  /** An account invitation of this homeserver. */
  async invitation(): Promise<string> {
    const wish = { label: "", lifetimeMs: 86_400_000, uses: 1 };
    const { token } = await this.homeserver.accountInvitations.make(wish);
    return formatAccountInvitation([{ host: this.host, port, kind: "direct" }], { server: this.id, token });
  }

  /** Its process is gone: nobody reaches it, and what it did not tell anybody is lost. */
  die(): void {
    this.down = true;
    this.world.unreachable.add(this.host);
    this.cutLinks();
    for (const person of this.people) person.cut();
  }

  /** The same server keys with nothing else: its owner lost the store, or pretends so. */
  async beginAnew(): Promise<void> {
    for (const person of this.people) await person.close();
    this.cutLinks();
    await this.world.during(this.homeserver[Symbol.asyncDispose]());
    this.store = this.#emptyStore();
    await this.start();
  }

  /** Its process ended, and begins again from a backup of its store. */
  async restored(backup: MemoryStore): Promise<void> {
    this.cutLinks();
    await this.world.during(this.homeserver[Symbol.asyncDispose]());
    this.store = backup;
    await this.start();
    for (const person of this.people) person.cut();
  }

  /** Somebody starts it again with these keys: its owner on its store, a thief on one of their own. */
  async startWith(keys: HomeserverKeys, store = this.store): Promise<void> {
    for (const person of this.people) person.cut();
    this.cutLinks();
    await this.world.during(this.homeserver[Symbol.asyncDispose]());
    this.store = store;
    this.keys = keys;
    this.id = serverId.fromBytes(nodePrimitives.ed25519.publicKey(keys.identity));
    await this.start();
  }

  #emptyStore(): MemoryStore {
    return new MemoryStore({ full: () => this.diskFull, commit: async () => this.onCommit?.() });
  }

  /** What links it, either way, breaks. */
  cutLinks(): void {
    for (const home of this.world.homes.values()) {
      for (const { channel } of home.#links.filter(({ to }) => home === this || to === this.host))
        channel.close("cut");
    }
  }

  /** An engine of this homeserver with an open account. */
  async person(displayName: string, groups?: RoomCrypto): Promise<Person> {
    const person = this.engine(groups);
    await this.world.during(person.engine.call("account.create", { displayName }));
    return person;
  }

  /** An engine without an account yet. */
  engine(groups = this.world.groups): Person {
    const person = new Person(this, groups, join(`${this.directory}-${this.people.length}.db`));
    this.people.push(person);
    return person;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const person of this.people) await person.close();
    await this.world.during(this.homeserver[Symbol.asyncDispose]());
  }
}

/** One engine and what its person sees. */
export class Person {
  /** Where the engine was started; the account may have moved. */
  home: Home;
  readonly groups: RoomCrypto;
  readonly path: string;
  readonly events: EngineEvent[] = [];
  database!: Database;
  engine!: Engine;
  /** Whether the engine reaches its own homeserver alone, as one in a browser; counts from the next opening on. */
  inBrowser = false;
  #closed = true;
  /** Set once the engine says that it belongs to another homeserver. */
  #moved = false;
  #carrier: TestChannel | undefined;

  constructor(home: Home, groups: RoomCrypto, path: string) {
    this.home = home;
    this.groups = groups;
    this.path = path;
    this.open();
  }

  /** @param wrap stands between the engine and its database */
  open(wrap: (database: Database) => Database = (database) => database): void {
    const { world, id } = this.home;
    const started = this.home;
    this.database = wrap(openMigratedDatabase(this.path));
    this.engine = openEngine({
      database: this.database,
      homeserver: {
        connect: async () => this.#connect(started),
        server: { id, noiseKey: nodePrimitives.x25519.publicKey(this.home.keys.noise) },
      },
      ...(!this.inBrowser && { elsewhere: (address: { host: string }) => this.#elsewhere(address) }),
      onMoved: () => (this.#moved = true),
      groups: this.groups,
      opaque: world.opaque,
      clock: world.clock,
      random: nodeRandom,
      primitives: nodePrimitives,
      log: {
        debug() {},
        info() {},
        warn: (message, fields) => world.warnings.push(`${message} ${JSON.stringify(fields)}`),
      },
      deviceName: "test",
      ...(world.takeoverAfterMs === undefined ? {} : { takeoverAfterMs: world.takeoverAfterMs }),
      registrationToken: localToken,
    });
    this.engine.onEvent((event) => this.events.push(EngineEvent.parse(event)));
    this.#closed = false;
  }

  async #elsewhere({ host }: { host: string }): Promise<TestChannel> {
    const there = this.home.world.homes.get(host);
    if (there === undefined) throw new ProtocolError("unreachable");
    return this.#connect(there);
  }

  #connect(home: Home): TestChannel {
    if (home.down) throw new ProtocolError("unreachable");
    const [near, far] = channelPair();
    const { forged } = home;
    if (forged === undefined) void home.homeserver.acceptClient(far, "192.0.2.1");
    else far.onMessage = () => far.send(forged);
    this.#carrier = near;
    return near;
  }

  /** Moves the account to another homeserver, as its administrator invites; the engine is opened anew on its store. */
  async move(to: Home, password?: string): Promise<void> {
    const { world } = this.home;
    const link = await to.invitation();
    await this.call("account.move", { invitation: link, ...(password !== undefined && { password }) });
    await world.until(() => this.#moved, "the move");
    this.#moved = false;
    await this.restart();
  }

  /** Calls a method; what comes back must fit the interface. */
  get call(): Engine["call"] {
    return async (method, params) => {
      const result = await this.home.world.during(this.engine.call(method, params));
      return methods[method].result.parse(result) as typeof result;
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.home.world.during(this.engine[Symbol.asyncDispose]());
  }

  /** The homeserver cannot be reached from now on. */
  async goOffline(): Promise<void> {
    this.home.down = true;
    this.#carrier?.close("cut");
    await this.home.world.until(async () => (await this.connection()) !== "connected");
  }

  async goOnline(): Promise<void> {
    this.home.down = false;
    await this.home.world.until(async () => (await this.connection()) === "connected");
  }

  /** The connection breaks; the engine may open another one. */
  cut(): void {
    this.#carrier?.close("cut");
  }

  /** Nothing that the homeserver says arrives any more. */
  deafen(): void {
    if (this.#carrier !== undefined) this.#carrier.paused = true;
  }

  /** Whether its engine says that it is to be opened anew, as another homeserver's. */
  get isToReopen(): boolean {
    return this.#moved;
  }

  async connection(): Promise<string> {
    return (await this.engine.call("engine.status", {})).homeserver.connection;
  }

  /** The engine stops and a new one goes on from its store. */
  async restart(): Promise<void> {
    await this.close();
    this.open();
  }

  async account(): Promise<AccountId> {
    return (await this.call("engine.status", {})).me!.account as AccountId;
  }

  /** Links another homeserver, both ways. */
  async link(other: Person, localName?: string): Promise<void> {
    const { world } = this.home;
    const named = localName === undefined ? {} : { localName };
    await this.call("servers.link", { host: other.home.host, port, serverId: other.home.id, ...named });
    await world.until(
      async () => (await other.call("servers.list", {})).some(({ serverId: id }) => id === this.home.id),
      "the incoming link",
    );
    await other.call("servers.linkBack", { serverId: this.home.id });
    await world.until(async () => (await this.knows(other)) && (await other.knows(this)), "people to appear");
  }

  async knows(other: Person): Promise<boolean> {
    const account = await other.account();
    return (await this.call("people.list", {})).some((person) => person.account === account);
  }

  /** The newest request that they see. */
  request(state?: Request["state"]): Promise<Request> {
    return this.home.world.until(
      async () => (await this.call("requests.list", {})).find((request) => !state || request.state === state),
      `a ${state ?? ""} request`,
    );
  }

  async pair(): Promise<Room> {
    return await this.home.world.until(
      async () => (await this.call("rooms.list", {})).find(({ kind }) => kind === "pair"),
      "a room",
    );
  }

  async send(text: string): Promise<Message> {
    const { roomId } = await this.pair();
    return await this.call("messages.send", { roomId, text });
  }

  /** How a call fails, by its cause's code. */
  async failure<M extends MethodName>(method: M, params: Params<M>): Promise<string> {
    const outcome = await this.call(method, params).then(
      () => "nothing",
      (error: unknown) => causeOf(error).code,
    );
    return outcome;
  }

  /** The texts of their room, notices left out. */
  async texts(): Promise<string[]> {
    const { roomId } = await this.pair();
    const { messages } = await this.call("messages.list", { roomId, limit: 500 });
    return messages.filter(({ kind }) => kind === "text").map(({ text }) => text);
  }

  async sees(...texts: string[]): Promise<void> {
    await this.home.world.until(
      async () => (await this.texts()).join("\n") === texts.join("\n"),
      `'${texts.join(", ")}', seeing '${(await this.texts()).join(", ")}'`,
    );
  }

  async stateOf(message: Message): Promise<Message> {
    const { messages } = await this.call("messages.list", {
      roomId: message.roomId,
      around: message.messageId,
      limit: 1,
    });
    return messages[0]!;
  }

  async reaches(message: Message, state: Message["state"]): Promise<Message> {
    return await this.home.world.until(async () => {
      const now = await this.stateOf(message);
      return now.state === state && now;
    }, `state ${state}`);
  }
}

/** Two people on two homeservers that are linked both ways. */
export async function neighbours(world: World, groups?: RoomCrypto): Promise<{ alice: Person; bob: Person }> {
  const alice = await (await world.home("alice.example")).person("Alice", groups);
  const bob = await (await world.home("bob.example")).person("Bob", groups);
  await alice.link(bob);
  return { alice, bob };
}

/** As `neighbours`, with an open chat. */
export async function friends(world: World, groups?: RoomCrypto): Promise<{ alice: Person; bob: Person }> {
  const { alice, bob } = await neighbours(world, groups);
  await alice.call("requests.send", { who: "@bob", text: "Shall we talk?" });
  const { requestId } = await bob.request("pending");
  await bob.call("requests.accept", { requestId });
  await alice.pair();
  return { alice, bob };
}
