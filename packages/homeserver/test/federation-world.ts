/**
 * Homeservers' federation halves on a virtual network: real links, streams and store semantics, with accounts that do
 * no more than remember what was delivered to them.
 */
import type {
  AccountId,
  ClientEvent,
  Envelope,
  EnvelopeKind,
  KeyPackageClaim,
  ListedPerson,
  ServerAddress,
  ServerId,
  Visibility,
} from "@fedchat/protocol";
import {
  accountId,
  custodyReceipt,
  envelopeId,
  nextSequence,
  roomEntry,
  serverId,
  serverRecord,
} from "@fedchat/protocol";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import type {
  FederationPolicy,
  OwnRecord,
  Relaying,
  RunningFederation,
} from "../src/core/federation/index.ts";
import type { DomainChecker } from "../src/core/federation/domains.ts";
import { createFederation } from "../src/core/federation/index.ts";
import type { DirectoriesConfig } from "../src/core/federation/directory-config.ts";
import { FullDisk } from "../src/core/accounts/full-disk.ts";
import { GroupCommit } from "../src/core/group-commit.ts";
import { silentLog } from "../src/core/log.ts";
import { AskingServers } from "../src/core/accounts/asking-servers.ts";
import { Rooms } from "../src/core/rooms/rooms.ts";
import type { ListedChange, LocalAccounts, LocalPerson } from "../src/core/seams.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import type { Delivered, Delivery, StoredState, WriteOp } from "../src/store/store.ts";
import { makeAccount } from "./test-account.ts";
import { SeededRandom } from "./virtual/seeded-random.ts";
import type { ProcessClock } from "./virtual/virtual-clock.ts";
import { VirtualClock } from "./virtual/virtual-clock.ts";
import type { VirtualNetworkOptions } from "./virtual/virtual-network.ts";
import { VirtualNetwork } from "./virtual/virtual-network.ts";

export { primitives };

/** Homeservers, their network and their time. */
export class World {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;

  constructor(seed: string | number = 1, network: Partial<VirtualNetworkOptions> = {}) {
    this.random = new SeededRandom(seed);
    this.network = new VirtualNetwork({
      clock: this.clock,
      random: this.random.fork("network"),
      ...network,
    });
  }

  /** A homeserver named and reached by `name`, with accounts of its own; running. */
  async homeserver(name: string, options: Partial<HostOptions> = {}): Promise<Host> {
    const host = new Host(this, name, { accept: "ask", listed: [], accounts: 2, ...options });
    await host.settle();
    await host.start();
    return host;
  }

  /** Two that have linked each other and are connected. */
  async linkedPair(): Promise<[Host, Host]> {
    const [alice, bob] = [await this.homeserver("alice"), await this.homeserver("bob")];
    await this.link(alice, bob);
    return [alice, bob];
  }

  async link(a: Host, b: Host): Promise<void> {
    await this.clock.settle(a.federation.addLink(b.id, [b.address], undefined));
    await this.clock.until(() => b.link(a)?.trust === "incoming", "the link appears");
    await this.clock.settle(b.federation.linkBack(a.id));
    await this.clock.until(() => a.link(b)?.trust === "mutual", "the link is mutual");
  }
}

export interface HostOptions extends FederationPolicy {
  accounts: number;
  /** What its record claims, where that is not its host's name. */
  claims: string;
  /** Another homeserver's keys. */
  keys: HostKeys;
  /** What domains serve. */
  domains?: DomainChecker;
  /** Directories that it registers with. */
  directories?: DirectoriesConfig;
}

export interface HostKeys {
  seed: Uint8Array;
  noise: Uint8Array;
}

/** One homeserver: what survives its process, and its process. */
export class Host {
  readonly world: World;
  name: string;
  readonly keys: HostKeys;
  readonly id: ServerId;
  address: ServerAddress;
  readonly people: ReturnType<typeof makeAccount>[];
  readonly disk = { full: false, delayMs: 2 };
  /** Whether those that connect come from beyond its local network. */
  fromOutside = true;
  /** The address that this host sees of one that connects. */
  from: (host: string) => string = (host) => host;
  relaying: Relaying = { relaysFor: "linked", bytesPerSecond: 1_048_576, storageBytesMax: 67_108_864 };
  own: OwnRecord;
  /** Records of its own that others showed it. */
  readonly heldOfUs: OwnRecord["record"][] = [];
  store: MemoryStore;
  federation!: RunningFederation;
  accounts!: RecordingAccounts;
  rooms!: Rooms;
  commit!: GroupCommit;
  process!: ProcessClock;
  readonly #options: HostOptions;
  #runs = 0;
  /** What its record says otherwise than at first. */
  #said: Parameters<Host["recordWith"]>[1] = {};

  constructor(
    world: World,
    name: string,
    options: Omit<HostOptions, "claims" | "keys"> & Partial<HostOptions>,
  ) {
    const random = world.random.fork(`keys of ${name}`);
    this.world = world;
    this.name = name;
    this.keys = options.keys ?? { seed: random.bytes(32), noise: random.bytes(32) };
    this.#options = { claims: name, keys: this.keys, ...options };
    this.id = serverId.fromBytes(primitives.ed25519.publicKey(this.keys.seed));
    this.address = { host: name, port: 8443, kind: "direct" };
    this.own = this.#makeRecord(world.clock.now());
    this.people = Array.from({ length: options.accounts }, (_, index) =>
      makeAccount(
        { primitives, random },
        { server: this.id, handle: `person${index}`, nowMs: world.clock.now(), devices: 0 },
      ),
    );
    this.store = new MemoryStore(this.#memoryDisk());
  }

  /** The first account here. */
  get person(): AccountId {
    return this.people[0]!.id;
  }

  /** Writes its accounts to the store. */
  async settle(): Promise<void> {
    this.process = this.world.clock.process();
    const ops = this.people.map((person): WriteOp => ({
      op: "account.open",
      row: {
        account: person.id,
        handle: person.record.handle,
        record: person.signed,
        administrator: false,
        createdAt: 0,
        password: undefined,
        visibility: undefined,
      },
      devices: [],
      incarnation: new Uint8Array(16),
    }));
    await this.world.clock.settle(this.store.write(ops));
  }

  /** Opens what the store holds and joins the network. */
  async start(): Promise<void> {
    this.#runs += 1;
    this.process = this.world.clock.process();
    const state: StoredState = await this.store.load();
    this.commit = new GroupCommit(this.store, this.process);
    this.accounts = new RecordingAccounts(this, state.meta);
    this.rooms = new Rooms({
      ...{ self: this.id, state, store: this.store, commit: this.commit, primitives, log: silentLog },
      ...{ clock: this.process, disk: new FullDisk(this.process) },
      sign: (entry) => roomEntry.sign(primitives, this.keys.seed, entry),
      notify: (to, event) => this.accounts.notify(to, event),
      links: () => this.federation.rooms,
    });
    this.federation = createFederation({
      state,
      commit: this.commit,
      store: this.store,
      clock: this.process,
      random: this.world.random.fork(`${this.name} run ${this.#runs}`),
      primitives,
      noisePrivateKey: this.keys.noise,
      ownRecord: () => this.own,
      standingChanged: () => this.renewRecord({ ...this.#said, ...this.federation.standing() }),
      heldOfUs: (record) => this.heldOfUs.push(record),
      signReceipt: (receipt) => custodyReceipt.sign(primitives, this.keys.seed, receipt),
      dialer: this.world.network.dialer(this.name),
      accounts: this.accounts,
      rooms: this.rooms,
      policy: this.#options,
      relaying: this.relaying,
      ...(this.#options.directories === undefined ? {} : { directories: this.#options.directories }),
      ...(this.#options.domains === undefined ? {} : { domains: this.#options.domains }),
      log: silentLog,
    });
    const { federation } = this;
    this.world.network.listen(this.name, (channel, from) => {
      void federation.accept(channel, {
        address: from,
        host: this.from(from),
        fromOutside: this.fromOutside,
      });
    });
    federation.start();
  }

  /** kill -9: what was not committed is gone, and nobody is told. */
  crash(): void {
    this.process.crash();
    this.world.network.crash(this.name);
    this.store = this.store.snapshot(this.#memoryDisk());
  }

  /** Its machine stands elsewhere from now on; nothing answers at the old place, and its record does not say so yet. */
  move(name: string): void {
    this.crash();
    this.name = name;
    this.address = { ...this.address, host: name };
  }

  async restart(): Promise<void> {
    this.crash();
    await this.start();
  }

  /** What a backup made now would hold. */
  backup(): MemoryStore {
    return this.store.snapshot(this.#memoryDisk());
  }

  /** Crashes, and starts from an earlier backup. */
  async restore(backup: MemoryStore): Promise<void> {
    this.crash();
    this.store = backup.snapshot(this.#memoryDisk());
    await this.start();
  }

  link(other: Host) {
    return this.federation.links().find(({ server }) => server === other.id);
  }

  /** Issues a newer record. */
  renewRecord(change: Parameters<Host["recordWith"]>[1] = {}): void {
    this.#said = change;
    this.own = this.#makeRecord(nextSequence(this.own.record.sequence, this.world.clock.now()), change);
    this.federation.ownRecordChanged();
  }

  /** An envelope from this server's first person. */
  envelope(to: AccountId[], text: string, kind: EnvelopeKind = "room"): Envelope {
    return {
      id: envelopeId.fromBytes(this.world.random.bytes(16)),
      kind,
      created: this.world.clock.now(),
      from: this.person,
      to,
      payload: new TextEncoder().encode(text),
    };
  }

  send(to: Host, text: string, kind: EnvelopeKind = "room"): Promise<void> {
    return this.federation.submit(to.id, this.envelope([to.person], text, kind));
  }

  /** Texts in the first person's inbox, in order. */
  async inbox(person: AccountId = this.person): Promise<string[]> {
    const items = await this.store.inboxPage(person, 0, 1_000_000);
    return items.map(({ payload }) => new TextDecoder().decode(payload));
  }

  events<K extends ClientEvent["kind"]>(kind: K): Extract<ClientEvent, { kind: K }>[] {
    return this.accounts.events.filter(
      (event): event is Extract<ClientEvent, { kind: K }> => event.kind === kind,
    );
  }

  recordWith(sequence: number, change: Partial<OwnRecord["record"]>): OwnRecord["record"] {
    return {
      key: this.id,
      name: this.#options.claims,
      noiseKey: primitives.x25519.publicKey(this.keys.noise),
      addresses: [this.address],
      relays: [],
      relaysFor: this.relaying.relaysFor,
      neighbours: [],
      software: "fedchat test",
      sequence,
      issued: this.world.clock.now(),
      expires: this.world.clock.now() + 90 * 86_400_000,
      ...change,
    };
  }

  #makeRecord(sequence: number, change: Partial<OwnRecord["record"]> = {}): OwnRecord {
    const record = this.recordWith(sequence, change);
    return { record, signed: serverRecord.sign(primitives, this.keys.seed, record) };
  }

  #memoryDisk() {
    return {
      commit: () =>
        new Promise<void>((resolve) => {
          const { process } = this;
          process.after(this.disk.delayMs, resolve);
        }),
      full: () => this.disk.full,
    };
  }
}

/** Accounts that admit by the simplest rules and remember everything. */
export class RecordingAccounts implements LocalAccounts {
  readonly events: ClientEvent[] = [];
  readonly warnings: ClientEvent[] = [];
  readonly blocked = new Set<AccountId>();
  readonly grantedAt = new Set<ServerId>();
  presence: ListedPerson["presence"] = "online";
  readonly #host: Host;
  readonly #asking: AskingServers;
  visibility: Visibility = "linked";
  #listener: ((changes: ListedChange[]) => void) | undefined;

  constructor(host: Host, meta: StoredState["meta"]) {
    this.#host = host;
    this.#asking = new AskingServers(meta);
  }

  admits({ from, kind, to, trust }: Parameters<LocalAccounts["admits"]>[0]) {
    if (this.record(to) === undefined) return "unknown-account";
    if (this.blocked.has(from)) return "blocked";
    return trust === "mutual" || trust === "outgoing" || kind === "request" ? "admitted" : "not-allowed";
  }

  hasGrantAt(server: ServerId): boolean {
    return this.grantedAt.has(server);
  }

  wasAskedFrom(server: ServerId): boolean {
    return this.#asking.has(server);
  }

  async deliver(deliveries: Delivery[], alongside: WriteOp[]): Promise<Delivered[][]> {
    const [first] = await this.#host.commit.add([
      { op: "inbox.deliver", deliveries, above: 0 },
      ...alongside,
      ...this.#asking.delivering(deliveries),
    ]);
    if (first?.op !== "inbox.deliver") throw new Error("the store answered another operation");
    return first.deliveries;
  }

  record(account: AccountId): Uint8Array | undefined {
    return this.#host.people.find(({ id }) => id === account)?.signed;
  }

  async takeKeyPackage({ account, capability }: KeyPackageClaim): Promise<Uint8Array | undefined> {
    const mayTake = capability.every((byte) => byte === 7);
    return mayTake && this.record(account) !== undefined
      ? new TextEncoder().encode("key package")
      : undefined;
  }

  listed(): LocalPerson[] {
    const { presence, visibility } = this;
    return this.#host.people.map(({ id, signed }) => ({ account: id, record: signed, presence, visibility }));
  }

  onListedChange(listener: (changes: ListedChange[]) => void): void {
    this.#listener = listener;
  }

  /** Tells of people as they are now, who were shown as far as `before` says. */
  change(people: LocalPerson[], before: Visibility = this.visibility): void {
    this.#listener?.(people.map((person) => ({ person, before })));
  }

  notify(to: Parameters<LocalAccounts["notify"]>[0], event: ClientEvent): void {
    this.events.push(event);
    if (to === "administrators") this.warnings.push(event);
  }
}

export const nobody: AccountId = accountId.fromBytes(new Uint8Array(32).fill(9));
