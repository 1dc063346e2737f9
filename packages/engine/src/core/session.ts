/**
 * What happens whenever a session with the homeserver was opened: the inbox is read on, what waits is sent, and what
 * the homeserver tells (links, people, our own record) is brought up to date. Each part by itself: one that fails is
 * tried again with the next session, one for which there was no room on the disk a little later.
 */
import type { ClientEvent, ClientResult, Clock, Primitives, RandomSource } from "@fedchat/protocol";
import { openAccountRecord } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import { causeOf, causeOfCode } from "./causes.ts";
import type { Beats } from "./beats.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Changes } from "./changes.ts";
import type { Contacts } from "./contacts.ts";
import type { GapAsking } from "./gap-asking.ts";
import type { Devices } from "./devices.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { KeptServers } from "./kept-servers.ts";
import type { KeyPackageStock } from "./key-packages.ts";
import { storeRetryMs } from "./limits.ts";
import type { LinksBack } from "./links-back.ts";
import type { Log } from "./log.ts";
import type { LostGroups } from "./lost-groups.ts";
import type { MovedAccounts } from "./moved-accounts.ts";
import type { Notices } from "./notices.ts";
import type { Outgoing } from "./outgoing.ts";
import type { People } from "./people.ts";
import type { Receipts } from "./receipts.ts";
import type { RoomAsks } from "./room-asks.ts";
import type { RoomListings } from "./room-listings.ts";
import type { RoomBranches } from "./room-branches.ts";
import type { RoomCommits } from "./room-commits.ts";
import type { RoomLogs } from "./room-logs.ts";
import type { OwnRecords } from "./own-records.ts";
import type { SharedRecords } from "./shared-records.ts";
import type { StorageKeyRing } from "./storage-key-ring.ts";
import { requestKeysRecord, shareRequestKeys } from "./request-keys.ts";
import { giveUpAccountKey } from "./sign-in.ts";
import type { RenewedHomeserver } from "./renewed-homeserver.ts";
import type { Servers } from "./servers.ts";
import type { TreelessWelcomes } from "./treeless-welcomes.ts";
import { learnStrangersNames } from "./strangers-names.ts";

export interface SessionPorts {
  /** Whether this engine could move as well. */
  canMove: boolean;
  clock: Clock;
  store: EngineStore;
  identity: Identity;
  homeserver: HomeserverClient;
  inbox: Inbox;
  outgoing: Outgoing;
  receipts: Receipts;
  servers: Servers;
  people: People;
  contacts: Contacts;
  linksBack: LinksBack;
  branches: Pick<RoomBranches, "prune">;
  logs: RoomLogs;
  commits: RoomCommits;
  capabilities: Capabilities;
  asking: GapAsking;
  beats: Beats;
  reader: ArchiveReader;
  writer: ArchiveWriter;
  roomAsks: Pick<RoomAsks, "resume">;
  roomListings: Pick<RoomListings, "resume">;
  keys: StorageKeyRing;
  shared: SharedRecords;
  devices: Devices;
  ownRecords: OwnRecords;
  renewed: Pick<RenewedHomeserver, "resume">;
  lost: Pick<LostGroups, "look">;
  treeless: Pick<TreelessWelcomes, "resume">;
  movedAccounts: MovedAccounts;
  keptServers: KeptServers;
  notices: Notices;
  roomCrypto: RoomCrypto;
  stock: Pick<KeyPackageStock, "fill">;
  primitives: Primitives;
  random: RandomSource;
  changes: Changes;
  log: Log;
}

type Opened = ClientResult<"session.open">;

export class Session {
  readonly #ports: SessionPorts;
  #stopped = false;

  constructor(ports: SessionPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  opened(opened: Opened): void {
    const { identity, inbox, outgoing, receipts, servers, people, contacts, linksBack, changes } =
      this.#ports;
    const { logs, branches, commits, capabilities, asking, beats, roomAsks, roomListings } = this.#ports;
    const { keys, shared, devices } = this.#ports;
    identity.update({
      fencing: opened.fencing,
      administrator: opened.administrator ? 1 : 0,
      hasPassword: opened.hasPassword ? 1 : 0,
    });
    this.#part("inbox", () => inbox.open(opened.inbox));
    outgoing.resume();
    receipts.sendSoon();
    capabilities.tellAll();
    branches.prune();
    this.#ports.lost.look();
    this.#ports.treeless.resume();
    logs.resume();
    commits.resumeAll();
    asking.lookSoon();
    beats.resume();
    roomAsks.resume();
    roomListings.resume();
    this.#part("account record", () => this.#reconcileRecord(opened.record));
    this.#part("servers", async () => {
      await servers.refresh();
      await this.#ports.renewed.resume();
      await learnStrangersNames(this.#ports);
    });
    this.#part("people", () => people.resume());
    this.#part("whoever moved", () => this.#ports.movedAccounts.resume());
    this.#part("servers' records", () => this.#ports.keptServers.resume());
    this.#part("links back", () => linksBack.resume());
    this.#part("blocks", () => contacts.tellBlocks());
    devices.begin();
    // What the devices share comes before what each of them would otherwise make by itself.
    const share = async () => {
      await giveUpAccountKey(this.#ports);
      await keys.settle();
      await shared.resume();
      await this.#ports.stock.fill();
      shared.selfChanged();
    };
    let inStep = Promise.resolve();
    this.#part("what devices share", () => (inStep = share()));
    this.#part("linking", () => devices.resume());
    this.#shareRequestKeys();
    // Rooms that this device comes into are known by then, so that the archive brings their history and no more.
    this.#part("archives of other devices", async () => {
      await inStep.catch(() => undefined);
      await this.#ports.reader.resume();
    });
    this.#ports.writer.resume();
    changes.status();
  }

  event(event: ClientEvent): void {
    const { outgoing, servers, people, notices, log } = this.#ports;
    switch (event.kind) {
      case "progress":
        return outgoing.progress(event);
      case "link":
        return servers.changed(event.link);
      case "linkRemoved":
        return servers.removed(event.server);
      case "people":
        return people.changed(event);
      case "server":
        return servers.ownChanged(event.info);
      case "nearby":
        return servers.nearbyChanged(event.state);
      case "warning":
        return notices.warn(event);
      case "roomHead":
        this.#ports.commits.resume(event.room);
        return this.#ports.logs.read(event.room);
      case "gapCheck":
        // Counters show what is missing as soon as anything newer comes.
        return log.info("a stream began anew", { server: event.server });
      case "sealed":
        if (event.name === requestKeysRecord) return this.#shareRequestKeys();
        return this.#ports.shared.heard(event.name, event.version);
      case "record":
        return this.#part("account record", () => this.#reconcileRecord(event.record));
      case "meeting":
        return this.#ports.devices.met(event);
      case "superseded":
        return this.#ports.changes.status();
    }
  }

  #shareRequestKeys(): void {
    const { identity } = this.#ports;
    this.#part("request keys", () => shareRequestKeys(this.#ports, identity.record.record.requestKey.id));
  }

  /** The newer record counts: another device may have changed ours, or ours may not have arrived. */
  async #reconcileRecord(theirs: Uint8Array): Promise<void> {
    const { identity, primitives, homeserver, store } = this.#ports;
    const held = openAccountRecord(primitives, theirs);
    const own = identity.record;
    if (held.record.account !== own.record.account) return;
    if (held.record.sequence > own.record.sequence) {
      identity.update({ record: theirs });
      const { account, server, handle, displayName, sequence } = held.record;
      store.accounts.put({ account, server, handle, displayName, sequence, record: theirs });
      this.#ports.devices.recordChanged();
      // Another device of ours moved the account.
      if (server !== this.#ports.servers.own.id)
        this.#ports.notices.add(
          "warning",
          causeOfCode(this.#ports.canMove ? "account-moved" : "account-moved-away"),
        );
    } else if (held.record.sequence < own.record.sequence) {
      await homeserver.request("account.update", { record: own.signed });
    } else this.#ports.ownRecords.bringOwn();
  }

  #part(name: string, work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      const { code } = causeOf(error);
      if (this.#stopped) return;
      // The next session may be far away.
      if (error instanceof StoreFullError)
        this.#ports.clock.after(storeRetryMs, () => this.#again(name, work));
      // A session that broke is no news; anything else is worth a line.
      if (code === "unexpected") this.#ports.log.warn(`${name}: failed`, { error: String(error) });
      else this.#ports.log.info(`${name}: not now`, { code });
    });
  }

  #again(name: string, work: () => Promise<void>): void {
    if (!this.#stopped && this.#ports.homeserver.state.kind === "connected") this.#part(name, work);
  }
}
