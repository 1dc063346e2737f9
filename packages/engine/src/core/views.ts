/** The outward views (interface/views.ts), made from the store's rows and what the homeserver last told. */
import type { AccountId, LinkView, MessageId, RequestId, RoomId, ServerId } from "@fedchat/protocol";
import { directoryFault, fromWireError } from "@fedchat/protocol";
import type {
  Cause,
  Contact,
  Devices,
  Directory,
  Invitation,
  Me,
  Message,
  Nearby,
  NetworkMap,
  Notice,
  Person,
  Request,
  Room,
  RoomAsk,
  RoomPerson,
  Server,
  Status,
  UnlinkedServer,
} from "../interface/index.ts";
import type { ContactRow } from "../store/accounts-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { InvitationRow, NoticeRow } from "../store/invitations-table.ts";
import type { MessageRow } from "../store/messages-table.ts";
import type { RequestRow } from "../store/requests-table.ts";
import type { RoomAskRow } from "../store/room-asks-table.ts";
import type { RoomRow, RoomSuccession } from "../store/rooms-table.ts";
import { causeOf, causeOfCode, decodeCause, linkCause } from "./causes.ts";
import { gapLines } from "./gap-lines.ts";
import type { Identity } from "./identity.ts";
import type { NamedAccount, Names } from "./names.ts";
import { networkMap } from "./network-map.ts";
import type { ListedPerson, People } from "./people.ts";
import type { Homeserver } from "./ports.ts";
import { causeWithReach, reachOf } from "./reach.ts";
import type { RoomEntering } from "./room-entering.ts";
import { roomServerName } from "./room-people.ts";
import type { Servers } from "./servers.ts";
import { underwayLine, wantedChanges } from "./wanted-changes.ts";

export class Views {
  readonly #store: EngineStore;
  readonly #identity: Identity;
  readonly #names: Names;
  readonly #people: People;
  readonly #servers: Servers;
  readonly #homeserver: Homeserver;
  readonly #invitation: (row: InvitationRow) => Invitation;
  readonly #holdUp: (room: RoomId) => Cause | null;
  readonly #entering: RoomEntering["cause"];
  readonly #former: () => NonNullable<Status["former"]>;
  readonly #restoring: () => Status["restoring"];
  readonly #recoveryKit: () => NonNullable<Status["recoveryKit"]>;
  readonly #hubAwaySince: (room: RoomId) => number | undefined;
  readonly #devices: () => Devices;

  constructor(ports: {
    store: EngineStore;
    identity: Identity;
    names: Names;
    people: People;
    servers: Servers;
    homeserver: Homeserver;
    invitation: (row: InvitationRow) => Invitation;
    /** Why a room's changes are not done yet. */
    holdUp: (room: RoomId) => Cause | null;
    /** Why nothing can be written in a room that is open. */
    entering: RoomEntering["cause"];
    /** Homeservers where the account lived before, and what still comes is looked for. */
    former: () => NonNullable<Status["former"]>;
    restoring: () => Status["restoring"];
    recoveryKit: () => NonNullable<Status["recoveryKit"]>;
    /** Since when a room's hub is missed. */
    hubAwaySince: (room: RoomId) => number | undefined;
    devices: () => Devices;
  }) {
    this.#store = ports.store;
    this.#identity = ports.identity;
    this.#names = ports.names;
    this.#people = ports.people;
    this.#servers = ports.servers;
    this.#homeserver = ports.homeserver;
    this.#invitation = ports.invitation;
    this.#holdUp = ports.holdUp;
    this.#entering = ports.entering;
    this.#former = ports.former;
    this.#restoring = ports.restoring;
    this.#recoveryKit = ports.recoveryKit;
    this.#hubAwaySince = ports.hubAwaySince;
    this.#devices = ports.devices;
  }

  me(): Me {
    const { account, hasPassword, device, deviceName, createdAt } = this.#identity.self;
    const { handle, displayName, server } = this.#identity.record.record;
    const address = this.#names.address({ server, handle });
    return {
      ...{ account, handle, address, displayName, hasPassword: hasPassword === 1 },
      ...{ deviceId: device, deviceName, createdAt },
    };
  }

  status(): Status {
    const { own } = this.#servers;
    const { state, removed } = this.#homeserver;
    const opened = this.#identity.opened;
    const restoring = this.#restoring();
    const former = this.#former();
    const addresses = own.record?.addresses ?? [];
    return {
      me: opened === undefined ? null : this.me(),
      homeserver: {
        serverId: own.id,
        name: this.#names.server(own.id),
        addresses,
        version: own.record?.software ?? "",
        administrator: opened?.administrator === 1,
        relaying: own.relaying ?? null,
        // Without an account there is nobody to connect as, and nothing is amiss.
        connection: state.kind === "idle" && opened === undefined ? "connected" : busy(state.kind),
        cause: removed
          ? causeOfCode("device-removed")
          : state.error === undefined
            ? null
            : causeOf(state.error),
        nextTryAt: state.kind === "waiting" ? state.nextTryAt : null,
      },
      reach: this.#reach(),
      counts: {
        unread: this.#store.messages.unreadInAllRooms(),
        requests: this.#store.requests.pendingIncomingCount() + this.#store.roomAsks.pendingIncoming(),
        unknownDevices: this.#devices().devices.filter(({ known }) => !known).length,
      },
      ...(former.length === 0 ? {} : { former }),
      ...(restoring === undefined ? {} : { restoring }),
      ...(opened === undefined ? {} : { recoveryKit: this.#recoveryKit() }),
    };
  }

  #reach(): Status["reach"] {
    return reachOf(this.#servers.own, (relay) => this.#names.server(relay));
  }

  server(link: LinkView): Server {
    const error = link.error === null ? null : linkCause(fromWireError(link.error));
    return {
      serverId: link.server,
      name: link.name,
      localName: link.localName,
      shownName: this.#names.server(link.server),
      trust: link.trust,
      state: link.state,
      cause: causeWithReach(error, this.#reach()),
      nextTryAt: link.nextTryAt,
      addresses: link.addresses,
      ...(link.told === undefined ? {} : { toldAddresses: link.told }),
      via: link.via.map((relay) => this.#names.server(relay)),
      origin: link.origin,
      relaysFor: link.relaysFor,
      roundTripMs: link.roundTripMs,
      queueDepth: link.queueDepth,
      lastContactAt: link.lastContactAt,
      linkedAt: link.linkedAt,
      ...(link.replaced === undefined
        ? {}
        : { replaced: { serverId: link.replaced.server, since: link.replaced.issued } }),
      software: link.software,
    };
  }

  unlinked(): UnlinkedServer[] {
    return this.#servers.unlinked
      .map(({ server, error, via, ...view }) => ({
        ...view,
        serverId: server,
        shownName: this.#names.server(server),
        cause: error === null ? null : causeOf(fromWireError(error)),
        via: via.map((relay) => this.#names.server(relay)),
        people: this.#oursAt(server),
      }))
      .sort((a, b) => a.shownName.localeCompare(b.shownName));
  }

  serverById(server: ServerId): Server | undefined {
    const link = this.#servers.get(server);
    return link && this.server(link);
  }

  directories(): Directory[] {
    return this.#servers.directories.map(({ address, server, name, state, error, nextTryAt, servers }) => ({
      ...{ address, serverId: server, state, nextTryAt, servers },
      shownName: name === "" ? `${address.host}:${address.port}` : name,
      cause: directoryFault({ address, name, state, error }) ?? null,
    }));
  }

  /** @param limit servers at most */
  network(limit: number): NetworkMap {
    const known = {
      own: this.#servers.own.id,
      heard: this.#servers.network,
      links: this.#servers.list(),
      shown: (server: ServerId) => this.#names.server(server),
      view: (link: LinkView) => this.server(link),
    };
    return networkMap(known, limit);
  }

  nearby(): Nearby {
    const { mode, problem, servers } = this.#servers.nearby;
    return {
      mode,
      problem,
      servers: servers.map(({ server, name, addresses, heardAt }) => ({
        serverId: server,
        name,
        shownName: name === "" ? server.slice(0, 8) : name,
        addresses,
        trust: this.#servers.get(server)?.trust ?? null,
        heardAt,
      })),
    };
  }

  person({ account, server, handle, displayName }: NamedAccount): Person {
    return {
      account,
      address: this.#names.address({ server, handle }),
      displayName,
      serverId: server,
      serverName: this.#names.server(server),
      presence: this.#presence(account),
      relation: this.#relation(account),
      shownBy: this.#shownBy(account),
      verified: this.#isVerified(account),
      insteadOf: this.#insteadOf(account),
      roomId: this.#store.accounts.contact(account)?.room ?? null,
    };
  }

  /** Those whom servers list, and every contact: whoever hides is still there to talk with. */
  people(): Person[] {
    return this.#withContacts(this.#people.all(), () => true);
  }

  peopleOf(server: ServerId): Person[] {
    return this.#withContacts(this.#people.of(server), (named) => named.server === server);
  }

  invitationById(id: string): Invitation | undefined {
    const row = this.#store.invitations.get(id);
    return row && this.#invitation(row);
  }

  request(row: RequestRow): Request {
    const named = this.#names.account(row.account);
    const handle = named?.handle ?? "";
    return {
      requestId: row.id,
      direction: row.direction,
      account: row.account,
      address: this.#names.address({ server: row.server, handle }),
      displayName: named?.displayName ?? handle,
      serverId: row.server,
      serverName: this.#names.server(row.server),
      insteadOf: row.state === "pending" ? this.#insteadOf(row.account) : null,
      text: row.text,
      why: row.why,
      createdAt: row.createdAt,
      state: row.state,
      cause: decodeCause(row.cause),
      roomId: row.room,
    };
  }

  requestById(id: RequestId): Request | undefined {
    const row = this.#store.requests.get(id);
    return row && this.request(row);
  }

  contact(row: ContactRow): Contact {
    const named = this.#names.account(row.account);
    if (named === undefined) throw new Error("assertion: a contact's record is kept");
    return {
      account: row.account,
      address: this.#names.address(named),
      displayName: named.displayName,
      nickname: row.nickname,
      serverId: named.server,
      serverName: this.#names.server(named.server),
      presence: this.#presence(row.account),
      blocked: this.#store.accounts.isBlocked(row.account),
      verified: this.#isVerified(row.account),
      roomId: row.room,
      since: row.since,
    };
  }

  contactById(account: AccountId): Contact | undefined {
    const row = this.#store.accounts.contact(account);
    return row && this.contact(row);
  }

  room(row: RoomRow): Room {
    const peer = row.peer === null ? undefined : this.#names.account(row.peer);
    const last = this.#store.messages.last(row.id);
    const unread = this.#store.messages.unread(row.id, row.readPosition);
    const isBlocked = row.peer !== null && this.#store.accounts.isBlocked(row.peer);
    return {
      roomId: row.id,
      kind: row.kind,
      title: this.title(row),
      peer: peer === undefined ? null : this.person(peer),
      createdAt: row.createdAt,
      lastActivityAt: row.lastActivityAt,
      lastMessage: last === undefined ? null : this.message(last),
      unread: unread.count,
      firstUnread: unread.first,
      missing: this.#store.missing.missing(row.id),
      gaps: gapLines(this.#store, row, {
        connected: this.#homeserver.state.kind === "connected",
        shown: (account) => this.#names.shown(account),
      }),
      state: isBlocked && row.state === "open" ? "closed" : row.state,
      cause:
        isBlocked && row.state === "open"
          ? causeOfCode("you-blocked")
          : (this.#entering(row, this.#holdUp(row.id)) ?? decodeCause(row.cause)),
      keyChange: row.peer === null ? null : this.#keyChange(row.peer),
      draft: row.draft,
      expireAfterReadingMs: row.expireAfterMs,
      group: row.kind === "group" ? this.#group(row) : null,
    };
  }

  /** Who takes part in a room of many, owners first. */
  roomPeople(room: RoomId): RoomPerson[] {
    const ranks = ["owner", "moderator", "member", "guest"];
    return this.#store.groupRooms
      .people(room)
      .map(({ account, server, role }) => ({
        person: this.person(this.#names.account(account) ?? unnamed(account, server)),
        role,
        self: account === this.#identity.account,
      }))
      .toSorted(
        (a, b) =>
          ranks.indexOf(a.role) - ranks.indexOf(b.role) ||
          a.person.displayName.localeCompare(b.person.displayName),
      );
  }

  /** Whoever is meant, even where no more than the key is known of them. */
  personOf(account: AccountId): Person {
    return this.person(this.#names.account(account) ?? unnamed(account, this.#servers.own.id));
  }

  /** What a screen calls a room. */
  title({ id, kind, peer, name }: RoomRow): string {
    if (kind === "notes") return "Notes to self";
    if (peer !== null) return this.#names.shown(peer);
    if (name !== "") return name;
    const others = this.#store.groupRooms
      .people(id)
      .filter(({ account }) => account !== this.#identity.account);
    return others.length === 0 ? "Room" : others.map(({ account }) => this.#names.shown(account)).join(", ");
  }

  #group({ id, name, joining, inviting, invitedBy, succession }: RoomRow): Room["group"] {
    const people = this.#store.groupRooms.people(id);
    const shown = (account: AccountId) => this.#names.shown(account);
    const underway = wantedChanges(this.#store, id).flatMap(
      ({ change }) => underwayLine(change, shown) ?? [],
    );
    return {
      name,
      people: people.length,
      verified: people.filter(({ account }) => this.#isVerified(account)).length,
      role: people.find(({ account }) => account === this.#identity.account)?.role ?? null,
      invitedBy: invitedBy === null ? null : shown(invitedBy),
      listing: this.#listingOf(id),
      asking: this.#store.roomAsks.pendingIncoming(id),
      joining,
      inviting,
      succession: succession === null ? null : this.#succession(id, JSON.parse(succession) as RoomSuccession),
      hub: this.#hub(id),
      underway,
      cause: underway.length === 0 ? null : this.#holdUp(id),
    };
  }

  #succession(id: RoomId, { heir, days, claim }: RoomSuccession): NonNullable<Room["group"]>["succession"] {
    const { account: own } = this.#identity;
    const isModerator = this.#store.groupRooms.person(id, own)?.role === "moderator";
    const ours = claim?.by.includes(own) === true;
    const shown = (account: AccountId) => this.#names.shown(account);
    return {
      heir: heir === null ? null : { account: heir, name: shown(heir) },
      days,
      claim: claim && { by: claim.by.map(shown), ours, dueAt: claim.dueAt },
      mayClaim: !ours && (isModerator || heir === own),
    };
  }

  #hub(id: RoomId): NonNullable<Room["group"]>["hub"] {
    const log = this.#store.groupRooms.log(id);
    const isOut = this.#store.rooms.get(id)?.state === "closed" && !this.#store.rooms.hasGroup(id);
    if (log === undefined || log.following === "over" || isOut) return null;
    const awaySince = this.#hubAwaySince(id) ?? null;
    return { serverId: log.hub, name: roomServerName(this.#store, this.#names, id, log.hub), awaySince };
  }

  #keyChange(contact: AccountId): Room["keyChange"] {
    const change = this.#store.verified.changeOf(contact);
    if (change === undefined || change.decided === 1) return null;
    return { account: change.other, at: change.at, verified: this.#isVerified(change.other) };
  }

  #insteadOf(account: AccountId): string | null {
    const change = this.#store.verified.changeTo(account);
    return change === undefined ? null : this.#names.shown(change.contact);
  }

  #isVerified(account: AccountId): boolean {
    return this.#store.verified.get(account) !== undefined;
  }

  #listingOf(room: RoomId): string | null {
    const listing = this.#store.roomAsks.listing(room);
    return listing?.wanted === 1 ? listing.description : null;
  }

  roomAsk(row: RoomAskRow): RoomAsk {
    const named = this.#names.account(row.account);
    const handle = named?.handle ?? "";
    return {
      askId: row.id,
      direction: row.direction,
      roomId: row.room,
      roomName: row.roomName,
      account: row.account,
      displayName: named?.displayName ?? handle,
      address: this.#names.address({ server: row.server, handle }),
      serverId: row.server,
      serverName: this.#names.server(row.server),
      insteadOf: row.state === "pending" ? this.#insteadOf(row.account) : null,
      createdAt: row.createdAt,
      state: row.state,
      cause: decodeCause(row.cause),
    };
  }

  roomAskById(id: RequestId): RoomAsk | undefined {
    const row = this.#store.roomAsks.get(id);
    return row && this.roomAsk(row);
  }

  devices(): Devices {
    return this.#devices();
  }

  roomById(id: RoomId): Room | undefined {
    const row = this.#store.rooms.get(id);
    return row && this.room(row);
  }

  message(row: MessageRow): Message {
    const times = {
      submitted: row.submittedAt,
      forwarded: row.forwardedAt,
      delivered: row.deliveredAt,
      read: row.readAt,
    };
    return {
      messageId: row.id,
      roomId: row.room,
      position: row.position,
      kind: row.kind,
      sender: row.sender,
      senderName: this.#names.shown(row.sender),
      mine: row.mine === 1,
      sentAt: row.sentAt,
      receivedAt: row.receivedAt,
      text: row.text,
      inReplyTo: row.inReplyTo,
      state: row.state,
      stateAt: Object.fromEntries(Object.entries(times).filter(([, at]) => at !== null)),
      cause: decodeCause(row.cause),
      expires:
        row.expiresAt === null && row.expireAfterMs === null
          ? null
          : { at: row.expiresAt, afterReadingMs: row.expireAfterMs },
    };
  }

  messageById(id: MessageId): Message | undefined {
    const row = this.#store.messages.get(id);
    return row && this.message(row);
  }

  notice(row: NoticeRow): Notice {
    const cause = decodeCause(row.cause);
    if (cause === null) throw new Error("assertion: a notice has a cause");
    return { noticeId: row.id, level: row.level, cause, at: row.at };
  }

  noticeById(id: number): Notice | undefined {
    const row = this.#store.notices.get(id);
    return row && this.notice(row);
  }

  #shownBy(account: AccountId): string | null {
    const by = this.#people.get(account)?.shownBy;
    return by === undefined ? null : this.#names.server(by);
  }

  #withContacts(people: ListedPerson[], wanted: (contact: NamedAccount) => boolean): Person[] {
    const shown = new Map(people.map(({ opened }) => [opened.record.account, this.person(opened.record)]));
    for (const { account } of this.#store.accounts.contacts()) {
      const named = shown.has(account) ? undefined : this.#names.account(account);
      if (named !== undefined && wanted(named)) shown.set(account, this.person(named));
    }
    return [...shown.values()];
  }

  /** Names of contacts there, and of those who were asked or ask. */
  #oursAt(server: ServerId): string[] {
    const asking = this.#store.requests.list().filter(({ state }) => state === "pending");
    const accounts = [...this.#store.accounts.contacts(), ...asking].map(({ account }) => account);
    return [...new Set(accounts)]
      .filter((account) => this.#names.account(account)?.server === server)
      .map((account) => this.#names.shown(account));
  }

  #presence(account: AccountId): Person["presence"] {
    return this.#people.get(account)?.presence ?? "unknown";
  }

  #relation(account: AccountId): Person["relation"] {
    if (this.#identity.opened?.account === account) return "self";
    if (this.#store.accounts.isBlocked(account)) return "blocked";
    if (this.#store.accounts.contact(account) !== undefined) return "contact";
    if (this.#store.requests.pending("outgoing", account) !== undefined) return "requested";
    return this.#store.requests.pending("incoming", account) === undefined ? "none" : "requesting";
  }
}

/** Where nothing but the key is known. */
function unnamed(account: AccountId, server: ServerId): NamedAccount {
  return { account, server, handle: account.slice(0, 8), displayName: account.slice(0, 8) };
}

function busy(kind: Homeserver["state"]["kind"]): Status["homeserver"]["connection"] {
  return kind === "idle" ? "connecting" : kind;
}
