/**
 * The requests of the homeserver interface: one table of names, parameters and results, used by the engine's client
 * and the homeserver's dispatcher alike. Errors travel as `wireError`. Who may call what: `open` before a session is
 * opened, `session` with one, `administrator` only by administrators of the homeserver. [H2]
 */
import type { Codec, TypeOf } from "./cbor/codec.ts";
import {
  array,
  bool,
  bytes,
  encode,
  decode,
  literals,
  nullable,
  optional,
  struct,
  tagged,
  text,
  uint,
} from "./cbor/codec.ts";
import {
  accountInvitationTokenBytes,
  accountInvitationView,
  accountInvitationWish,
} from "./account-invitation.ts";
import { wireError } from "./errors.ts";
import {
  accountInvitationsMax,
  archivePieceBytesMax,
  archiveSegmentBytesMax,
  archiveSegmentsMax,
  findingsMax,
  invitationRelaysMax,
  keyPackageBytesMax,
  keyPackagesStockedMax,
  nearbyAddressesMax,
  nearbyServersMax,
  meetingMessageBytesMax,
  peopleListMax,
  recordBytesMax,
  sealedRecordBytesMax,
  roomsFollowedMax,
  sealedRecordsPerAccountMax,
  serverAddressesMax,
  serversIntroducedMax,
  signedOverheadBytesMax,
} from "./limits.ts";
import { keyPackageClaim, keyPackageSuite } from "./key-package-claim.ts";
import { accountId, deviceId, envelopeId, handlePattern, roomId, serverId } from "./names.ts";
import { relayHint } from "./invitation.ts";
import { roomListing } from "./room-listing.ts";
import { followedRoom, roomAppendFields, roomAppendOutcome, roomInfoPart, roomLogPage } from "./room-log.ts";
import { serverAddress } from "./server-record.ts";

const signedServerRecord = bytes({ min: 1, max: recordBytesMax + signedOverheadBytesMax });
const signedAccountRecord = bytes({ min: 1, max: recordBytesMax * 4 });
const opaqueMessage = bytes({ min: 1, max: 4_096 });
const handle = text({ min: 1, max: 32, pattern: handlePattern });

/** closed: the owner only · invited: who holds an account invitation or the local token · open: anybody. [A6] */
export const registrationPolicy = literals("closed", "invited", "open");
export type RegistrationPolicy = TypeOf<typeof registrationPolicy>;

/** Where an inbox stands. `incarnation` changes when the homeserver lost or restored it. */
const inboxState = struct({ incarnation: bytes(16), floor: uint({}), head: uint({}), cursor: uint({}) });

const opened = struct({
  /** This session's fencing number: higher than every earlier one of the device. [H4] */
  fencing: uint({}),
  inbox: inboxState,
  handle: text({ max: 32 }),
  /** The account record as the homeserver holds it. */
  record: signedAccountRecord,
  administrator: bool,
  hasPassword: bool,
});

export const linkView = struct({
  server: serverId.codec,
  /** Claimed name; empty before the first contact. */
  name: text({ max: 253 }),
  /** Whether it is a domain that has confirmed this server; absent: it is none, or has not. [N4] */
  nameProved: optional(bool),
  localName: nullable(text({ max: 256 })),
  trust: literals("mutual", "incoming", "outgoing", "blocked"),
  state: literals("connected", "connecting", "waiting", "refused", "off"),
  error: nullable(wireError),
  nextTryAt: nullable(uint({})),
  addresses: array(serverAddress, { max: 16 }),
  /** Of these the ones that people told, which can be changed; absent: none. */
  told: optional(array(serverAddress, { min: 1, max: 16 })),
  roundTripMs: nullable(uint({})),
  queueDepth: uint({}),
  lastContactAt: nullable(uint({})),
  linkedAt: uint({}),
  software: text({ max: 64 }),
  /** The relays that the connection passes, in order; empty: direct, or none. */
  via: array(serverId.codec, { max: 16 }),
  /** Whether a person linked it, or a common directory. */
  origin: literals("person", "directory"),
  /** For whom it relays, by its record. */
  relaysFor: literals("nobody", "linked", "anyone"),
  /** The key that it had before, which its owner said to be lost or stolen, and when; absent: none. [R8] */
  replaced: optional(struct({ server: serverId.codec, issued: uint({}) })),
});
export type LinkView = TypeOf<typeof linkView>;

/** A server without a link, told to an account that granted somebody there delivery, or was asked from there. [C11] */
export const unlinkedView = struct({
  server: serverId.codec,
  /** Claimed name; empty where no record of it is known. */
  name: text({ max: 253 }),
  state: literals("connected", "connecting", "waiting", "refused", "off"),
  error: nullable(wireError),
  nextTryAt: nullable(uint({})),
  addresses: array(serverAddress, { max: 16 }),
  roundTripMs: nullable(uint({})),
  /** The relays that the connection passes, in order; empty: direct, or none. */
  via: array(serverId.codec, { max: 16 }),
  relaysFor: literals("nobody", "linked", "anyone"),
});
export type UnlinkedView = TypeOf<typeof unlinkedView>;

export const personView = struct({
  server: serverId.codec,
  record: signedAccountRecord,
  presence: literals("online", "offline", "unknown"),
  /** Claimed name of that server, where it is not linked from here: people one hop beyond, or found in a directory. */
  serverName: optional(text({ max: 253 })),
  /** The linked server, or the directory, that showed this person. */
  shownBy: optional(serverId.codec),
});
export type PersonView = TypeOf<typeof personView>;

const serverInfo = struct({
  record: bytes({ min: 1, max: recordBytesMax }),
  /** Accounts living here. One means that addresses are short: `@bob`. */
  accounts: uint({}),
  /** Whether any server reached this one from outside lately. */
  reachedFromOutside: bool,
  /** Whether a linked server that was asked lately could dial this one at all; absent: none was. [L25] */
  dialledBack: optional(bool),
  /** Relays of this server's record, for invitations: where they are, first those that relay for anyone. [I1] */
  relayHints: array(relayHint, { max: invitationRelaysMax }),
  /** What this server does for others, and has stored for them. */
  relaying: struct({
    relaysFor: literals("nobody", "linked", "anyone"),
    circuits: uint({}),
    custodyBundles: uint({}),
    custodyBytes: uint({}),
    custodyBytesMax: uint({}),
  }),
});

/** How far one lets oneself be shown: to nobody, to linked servers, to those linked with these, to directories. [L23] */
export const visibility = literals("hidden", "linked", "beyond", "directory");
export type Visibility = TypeOf<typeof visibility>;

/** Where an envelope is on its way to one server, for the message X-ray. */
export const envelopeTrace = struct({
  server: serverId.codec,
  state: literals("queued", "forwarded", "refused", "expired"),
  /** How it goes, or would go now. none: no way is known. */
  route: literals("direct", "relayed", "custody", "none"),
  path: array(serverId.codec, { max: 16 }),
  /** Relays that the destination names, and that are not connected now; absent: none, or it is connected. */
  missing: optional(array(serverId.codec, { min: 1, max: 16 })),
  /** Relays that signed for it. */
  receipts: array(struct({ relay: serverId.codec, taken: uint({}), until: uint({}) }), { max: 16 }),
  /** Why it waits, or was refused. */
  error: nullable(wireError),
  nextTryAt: nullable(uint({})),
});
export type EnvelopeTrace = TypeOf<typeof envelopeTrace>;

/** A directory that this server registers with. */
export const directoryView = struct({
  address: serverAddress,
  /** Null before somebody answered there. */
  server: nullable(serverId.codec),
  name: text({ max: 253 }),
  state: literals("connected", "connecting", "waiting"),
  error: nullable(wireError),
  nextTryAt: nullable(uint({})),
  /** How many servers it announced since this one started. */
  servers: uint({}),
});
export type DirectoryView = TypeOf<typeof directoryView>;

/** A server as this one knows the network. */
export const mapServer = struct({
  server: serverId.codec,
  name: text({ max: 253 }),
  relaysFor: literals("nobody", "linked", "anyone"),
  /** Links between servers as far as their records tell: relays of it and neighbours that agreed to be listed. */
  neighbours: array(serverId.codec, { max: 272 }),
  /** How far its record came; 0: from itself. */
  hops: uint({ max: 16 }),
});
export type MapServer = TypeOf<typeof mapServer>;

/** A server heard of in the homeserver's local network: nothing of it is proved, the id least of all. [Y2] */
export const nearbyServer = struct({
  server: serverId.codec,
  /** Claimed name; empty where it says none. */
  name: text({ max: 253 }),
  addresses: array(serverAddress, { min: 1, max: nearbyAddressesMax }),
  heardAt: uint({}),
});
export type NearbyServer = TypeOf<typeof nearbyServer>;

const nearbyState = struct({
  mode: literals("announce", "look", "off"),
  /** Why nothing is found, in a sentence for people. */
  problem: nullable(text({ max: 500 })),
  servers: array(nearbyServer, { max: nearbyServersMax }),
});
export type NearbyState = TypeOf<typeof nearbyState>;

/** One thing that decides whether others reach this homeserver, looked at. Sentences are for people. */
export const finding = struct({
  /** What was looked at, for programs: `port`, `address`, `proxy`, `clock` and so on. */
  check: text({ min: 1, max: 40 }),
  /** The same for people, with the address or the server that is meant. */
  title: text({ min: 1, max: 400, multiline: true }),
  result: literals("passed", "warning", "failed", "untestable"),
  /** Why, for programs; null where it passed. */
  code: nullable(text({ max: 40 })),
  sentence: text({ max: 1_000, multiline: true }),
  fix: nullable(text({ max: 1_000, multiline: true })),
  /** What a screen can do about it. */
  action: nullable(
    tagged("kind", {
      copy: struct({ text: text({ min: 1, max: 2_000, multiline: true }) }),
      server: struct({ server: serverId.codec }),
      linkServer: struct({}),
      invite: struct({}),
    }),
  ),
});
export type Finding = TypeOf<typeof finding>;

/** What the doctor found so far. */
export const examination = struct({
  startedAt: uint({}),
  /** Null while it goes on. */
  finishedAt: nullable(uint({})),
  findings: array(finding, { max: findingsMax }),
  /** Titles of what is still looked at. */
  pending: array(text({ max: 400, multiline: true }), { max: findingsMax }),
});
export type Examination = TypeOf<typeof examination>;

const sealedRecord = struct({
  name: text({ min: 1, max: 128 }),
  version: uint({}),
  bytes: bytes({ max: sealedRecordBytesMax }),
});

const nothing = struct({});
const bare = struct({ server: serverId.codec });

function method<P, R>(access: "open" | "session" | "administrator", params: Codec<P>, result: Codec<R>) {
  return { access, params, result };
}

export const clientMethods = {
  /** The session's Noise static key must be the device's; `signature` is the device's over the handshake hash, type `client-session`. */
  "session.open": method(
    "open",
    struct({ account: accountId.codec, device: deviceId.codec, signature: bytes(64), fencing: uint({}) }),
    opened,
  ),
  /** Opens an account: the record names this server and this device. The first account is the owner's: an administrator. */
  "account.register": method(
    "open",
    struct({
      token: bytes({ max: 64 }),
      record: signedAccountRecord,
      device: deviceId.codec,
      signature: bytes(64),
    }),
    opened,
  ),
  /** Who may open an account, and whether this token (or none: empty) would. [J3] */
  "registration.terms": method(
    "open",
    struct({ token: bytes({ max: 64 }) }),
    struct({ policy: registrationPolicy, admits: bool }),
  ),
  "accountInvitations.make": method(
    "administrator",
    accountInvitationWish,
    struct({ token: bytes(accountInvitationTokenBytes), invitation: accountInvitationView }),
  ),
  "accountInvitations.list": method(
    "administrator",
    struct({}),
    struct({ invitations: array(accountInvitationView, { max: accountInvitationsMax }) }),
  ),
  "accountInvitations.revoke": method("administrator", struct({ id: bytes(8) }), struct({})),
  /** A newer version of the own account record; one that names another homeserver says that the account moved. [A12] */
  "account.update": method("session", struct({ record: signedAccountRecord }), nothing),
  /**
   * Proves the account key on this channel, for a device that has nothing else: `signature` is the account's over the
   * handshake hash, type `account-recovery`. `unknown-account` where it does not live here. [F11]
   */
  "account.prove": method(
    "open",
    struct({ account: accountId.codec, signature: bytes(64) }),
    struct({ record: signedAccountRecord }),
  ),
  "server.info": method("session", nothing, serverInfo),

  /** OPAQUE (RFC 9807). `wrappedKey` is the account key under the export key; the homeserver cannot open it. */
  "password.registerStart": method(
    "session",
    struct({ request: opaqueMessage }),
    struct({ response: opaqueMessage }),
  ),
  "password.registerFinish": method(
    "session",
    struct({ upload: opaqueMessage, wrappedKey: bytes({ min: 1, max: 512 }) }),
    nothing,
  ),
  /** Answers alike for unknown handles. */
  "password.loginStart": method(
    "open",
    struct({ handle, request: opaqueMessage }),
    struct({ attempt: bytes(16), response: opaqueMessage }),
  ),
  "password.loginFinish": method(
    "open",
    struct({ attempt: bytes(16), finish: opaqueMessage }),
    struct({ wrappedKey: bytes({ min: 1, max: 512 }), record: signedAccountRecord }),
  ),
  /** After loginFinish, or account.prove, on this very channel: a newer account record that adds this device; opens the session. */
  "device.add": method(
    "open",
    struct({ record: signedAccountRecord, device: deviceId.codec, signature: bytes(64) }),
    opened,
  ),

  /** Items from here on are pushed as `item` frames. `resync`: the cursor is of another incarnation, below the floor or above the head. */
  "inbox.subscribe": method(
    "session",
    struct({ incarnation: bytes(16), position: uint({}) }),
    struct({ outcome: literals("ok", "resync"), inbox: inboxState }),
  ),

  /** Where submitted envelopes are, for an engine that was away: still in an outbox, gone to the destination, or refused. */
  "envelopes.progress": method(
    "session",
    struct({ envelopes: array(envelopeId.codec, { max: 500 }) }),
    struct({
      progress: array(
        struct({
          envelope: envelopeId.codec,
          server: nullable(serverId.codec),
          state: literals("pending", "forwarded", "refused", "expired"),
          error: optional(wireError),
        }),
        { max: 5_000 },
      ),
    }),
  ),

  /** Where one envelope is now, for each server that it goes to. */
  "envelopes.trace": method(
    "session",
    struct({ envelope: envelopeId.codec }),
    struct({ traces: array(envelopeTrace, { max: 255 }) }),
  ),

  "keyPackages.put": method(
    "session",
    struct({
      suite: keyPackageSuite,
      packages: array(bytes({ min: 1, max: keyPackageBytesMax }), { max: keyPackagesStockedMax }),
      lastResort: optional(bytes({ min: 1, max: keyPackageBytesMax })),
      /** Holders of this may fetch one. */
      capability: bytes(16),
    }),
    struct({ stocked: uint({}) }),
  ),
  "keyPackages.count": method("session", struct({ suite: keyPackageSuite }), struct({ stocked: uint({}) })),
  "keyPackages.fetch": method(
    "session",
    struct({ server: serverId.codec, ...keyPackageClaim }),
    struct({ keyPackage: nullable(bytes({ min: 1, max: keyPackageBytesMax })) }),
  ),

  /** Compare-and-swap: accepted when `version` is the held one plus one (1 for a new record); else `conflict`. */
  "sealed.put": method("session", sealedRecord, nothing),
  "sealed.get": method(
    "session",
    struct({ name: text({ min: 1, max: 128 }) }),
    struct({ record: nullable(sealedRecord) }),
  ),
  "sealed.list": method(
    "session",
    nothing,
    struct({
      records: array(struct({ name: text({ max: 128 }), version: uint({}) }), {
        max: sealedRecordsPerAccountMax,
      }),
    }),
  ),

  /** Sealed segments of the account's archive, of all its devices. [F6] */
  "archive.list": method(
    "session",
    nothing,
    struct({
      segments: array(struct({ device: deviceId.codec, number: uint({}), total: uint({}), held: uint({}) }), {
        max: archiveSegmentsMax,
      }),
      /** What the account may keep here. */
      bytesMax: uint({}),
    }),
  ),
  /** A piece of a segment of this device; kept where it continues what is held. Answers with what is held then. */
  "archive.put": method(
    "session",
    struct({
      number: uint({}),
      offset: uint({}),
      total: uint({ max: archiveSegmentBytesMax }),
      bytes: bytes({ min: 1, max: archivePieceBytesMax }),
    }),
    struct({ held: uint({}) }),
  ),
  /** What follows at an offset, as much as is told at once; `not-found` where nothing does. */
  "archive.get": method(
    "session",
    struct({ device: deviceId.codec, number: uint({}), offset: uint({}) }),
    struct({ total: uint({}), bytes: bytes({ min: 1, max: archivePieceBytesMax }) }),
  ),
  "archive.drop": method(
    "session",
    struct({ device: deviceId.codec, numbers: array(uint({}), { max: archiveSegmentsMax }) }),
    nothing,
  ),
  /** For ten minutes whoever knows its name meets this session here: how a further device is linked. [U4] */
  "meetings.open": method("session", struct({ meeting: bytes(16) }), struct({ until: uint({}) })),
  "meetings.answer": method(
    "session",
    struct({ meeting: bytes(16), message: bytes({ max: meetingMessageBytesMax }) }),
    nothing,
  ),
  "meetings.close": method("session", struct({ meeting: bytes(16) }), nothing),
  /** Answered by whoever opened the meeting; `unreachable` where that takes too long: to be asked again. */
  "meetings.meet": method(
    "open",
    struct({ meeting: bytes(16), message: bytes({ max: meetingMessageBytesMax }) }),
    struct({ message: bytes({ max: meetingMessageBytesMax }) }),
  ),

  /** Lets an account of another server deliver to this one whatever the servers' trust is. */
  "delivery.grant": method("session", struct({ server: serverId.codec, account: accountId.codec }), nothing),
  "delivery.revoke": method("session", struct({ account: accountId.codec }), nothing),
  /** Nothing of this account or this server is delivered to the calling account any more. */
  "delivery.block": method("session", struct({ account: accountId.codec }), nothing),
  "delivery.unblock": method("session", struct({ account: accountId.codec }), nothing),

  /** People of mutually linked servers and of this one. With `refresh`, linked servers are asked anew first. */
  "people.list": method(
    "session",
    struct({ refresh: bool }),
    struct({ people: array(personView, { max: peopleListMax }) }),
  ),
  /** The record of an account whose key and server are known; null where there is none. */
  "people.lookup": method(
    "session",
    struct({
      server: serverId.codec,
      account: accountId.codec,
      /** Where that server is, as an invitation says: it need not be known here. [C11] */
      invited: optional(
        struct({
          addresses: array(serverAddress, { max: serverAddressesMax }),
          relays: array(relayHint, { max: invitationRelaysMax }),
        }),
      ),
    }),
    struct({ record: nullable(signedAccountRecord) }),
  ),

  "people.visibility": method("session", nothing, struct({ visibility })),
  "people.setVisibility": method("session", struct({ visibility }), nothing),
  /** While somebody looks, people one hop beyond are told by events, too. Ends with the session. [L24] */
  "people.watchBeyond": method("session", struct({ watching: bool }), nothing),
  /** People beyond and in directories whose handle or name has this text. */
  "people.search": method(
    "session",
    struct({ text: text({ min: 1, max: 256 }) }),
    struct({ people: array(personView, { max: 1_000 }) }),
  ),

  /**
   * Appends to the log of a room, at its hub; `begin` on the own homeserver, which becomes the hub. Refused with
   * `not-allowed`, `unknown-room`, `malformed`, `quota-exceeded`, `rate-limited`, `storage-full`, or, where the hub is
   * another server that cannot be asked, `unreachable` and the like. [O3]
   */
  "rooms.append": method("session", struct({ hub: serverId.codec, ...roomAppendFields }), roomAppendOutcome),
  /** Entries behind a position of a room that this account follows, from the log as it is here, or at `of`. [O6] */
  "rooms.log": method(
    "session",
    struct({ room: roomId.codec, after: uint({}), of: optional(serverId.codec) }),
    roomLogPage,
  ),
  /** The rooms that this account follows, and where their logs are here. */
  "rooms.heads": method(
    "session",
    nothing,
    struct({ rooms: array(followedRoom, { max: roomsFollowedMax }) }),
  ),
  /** A piece of a room's newest info, of its hub. [O6] */
  "rooms.info": method(
    "session",
    struct({ room: roomId.codec, hub: serverId.codec, offset: uint({}) }),
    roomInfoPart,
  ),
  /** Has the room's log kept here from this entry on: that by which the account came in. [O6] */
  "rooms.follow": method(
    "session",
    struct({ room: roomId.codec, hub: serverId.codec, position: uint({}), hash: bytes(32) }),
    nothing,
  ),
  "rooms.unfollow": method("session", struct({ room: roomId.codec }), nothing),
  /** Lets others see a room that this account follows, or no more. [I12] */
  "rooms.publish": method("session", struct({ room: roomId.codec, listing: nullable(roomListing) }), nothing),
  /** The rooms that others let themselves see: people here, and of mutually linked servers that answer in time. [I13] */
  "rooms.listed": method(
    "session",
    nothing,
    struct({
      rooms: array(
        struct({
          server: serverId.codec,
          listing: roomListing,
          /** What the directory calls itself whose lobby this is; how many people are in it may be unknown: 0. [D8] */
          lobby: optional(text({ min: 1, max: 253 })),
        }),
        { max: 1_000 },
      ),
    }),
  ),

  /** For whom this server relays. Told to links by a new record. */
  "server.setRelaying": method(
    "administrator",
    struct({ relaysFor: literals("nobody", "linked", "anyone") }),
    nothing,
  ),
  "directories.list": method("session", nothing, struct({ directories: array(directoryView, { max: 64 }) })),
  /** The network as this server knows it, nearest first. */
  "network.map": method(
    "session",
    nothing,
    struct({ servers: array(mapServer, { max: 2_000 }), more: bool }),
  ),

  "links.list": method("session", nothing, struct({ links: array(linkView, { max: 10_000 }) })),
  /** Servers that are not linked, where this account granted somebody delivery, or whence it was asked lately. */
  "links.unlinked": method("session", nothing, struct({ servers: array(unlinkedView, { max: 1_000 }) })),
  /** Resolves after the first attempt: connected, or waiting with its error. `name-taken`, `wrong-server-key` refuse. */
  "links.add": method(
    "administrator",
    struct({
      server: serverId.codec,
      addresses: array(serverAddress, { max: 16 }),
      localName: optional(text({ min: 1, max: 256 })),
      /** Where it may be reached through others, from its invitation. */
      relays: optional(array(relayHint, { max: 3 })),
    }),
    linkView,
  ),
  "links.linkBack": method("administrator", bare, linkView),
  "links.remove": method("administrator", bare, nothing),
  "links.block": method("administrator", bare, linkView),
  "links.unblock": method("administrator", bare, linkView),
  "links.rename": method(
    "administrator",
    struct({ server: serverId.codec, localName: nullable(text({ min: 1, max: 256 })) }),
    linkView,
  ),
  /** Where people say that it is, in place of what they said before. Answered as `links.add`. [L14] */
  "links.setAddresses": method(
    "administrator",
    struct({ server: serverId.codec, addresses: array(serverAddress, { max: 16 }) }),
    linkView,
  ),
  "links.retry": method("administrator", bare, nothing),

  /** The signed records of these servers, as far as they are known here: an engine keeps them for a move. [A14] */
  "servers.records": method(
    "session",
    struct({ servers: array(serverId.codec, { max: serversIntroducedMax }) }),
    struct({ records: array(signedServerRecord, { max: serversIntroducedMax }) }),
  ),
  /** Tells this homeserver where other servers are, by their own signed records. [A14] */
  "servers.introduce": method(
    "session",
    struct({ records: array(signedServerRecord, { max: serversIntroducedMax }) }),
    nothing,
  ),
  /** Servers in the homeserver's local network. Its administrators' business: others need not know that network. */
  "servers.nearby": method("administrator", nothing, nearbyState),

  /** The doctor's findings as they are now. The first call begins; `again` begins anew, unless one goes on. */
  "server.examine": method("administrator", struct({ again: bool }), examination),
} as const;

export type ClientMethodName = keyof typeof clientMethods;
export type ClientParams<M extends ClientMethodName> = TypeOf<(typeof clientMethods)[M]["params"]>;
export type ClientResult<M extends ClientMethodName> = TypeOf<(typeof clientMethods)[M]["result"]>;

/** A request's body: the method's name and its parameters, still encoded. */
export const clientRequest = struct({ method: text({ max: 64 }), params: bytes({ max: 1_048_576 }) });

export const clientEvent = tagged("kind", {
  /** Where a submitted envelope got to: in a relay's custody, on the destination server's disk, refused there, or given up. */
  progress: struct({
    envelope: envelopeId.codec,
    server: serverId.codec,
    state: literals("custody", "forwarded", "refused", "expired"),
    error: optional(wireError),
    /** The relays that it passed, or went towards. */
    path: optional(array(serverId.codec, { max: 16 })),
    custody: optional(struct({ relay: serverId.codec, taken: uint({}), until: uint({}) })),
  }),
  link: struct({ link: linkView }),
  linkRemoved: struct({ server: serverId.codec }),
  /** People of one server: all of them (`whole`, and then further pages without it), or those who changed and are gone. */
  people: struct({
    server: serverId.codec,
    whole: bool,
    people: array(personView, { max: peopleListMax }),
    gone: array(accountId.codec, { max: peopleListMax }),
  }),
  server: struct({ info: serverInfo }),
  /** A stream with this server began anew: ask for gaps in the rooms shared with it. */
  gapCheck: struct({ server: serverId.codec }),
  /** A loud matter for administrators, such as a server whose key changed. */
  warning: struct({ error: wireError, server: nullable(serverId.codec) }),
  /** To administrators: other servers are nearby now, or looking for them works or fails. */
  nearby: struct({ state: nearbyState }),
  /** The log of a room that the account follows is there now, on this homeserver's disk. [O6] */
  roomHead: struct({ room: roomId.codec, term: uint({}), position: uint({}) }),
  /** Another device of this account stored this record. [H16] */
  sealed: struct({ name: text({ max: 128 }), version: uint({}) }),
  /** The account's record was replaced by a newer one. */
  record: struct({ record: signedAccountRecord }),
  /** Somebody who knows a meeting of ours sends this, and waits for the answer. [U4] */
  meeting: struct({ meeting: bytes(16), message: bytes({ max: meetingMessageBytesMax }) }),
  superseded: struct({}),
});
export type ClientEvent = TypeOf<typeof clientEvent>;

export const encodeClientEvent = (event: ClientEvent): Uint8Array => encode(clientEvent, event);
/** Throws `DecodeError`. */
export const decodeClientEvent = (source: Uint8Array): ClientEvent => decode(clientEvent, source);
