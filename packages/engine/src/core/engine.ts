/**
 * An engine: the client without a screen. This file only puts the parts together; each noun has its own file. The
 * engine reads no clock, draws no randomness and opens no socket or file itself: all of that comes in.
 */
import type {
  AccountId,
  ByteChannel,
  Clock,
  Primitives,
  RandomSource,
  RoomId,
  ServerId,
} from "@fedchat/protocol";
import type { EngineEvent, MethodName, Params, Result } from "../interface/index.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { Database } from "../store/database.ts";
import { openEngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { Account } from "./account.ts";
import { AccountMove } from "./account-move.ts";
import { AccountInvitations } from "./account-invitations.ts";
import { Beats } from "./beats.ts";
import { ArchiveKeys } from "./archive-keys.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { Capabilities } from "./capabilities.ts";
import { AsksAgain } from "./asks-again.ts";
import { causeOf } from "./causes.ts";
import { Changes } from "./changes.ts";
import { Contacts } from "./contacts.ts";
import { withEmptiedLog } from "./emptied-log.ts";
import { Expiring } from "./expiring.ts";
import { GapAnswering } from "./gap-answering.ts";
import { GapAsking } from "./gap-asking.ts";
import { GroupHistory } from "./group-history.ts";
import { GroupMessages } from "./group-messages.ts";
import { GroupRooms } from "./group-rooms.ts";
import { DeviceAdmission } from "./device-admission.ts";
import { DeviceJoining } from "./device-joining.ts";
import { Devices } from "./devices.ts";
import { Groups } from "./groups.ts";
import { HistoryFiles } from "./history-files.ts";
import { HistoryImport } from "./history-import.ts";
import { HistoryLines } from "./history-lines.ts";
import { HistoryTaker } from "./history-taker.ts";
import { FormerHomes } from "./former-homes.ts";
import type { HomeAddress } from "./homes.ts";
import { Homes } from "./homes.ts";
import { HomeserverClient } from "./homeserver-client.ts";
import { Identity } from "./identity.ts";
import { Inbox } from "./inbox.ts";
import { IncomingMessages } from "./incoming-messages.ts";
import { Invitations } from "./invitations.ts";
import { KeptServers } from "./kept-servers.ts";
import { KeyPackageStock } from "./key-packages.ts";
import { KnownAccounts } from "./known-accounts.ts";
import { LinksBack } from "./links-back.ts";
import { takeoverAfterDefaultMs } from "./limits.ts";
import type { Log } from "./log.ts";
import { LostGroups } from "./lost-groups.ts";
import { Messages } from "./messages.ts";
import { methodHandlers } from "./methods.ts";
import { MovedAccounts } from "./moved-accounts.ts";
import { Names } from "./names.ts";
import { NotesReceiver } from "./notes-receiver.ts";
import { NotesSender } from "./notes-sender.ts";
import { Notices } from "./notices.ts";
import type { OpaqueClient } from "./opaque-client.ts";
import { recordOutcome } from "./outcomes.ts";
import { Outgoing } from "./outgoing.ts";
import { OwnersGone } from "./owners-gone.ts";
import { OwnRecords } from "./own-records.ts";
import { People } from "./people.ts";
import { Receipts } from "./receipts.ts";
import { Refills } from "./refills.ts";
import { RecoveryKit } from "./recovery-kit.ts";
import { RenewedHomeserver } from "./renewed-homeserver.ts";
import { Requests } from "./requests.ts";
import { RoomAsks } from "./room-asks.ts";
import { RoomBranches } from "./room-branches.ts";
import { RoomCommits } from "./room-commits.ts";
import { RoomEntering } from "./room-entering.ts";
import { RoomEntries } from "./room-entries.ts";
import { RoomItems } from "./room-items.ts";
import { RoomForks } from "./room-forks.ts";
import { RoomLinks } from "./room-links.ts";
import { RoomListings } from "./room-listings.ts";
import { hubsThatMayGoOn } from "./hubs-to-try.ts";
import { RoomLogs } from "./room-logs.ts";
import { RoomReceiver } from "./room-receiver.ts";
import { RoomResending } from "./room-resending.ts";
import { RoomSender } from "./room-sender.ts";
import { RoomWarnings } from "./room-warnings.ts";
import { RoomWelcomes } from "./room-welcomes.ts";
import { Rooms } from "./rooms.ts";
import { Servers } from "./servers.ts";
import { Session } from "./session.ts";
import { SharedRecords } from "./shared-records.ts";
import { StorageKeyRing } from "./storage-key-ring.ts";
import { TreelessWelcomes } from "./treeless-welcomes.ts";
import { Verification } from "./verification.ts";
import { Views } from "./views.ts";

export interface EngineOptions {
  /** This engine's own; closed with it. */
  database: Database;
  homeserver: {
    /** Opens a carrier to the homeserver; rejects with a `ProtocolError`. */
    connect(): Promise<ByteChannel>;
    server: { id: ServerId; noiseKey: Uint8Array | undefined };
    /** Where it listens; absent: it runs beside this engine. */
    address?: HomeAddress | undefined;
  };
  /** Opens a carrier to a homeserver elsewhere; absent: this engine cannot move away. */
  elsewhere?: (address: HomeAddress) => Promise<ByteChannel>;
  /** The account lives on another homeserver now: this engine is to be closed, and opened again on its store. */
  onMoved?: (home: { server: ServerId; address: HomeAddress | undefined }) => void;
  groups: RoomCrypto;
  opaque: OpaqueClient;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  log: Log;
  /** How long a room's hub may be away before another server is asked to go on; undefined: two minutes. [W9] */
  takeoverAfterMs?: number;
  /** What this device is called on the account's record, at most 64 bytes. */
  deviceName: string;
  /** Opens an account where the homeserver asks for a token. */
  registrationToken: Uint8Array | undefined;
}

export interface Engine extends AsyncDisposable {
  /**
   * Calls a method of the interface with parameters that fit its schema. Rejects with `EngineError` or `ProtocolError`;
   * `causeOf` says either in words.
   */
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Returns what ends the subscription. */
  onEvent(listener: (event: EngineEvent) => void): () => void;
}

/** The homeserver that the account lives on: that for which this engine was started, unless it moved. [A13] */
function presentHome({ homeserver, elsewhere }: EngineOptions, { at }: Homes): EngineOptions["homeserver"] {
  if (at === undefined || at.server === homeserver.server.id) return homeserver;
  const { address, server } = at;
  // Where it was, under another key. [R10]
  if (address === null) return { ...homeserver, server: { id: server, noiseKey: undefined } };
  if (elsewhere === undefined)
    throw new Error("assertion: only an engine that reaches other homeservers moves");
  return { connect: () => elsewhere(address), server: { id: server, noiseKey: undefined }, address };
}

/** Opens the store and goes on where it stands. Throws `StoreUnusableError`. */
export function openEngine(options: EngineOptions): Engine {
  const {
    database,
    groups: roomCrypto,
    opaque,
    clock,
    random,
    primitives,
    log,
    deviceName,
    registrationToken,
  } = options;
  const store = openEngineStore(withEmptiedLog(database, clock));
  const homes = new Homes({ store, clock });
  const place = presentHome(options, homes);
  const homeserver = new HomeserverClient({ ...place, clock, random, primitives, log });
  const server = place.server.id;

  const changes = new Changes({ clock, log });
  const groups: Groups = new Groups({
    ...{ store, roomCrypto, stepped: (state) => history.stepped(state) },
    damaged: (room) => lost.damaged(room),
  });
  const base = { store, homeserver, roomCrypto, groups, clock, random, primitives, log, changes };

  const identity = new Identity(base);
  const history = new GroupHistory({ ...base, identity });
  const notices = new Notices(base);
  const known = new KnownAccounts(base);
  const keys = new StorageKeyRing({ ...base, identity });
  const servers = new Servers({ ...base, own: server });
  const people = new People({ ...base, known });
  const names = new Names({ store, servers, people, identity });
  const expiring = new Expiring(base);
  const outgoing = new Outgoing({
    ...base,
    ownServer: server,
    record(row, outcome) {
      recordOutcome(store, changes, row, outcome, clock.now());
      expiring.lookSoon();
      if (row.purpose === "request") asksAgain.lookSoon();
    },
  });
  const rooms = new Rooms(base);
  const sender = new RoomSender({ ...base, identity, outgoing });
  const receipts = new Receipts({ ...base, sender });
  const beats = new Beats({ ...base, sender });
  const messages = new Messages({
    ...{ ...base, identity, names, rooms, sender, receipts, beats, expiring, outgoing },
    beforeSending: (room) => groupRooms.renewKeysWhereDue(room),
  });
  const notes = new NotesSender({ ...base, identity });
  const asksAgain: AsksAgain = new AsksAgain({ ...base, known, notes, outgoing });
  const requests = new Requests({ ...base, identity, known, names, rooms, notes, outgoing, homes, server });
  const capabilities = new Capabilities({ ...base, sender });
  const { takeoverAfterMs = takeoverAfterDefaultMs } = options;
  const warnings = new RoomWarnings({ rooms, clock });
  const isAlone = () => identity.opened === undefined || identity.record.record.devices.length < 2;
  const entering = new RoomEntering({
    ...{ ...base, identity, known, people, names, rooms, notes, outgoing, isAlone },
    sharedKey: (room) => shared.keyOf(room),
    onTold: (room) => commits.resume(room),
  });
  const commits: RoomCommits = new RoomCommits({
    ...{ ...base, identity, known, names, rooms, warnings, server, servers, takeoverAfterMs, entering },
  });
  const ownRecords = new OwnRecords({
    ...{ ...base, identity, known, onWanted: (room) => commits.run(room) },
  });
  const admission = new DeviceAdmission({
    ...{ ...base, known, notes, outgoing, bring: (account) => ownRecords.bring(account) },
  });
  const shared: SharedRecords = new SharedRecords({
    ...{ ...base, identity, keys, known },
    isAlone,
    onRoom: (room) => {
      commits.run(room);
      entering.ask(room);
      keptServers.lookSoon();
    },
  });
  const lost: LostGroups = new LostGroups({
    ...{
      ...base,
      identity,
      rooms,
      hubOf: (room) => shared.hubOf(room) ?? server,
      onLost: (room) => commits.resume(room),
    },
  });
  changes.watch = (kind, id) => {
    if (kind === "room" || kind === "draft") shared.roomChanged(id as RoomId);
    if (kind !== "contact") return;
    const room = store.accounts.contact(id as AccountId)?.room;
    if (room !== undefined) shared.roomChanged(room);
    shared.selfChanged();
  };
  const moved: MovedAccounts = new MovedAccounts({
    ...{ ...base, identity, known, names, servers, rooms, sender, outgoing },
    recordChanged: (account) => ownRecords.bring(account),
    recordOf: (of) => keptServers.recordOf(of),
  });
  known.onMoved = (...change) => moved.contactMoved(...change);
  known.onGuarded = (account, why) => moved.contactGuarded(account, why);
  const keptServers = new KeptServers({ ...base, server });
  const roomLinks = new RoomLinks({ ...base, identity, servers, rooms, sender });
  const incoming = new IncomingMessages({ ...base, identity, history, expiring });
  const asking = new GapAsking({ ...base, identity, history, sender });
  const answering = new GapAnswering({ ...base, identity, history, sender });
  const refills = new Refills({ ...base, identity, incoming, asking });
  const items = new RoomItems({
    ...base,
    identity,
    history,
    incoming,
    asking,
    answering,
    refills,
    beats,
    links: roomLinks,
    moved,
  });
  const groupMessages = new GroupMessages({
    ...{ ...base, items, asking, behind: (room) => logs.read(room) },
    unopened: (room, from) => forks.suspect(room, from),
  });
  const stock = new KeyPackageStock({ ...base, identity });
  const welcomes = new RoomWelcomes({
    ...{ ...base, identity, known, rooms, names, notes, outgoing, warnings },
    onForsaken: (room) => branches.forsake(room),
    onTreeless: (room) => treeless.run(room),
    onJoined: (room) => {
      logs.read(room);
      clock.soon(() => {
        if (homeserver.state.kind !== "connected") return;
        stock.fill().catch((error: unknown) => {
          log.info("key packages are not stocked now", { code: causeOf(error).code });
        });
      });
    },
  });
  const treeless: TreelessWelcomes = new TreelessWelcomes({
    ...{ ...base, prepare: (note, content, info) => welcomes.prepare(note, content, info) },
  });
  const branches = new RoomBranches({
    ...{ ...base, identity, rooms, names, warnings, messages: groupMessages },
    onBack: (room) => commits.wentBack(room),
  });
  const entries = new RoomEntries({
    ...{ ...base, identity, known, rooms, names, messages: groupMessages, welcomes, branches },
    ...{ warnings, admission, moved },
    onDropped: (room) => lost.dropped(room),
  });
  const forks: RoomForks = new RoomForks({
    ...{ ...base, identity, names, warnings, leaveHub: (room) => commits.leaveHub(room) },
  });
  const resending = new RoomResending({ ...base, identity, sender });
  const logs: RoomLogs = new RoomLogs({
    ...{ ...base, entries, branches, messages: groupMessages, onTaken: (room) => taken(room) },
    hubsToTry: (room, forgot) => (homes.former.length === 0 && !forgot ? [] : hubsToTry(room, forgot)),
    leaveHub: (room) => commits.leaveHub(room),
  });
  const hubsToTry = (room: RoomId, forgot: boolean): ServerId[] =>
    hubsThatMayGoOn(
      { ...base, own: server, isAway: (hub) => isFormer(hub) && !formerHomes.isThere(hub) },
      room,
      forgot,
    );
  const isFormer = (hub: ServerId) => homes.former.some((home) => home.server === hub);
  const groupRooms: GroupRooms = new GroupRooms({
    ...{ ...base, identity, known, names, rooms, commits, admission, server },
    onJoined(room) {
      logs.read(room);
      asking.lookSoon();
    },
  });
  const roomListings = new RoomListings({ ...base, identity, names, links: roomLinks });
  const ownersGone = new OwnersGone({ ...base, identity, onWanted: (room) => commits.run(room) });
  const taken = (room: RoomId): void => {
    resending.run(room);
    // What was owed while nobody was to be written to.
    receipts.sendSoon();
    commits.run(room);
    ownersGone.look(room);
    roomListings.tell(room);
    keptServers.lookSoon();
  };
  const roomAsks = new RoomAsks({
    ...{ ...base, identity, known, servers, rooms, groupRooms, links: roomLinks, notes, outgoing },
    again: asksAgain,
  });
  rooms.onPair = (room) =>
    clock.soon(() => {
      logs.read(room);
      commits.run(room);
      capabilities.tellAll();
      keptServers.lookSoon();
    });
  commits.onAppended = (room) => logs.read(room);
  const verification = new Verification({ ...base, identity, names });
  const linksBack = new LinksBack({ ...base, identity, servers, notices });
  const invitations = new Invitations({
    ...{ ...base, identity, servers, requests, linksBack, verification },
  });
  const contacts = new Contacts({ ...base, identity, names });
  const views = new Views({
    ...{ ...base, identity, names, people, servers, invitation: (row) => invitations.view(row) },
    holdUp: (room) => commits.holdUp(room),
    entering: (row, holdUp) => entering.cause(row, holdUp),
    former: () =>
      formerHomes.looked.map((home) => ({
        ...{ serverId: home, name: names.server(home), connected: formerHomes.isThere(home) },
      })),
    restoring: () => reader.progress,
    recoveryKit: () => recoveryKit.standing(),
    hubAwaySince: (room) => commits.hubAwaySince(room),
    devices: () => ({
      devices: identity.opened === undefined ? [] : devices.list(),
      linking: devices.linking,
      joining: joining.state,
    }),
  });
  const title = (row: RoomRow) => views.title(row);
  const lines = new HistoryLines({ store, identity, names, title });
  const historyFiles = new HistoryFiles({ ...base, identity, names, lines, title });
  const taker = new HistoryTaker({ ...base, identity, known, rooms, isAlone });
  const historyImport = new HistoryImport({ store, taker });
  const archiveKeys = new ArchiveKeys({ ...base, identity, keys });
  const reader = new ArchiveReader({
    ...{ ...base, identity, keys, archiveKeys, taker, notices },
    onRoom(room) {
      commits.resume(room);
      keptServers.lookSoon();
    },
  });
  const writer = new ArchiveWriter({
    ...{ ...base, identity, keys, archiveKeys, lines, notices },
    isReading: () => !reader.isDone,
  });
  const recoveryKit = new RecoveryKit({ ...base, identity, names, servers });
  const account = new Account({
    ...{ ...base, identity, rooms, server, deviceName, opaque, notices, registrationToken, keys },
    onRecord: () => devices.recordChanged(),
  });
  const devices: Devices = new Devices({
    ...{ ...base, identity, opaque, keys, shared, ownRecords, server },
    onGuarded: () => moved.tellAll(),
    onFewer() {
      store.entering.askAnew();
      commits.resumeAll();
    },
  });
  const joining = new DeviceJoining({ ...base, identity, rooms, keys, server, deviceName });
  const accountInvitations = new AccountInvitations({ homeserver, servers });
  const note = new NotesReceiver({
    ...{
      ...base,
      identity,
      known,
      names,
      servers,
      rooms,
      requests,
      invitations,
      notes,
      outgoing,
      welcomes,
      asks: roomAsks,
      entering,
      admission,
    },
    recordChanged: (of) => ownRecords.bring(of),
  });
  const handlers = { note, room: new RoomReceiver({ ...base, messages: groupMessages }) };
  const after = () => receipts.sendSoon();
  const inbox = new Inbox({ ...{ ...base, notices, handlers, after } });
  const formerHomes: FormerHomes = new FormerHomes({
    ...{ ...base, homes, identity, notices, handlers, after },
    connectTo({ server: home, address }) {
      if (home === options.homeserver.server.id) return options.homeserver.connect;
      const { elsewhere } = options;
      return address === null || elsewhere === undefined ? undefined : () => elsewhere(address);
    },
  });
  const accountMove = new AccountMove({
    ...{ ...base, identity, opaque, homes, keys, kept: keptServers, movedAccounts: moved },
    ...{ present: { server, address: place.address }, elsewhere: options.elsewhere },
    onMoved: ({ host, port, server: home }) => options.onMoved?.({ server: home, address: { host, port } }),
  });
  const renewed = new RenewedHomeserver({
    ...{ ...base, identity, homes, servers, movedAccounts: moved, ownRecords, notices },
    ...{ server, address: place.address },
    onRenewed: (home) => clock.soon(() => options.onMoved?.({ server: home, address: place.address })),
  });
  const session = new Session({
    canMove: options.elsewhere !== undefined,
    ...{
      ...base,
      identity,
      inbox,
      outgoing,
      receipts,
      servers,
      people,
      contacts,
      linksBack,
      notices,
      logs,
      branches,
      commits,
      capabilities,
      asking,
      beats,
      reader,
      writer,
      roomAsks,
      roomListings,
      keys,
      shared,
      devices,
      ownRecords,
      stock,
      lost,
      treeless,
      keptServers,
      renewed,
      movedAccounts: moved,
    },
  });

  changes.show(views);
  expiring.lookSoon();
  homeserver.onState = () => {
    changes.status();
    if (homeserver.removed) changes.mark("devices", undefined);
  };
  homeserver.onOther = (record) => renewed.answered(record);
  homeserver.onOpened = (opened) => session.opened(opened);
  homeserver.onEvent = (event) => session.event(event);
  homeserver.onItems = (items) => inbox.take(items);
  if (identity.opened !== undefined) {
    homeserver.identity = identity.session;
    homeserver.start();
    formerHomes.start();
  }

  const methodsOf = methodHandlers({
    ...{ ...base, identity, account, accountInvitations, servers, people, names, known },
    ...{
      requests,
      contacts,
      invitations,
      rooms,
      groupRooms,
      roomLinks,
      roomListings,
      roomAsks,
      messages,
      notices,
      views,
      verification,
    },
    ...{ historyFiles, historyImport, recoveryKit, reader, writer, devices, joining, accountMove },
  });

  return {
    async call(method, params) {
      // The table pairs each name with its own parameters, which a union of them cannot express.
      const handler = methodsOf[method] as (params: unknown) => Promise<Result<typeof method>>;
      return await handler(params);
    },
    onEvent: (listener) => changes.listen(listener),
    async [Symbol.asyncDispose]() {
      changes.stop();
      reader.stop();
      writer.stop();
      session.stop();
      outgoing.stop();
      receipts.stop();
      for (const part of [beats, asking, answering, expiring, asksAgain]) part.stop();
      linksBack.stop();
      capabilities.stop();
      shared.stop();
      joining.stop();
      logs.stop();
      treeless.stop();
      commits.stop();
      forks.stop();
      ownersGone.stop();
      roomListings.stop();
      moved.stop();
      keptServers.stop();
      await formerHomes.stop();
      await homeserver.stop();
      await inbox.stop();
      store.close();
    },
  };
}
