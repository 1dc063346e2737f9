/** One homeserver in memory, with real keys, and people who connect to it. */
import type { DeviceId, EnvelopeId, ServerId, Submission } from "@fedchat/protocol";
import { envelopeId, ProtocolError } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import type { Dialer } from "../src/core/federation/index.ts";
import type { Homeserver, HomeserverConfig } from "../src/core/homeserver.ts";
import { openHomeserver } from "../src/core/homeserver.ts";
import { silentLog } from "../src/core/log.ts";
import type { Examine, Nearby } from "../src/core/seams.ts";
import type { HomeserverKeys } from "../src/core/server-identity.ts";
import type { OpaqueSuite } from "../src/core/accounts/passwords.ts";
import { loadOpaque } from "../src/node/opaque-server.ts";
import type { MemoryDisk } from "../src/store/memory-store.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import type { TestChannel } from "./channel-pair.ts";
import { channelPair } from "./channel-pair.ts";
import { TestClient } from "./client.ts";
import { ManualClock } from "./manual-clock.ts";
import type { TestAccount, TestDevice } from "./test-account.ts";
import { changed, makeAccount, makeDevice } from "./test-account.ts";

export const localToken = new TextEncoder().encode("the local token");
export const nobody = new Uint8Array(0);
export const primitives = nodePrimitives;
export const random = nodeRandom;

/** Nothing is reachable from here. */
const unreachable: Dialer = { dial: () => Promise.reject(new ProtocolError("unreachable")) };

export interface Start {
  store?: MemoryStore;
  disk?: MemoryDisk;
  clock?: ManualClock;
  keys?: HomeserverKeys;
  config?: Partial<HomeserverConfig>;
  dialer?: Dialer;
  nearby?: Nearby;
  examine?: Examine;
}

export async function startHomeserver(start: Start = {}): Promise<World> {
  const clock = start.clock ?? new ManualClock();
  const store = start.store ?? new MemoryStore(start.disk);
  const keys = start.keys ?? { identity: random.bytes(32), noise: random.bytes(32) };
  const homeserver = await openHomeserver({
    store,
    clock,
    random,
    primitives,
    keys,
    config: {
      name: undefined,
      addresses: [],
      software: "fedchat test",
      registration: "invited",
      federation: { accept: "ask", listed: [] },
      ...start.config,
    },
    dialer: start.dialer ?? unreachable,
    opaque: await opaque(),
    localToken,
    ...(start.nearby === undefined ? {} : { nearby: start.nearby }),
    ...(start.examine === undefined ? {} : { examine: start.examine }),
    log: silentLog,
  });
  return new World(homeserver, store, clock, keys);
}

let loading: Promise<OpaqueSuite> | undefined;
const opaque = (): Promise<OpaqueSuite> => (loading ??= loadOpaque());

export class World implements AsyncDisposable {
  readonly homeserver: Homeserver;
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  /** Positions in inboxes that this run gives are above it. [H7] */
  readonly startedMs: number;
  readonly keys: HomeserverKeys;

  constructor(homeserver: Homeserver, store: MemoryStore, clock: ManualClock, keys: HomeserverKeys) {
    this.homeserver = homeserver;
    this.store = store;
    this.clock = clock;
    this.startedMs = clock.now();
    this.keys = keys;
  }

  get id(): ServerId {
    return this.homeserver.serverId;
  }

  account(handle: string, devices = 1): TestAccount {
    return makeAccount({ primitives, random }, { server: this.id, handle, nowMs: this.clock.now(), devices });
  }

  device(account: TestAccount, id?: DeviceId): TestDevice {
    return makeDevice({ primitives, random }, account, id);
  }

  change(account: TestAccount, change: Parameters<typeof changed>[2]): TestAccount {
    return changed({ primitives }, account, change);
  }

  /** A channel on which no session is open yet. */
  async connect(device: TestDevice, remote = "192.0.2.1"): Promise<Connected> {
    const [near, far] = channelPair();
    void this.homeserver.acceptClient(far, remote);
    const client = await TestClient.connect({
      carrier: near,
      server: this.id,
      device,
      clock: this.clock,
      random,
      primitives,
    });
    return Object.assign(client, { far, near });
  }

  /** Registers an account with the local token and subscribes its first device. */
  async join(handle: string, devices = 1): Promise<Joined> {
    const account = this.account(handle, devices);
    const client = await this.connect(account.devices[0]!);
    const opened = await client.register(account.signed, localToken);
    await client.subscribe(opened);
    return { account, client, opened };
  }

  /** Opens and subscribes a further session of an account. */
  async reopen(account: TestAccount, fencing = 0, device = account.devices[0]!): Promise<Joined> {
    const client = await this.connect(device);
    const opened = await client.open(account.id, fencing);
    await client.subscribe(opened);
    return { account, client, opened };
  }

  /** The homeserver is killed and started again on what is on disk. */
  async restart(start: Pick<Start, "config" | "disk"> = {}): Promise<World> {
    const store = this.store.snapshot(start.disk);
    return startHomeserver({ ...start, store, clock: this.clock, keys: this.keys });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.homeserver[Symbol.asyncDispose]();
  }
}

/** A client with both ends of its carrier: `near` is its own. */
export type Connected = TestClient & { near: TestChannel; far: TestChannel };

export interface Joined {
  account: TestAccount;
  client: Connected;
  opened: Awaited<ReturnType<TestClient["open"]>>;
}

/** An envelope for accounts of one homeserver. */
export function envelope(server: ServerId, to: TestAccount[], text: string, id?: EnvelopeId): Submission {
  return {
    id: id ?? envelopeId.fromBytes(random.bytes(16)),
    kind: "room",
    created: 1,
    destinations: [{ server, accounts: to.map((account) => account.id) }],
    payload: new TextEncoder().encode(text),
  };
}

export const textOf = ({ payload }: { payload: Uint8Array }): string => new TextDecoder().decode(payload);
