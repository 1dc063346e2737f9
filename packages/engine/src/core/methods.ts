/** The interface's methods, each in a line or two: parameters in, the parts of the engine, views out. */
import type {
  AccountId,
  DeviceId,
  MessageId,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
  RequestId,
  RoomId,
  ServerId,
} from "@fedchat/protocol";
import { openAccountRecord, ProtocolError } from "@fedchat/protocol";
import type { z } from "zod";
import type { MethodName, methods, Result } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { MessageRow } from "../store/messages-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Account } from "./account.ts";
import type { AccountInvitations } from "./account-invitations.ts";
import { engineError } from "./causes.ts";
import { EngineError } from "./engine-error.ts";
import type { Contacts } from "./contacts.ts";
import type { GroupRooms } from "./group-rooms.ts";
import type { GroupWay } from "./group-xray.ts";
import { groupXray, lateXray } from "./group-xray.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import type { HistoryFiles } from "./history-files.ts";
import type { HistoryImport } from "./history-import.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import type { Invitations } from "./invitations.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { mapServersDefault, messagesPageDefault, searchHitsDefault } from "./limits.ts";
import type { Messages } from "./messages.ts";
import type { NamedAccount, Names } from "./names.ts";
import type { Notices } from "./notices.ts";
import type { AccountMove } from "./account-move.ts";
import type { DeviceJoining } from "./device-joining.ts";
import type { Devices } from "./devices.ts";
import { generatePassphrase, passwordWeakness } from "./passphrase.ts";
import type { People } from "./people.ts";
import { givesReceipts } from "./receipts.ts";
import type { RecoveryKit } from "./recovery-kit.ts";
import type { Requests } from "./requests.ts";
import type { RoomAsks } from "./room-asks.ts";
import type { RoomLinks } from "./room-links.ts";
import type { RoomListings } from "./room-listings.ts";
import type { Rooms } from "./rooms.ts";
import { searchMessages } from "./search.ts";
import { addressOf, type Servers } from "./servers.ts";
import type { Verification } from "./verification.ts";
import type { Views } from "./views.ts";
import { traceMessage, withheld, xrayOf } from "./xray.ts";

export interface MethodPorts {
  store: EngineStore;
  identity: Identity;
  account: Account;
  accountInvitations: AccountInvitations;
  homeserver: HomeserverClient;
  servers: Servers;
  people: People;
  names: Names;
  known: KnownAccounts;
  requests: Requests;
  contacts: Contacts;
  verification: Verification;
  invitations: Invitations;
  rooms: Rooms;
  groupRooms: GroupRooms;
  roomLinks: RoomLinks;
  roomListings: RoomListings;
  roomAsks: RoomAsks;
  messages: Messages;
  recoveryKit: RecoveryKit;
  reader: ArchiveReader;
  writer: ArchiveWriter;
  historyFiles: HistoryFiles;
  historyImport: HistoryImport;
  notices: Notices;
  devices: Devices;
  joining: DeviceJoining;
  accountMove: AccountMove;
  views: Views;
  primitives: Primitives;
  random: RandomSource;
}

type Parsed<M extends MethodName> = z.output<(typeof methods)[M]["params"]>;
export type Handlers = { [M in MethodName]: (params: Parsed<M>) => Result<M> | Promise<Result<M>> };

/** Parameters have passed the interface's schemas: their identifiers have the form that the brands promise. */
export function methodHandlers(ports: MethodPorts): Handlers {
  const { store, account, accountInvitations, servers, people, names, requests, contacts } = ports;
  const {
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
  } = ports;
  const {
    historyFiles,
    historyImport,
    recoveryKit,
    reader,
    writer,
    homeserver,
    random,
    devices,
    joining,
    accountMove,
  } = ports;
  const shownDevices = async (change: Promise<void> | void) => {
    await change;
    return views.devices();
  };
  const groupWayOf = groupWay(ports);
  const finder = personFinder(ports);
  const shownRoom = (roomId: string, change: (id: RoomId) => void) => {
    change(roomId as RoomId);
    return views.room(rooms.get(roomId as RoomId));
  };
  const shownAsk = (askId: string, change: (id: RequestId) => void) => {
    change(askId as RequestId);
    return views.roomAsk(store.roomAsks.get(askId as RequestId)!);
  };

  return {
    "engine.status": () => views.status(),
    "engine.subscribe": () => ({ position: store.messages.newestPosition() }),
    "engine.notices": () => store.notices.list().map((row) => views.notice(row)),
    "engine.dismissNotice": ({ noticeId }) => done(notices.dismiss(noticeId)),

    "account.create": async ({ displayName, handle, password, registrationToken }) => {
      await account.create({ displayName, handle, password, registrationToken });
      return views.me();
    },
    "account.terms": ({ registrationToken }) => account.terms(registrationToken),
    "account.signIn": async ({ handle, password, replaces }) => {
      await account.signIn({ handle, password, replaces: replaces as DeviceId | undefined });
      return views.me();
    },
    "account.setPassword": async ({ password, present }) =>
      done(await account.setPassword(password, present)),
    "account.suggestPassphrase": () => ({ passphrase: generatePassphrase(random) }),
    "account.passwordWeakness": ({ password }) => ({
      weakness: passwordWeakness(password, []) ?? null,
    }),
    "account.move": async ({ invitation, password }) => done(await accountMove.move(invitation, password)),
    "account.rename": async ({ displayName, password }) => {
      await account.rename(displayName, password);
      return views.me();
    },

    "devices.list": () => views.devices(),
    "devices.link": ({ password }) => devices.link(password),
    "devices.confirm": () => shownDevices(devices.confirm()),
    "devices.cancel": () => shownDevices(devices.cancel()),
    "devices.join": ({ code, name }) => joining.join(code, name),
    "devices.rename": ({ deviceId, name, password }) =>
      shownDevices(devices.rename(deviceId as DeviceId, name, password)),
    "devices.revoke": ({ deviceId, password }) =>
      shownDevices(devices.revoke(deviceId as DeviceId, password)),
    "devices.acknowledge": ({ deviceId }) => shownDevices(devices.acknowledge(deviceId as DeviceId)),

    "accountInvitations.create": (wish) => accountInvitations.create(wish),
    "accountInvitations.list": () => accountInvitations.list(),
    "accountInvitations.revoke": async ({ invitationId }) =>
      done(await accountInvitations.revoke(invitationId)),

    "servers.list": () => servers.list().map((link) => views.server(link)),
    "servers.link": async ({ host, port, serverId, localName }) =>
      views.server(await servers.link(serverId as ServerId, [addressOf(host, port)], localName)),
    "servers.linkBack": async ({ serverId }) => views.server(await servers.linkBack(serverId as ServerId)),
    "servers.unlinked": async () => {
      await servers.refreshUnlinked();
      return views.unlinked();
    },
    "servers.linkKnown": async ({ serverId, localName }) =>
      views.server(await servers.linkKnown(serverId as ServerId, localName)),
    "servers.unlink": async ({ serverId }) => done(await servers.unlink(serverId as ServerId)),
    "servers.block": async ({ serverId }) => views.server(await servers.block(serverId as ServerId)),
    "servers.unblock": async ({ serverId }) => views.server(await servers.unblock(serverId as ServerId)),
    "servers.rename": async ({ serverId, localName }) =>
      views.server(await servers.rename(serverId as ServerId, localName)),
    "servers.setAddresses": async ({ serverId, addresses }) =>
      views.server(
        await servers.setAddresses(
          serverId as ServerId,
          addresses.map(({ host, port }) => addressOf(host, port)),
        ),
      ),
    "servers.nearby": async () => {
      await servers.refreshNearby();
      return views.nearby();
    },
    "servers.linkNearby": async ({ serverId, localName }) =>
      views.server(await servers.linkNearby(serverId as ServerId, localName)),
    "servers.examine": ({ again = false }) => homeserver.request("server.examine", { again }),
    "servers.directories": async () => {
      await servers.refreshDirectories();
      return views.directories();
    },
    "servers.relaying": async () => {
      await servers.refreshOwn();
      return servers.own.relaying!;
    },
    "servers.setRelaying": async ({ relaysFor }) => {
      await servers.setRelaying(relaysFor);
      return servers.own.relaying!;
    },
    "network.map": async ({ limit }) => {
      await servers.refreshNetwork();
      return views.network(limit ?? mapServersDefault);
    },
    "servers.retry": async ({ serverId }) => done(await servers.retry(serverId as ServerId)),

    "people.list": async ({ refresh }) => {
      if (refresh === true || (people.all().length === 0 && homeserver.state.kind === "connected")) {
        await people.refresh(refresh === true);
      }
      return views.people();
    },
    "people.look": async () => done(await people.look()),
    "people.search": async ({ text }) => {
      await servers.learnDirectories();
      const found = new Set(await people.search(text));
      return views.people().filter(({ account }) => found.has(account as AccountId));
    },
    "people.visibility": () => homeserver.request("people.visibility", {}),
    "people.setVisibility": async ({ visibility }) => {
      await homeserver.request("people.setVisibility", { visibility });
      return {};
    },
    "people.find": async ({ who }) => views.person(await finder.find(who)),

    "requests.list": () => store.requests.list().map((row) => views.request(row)),
    "requests.send": async ({ who, text }) => {
      if (unsendable.test(text) || !text.isWellFormed()) throw engineError("bad-text");
      return views.request(requests.send(await finder.record(who), text));
    },
    "requests.accept": ({ requestId }) => {
      const { room } = requests.accept(requestId as RequestId);
      return views.room(rooms.get(room!));
    },
    "requests.decline": ({ requestId }) => done(requests.decline(requestId as RequestId)),
    "requests.withdraw": ({ requestId }) => done(requests.withdraw(requestId as RequestId)),

    "contacts.list": () => store.accounts.contacts().map((row) => views.contact(row)),
    "contacts.block": ({ account: blocked }) => done(contacts.block(blocked as AccountId)),
    "contacts.unblock": ({ account: blocked }) => done(contacts.unblock(blocked as AccountId)),
    "contacts.nickname": ({ account: named, nickname }) =>
      views.contact(contacts.setNickname(named as AccountId, nickname)),
    "contacts.blocked": () =>
      store.accounts
        .blocked()
        .map((row) => ({ account: row.account, displayName: names.shown(row.account) })),
    "contacts.safetyNumber": ({ account: other }) => verification.number(other as AccountId),
    "contacts.verify": ({ account: other, code }) => {
      verification.verify(other as AccountId, code);
      return verification.number(other as AccountId);
    },
    "contacts.unverify": ({ account: other }) => {
      verification.unverify(other as AccountId);
      return verification.number(other as AccountId);
    },
    "contacts.dismissKeyChange": ({ account: contact }) => done(verification.notNow(contact as AccountId)),

    "invitations.create": async ({ label, uses, expiresInMs }) => {
      await servers.learnOwn();
      return invitations.create({
        ...(label === undefined ? {} : { label }),
        ...(uses === undefined ? {} : { uses }),
        ...(expiresInMs === undefined ? {} : { expiresInMs }),
      });
    },
    "invitations.list": () => invitations.list(),
    "invitations.revoke": ({ invitationId }) => done(invitations.revoke(invitationId)),
    "invitations.inspect": ({ link }) => invitations.inspect(link),
    "invitations.accept": async ({ link }) => views.request(await invitations.accept(link)),

    "rooms.list": () => store.rooms.list().map((row) => views.room(row)),
    "rooms.get": ({ roomId }) => views.room(rooms.get(roomId as RoomId)),
    "rooms.clear": ({ roomId }) => done(rooms.clear(roomId as RoomId)),

    "rooms.setExpiry": ({ roomId, afterReadingMs }) =>
      shownRoom(roomId, (id) => rooms.setExpiry(id, afterReadingMs)),

    "rooms.create": ({ name, people: invited, size = "usual" }) => {
      const accounts = invited.map((one) => names.resolve(one).account);
      return views.room(rooms.get(groupRooms.create(name, accounts, size)));
    },
    "rooms.join": ({ roomId }) => shownRoom(roomId, (id) => groupRooms.join(id)),
    "rooms.leave": ({ roomId }) => shownRoom(roomId, (id) => groupRooms.leave(id)),
    "rooms.people": ({ roomId }) => views.roomPeople(rooms.get(roomId as RoomId).id),
    "rooms.rename": ({ roomId, name }) => shownRoom(roomId, (id) => groupRooms.rename(id, name)),
    "rooms.invite": ({ roomId, who, role = "member" }) =>
      shownRoom(roomId, (id) => groupRooms.invite(id, names.resolve(who).account, role)),
    "rooms.remove": ({ roomId, account: gone, ban }) =>
      shownRoom(roomId, (id) => groupRooms.remove(id, gone as AccountId, ban === true ? "ban" : "remove")),
    "rooms.unban": ({ roomId, account: banned }) =>
      shownRoom(roomId, (id) => groupRooms.unban(id, banned as AccountId)),
    "rooms.handOver": ({ roomId, serverId }) =>
      shownRoom(roomId, (id) => groupRooms.handOver(id, serverId as ServerId)),
    "rooms.setRole": ({ roomId, account: whose, role }) =>
      shownRoom(roomId, (id) => groupRooms.setRole(id, whose as AccountId, role)),
    "rooms.setRules": ({ roomId, inviting, joining }) =>
      shownRoom(roomId, (id) =>
        groupRooms.setRules(id, {
          ...(inviting === undefined ? {} : { invite: inviting }),
          ...(joining === undefined ? {} : { join: joining }),
        }),
      ),
    "rooms.setSuccession": ({ roomId, heir, days }) =>
      shownRoom(roomId, (id) => groupRooms.setSuccession(id, heir as AccountId | null, days)),
    "rooms.claim": ({ roomId }) => shownRoom(roomId, (id) => groupRooms.claim(id)),
    "rooms.unclaim": ({ roomId }) => shownRoom(roomId, (id) => groupRooms.unclaim(id)),
    "rooms.createLink": async ({ roomId, ...wanted }) => {
      await servers.learnOwn();
      return roomLinks.create(roomId as RoomId, wanted);
    },
    "rooms.links": ({ roomId }) => roomLinks.list(rooms.get(roomId as RoomId).id),
    "rooms.revokeLink": ({ linkId }) => done(roomLinks.revoke(linkId)),
    "rooms.setListing": ({ roomId, description }) =>
      shownRoom(roomId, (id) => roomListings.set(id, description?.toWellFormed().normalize("NFC") ?? null)),
    "rooms.listed": () => roomListings.listed(),
    "rooms.ask": async ({ link }) => views.roomAsk(await roomAsks.ask(link)),
    "rooms.asks": () => store.roomAsks.list().map((row) => views.roomAsk(row)),
    "rooms.admit": ({ askId }) => shownAsk(askId, (id) => roomAsks.admit(id)),
    "rooms.declineAsk": ({ askId }) => shownAsk(askId, (id) => roomAsks.decline(id)),
    "rooms.withdrawAsk": ({ askId }) => shownAsk(askId, (id) => roomAsks.withdraw(id)),
    "rooms.banned": ({ roomId }) =>
      groupRooms.banned(roomId as RoomId).map((banned) => views.personOf(banned)),

    "messages.list": ({ roomId, before, after, around, limit }) => {
      const at = { before, after, around: around as MessageId | undefined };
      const { rows, more } = messages.page(roomId as RoomId, at, limit);
      return { messages: rows.map((row) => views.message(row)), more };
    },
    "messages.since": ({ after, limit }) =>
      store.messages.since(after, limit ?? messagesPageDefault).map((row) => views.message(row)),
    "messages.send": ({ roomId, to, text, inReplyTo, expires, clientId }) => {
      const room = (roomId as RoomId | undefined) ?? finder.roomWith(to);
      const reference = (inReplyTo as MessageId | undefined) ?? null;
      return views.message(
        messages.send(room, {
          text: text.toWellFormed(),
          inReplyTo: reference,
          expires: expires === "never" ? null : expires,
          clientId: clientId ?? null,
        }),
      );
    },
    "messages.retry": ({ messageId }) => views.message(messages.retry(messageId as MessageId)),
    "messages.markRead": ({ roomId, messageId }) =>
      done(messages.markRead(roomId as RoomId, messageId as MessageId)),
    "messages.markUnread": ({ roomId, messageId }) =>
      done(messages.markUnread(roomId as RoomId, messageId as MessageId)),
    "messages.xray": async ({ messageId }) => {
      const id = messageId as MessageId;
      const trace = await traceMessage(ports, messages.get(id));
      const kept = messages.get(id);
      const message = homeserver.removed ? withheld(kept) : kept;
      const room = rooms.get(message.room);
      if (message.lateFrom !== null) return lateXray(message, message.lateFrom, names);
      if (room.kind === "group") return groupXray(message, groupWayOf(message, room));
      const { peer } = room;
      const theirs = peer === null ? servers.own.id : (names.account(peer)?.server ?? servers.own.id);
      const shown = peer === null ? "" : names.shown(peer);
      return xrayOf(message, {
        own: names.server(servers.own.id),
        theirs: names.server(theirs),
        peer: shown,
        link: views.serverById(theirs),
        custody: store.messages.custodyOf(id),
        passed: store.messages.passedBy(id),
        trace: message.forwardedAt === null ? trace : undefined,
        nameOf: (server) => names.server(server),
      });
    },
    "messages.search": ({ text, roomId, before, limit }) => {
      const filter = { room: roomId as RoomId | undefined, before, limit: limit ?? searchHitsDefault };
      return searchMessages(store.messages, text, filter).map(({ message, snippet }) => ({
        message: views.message(message),
        roomTitle: views.roomById(message.room)?.title ?? "",
        snippet,
      }));
    },

    "account.guard": async ({ words }) => done(await devices.guard(words)),
    "account.recover": async ({ words, stolen = false, here }) => {
      await account.recover(words, { stolen, here: here && { registrationToken: undefined, ...here } });
      return views.me();
    },
    "recovery.kit": async () => {
      await servers.learnOwn().catch(() => undefined);
      return recoveryKit.show();
    },
    "recovery.settle": ({ kit }) => done(recoveryKit.settle(kit)),
    "archive.state": () => ({ read: reader.isDone, ...writer.state() }),
    "history.files": () => historyFiles.list(),
    "history.piece": ({ file, at, timeZone = "UTC" }) => historyFiles.piece(file, at, timeZone),
    "history.importBegin": ({ header }) => ({ next: historyImport.begin(header) }),
    "history.import": ({ lines, next }) => historyImport.take(lines, next),
    "history.importEnd": () => done(historyImport.end()),

    "drafts.set": ({ roomId, text }) => done(rooms.setDraft(roomId as RoomId, text)),

    "screens.list": noScreens,
    "screens.enable": noScreens,
    "screens.disable": noScreens,
    "screens.add": noScreens,
    "screens.remove": noScreens,
  };
}

/** How far a message got, of what the store knows. */
function groupWay({ store, identity, names, servers }: MethodPorts) {
  return (message: MessageRow, room: RoomRow): GroupWay => {
    const receipts = new Map(store.groupRooms.receipts(message.id).map((one) => [one.account, one]));
    const waiting = store.transport.bySubject(message.id);
    const heard = store.groupRooms.heard(room.id);
    return {
      own: names.server(servers.own.id),
      missing: [...new Set(waiting.map(({ server }) => names.server(server)))],
      people: store.groupRooms
        .people(room.id)
        .filter(({ account }) => account !== identity.account)
        .map(({ account }) => ({
          name: names.shown(account),
          joined: heard.has(account),
          has: (receipts.get(account)?.deliveredAt ?? null) !== null,
          read: (receipts.get(account)?.readAt ?? null) !== null,
        })),
      givesReceipts: givesReceipts(store, room),
    };
  };
}

/** What the wire does not carry in texts of requests: controls, and characters that reorder what stands around them. */
const unsendable = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/u;

function personFinder({ names, people, known, homeserver, store, identity, rooms, primitives }: MethodPorts) {
  /** Among those known; where nobody fits, the linked servers are asked once. */
  async function find(who: string): Promise<NamedAccount> {
    try {
      return names.resolve(who);
    } catch (error) {
      const isUnknown = error instanceof EngineError && error.data.code === "unknown-person";
      if (!isUnknown || homeserver.state.kind !== "connected") throw error;
      await people.refresh(true);
      const [handle] = who.trim().replace(/^@/, "").split("@");
      if (handle) await people.search(handle);
      return names.resolve(who);
    }
  }

  /** The newest signed record, which requests are sealed to. */
  async function record(who: string): Promise<OpenedAccountRecord> {
    const { account, server } = await find(who);
    const listed = people.get(account)?.opened;
    if (listed !== undefined) return listed;
    if (account === identity.account) return identity.record;
    if (homeserver.state.kind !== "connected") return known.get(account) ?? refuse("unknown-account");
    const { record: found } = await homeserver.request("people.lookup", { server, account });
    const opened = found === null ? known.get(account) : openAccountRecord(primitives, found);
    return opened?.record.account === account ? opened : refuse("unknown-account");
  }

  function roomWith(who: string | undefined): RoomId {
    if (who === undefined) throw engineError("unknown-room");
    const { account } = names.resolve(who);
    if (account === identity.account) return rooms.notes().id;
    const contact = store.accounts.contact(account);
    if (contact === undefined) throw engineError("unknown-room", "You have no chat with this person yet.");
    return contact.room;
  }

  return { find, record, roomWith };
}

/** The program around an engine answers these, where it serves screens. */
function noScreens(): never {
  throw engineError("no-screens");
}

function refuse(code: "unknown-account"): never {
  throw new ProtocolError(code);
}

function done(_effect: void): Record<string, never> {
  return {};
}
