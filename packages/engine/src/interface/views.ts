/**
 * What a screen, script or bot is shown. These schemas are the engine's outward data: plain JSON, validated at the
 * boundary, with identifiers in the text forms of docs/protocol.md (lower-case base32) and times in Unix milliseconds.
 */
import { z } from "zod";

/** 32 bytes in lower-case base32 without padding. */
const key = z
  .string()
  .regex(/^[a-z2-7]{51}[aq]$/, "52 letters and digits, copied whole: one of them is not right");
export const AccountText = key.describe("account key, base32");
export const ServerIdText = key.describe("server id, base32");
export const RoomIdText = z
  .string()
  .regex(/^[a-z2-7]{26}$/)
  .describe("room id, 16 bytes, base32");
export const MessageIdText = key.describe("message id, base32");
export const RequestIdText = z
  .string()
  .regex(/^[a-z2-7]{26}$/)
  .describe("request id, 16 bytes, base32");
export const Time = z.number().int().nonnegative().describe("Unix time, ms");

/** Why something failed or waits: a stable code, a sentence for people, one thing to do, and whether trying again helps. */
export const Cause = z.object({
  code: z.string(),
  sentence: z.string(),
  fix: z.string().nullable(),
  retry: z.enum(["never", "later", "now"]),
});
export type Cause = z.infer<typeof Cause>;

export const Address = z.object({
  host: z.string(),
  port: z.number().int().min(1).max(65535),
  kind: z.enum(["direct", "proxy", "lan"]),
});

/** For whom a server passes things on: nobody, servers linked with it, or anyone. */
export const RelaysFor = z.enum(["nobody", "linked", "anyone"]);
export type RelaysFor = z.infer<typeof RelaysFor>;

/** What our homeserver does for others. */
export const Relaying = z.object({
  relaysFor: RelaysFor,
  circuits: z.number().int().describe("connections of others that pass through it now"),
  custodyBundles: z.number().int().describe("bundles kept for servers that are away"),
  custodyBytes: z.number().int(),
  custodyBytesMax: z.number().int(),
});
export type Relaying = z.infer<typeof Relaying>;

/** The person whose engine this is. */
export const Me = z.object({
  account: AccountText,
  handle: z.string().describe("local part of the address"),
  address: z.string().describe("@handle on a one-person server, else handle@server"),
  displayName: z.string(),
  hasPassword: z.boolean(),
  deviceId: z.string(),
  deviceName: z.string(),
  createdAt: Time,
});
export type Me = z.infer<typeof Me>;

export const Status = z.object({
  me: Me.nullable().describe("null until an account was opened: the first run"),
  homeserver: z.object({
    serverId: ServerIdText,
    name: z.string(),
    addresses: z.array(Address),
    version: z.string(),
    administrator: z.boolean().describe("whether this account may link and block servers"),
    relaying: Relaying.nullable().describe("as last told; null before the homeserver was reached"),
    connection: z.enum(["connected", "connecting", "waiting", "superseded"]),
    cause: Cause.nullable(),
    nextTryAt: Time.nullable(),
  }),
  reach: z.object({
    kind: z.enum(["direct", "proxy", "relay", "lan", "this-machine", "none", "unknown"]),
    sentence: z.string(),
  }),
  former: z
    .array(z.object({ serverId: ServerIdText, name: z.string(), connected: z.boolean() }))
    .optional()
    .describe("homeservers where the account lived before it moved: what still comes there is looked for"),
  restoring: z
    .object({ done: z.number().int(), total: z.number().int() })
    .optional()
    .describe("while this new device reads the archive: how many lines of how many"),
  recoveryKit: z
    .enum(["unseen", "later", "kept"])
    .optional()
    .describe(
      "whether the person has the recovery kit on paper, or does not want to be asked; absent without an account",
    ),
  counts: z.object({
    unread: z.number().int(),
    requests: z.number().int(),
    unknownDevices: z.number().int().describe("devices of ours that another one added, until they are known"),
  }),
});
export type Status = z.infer<typeof Status>;

export const DeviceIdText = z.string().regex(/^[a-z2-7]{26}$/);

/** A device of this account. */
export const Device = z.object({
  deviceId: DeviceIdText,
  name: z.string(),
  createdAt: Time,
  self: z.boolean(),
  known: z
    .boolean()
    .describe("false: another device added it, and the person has not said that they know it"),
  removed: z.literal(true).optional().describe("this device itself: the account does not list it any more"),
});
export type Device = z.infer<typeof Device>;

/** Both devices show the same signs; a person compares them. */
const Signs = z.array(z.object({ symbol: z.string(), name: z.string() }));

/** A code of ours that is shown for a further device. */
export const Linking = z.object({
  state: z.enum(["none", "shown", "asking", "linked"]),
  name: z.string().nullable().describe("of the device that used the code, as it calls itself"),
  signs: Signs,
  until: Time.nullable(),
});
export type Linking = z.infer<typeof Linking>;

/** This engine as it becomes a further device by a code. */
export const Joining = z.object({
  state: z.enum(["none", "waiting", "failed"]),
  signs: Signs,
  cause: Cause.nullable(),
});
export type Joining = z.infer<typeof Joining>;

export const Devices = z.object({ devices: z.array(Device), linking: Linking, joining: Joining });
export type Devices = z.infer<typeof Devices>;

/** An invitation to open an account on our homeserver. */
export const AccountInvitation = z.object({
  invitationId: z.string(),
  label: z.string().describe("what it is for; administrators see it"),
  createdAt: Time,
  expiresAt: Time,
  usesMax: z.number().int(),
  usesLeft: z.number().int(),
});
export type AccountInvitation = z.infer<typeof AccountInvitation>;

/** Who may open an account on our homeserver: nobody but its owner, those with an invitation, or anybody. */
export const RegistrationTerms = z.object({
  policy: z.enum(["closed", "invited", "open"]),
  admits: z.boolean().describe("whether the token that was asked with, or none, opens an account now"),
});
export type RegistrationTerms = z.infer<typeof RegistrationTerms>;

/** A homeserver that ours links with, or that linked us. */
export const Server = z.object({
  serverId: ServerIdText,
  name: z.string().describe("the name that it claims; empty before first contact"),
  localName: z.string().nullable().describe("the name that the person gave it"),
  shownName: z
    .string()
    .describe("what screens print: local name, else name, else eight characters of its id"),
  trust: z.enum(["mutual", "incoming", "outgoing", "blocked"]),
  state: z.enum(["connected", "connecting", "waiting", "refused", "off"]),
  cause: Cause.nullable(),
  nextTryAt: Time.nullable(),
  addresses: z.array(Address),
  toldAddresses: z
    .array(Address)
    .optional()
    .describe(
      "of these the ones that people told, which servers.setAddresses replaces; absent where none was",
    ),
  via: z.array(z.string()).describe("shown names of the relays that the connection passes; none when direct"),
  origin: z.enum(["person", "directory"]).describe("who linked it: a person, or a directory in common"),
  relaysFor: RelaysFor,
  roundTripMs: z.number().nullable(),
  queueDepth: z.number().int().describe("bundles waiting for it"),
  lastContactAt: Time.nullable(),
  linkedAt: Time,
  software: z.string(),
  replaced: z
    .object({ serverId: z.string(), since: Time })
    .optional()
    .describe("the key that it had before, which its owner said to be lost or stolen; absent: none"),
});
export type Server = z.infer<typeof Server>;

/** A homeserver without a link in either direction, where contacts of ours or people whom we asked live. */
export const UnlinkedServer = Server.pick({
  serverId: true,
  name: true,
  shownName: true,
  state: true,
  cause: true,
  nextTryAt: true,
  addresses: true,
  via: true,
  relaysFor: true,
  roundTripMs: true,
}).extend({ people: z.array(z.string()).describe("names of ours there, why it is known") });
export type UnlinkedServer = z.infer<typeof UnlinkedServer>;

/** A server heard of in the local network. Nothing of it is proved before it is linked. */
export const NearbyServer = z.object({
  serverId: ServerIdText,
  name: z.string().describe("the name that it claims; empty where it says none"),
  shownName: z.string().describe("the claimed name, else eight characters of its id"),
  addresses: z.array(Address),
  trust: Server.shape.trust.nullable().describe("null where there is no link with it"),
  heardAt: Time,
});
export type NearbyServer = z.infer<typeof NearbyServer>;

export const Nearby = z.object({
  mode: z.enum(["announce", "look", "off"]).describe("announce: those in the local network see us, too"),
  problem: z.string().nullable().describe("why nothing is found, in a sentence"),
  servers: z.array(NearbyServer),
});
export type Nearby = z.infer<typeof Nearby>;

/** A directory that the homeserver is registered with. */
export const Directory = z.object({
  address: Address,
  serverId: ServerIdText.nullable().describe("null before somebody answered there"),
  shownName: z.string().describe("the name that it claims, else where it is"),
  state: z.enum(["connected", "connecting", "waiting"]),
  cause: Cause.nullable(),
  nextTryAt: Time.nullable(),
  servers: z.number().int().describe("servers that it announced since the homeserver started"),
});
export type Directory = z.infer<typeof Directory>;

export const MapServer = z.object({
  serverId: ServerIdText,
  shownName: z.string(),
  hops: z.number().int().describe("how many links away; 0: our own homeserver"),
  relaysFor: RelaysFor,
  link: Server.nullable().describe("our link with it; null for our own and for those only heard of"),
});
export type MapServer = z.infer<typeof MapServer>;

export const MapEdge = z.object({
  a: ServerIdText,
  b: ServerIdText,
  kind: z
    .enum(["direct", "relayed", "down", "heard"])
    .describe("ours: connected directly, through relays, or not; heard: between others, as they say"),
});
export type MapEdge = z.infer<typeof MapEdge>;

/** The network as our homeserver knows it. */
export const NetworkMap = z.object({
  servers: z.array(MapServer).describe("our own, then linked ones, then those heard of, nearest first"),
  edges: z.array(MapEdge).describe("among these"),
  more: z.number().int().describe("how many more are known, at least"),
});
export type NetworkMap = z.infer<typeof NetworkMap>;

/** One thing that decides whether others reach the homeserver, looked at from there. */
export const Finding = z.object({
  check: z.string().describe("what was looked at: port, address, proxy, clock and so on"),
  title: z.string(),
  result: z.enum(["passed", "warning", "failed", "untestable"]),
  code: z.string().nullable().describe("why, for programs; null where it passed"),
  sentence: z.string(),
  fix: z.string().nullable(),
  action: z
    .discriminatedUnion("kind", [
      z.object({ kind: z.literal("copy"), text: z.string() }),
      z.object({ kind: z.literal("server"), server: ServerIdText }),
      z.object({ kind: z.literal("linkServer") }),
      z.object({ kind: z.literal("invite") }),
    ])
    .nullable()
    .describe("what a screen can do about it"),
});
export type Finding = z.infer<typeof Finding>;

export const Examination = z.object({
  startedAt: Time,
  finishedAt: Time.nullable().describe("null while it goes on"),
  findings: z.array(Finding),
  pending: z.array(z.string()).describe("titles of what is still looked at"),
});
export type Examination = z.infer<typeof Examination>;

export const Presence = z.enum(["online", "offline", "unknown"]);

/** How far one lets oneself be shown: to nobody, to linked servers, to those linked with these, in directories too. */
export const Visibility = z.enum(["hidden", "linked", "beyond", "directory"]);
export type Visibility = z.infer<typeof Visibility>;

/** A contact at whose address this account answers with another key. */
const InsteadOf = z
  .string()
  .nullable()
  .describe("the contact's name at whose address this other key answers");

export const Person = z.object({
  account: AccountText,
  address: z.string(),
  displayName: z.string(),
  serverId: ServerIdText,
  serverName: z.string(),
  presence: Presence,
  relation: z.enum(["self", "contact", "requested", "requesting", "none", "blocked"]),
  shownBy: z
    .string()
    .nullable()
    .describe("the linked server or directory that shows this person, where their own server is not linked"),
  verified: z.boolean().describe("whether the person compared this key"),
  insteadOf: InsteadOf,
  roomId: RoomIdText.nullable(),
});
export type Person = z.infer<typeof Person>;

/** A chat request, theirs or ours. Of a stranger nothing more than this is ever shown. */
export const Request = z.object({
  requestId: RequestIdText,
  direction: z.enum(["incoming", "outgoing"]),
  account: AccountText,
  address: z.string(),
  displayName: z.string(),
  serverId: ServerIdText,
  serverName: z.string(),
  insteadOf: InsteadOf,
  text: z.string(),
  why: z.string().describe("why this is seen: how the request could reach this account"),
  createdAt: Time,
  state: z.enum(["pending", "accepted", "declined", "withdrawn", "failed"]),
  cause: Cause.nullable(),
  roomId: RoomIdText.nullable(),
});
export type Request = z.infer<typeof Request>;

export const Contact = z.object({
  account: AccountText,
  address: z.string(),
  displayName: z.string(),
  nickname: z.string().nullable(),
  serverId: ServerIdText,
  serverName: z.string(),
  presence: Presence,
  blocked: z.boolean(),
  verified: z.boolean(),
  roomId: RoomIdText.nullable(),
  since: Time,
});
export type Contact = z.infer<typeof Contact>;

export const Invitation = z.object({
  invitationId: z.string(),
  link: z.string().nullable().describe("null once used up, expired or revoked"),
  label: z.string(),
  createdAt: Time,
  expiresAt: Time,
  usesMax: z.number().int(),
  usesLeft: z.number().int(),
  state: z.enum(["open", "used", "expired", "revoked"]),
  usedBy: z.array(z.object({ account: AccountText, displayName: z.string(), at: Time })),
});
export type Invitation = z.infer<typeof Invitation>;

/** What an invitation link says, before it is used. */
export const InvitationPreview = z.object({
  displayName: z.string(),
  address: z.string(),
  account: AccountText,
  serverId: ServerIdText,
  serverName: z.string(),
  addresses: z.array(Address),
  expiresAt: Time,
  room: z
    .object({ roomId: RoomIdText, name: z.string() })
    .nullable()
    .describe("the room that it leads into: rooms.ask instead of invitations.accept"),
});
export type InvitationPreview = z.infer<typeof InvitationPreview>;

/**
 * waiting: kept by the engine · submitted: on disk at my server · forwarded: on disk at their server ·
 * delivered: their engine has it · read · failed. Never a state that was not confirmed.
 */
export const MessageState = z.enum(["waiting", "submitted", "forwarded", "delivered", "read", "failed"]);
export type MessageState = z.infer<typeof MessageState>;

export const Message = z.object({
  messageId: MessageIdText,
  roomId: RoomIdText,
  position: z.number().int().describe("rises with every message this engine commits, over all rooms"),
  kind: z.enum(["text", "notice"]).describe("notice: a line of the room's own, such as 'chat accepted'"),
  sender: AccountText,
  senderName: z.string(),
  mine: z.boolean(),
  sentAt: Time.describe("the sender's clock"),
  receivedAt: Time.describe("this engine's clock"),
  text: z.string(),
  inReplyTo: MessageIdText.nullable(),
  state: MessageState.nullable().describe("null for others' messages"),
  stateAt: z
    .object({ submitted: Time, forwarded: Time, delivered: Time, read: Time })
    .partial()
    .describe("when each state was confirmed"),
  cause: Cause.nullable().describe("why it waits or failed"),
  expires: z
    .object({
      at: Time.nullable().describe("when it goes from this engine; null until it was read, or has left"),
      afterReadingMs: z.number().int().nullable(),
    })
    .nullable()
    .describe("null: it stays"),
});
export type Message = z.infer<typeof Message>;

export const Role = z.enum(["owner", "moderator", "member", "guest"]);
export type Role = z.infer<typeof Role>;
export const RoomJoining = z
  .enum(["invited", "approval", "open"])
  .describe("who comes in: the invited; whoever asks and is let in; anybody with the room's link");
export const RoomInviting = z.enum(["moderators", "members"]).describe("who may invite");

export const RoomPerson = z.object({
  person: Person,
  role: Role,
  self: z.boolean(),
});
export type RoomPerson = z.infer<typeof RoomPerson>;

export const Room = z.object({
  roomId: RoomIdText,
  kind: z.enum(["notes", "pair", "group"]).describe("notes: notes to self"),
  title: z.string(),
  peer: Person.nullable(),
  createdAt: Time,
  lastActivityAt: Time,
  lastMessage: Message.nullable(),
  unread: z.number().int(),
  firstUnread: MessageIdText.nullable(),
  missing: z.number().int().describe("messages known to be missing (a gap in the sender's counters)"),
  gaps: z
    .array(z.object({ name: z.string(), count: z.number().int(), sentence: z.string() }))
    .describe("whose messages are missing, and what is being done about it; gone when they came"),
  state: z
    .enum(["invited", "open", "closed", "broken"])
    .describe("invited: others took us in, and we have not joined yet"),
  cause: Cause.nullable().describe("why nothing can be written here, where so"),
  keyChange: z
    .object({ account: AccountText, at: Time, verified: z.boolean() })
    .nullable()
    .describe("another key that answers at the contact's address, until the person decided about it"),
  draft: z.string(),
  expireAfterReadingMs: z
    .number()
    .int()
    .nullable()
    .describe(
      "how long after they were read our messages here go, unless one says otherwise; null: they stay",
    ),
  group: z
    .object({
      name: z.string().describe("as its members call it; may be empty"),
      people: z.number().int(),
      verified: z.number().int().describe("how many of the others are verified"),
      role: Role.nullable().describe("ours; null where we are out"),
      invitedBy: z.string().nullable().describe("who took us in"),
      listing: z
        .string()
        .nullable()
        .describe("what lists of rooms say of it; null where nobody sees it there"),
      asking: z.number().int().describe("people who ask to come in, and wait for a yes"),
      joining: RoomJoining,
      inviting: RoomInviting,
      succession: z
        .object({
          heir: z
            .object({ account: AccountText, name: z.string() })
            .nullable()
            .describe("null: the moderators"),
          days: z.number().int().describe("for how long all owners are gone before"),
          claim: z
            .object({
              by: z.array(z.string()).describe("names"),
              ours: z.boolean(),
              dueAt: Time.describe("when the room is theirs, unless an owner comes"),
            })
            .nullable(),
          mayClaim: z.boolean().describe("we are the heir or a moderator, and do not claim it yet"),
        })
        .nullable()
        .describe("who may own the room when its owners are gone; null: nobody"),
      hub: z
        .object({
          serverId: ServerIdText,
          name: z.string(),
          awaySince: Time.nullable().describe(
            "since when it was missed; null: it was there when it was needed last",
          ),
        })
        .nullable()
        .describe("the homeserver that keeps the room's changes in order; null where we are out"),
      underway: z.array(z.string()).describe("changes that are not done yet, each as a line"),
      cause: Cause.nullable().describe("why they are not done yet, where that is known"),
    })
    .nullable()
    .describe("of rooms of many"),
});
export type Room = z.infer<typeof Room>;

/** A link into a room of many. */
export const RoomLink = z.object({
  linkId: z.string(),
  roomId: RoomIdText,
  link: z.string().nullable().describe("null once used up, expired or revoked"),
  label: z.string(),
  createdAt: Time,
  expiresAt: Time,
  usesMax: z.number().int().nullable().describe("null: as often as it is followed"),
  usesLeft: z.number().int().nullable(),
  state: z.enum(["open", "used", "expired", "revoked"]),
});
export type RoomLink = z.infer<typeof RoomLink>;

/** A room that its owner lets others see, here or on a linked server. */
export const ListedRoom = z.object({
  roomId: RoomIdText,
  name: z.string(),
  description: z.string(),
  people: z.number().int().describe("0: not known"),
  lobby: z.string().nullable().describe("the directory whose lobby this is, by what it calls itself"),
  open: z.boolean().describe("whoever asks is in at once; else somebody there says yes or no"),
  serverId: ServerIdText,
  serverName: z.string(),
  ownerName: z.string(),
  ownerAddress: z.string(),
  link: z.string().describe("to ask by: rooms.ask"),
  standing: z.enum(["in", "asked", "none"]),
});
export type ListedRoom = z.infer<typeof ListedRoom>;

/** Somebody asks to be let into a room here, or we asked elsewhere. Of a stranger nothing more than this is shown. */
export const RoomAsk = z.object({
  askId: RequestIdText,
  direction: z.enum(["incoming", "outgoing"]),
  roomId: RoomIdText,
  roomName: z.string(),
  account: AccountText.describe("who asks; of ours: whose link it was"),
  displayName: z.string(),
  address: z.string(),
  serverId: ServerIdText,
  serverName: z.string(),
  insteadOf: InsteadOf,
  createdAt: Time,
  state: z.enum(["pending", "admitted", "declined", "withdrawn", "failed"]),
  cause: Cause.nullable(),
});
export type RoomAsk = z.infer<typeof RoomAsk>;

export const SearchHit = z.object({
  message: Message,
  roomTitle: z.string(),
  snippet: z.array(z.object({ text: z.string(), hit: z.boolean() })),
});
export type SearchHit = z.infer<typeof SearchHit>;

export const SafetyNumber = z.object({
  digits: z.string().describe("60 digits in 12 groups of 5"),
  emoji: z.array(z.object({ symbol: z.string(), name: z.string() })).length(7),
  code: z.string().describe("what a QR code for the other's camera holds"),
  verified: z
    .object({ at: Time, how: z.enum(["code", "compared", "invitation"]) })
    .nullable()
    .describe("when and how this key was verified"),
});
export type SafetyNumber = z.infer<typeof SafetyNumber>;

/** Something the person must be told that belongs to no single message: a changed key, a refused link. */
export const Notice = z.object({
  noticeId: z.number().int(),
  level: z.enum(["info", "warning", "danger"]),
  cause: Cause,
  at: Time,
});
export type Notice = z.infer<typeof Notice>;

export const XrayStep = z.object({
  at: Time.nullable(),
  state: z.enum(["done", "now", "pending", "failed"]),
  sentence: z.string(),
  path: z
    .array(z.object({ serverId: ServerIdText, name: z.string() }))
    .optional()
    .describe("the relays of its way, in order, where it takes one"),
  fix: z.string().optional().describe("one thing to do, while it waits"),
  keptUntil: Time.optional().describe("how long a relay that has it keeps it"),
  nextTryAt: Time.optional().describe("when it is tried again, while it waits"),
});
export type XrayStep = z.infer<typeof XrayStep>;

/** One file of an exported history, as `history.piece` is given it back. Names are paths within the folder. */
export const HistoryFile = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("lines"), name: z.string().max(200), below: z.number().int() }),
  z.object({ kind: z.literal("index"), name: z.string().max(200), below: z.number().int() }),
  z.object({
    kind: z.literal("chat"),
    name: z.string().max(200),
    roomId: RoomIdText,
    from: z.number().int(),
    below: z.number().int(),
    earlier: z.string().max(200).optional().describe("the file with what came before"),
    later: z.string().max(200).optional(),
  }),
]);
export type HistoryFile = z.infer<typeof HistoryFile>;

export const HistoryFiles = z.object({ messages: z.number().int(), files: z.array(HistoryFile) });
export type HistoryFiles = z.infer<typeof HistoryFiles>;

/** The encrypted archive of this account at its homeserver, as this device writes it. */
export const ArchiveState = z.object({
  read: z.boolean().describe("whether what other devices wrote before was read to its end"),
  waiting: z.number().int().describe("messages, rooms and contacts that are not in it yet"),
  bytes: z.number().int().describe("of this device"),
  bytesMax: z.number().int().describe("of all devices together; 0 before the homeserver was reached"),
  newestAt: Time.nullable().describe("when the newest message in it was sent"),
  cause: Cause.nullable().describe("why nothing is written now"),
});
export type ArchiveState = z.infer<typeof ArchiveState>;

/** What restores the account when every device is lost. Whoever has it has the account. */
export const RecoveryKit = z.object({
  words: z.array(z.string()).describe("12, in their order; 24 where the account key is written by itself"),
  scan: z.string().describe("the same with where the account lives, for a QR code"),
  complete: z
    .boolean()
    .describe("whether it holds the recovery key too, by which a stolen account key can be replaced"),
  address: z.string(),
  account: AccountText,
  serverId: ServerIdText,
  addresses: z.array(z.string()).describe("host:port of the homeserver"),
  keptAt: Time.nullable().describe("when the person said that they have it on paper"),
});
export type RecoveryKit = z.infer<typeof RecoveryKit>;
