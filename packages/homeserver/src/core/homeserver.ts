/**
 * A homeserver without I/O of its own: accounts and federation over one store, put together. Whoever runs it gives it
 * a clock, randomness, a store and a way to dial, and hands it the carriers that arrive. Invariant: nothing is answered
 * before it is on disk, so that it may be stopped at any moment, or killed.
 */
import type {
  ByteChannel,
  Clock,
  DirectoryView,
  LinkView,
  Primitives,
  RandomSource,
  RegistrationPolicy,
  ServerAddress,
  ServerId,
  ServerRecord,
  Timer,
  Visibility,
} from "@fedchat/protocol";
import { isPrivateHost } from "@fedchat/protocol";
import type { HomeserverStore } from "../store/store.ts";
import { AccountInvitations } from "./accounts/account-invitations.ts";
import { Accounts } from "./accounts/accounts.ts";
import { Archives } from "./accounts/archives.ts";
import { ClientSessions } from "./accounts/client-sessions.ts";
import { Openings } from "./accounts/openings.ts";
import type { OpaqueServer, OpaqueSuite } from "./accounts/passwords.ts";
import { Passwords } from "./accounts/passwords.ts";
import { People, peopleEvents } from "./accounts/people.ts";
import { Registration } from "./accounts/registration.ts";
import type { ServerInfo } from "./accounts/requests.ts";
import { Requests } from "./accounts/requests.ts";
import { Meetings } from "./accounts/meetings.ts";
import { SealedStorage } from "./accounts/sealed-storage.ts";
import { Submissions } from "./accounts/submissions.ts";
import type {
  Dialer,
  FederationPolicy,
  OwnRecord,
  Relaying,
  Remote,
  RunningFederation,
  Standing,
} from "./federation/index.ts";
import type { DomainChecker } from "./federation/domains.ts";
import { createFederation } from "./federation/index.ts";
import { GroupCommit } from "./group-commit.ts";
import { expiryEveryMs, recordCheckEveryMs } from "./limits.ts";
import type { DirectoriesConfig } from "./federation/directory-config.ts";
import type { Log } from "./log.ts";
import { defaultRelaying, OwnRelaying } from "./relaying.ts";
import { Rooms } from "./rooms/rooms.ts";
import type { DialBackReport, Examine, ListedChange, Nearby } from "./seams.ts";
import type { HomeserverKeys, RecoveryStanding, ServerDescription } from "./server-identity.ts";
import { ServerIdentity, serverNameOf } from "./server-identity.ts";

export interface HomeserverConfig {
  /** A label or a checked domain; undefined: named after its owner. */
  name: string | undefined;
  addresses: ServerAddress[];
  software: string;
  registration: RegistrationPolicy;
  /** How far people are shown who never chose; `linked` where it is not said. [L23] */
  visibility?: Visibility;
  federation: FederationPolicy;
  /** Directories that it registers with. */
  directories?: DirectoriesConfig;
  /** What it does for others, unless an administrator has decided otherwise since. Absent: `defaultRelaying`. */
  relaying?: Relaying;
}

export interface HomeserverOptions {
  /** The homeserver's while it runs; closing it is its opener's. */
  store: HomeserverStore;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  keys: HomeserverKeys;
  config: HomeserverConfig;
  dialer: Dialer;
  /** Absent: no name is shown as a domain. [N4] */
  domains?: DomainChecker;
  opaque: OpaqueSuite;
  /** Opens the first account, as administrator. Empty: nothing does. */
  localToken: Uint8Array;
  /** Absent: nobody looks for servers in the local network. */
  nearby?: Nearby;
  /** Absent: nobody looks. */
  examine?: Examine;
  log: Log;
}

/**
 * Reads the store and starts. Rejects with `StoreUnusableError` where the store is damaged or another server's, with
 * `StoreFullError` where not even the first record could be kept.
 */
export async function openHomeserver(options: HomeserverOptions): Promise<Homeserver> {
  const { store, clock, keys, primitives, random, config, log } = options;
  const state = await store.load();
  const commit = new GroupCommit(store, clock);
  const identity = new ServerIdentity({ keys, meta: state.meta, primitives, commit, clock });
  const visibility = config.visibility ?? "linked";
  const accounts = new Accounts({
    self: identity.id,
    store,
    commit,
    state,
    primitives,
    visibility,
    clock,
    random,
    log,
    rooms: () => rooms,
  });
  const rooms: Rooms = new Rooms({
    ...{ self: identity.id, state, store, commit, disk: accounts.disk, clock, primitives, log },
    sign: (entry) => identity.signEntry(entry),
    notify: (to, event) => accounts.notify(to, event),
    links: () => federation.rooms,
  });
  await accounts.inboxes.begin(state.accounts.map(({ account }) => account));
  const opaque = await openOpaque(options.opaque, state.meta, commit);
  const invitations = new AccountInvitations({
    ...{ policy: config.registration, meta: state.meta, commit, primitives, random, clock },
  });
  const relaying = new OwnRelaying(config.relaying ?? defaultRelaying, state.meta, commit);
  const description = describe(config, accounts, identity, relaying, identity.standing);
  await identity.settle(description).catch((error: unknown) => {
    if (!identity.isIssued) throw error;
    log.warn("the server record could not be renewed yet");
  });
  const federation: RunningFederation = createFederation({
    state,
    commit,
    store,
    clock,
    random,
    primitives,
    noisePrivateKey: keys.noise,
    ownRecord: () => identity.current,
    standingChanged: () => homeserver.settleRecord(),
    heldOfUs: (record) => homeserver.recall(record),
    signReceipt: (receipt) => identity.signReceipt(receipt),
    dialer: options.dialer,
    ...(options.domains === undefined ? {} : { domains: options.domains }),
    accounts,
    rooms,
    policy: config.federation,
    ...(config.directories === undefined ? {} : { directories: config.directories }),
    relaying,
    log,
  });
  const homeserver: Homeserver = new Homeserver({
    options,
    commit,
    identity,
    relaying,
    accounts,
    invitations,
    rooms,
    opaque,
    federation,
  });
  federation.start();
  return homeserver;
}

const opaqueSetupKey = "opaque.setup";

/** The setup is made once: another one would make every password wrong. */
async function openOpaque(
  suite: OpaqueSuite,
  meta: ReadonlyMap<string, Uint8Array>,
  commit: GroupCommit,
): Promise<OpaqueServer> {
  const kept = meta.get(opaqueSetupKey);
  if (kept !== undefined) return suite.open(kept);
  const setup = suite.createSetup();
  await commit.add([{ op: "meta.put", key: opaqueSetupKey, value: setup }]);
  return suite.open(setup);
}

function describe(
  { name, addresses, software }: HomeserverConfig,
  { book }: Accounts,
  { id }: ServerIdentity,
  { relaysFor }: Relaying,
  standing: Standing,
): ServerDescription {
  return { name: serverNameOf(name, book.owner()?.handle, id), addresses, software, relaysFor, ...standing };
}

interface Parts {
  options: HomeserverOptions;
  commit: GroupCommit;
  identity: ServerIdentity;
  relaying: OwnRelaying;
  accounts: Accounts;
  invitations: AccountInvitations;
  rooms: Rooms;
  opaque: OpaqueServer;
  federation: RunningFederation;
}

export class Homeserver implements AsyncDisposable {
  readonly serverId: ServerId;
  readonly #parts: Parts;
  readonly #clients: ClientSessions;
  readonly #submissions: Submissions;
  readonly #meetings: Meetings;
  readonly #people: People;
  readonly #timers = new Set<Timer>();
  #config: HomeserverConfig;
  #stopped = false;
  #dialledBack: boolean | undefined;
  #recoveryStanding: RecoveryStanding | undefined;
  #settled: Promise<void> = Promise.resolve();
  #drained: Promise<void> | undefined;

  /** Use `openHomeserver`. */
  constructor(parts: Parts) {
    const { options, commit, identity, accounts, invitations, rooms, opaque, federation } = parts;
    const { store, clock, random, primitives, log } = options;
    const self = identity.id;
    const { book, live, disk, inboxes, rules, people, acknowledgements } = accounts;
    this.serverId = self;
    this.#parts = parts;
    this.#config = options.config;

    const registration = new Registration({
      policy: options.config.registration,
      localToken: options.localToken,
      accounts: book,
      invitations,
      clock,
    });
    const openings = new Openings({
      self,
      accounts: book,
      registration,
      inboxes,
      live,
      commit,
      disk,
      primitives,
      random,
      clock,
    });
    const passwords = new Passwords({ accounts: book, commit, opaque, random, clock });
    const sealed = new SealedStorage({ store, commit, disk, live });
    const archives = new Archives({ store, commit, disk });
    const meetings = (this.#meetings = new Meetings(clock));
    this.#people = new People({ self, clock, accounts: book, local: people, federation });
    this.#submissions = new Submissions({ self, inboxes, rules, federation, commit, live, disk, clock });
    const requests = new Requests(
      {
        accounts,
        registration,
        invitations,
        openings,
        passwords,
        sealed,
        archives,
        meetings,
        people: this.#people,
        federation,
        rooms,
        store,
        serverInfo: () => this.#info(),
        setRelaying: (relaysFor) => this.#setRelaying(relaysFor),
        nearby: options.nearby,
        examine: options.examine,
      },
      clock,
    );
    this.#clients = new ClientSessions({
      self,
      formerly: identity.formerly,
      noiseKey: identity.noisePrivateKey,
      record: () => identity.current.signed,
      live,
      openings,
      requests,
      submissions: this.#submissions,
      acknowledgements,
      primitives,
      random,
      clock,
      log,
    });

    book.onChange(() => this.#accountsChanged());
    people.onChange((changes) => this.#tellOwnPeople(changes));
    options.nearby?.onChange(() => this.#tellNearby(options.nearby!));
    this.#every(recordCheckEveryMs, () => this.#settleRecord());
    this.#every(expiryEveryMs, () => inboxes.expire());
    this.#every(expiryEveryMs, () => rooms.expire());
  }

  /** Our own record as it is now. */
  record(): OwnRecord {
    return this.#parts.identity.current;
  }

  /**
   * Takes a carrier that asked for the client path. Resolves when its handshake is over, well or not.
   * @param remote where it comes from, as far as rate limits tell sources apart
   * @param fromOutside from beyond this machine and its network: then its handshakes are limited, too
   */
  acceptClient(carrier: ByteChannel, remote: string, fromOutside = false): Promise<void> {
    return this.#clients.accept(carrier, remote, fromOutside);
  }

  /** Takes a carrier that asked for the link path. */
  acceptLink(carrier: ByteChannel, remote: Remote): Promise<void> {
    return this.#parts.federation.accept(carrier, remote);
  }

  /** This machine slept: connections may be dead though nobody said so. */
  woke(): void {
    this.#parts.federation.woke();
  }

  /** What people call this server from now on; undefined: after its owner. Links are told. */
  setName(name: string | undefined): Promise<void> {
    this.#config = { ...this.#config, name };
    return this.#settleRecord();
  }

  /** Where this server is reached from now on. Links are told. */
  setAddresses(addresses: ServerAddress[]): Promise<void> {
    this.#config = { ...this.#config, addresses };
    return this.#settleRecord();
  }

  /** Those who may open an account here, beside whom the policy lets in. [J1] */
  get accountInvitations(): AccountInvitations {
    return this.#parts.invitations;
  }

  directories(): DirectoryView[] {
    return this.#parts.federation.directories();
  }

  links(): LinkView[] {
    return this.#parts.federation.links();
  }

  /** Asks linked servers to dial this one; sessions are told where that changes what is known. [L25] */
  async dialBack(): Promise<DialBackReport[]> {
    const { federation, identity, accounts } = this.#parts;
    const reports = await federation.dialBack();
    const dialled = reachedBy(reports, identity.current.record.addresses);
    if (dialled !== this.#dialledBack && !this.#stopped) {
      this.#dialledBack = dialled;
      accounts.notify("everybody", { kind: "server", info: this.#info() });
    }
    return reports;
  }

  /** Issues a new record where what it says has changed. */
  settleRecord(): void {
    void this.#settleRecord();
  }

  /** What others said of our recovery key since we started; undefined: nothing that we did not know. [R7] */
  get recoveryStanding(): RecoveryStanding | undefined {
    return this.#recoveryStanding;
  }

  /** Another server holds this record of ours. What we had forgotten is said, and its owner hears of it once. [R7] */
  recall(held: ServerRecord): void {
    const { identity, options } = this.#parts;
    const standing = identity.recall(held);
    if (standing === undefined || standing === this.#recoveryStanding) return;
    this.#recoveryStanding = standing;
    options.log.warn(
      standing === "recalled"
        ? "this folder is older than this server's words on paper; other servers knew which words are good"
        : "other servers believe other words on paper than this server's record names",
    );
    if (standing === "recalled") this.settleRecord();
  }

  /** Counts since start, and of this moment. */
  stats() {
    const { accounts } = this.#parts;
    return {
      accounts: accounts.book.size,
      sessions: accounts.live.count,
      accepted: this.#submissions.accepted,
      delivered: accounts.inboxes.delivered,
    };
  }

  /** Takes no more carriers, closes those that are open, and resolves when all that was taken is on disk. */
  drain(): Promise<void> {
    return (this.#drained ??= this.#stop());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #stop(): Promise<void> {
    const { federation, accounts, rooms, commit, options } = this.#parts;
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#clients.close();
    accounts.people.close();
    this.#meetings.stop();
    rooms.close();
    await federation.close();
    try {
      await accounts.acknowledgements.close();
      await commit.add([]);
    } catch {
      options.log.warn("the last acknowledgements could not be written; they will be asked for again");
    }
  }

  #info(): ServerInfo {
    const { identity, accounts, federation } = this.#parts;
    const custody = federation.custody();
    return {
      record: identity.current.signed,
      accounts: accounts.book.size,
      reachedFromOutside: federation.reachedFromOutside(),
      ...(this.#dialledBack === undefined ? {} : { dialledBack: this.#dialledBack }),
      relayHints: federation.relayHints(),
      relaying: {
        relaysFor: identity.current.record.relaysFor,
        circuits: federation.relayedCircuits(),
        custodyBundles: custody.bundles,
        custodyBytes: custody.bytes,
        custodyBytesMax: this.#parts.relaying.storageBytesMax,
      },
    };
  }

  #accountsChanged(): void {
    void this.#settleRecord();
    // With the second account, addresses are no longer short.
    const { accounts } = this.#parts;
    if (accounts.book.size === 2) accounts.notify("everybody", { kind: "server", info: this.#info() });
  }

  /** For whom it relays from now on. Links are told. */
  async #setRelaying(relaysFor: Relaying["relaysFor"]): Promise<void> {
    await this.#parts.relaying.decide(relaysFor);
    await this.#settleRecord();
  }

  /** One after the other: two records issued at once would have one sequence. */
  #settleRecord(): Promise<void> {
    this.#settled = this.#settled.then(() => this.#issueRecord());
    return this.#settled;
  }

  /** Issues a new record where one is due, and tells links and sessions. A full disk only delays it. */
  async #issueRecord(): Promise<void> {
    const { identity, relaying, accounts, federation, options } = this.#parts;
    try {
      const standing = federation.standing();
      const issued = await identity.settle(describe(this.#config, accounts, identity, relaying, standing));
      if (!issued || this.#stopped) return;
    } catch {
      options.log.warn("the server record could not be renewed yet");
      return;
    }
    federation.ownRecordChanged();
    accounts.notify("everybody", { kind: "server", info: this.#info() });
  }

  #tellOwnPeople(changes: ListedChange[]): void {
    const { accounts, identity } = this.#parts;
    const people = changes.map(({ person: { record, presence } }) => ({
      server: identity.id,
      record,
      presence,
    }));
    for (const event of peopleEvents(identity.id, { whole: false, people, gone: [] }))
      accounts.notify("everybody", event);
  }

  #tellNearby(nearby: Nearby): void {
    if (this.#stopped) return;
    this.#parts.accounts.notify("administrators", { kind: "nearby", state: nearby.state() });
  }

  /** Failures are logged and tried again at the next turn. */
  #every(periodMs: number, run: () => Promise<void>): void {
    const { clock, log } = this.#parts.options;
    const timer = clock.after(periodMs, () => {
      this.#timers.delete(timer);
      run().catch(() => log.warn("a periodic task failed; it is tried again"));
      this.#every(periodMs, run);
    });
    this.#timers.add(timer);
  }
}

/** Whether any of these addresses was reached, of those that are not of this server's own network; undefined: none was tried. */
function reachedBy(reports: DialBackReport[], addresses: ServerAddress[]): boolean | undefined {
  const outside = new Set(
    addresses.filter(({ host }) => !isPrivateHost(host)).map(({ host, port }) => `${host} ${port}`),
  );
  const tried = reports
    .flatMap(({ results }) => results)
    .filter(({ address: { host, port } }) => outside.has(`${host} ${port}`));
  return tried.length === 0 ? undefined : tried.some(({ code }) => code === "ok");
}
