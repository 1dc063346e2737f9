/**
 * The engine's JSON-RPC 2.0 methods: one table from which the server validates, clients get types, and the OpenRPC
 * document is generated. A method either returns its result or fails with an `EngineError` whose data is a `Cause`.
 */
import { z } from "zod";
import { PairingLink, ScreenIdText, Screens } from "./screens.ts";
import {
  AccountInvitation,
  AccountText,
  ArchiveState,
  Contact,
  DeviceIdText,
  Devices,
  Directory,
  Examination,
  HistoryFile,
  HistoryFiles,
  Invitation,
  InvitationPreview,
  Joining,
  Me,
  Message,
  MessageIdText,
  Nearby,
  ListedRoom,
  NetworkMap,
  Notice,
  Person,
  RegistrationTerms,
  Relaying,
  RecoveryKit,
  RelaysFor,
  Request,
  RequestIdText,
  Role,
  Room,
  RoomAsk,
  RoomIdText,
  RoomInviting,
  RoomJoining,
  RoomLink,
  RoomPerson,
  SafetyNumber,
  SearchHit,
  Server,
  ServerIdText,
  Status,
  Time,
  UnlinkedServer,
  Visibility,
  XrayStep,
} from "./views.ts";

function method<P extends z.ZodType, R extends z.ZodType>(summary: string, params: P, result: R) {
  return { summary, params, result };
}

const nothing = z.strictObject({});
const done = z.object({});
const linkLifetime = z
  .number()
  .int()
  .min(60_000, "an invitation works for a minute at least")
  .max(31_536_000_000, "an invitation works for a year at most");
const RoomName = z.string().min(1).max(64);
/** A message keeps whole seconds, of which 32 bits count. */
const expiryMs = z.number().int().min(1_000).max(4_294_967_295_000).describe("ms, in whole seconds");
const registrationToken = z.string().max(512).describe("an account invitation: its link, or the token in it");
const DeviceName = z.string().min(1).max(32);
const devicePassword = z
  .string()
  .max(1024)
  .optional()
  .describe("the account's password, on a device that does not hold the account's key");
/** A person by account key, or by address: `@bob`, `bob@chat.example.com`. */
const who = z.string().min(1).max(320);

export const methods = {
  "engine.status": method("Account, homeserver connection and counts", nothing, Status),
  "engine.subscribe": method(
    "From now on this connection receives `event` notifications",
    nothing,
    z.object({ position: z.number().int().describe("position of the newest message") }),
  ),
  "engine.notices": method("Notices not yet dismissed", nothing, z.array(Notice)),
  "engine.dismissNotice": method("Dismiss a notice", z.strictObject({ noticeId: z.number().int() }), done),

  "account.create": method(
    "Open this engine's account on its homeserver",
    z.strictObject({
      displayName: z.string().min(1).max(64),
      handle: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/)
        .optional()
        .describe("made from the display name when absent"),
      password: z.string().min(1).max(1024).optional(),
      registrationToken: registrationToken.optional(),
    }),
    Me,
  ),
  "account.terms": method(
    "Who may open an account on our homeserver, and whether this invitation would",
    z.strictObject({ registrationToken: registrationToken.optional() }),
    RegistrationTerms,
  ),
  "account.signIn": method(
    "Sign in with handle and password on a new engine, as a further device",
    z.strictObject({
      handle: z.string().max(64),
      password: z.string().min(1).max(1024),
      replaces: DeviceIdText.optional().describe(
        "the device that was lost where this one is now: it is revoked with this",
      ),
    }),
    Me,
  ),
  "account.setPassword": method(
    "Set or change the password; it is needed only to sign in without another device",
    z.strictObject({
      password: z.string().min(1).max(1024),
      present: z
        .string()
        .max(1024)
        .optional()
        .describe("the present one, on a device without the account's key"),
    }),
    done,
  ),
  "account.suggestPassphrase": method(
    "A generated passphrase of five words",
    nothing,
    z.object({ passphrase: z.string() }),
  ),
  "account.passwordWeakness": method(
    "What makes a password easy to guess; null when it will do",
    z.strictObject({ password: z.string().min(1).max(1024) }),
    z.object({ weakness: z.string().nullable() }),
  ),
  "account.move": method(
    "Move this account to another homeserver, whether or not the present one is there; contacts, rooms and history come along",
    z.strictObject({
      invitation: z.string().min(1).max(8_192).describe("an account invitation of the other homeserver"),
      password: devicePassword,
    }),
    done,
  ),
  "account.rename": method(
    "Change the display name",
    z.strictObject({ displayName: z.string().min(1).max(64), password: devicePassword }),
    Me,
  ),

  "devices.list": method("This account's devices, and how far linking one has come", nothing, Devices),
  "devices.link": method(
    "A code by which a further device is linked, for ten minutes; devices that did not open the account need its password",
    z.strictObject({ password: devicePassword }),
    z.object({ code: z.string(), until: z.number().int() }),
  ),
  "devices.confirm": method(
    "The signs are the same on both devices: link the one that used our code",
    nothing,
    Devices,
  ),
  "devices.cancel": method("The code that is shown is not good any more", nothing, Devices),
  "devices.join": method(
    "Become a further device of the account that another engine shows a code of; the signs are to be compared there",
    z.strictObject({ code: z.string().max(256), name: DeviceName.optional() }),
    Joining,
  ),
  "devices.rename": method(
    "Give a device another name",
    z.strictObject({ deviceId: DeviceIdText, name: DeviceName, password: devicePassword }),
    Devices,
  ),
  "devices.revoke": method(
    "Take a device off the account: it is out of every room, and opens nothing new",
    z.strictObject({ deviceId: DeviceIdText, password: devicePassword }),
    Devices,
  ),
  "devices.acknowledge": method(
    "The person knows this device",
    z.strictObject({ deviceId: DeviceIdText }),
    Devices,
  ),

  "accountInvitations.create": method(
    "Make a link by which somebody opens an account on our homeserver; for its administrators",
    z.strictObject({
      label: z.string().max(64).optional(),
      uses: z.number().int().min(1).max(1_000).optional(),
      expiresInMs: z.number().int().min(60_000).max(31_622_400_000).optional(),
    }),
    AccountInvitation.extend({ link: z.string().describe("told this once") }),
  ),
  "accountInvitations.list": method(
    "Account invitations that can still be used",
    nothing,
    z.array(AccountInvitation),
  ),
  "accountInvitations.revoke": method(
    "Let nobody in by an account invitation any more",
    z.strictObject({ invitationId: z.string().max(64) }),
    done,
  ),

  "servers.list": method("Linked servers and servers that linked us", nothing, z.array(Server)),
  "servers.link": method(
    "Link a homeserver by host, port and server id",
    z.strictObject({
      host: z.string().min(1).max(253),
      port: z.number().int().min(1).max(65535),
      serverId: ServerIdText,
      localName: z.string().min(1).max(64).optional(),
    }),
    Server,
  ),
  "servers.linkBack": method(
    "Link a server that linked us",
    z.strictObject({ serverId: ServerIdText }),
    Server,
  ),
  "servers.unlinked": method(
    "Servers that are not linked, where contacts or people whom we asked live",
    nothing,
    z.array(UnlinkedServer),
  ),
  "servers.linkKnown": method(
    "Link a server of servers.unlinked, or one of the network's map, where our homeserver knows it to be",
    z.strictObject({ serverId: ServerIdText, localName: z.string().min(1).max(64).optional() }),
    Server,
  ),
  "servers.unlink": method("Withdraw our link", z.strictObject({ serverId: ServerIdText }), done),
  "servers.block": method("Block a server", z.strictObject({ serverId: ServerIdText }), Server),
  "servers.unblock": method("Unblock a server", z.strictObject({ serverId: ServerIdText }), Server),
  "servers.rename": method(
    "Give a server a local name; null takes it away",
    z.strictObject({ serverId: ServerIdText, localName: z.string().min(1).max(64).nullable() }),
    Server,
  ),
  "servers.setAddresses": method(
    "Say where a linked server is, in place of what was said before; none: where its own record says. Tries at once",
    z.strictObject({
      serverId: ServerIdText,
      addresses: z
        .array(z.strictObject({ host: z.string().min(1).max(253), port: z.number().int().min(1).max(65535) }))
        .max(16),
    }),
    Server,
  ),
  "servers.nearby": method(
    "Servers in the homeserver's local network, for its administrator",
    nothing,
    Nearby,
  ),
  "servers.linkNearby": method(
    "Link a server of servers.nearby, at all addresses that were heard for it",
    z.strictObject({ serverId: ServerIdText, localName: z.string().min(1).max(64).optional() }),
    Server,
  ),
  "servers.examine": method(
    "What the homeserver's doctor finds about how others reach it, as far as it is; the first call begins, `again` begins anew",
    z.strictObject({ again: z.boolean().optional() }),
    Examination,
  ),
  "servers.directories": method(
    "Directories that our homeserver is registered with",
    nothing,
    z.array(Directory),
  ),
  "servers.relaying": method("What our homeserver does for others now", nothing, Relaying),
  "servers.setRelaying": method(
    "Relay for nobody, for linked servers, or for anyone",
    z.strictObject({ relaysFor: RelaysFor }),
    Relaying,
  ),
  "network.map": method(
    "The network as our homeserver knows it",
    z.strictObject({
      limit: z.number().int().min(1).max(2_000).optional().describe("servers at most; 200 when absent"),
    }),
    NetworkMap,
  ),
  "servers.retry": method("Try to connect now", z.strictObject({ serverId: ServerIdText }), done),

  "people.list": method(
    "People of linked servers and of our own, with presence",
    z.strictObject({ refresh: z.boolean().optional() }),
    z.array(Person),
  ),
  "people.find": method("One person by account or address", z.strictObject({ who }), Person),

  "people.look": method(
    "Be told of people one hop beyond for the next two minutes; call again while somebody looks",
    nothing,
    done,
  ),
  "people.search": method(
    "Find people of linked servers, beyond them and in directories, by a handle or the beginning of a name",
    z.strictObject({ text: z.string().min(1).max(256) }),
    z.array(Person),
  ),
  "people.visibility": method(
    "How far one lets oneself be shown",
    nothing,
    z.object({ visibility: Visibility }),
  ),
  "people.setVisibility": method(
    "Be shown to nobody, to linked servers, to servers linked with these, or in directories too",
    z.strictObject({ visibility: Visibility }),
    done,
  ),

  "requests.list": method("Chat requests, newest first", nothing, z.array(Request)),
  "requests.send": method(
    "Ask a person for a chat",
    z.strictObject({ who, text: z.string().max(300) }),
    Request,
  ),
  "requests.accept": method("Accept: opens the room", z.strictObject({ requestId: RequestIdText }), Room),
  "requests.decline": method(
    "Decline; the sender is not told",
    z.strictObject({ requestId: RequestIdText }),
    done,
  ),
  "requests.withdraw": method("Take back our request", z.strictObject({ requestId: RequestIdText }), done),

  "contacts.list": method("Contacts", nothing, z.array(Contact)),
  "contacts.block": method("Block an account", z.strictObject({ account: AccountText }), done),
  "contacts.unblock": method("Unblock an account", z.strictObject({ account: AccountText }), done),
  "contacts.nickname": method(
    "Give a contact a local nickname; null takes it away",
    z.strictObject({ account: AccountText, nickname: z.string().min(1).max(64).nullable() }),
    Contact,
  ),
  "contacts.blocked": method(
    "Blocked accounts",
    nothing,
    z.array(z.object({ account: AccountText, displayName: z.string() })),
  ),
  "contacts.safetyNumber": method(
    "Compare to verify",
    z.strictObject({ account: AccountText }),
    SafetyNumber,
  ),
  "contacts.verify": method(
    "Keep an account's key as verified: it was compared, or the other's QR code says this",
    z.strictObject({ account: AccountText, code: z.string().max(512).optional() }),
    SafetyNumber,
  ),
  "contacts.unverify": method(
    "Take a verification back",
    z.strictObject({ account: AccountText }),
    SafetyNumber,
  ),
  "contacts.dismissKeyChange": method(
    "Warn no more that another key answers at this contact's address",
    z.strictObject({ account: AccountText }),
    done,
  ),

  "invitations.create": method(
    "Make an invitation link",
    z.strictObject({
      label: z.string().max(64).optional(),
      uses: z.number().int().min(1).max(1000).optional(),
      expiresInMs: linkLifetime.optional(),
    }),
    Invitation,
  ),
  "invitations.list": method("Invitations made here", nothing, z.array(Invitation)),
  "invitations.revoke": method("Revoke an invitation", z.strictObject({ invitationId: z.string() }), done),
  "invitations.inspect": method(
    "Read an invitation link",
    z.strictObject({ link: z.string().max(8192) }),
    InvitationPreview,
  ),
  "invitations.accept": method(
    "Use an invitation link: links the servers and opens the contact",
    z.strictObject({ link: z.string().max(8192) }),
    Request,
  ),

  "rooms.list": method("Rooms, last activity first", nothing, z.array(Room)),
  "rooms.get": method("One room", z.strictObject({ roomId: RoomIdText }), Room),
  "rooms.clear": method(
    "Remove this room's messages from this engine",
    z.strictObject({ roomId: RoomIdText }),
    done,
  ),

  "rooms.setExpiry": method(
    "How long after they were read our messages in this room go from all engines; null: they stay",
    z.strictObject({ roomId: RoomIdText, afterReadingMs: expiryMs.nullable() }),
    Room,
  ),
  "rooms.create": method(
    "Open a room of many with these contacts in it; they are taken in as their homeservers are reached",
    z.strictObject({
      name: RoomName,
      people: z.array(who).max(200),
      size: z
        .enum(["usual", "large"])
        .optional()
        .describe("large: for more than a hundred people; its keys are shorter, and not post-quantum"),
    }),
    Room,
  ),
  "rooms.join": method(
    "Say yes to a room that somebody took us into",
    z.strictObject({ roomId: RoomIdText }),
    Room,
  ),
  "rooms.leave": method(
    "Leave a room of many, or say no to one that somebody took us into",
    z.strictObject({ roomId: RoomIdText }),
    Room,
  ),
  "rooms.people": method(
    "Who takes part in a room of many",
    z.strictObject({ roomId: RoomIdText }),
    z.array(RoomPerson),
  ),
  "rooms.rename": method("Rename a room", z.strictObject({ roomId: RoomIdText, name: RoomName }), Room),
  "rooms.invite": method(
    "Take a contact into a room",
    z.strictObject({ roomId: RoomIdText, who, role: Role.optional() }),
    Room,
  ),
  "rooms.remove": method(
    "Remove somebody from a room; with `ban` for good",
    z.strictObject({ roomId: RoomIdText, account: AccountText, ban: z.boolean().optional() }),
    Room,
  ),
  "rooms.unban": method(
    "Let somebody be invited again",
    z.strictObject({ roomId: RoomIdText, account: AccountText }),
    Room,
  ),
  "rooms.handOver": method(
    "Have another server, where somebody of the room lives, keep its changes in order",
    z.strictObject({ roomId: RoomIdText, serverId: ServerIdText }),
    Room,
  ),
  "rooms.setRole": method(
    "Give somebody in a room another role",
    z.strictObject({ roomId: RoomIdText, account: AccountText, role: Role }),
    Room,
  ),
  "rooms.setRules": method(
    "Say who may invite into a room, and how others come in",
    z.strictObject({
      roomId: RoomIdText,
      inviting: RoomInviting.optional(),
      joining: RoomJoining.optional(),
    }),
    Room,
  ),
  "rooms.setSuccession": method(
    "Say who may own a room when all its owners are gone, and after how long",
    z.strictObject({
      roomId: RoomIdText,
      heir: AccountText.nullable().describe("null: most of the moderators together"),
      days: z.number().int().min(0).max(3_650).describe("0: nobody follows them"),
    }),
    Room,
  ),
  "rooms.claim": method(
    "Say that a room's owners are gone; it is ours after the time that they set, unless one of them comes",
    z.strictObject({ roomId: RoomIdText }),
    Room,
  ),
  "rooms.unclaim": method(
    "Claim a room no more; for its owners: end all claims on it",
    z.strictObject({ roomId: RoomIdText }),
    Room,
  ),
  "rooms.createLink": method(
    "Make a link into a room; whoever follows it asks to come in, and comes in at once where the room is open",
    z.strictObject({
      roomId: RoomIdText,
      label: z.string().max(64).optional(),
      uses: z.number().int().min(1).max(1000).optional().describe("absent: as often as it is followed"),
      expiresInMs: linkLifetime.optional(),
    }),
    RoomLink,
  ),
  "rooms.links": method(
    "Links into a room that were made here",
    z.strictObject({ roomId: RoomIdText }),
    z.array(RoomLink),
  ),
  "rooms.revokeLink": method(
    "Let nobody in by this link any more",
    z.strictObject({ linkId: z.string().max(64) }),
    done,
  ),
  "rooms.setListing": method(
    "Let others see a room in the lists of linked servers, with a sentence about it; null: no more",
    z.strictObject({
      roomId: RoomIdText,
      description: z
        .string()
        .max(200, "a room is described in 200 characters at most")
        .refine((text) => !/\p{Cc}/u.test(text), "a description is one line")
        .nullable(),
    }),
    Room,
  ),
  "rooms.listed": method(
    "Rooms that people here and of linked servers let others see",
    nothing,
    z.array(ListedRoom),
  ),
  "rooms.ask": method(
    "Ask to be let into a room, by a link",
    z.strictObject({ link: z.string().max(8192) }),
    RoomAsk,
  ),
  "rooms.asks": method("Who asks to come in, and where we asked; newest first", nothing, z.array(RoomAsk)),
  "rooms.admit": method("Let somebody in who asks", z.strictObject({ askId: RequestIdText }), RoomAsk),
  "rooms.declineAsk": method(
    "Do not let somebody in who asks; they are not told",
    z.strictObject({ askId: RequestIdText }),
    RoomAsk,
  ),
  "rooms.withdrawAsk": method(
    "Take back that we ask to come in",
    z.strictObject({ askId: RequestIdText }),
    RoomAsk,
  ),
  "rooms.banned": method(
    "Who was banned from a room",
    z.strictObject({ roomId: RoomIdText }),
    z.array(Person),
  ),

  "messages.list": method(
    "A page of a room's history, oldest first",
    z.strictObject({
      roomId: RoomIdText,
      before: z.number().int().optional().describe("messages with a position below this"),
      after: z.number().int().optional().describe("messages with a position above this, from the oldest"),
      around: MessageIdText.optional().describe("a page with this message in its middle"),
      limit: z.number().int().min(1).max(500).optional(),
    }),
    z.object({ messages: z.array(Message), more: z.object({ before: z.boolean(), after: z.boolean() }) }),
  ),
  "messages.since": method(
    "Messages of all rooms after a position, for scripts that resume",
    z.strictObject({ after: z.number().int(), limit: z.number().int().min(1).max(500).optional() }),
    z.array(Message),
  ),
  "messages.send": method(
    "Send a text; returns once it is committed to this engine's store",
    z.strictObject({
      roomId: RoomIdText.optional(),
      to: who.optional().describe("instead of the room: a contact"),
      text: z.string().min(1).max(65_536, "a message has 65,536 characters at most"),
      inReplyTo: MessageIdText.optional(),
      expires: z
        .union([
          z.strictObject({ at: Time }),
          z.strictObject({ afterReadingMs: expiryMs }),
          z.literal("never"),
        ])
        .optional()
        .describe("when it goes from all engines; absent: as rooms.setExpiry said"),
      clientId: z.string().max(64).optional().describe("the same id twice sends once"),
    }),
    Message,
  ),
  "messages.retry": method(
    "Try a failed message again",
    z.strictObject({ messageId: MessageIdText }),
    Message,
  ),
  "messages.markRead": method(
    "Read up to and with this message; tells the sender",
    z.strictObject({ roomId: RoomIdText, messageId: MessageIdText }),
    done,
  ),
  "messages.markUnread": method(
    "Mark a room unread from this message",
    z.strictObject({ roomId: RoomIdText, messageId: MessageIdText }),
    done,
  ),
  "messages.xray": method(
    "Where a message is, step by step",
    z.strictObject({ messageId: MessageIdText }),
    z.array(XrayStep),
  ),
  "messages.search": method(
    "Full-text search, newest first",
    z.strictObject({
      text: z.string().min(1).max(256),
      roomId: RoomIdText.optional(),
      before: z.number().int().optional(),
      limit: z.number().int().min(1).max(100).optional(),
    }),
    z.array(SearchHit),
  ),

  "account.guard": method(
    "The account's key was stolen: other devices are out, and from now on the account changes by the kit's twelve words alone",
    z.strictObject({ words: z.string().min(1).max(1_024) }),
    done,
  ),
  "account.recover": method(
    "Open an account on a new engine by the words of its recovery kit; its other devices are out",
    z.strictObject({
      words: z.string().min(1).max(1_024).describe("as typed, or what the kit's QR code says"),
      stolen: z
        .boolean()
        .optional()
        .describe(
          "somebody else may have the account's key: from now on it changes by the kit's words alone",
        ),
      here: z
        .strictObject({
          displayName: z.string().min(1).max(64),
          registrationToken: registrationToken.optional(),
        })
        .optional()
        .describe(
          "open the account on this homeserver, where its own is lost, too: the key, and nothing else",
        ),
    }),
    Me,
  ),
  "recovery.kit": method("What restores this account when every device is lost", nothing, RecoveryKit),
  "recovery.settle": method(
    "Say that the kit is on paper, whereupon its twelve words are forgotten here; or that it is not wanted now",
    z.strictObject({ kit: z.enum(["kept", "later"]) }),
    done,
  ),
  "archive.state": method(
    "How much of what is kept here stands in the encrypted archive at the homeserver",
    nothing,
    ArchiveState,
  ),
  "history.files": method(
    "The files of an export of everything that is kept here: lines for programs, pages for people",
    nothing,
    HistoryFiles,
  ),
  "history.piece": method(
    "A piece of a file of history.files; ask on with `next` until that is null",
    z.strictObject({
      file: HistoryFile,
      at: z.number().int().optional().describe("`next` of the piece before"),
      timeZone: z.string().max(64).optional().describe("IANA name, for the times on pages; UTC when absent"),
    }),
    z.object({ text: z.string(), next: z.number().int().nullable() }),
  ),
  "history.importBegin": method(
    "Make room for the messages of an exported history",
    z.strictObject({ header: z.unknown().describe("the first line of history.jsonl, as JSON") }),
    z.object({ next: z.number().int().describe("for the first history.import") }),
  ),
  "history.import": method(
    "Take lines of history.jsonl, in their order; what is here already is not taken twice",
    z.strictObject({
      lines: z.array(z.unknown()).min(1).max(500).describe("each a line, as JSON"),
      next: z.number().int(),
    }),
    z.object({
      next: z.number().int().describe("for the lines that follow"),
      added: z.number().int().describe("messages that were not here"),
      known: z.number().int().describe("messages that were here already"),
      passedOver: z.number().int().describe("messages that expired, or are not what they say"),
    }),
  ),
  "history.importEnd": method("Put what was taken in order", nothing, done),

  "drafts.set": method(
    "Keep a draft",
    z.strictObject({ roomId: RoomIdText, text: z.string().max(65_536) }),
    done,
  ),

  "screens.list": method("Screens on other devices", nothing, Screens),
  "screens.enable": method(
    "Let paired screens on other devices in; the first time a password is needed, later it is changed by one",
    z.strictObject({ password: z.string().min(1).max(1024).optional() }),
    Screens,
  ),
  "screens.disable": method(
    "Let no screen on another device in; those that are paired stay so",
    nothing,
    Screens,
  ),
  "screens.add": method("A one-time link to pair a screen", nothing, PairingLink),
  "screens.remove": method(
    "Sign a screen out for good; it is closed at once",
    z.strictObject({ screenId: ScreenIdText }),
    Screens,
  ),
} as const;

export type MethodName = keyof typeof methods;
export type Params<M extends MethodName> = z.input<(typeof methods)[M]["params"]>;
export type Result<M extends MethodName> = z.output<(typeof methods)[M]["result"]>;
