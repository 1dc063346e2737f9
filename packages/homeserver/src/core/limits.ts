/** Every bound of the homeserver, with the reason for its size. Units are in the names. */

// Accounts and client sessions.

/** How long new work is refused without trying after the disk was found full. */
export const fullDiskPauseMs = 2_000;
/** All accounts are held in memory, a few kilobytes each; beyond this a second homeserver is the answer. */
export const accountsMax = 100_000;
/** Client channels at a time: each costs a socket and some tens of kilobytes. */
export const clientChannelsMax = 10_000;
/** A channel on which no session was opened by then is closed; people type passwords meanwhile. */
export const sessionOpenDeadlineMs = 120_000;
/** What a session may have unanswered: one engine's burst, which the homeserver holds in memory. */
export const sessionInFlightBytesMax = 16_777_216;
/** Recipients of one session, and envelopes for each, that are refused for now: more than an engine has under way. Beyond, order may be lost. */
export const refusedForNowMax = 2_048;
/** Pushing items stops earlier, so only who does not read at all gets here, and is closed. */
export const sessionUnreadBytesMax = 33_554_432;
/** A page of the largest items is some 16 MiB for a moment. */
export const feedPageItems = 64;
/** How soon a feed looks whether a slow reader has made room; carriers do not tell. */
export const feedResumeMs = 20;
/** Many acknowledgements become one write; what is lost in a crash is sent again and recognised. */
export const acknowledgeDelayMs = 500;
/** Leaves room for the numbers above a device's own; real ones are small. */
export const fencingMax = 2 ** 48;
/** Handshakes of client channels, per source outside: each costs a few milliseconds of arithmetic. An office behind one address, all reconnecting. */
export const clientOpeningLimit = { burst: 500, refillMs: 50, keysMax: 10_000 };
/** Calls before a session is open, per source: each may cost a signature check. A whole office behind one address reconnects at once. */
export const openCallsLimit = { burst: 1_000, refillMs: 20, keysMax: 10_000 };
/** Accounts opened, or tried to, per source. */
export const registrationLimit = { burst: 20, refillMs: 10_000, keysMax: 10_000 };
/** Each attempt tests one guess of one password: ten at once, then two a minute. */
export const loginPerHandleLimit = { burst: 10, refillMs: 30_000, keysMax: 10_000 };
/** One source trying many handles. */
export const loginPerRemoteLimit = { burst: 30, refillMs: 5_000, keysMax: 10_000 };
/** Of one channel at a time, and how long each is good for: key stretching on a slow phone takes seconds. */
export const loginAttemptsMax = 4;
export const loginAttemptMs = 120_000;
/** Requests of strangers, by their server: a person of that server now and then, not a flood. */
export const strangerRequestsLimit = { burst: 20, refillMs: 60_000, keysMax: 10_000 };
/** And of all of them together, since server keys are free to make. */
export const strangersRequestsLimit = { burst: 200, refillMs: 5_000, keysMax: 1 };
/** Contacts and blocks of one account; held in memory. */
export const grantsPerAccountMax = 10_000;
export const blocksPerAccountMax = 10_000;
/** Entries of one answer about progress, as the method's table has it. */
export const progressEntriesMax = 5_000;
/** A people list goes into one frame. */
export const peopleListBytesMax = 900_000;
/** A phone that reconnects does not flicker. */
export const presenceOfflineDelayMs = 15_000;
/** Changes of people are told together. */
export const listedChangeDelayMs = 500;
/** Old inbox items are looked for this often. */
export const expiryEveryMs = 3_600_000;
/** Whether the own record is due for renewal is looked up this often; it is renewed at half its lifetime. */
export const recordCheckEveryMs = 3_600_000;

// Federation: links, streams, people of other servers.

/** The first retry comes within a second or so; later ones spread over up to five minutes. */
export const linkRetryMinMs = 200;
export const linkRetryBaseMs = 1_000;
export const linkRetryMaxMs = 300_000;
/** Who refused us for good is asked again now and then: a block may be lifted. */
export const linkRefusedRetryMs = 3_600_000;
/** Carriers have time-outs of their own; this one holds where they do not. */
export const dialTimeoutMs = 15_000;
/** From the handshake's end to the peer's first word. */
export const linkConfirmMs = 10_000;
/** Keeps NAT and proxies open; a link whose ping is still unanswered at the next one is dead. */
export const linkPingMs = 25_000;
/** Two servers that dial one another at once see both connections within this; later ones replace a lost connection. */
export const crossedDialsMs = 10_000;
/** A peer that does not read is cut off here: twice what a link may have in flight, plus lists and answers. */
export const linkUnreadBytesMax = 33_554_432;
/** Wrong messages and bundles that one connection may bring: some come from newer versions, many from malice. */
export const connectionFaultsMax = 64;
/** The next address is dialled this long after the last one was, if that is still silent: RFC 8305's Connection Attempt Delay. */
export const dialStaggerMs = 250;
/** Addresses of one server dialled side by side: each costs a socket here, and a handshake there where it answers. */
export const dialsAtOnceMax = 4;
/** Whoever adds a link hears by then how it stands, while attempts go on: engines wait 30 seconds for an answer. */
export const linkAnswerMs = 20_000;
/** Addresses dialled for one server: those told by people and those of its record. */
export const dialAddressesMax = 32;
/** Servers that we linked: a person's or an organisation's list, held in memory. */
export const linkedServersMax = 10_000;
/** Servers that linked us unasked, as remembered for the person to decide; the longest silent goes first. */
export const strangersRememberedMax = 256;
export const strangersConnectedMax = 64;
/** Handshakes under way at a time: each costs a few milliseconds of arithmetic and a socket. */
export const openingsMax = 128;
/** Connection attempts per network address: a few homes behind one address, all restarting. */
export const openingRate = { burst: 60, refillMs: 1_000, keysMax: 10_000 };
/** Seen from outside within this time counts as reachable. */
export const outsideMemoryMs = 86_400_000;

/** Bundles waiting for one server; about 25 million full-size ones of chat text. Then its senders are refused. */
export const outboxBundlesMax = 100_000;
/** Envelopes waiting in memory for the next transaction, for one server. */
export const outboxPendingBytesMax = 67_108_864;
/** Rows read from the store at a time: at most 8 MiB. */
export const outboxPageRows = 16;
/** Unacknowledged bytes in flight to one server: what the receiver must be able to hold. */
export const streamWindowBytesMax = 16_777_216;
/** Sent and not acknowledged for this long means lost: sent again, one bundle first, less and less often. */
export const streamStallMs = 15_000;
export const streamStallMaxMs = 600_000;
/** How soon sending looks whether a congested link has drained; carriers do not tell. */
export const congestionRetryMs = 20;
/** After a transaction failed, its stream waits this long before asking for another. */
export const streamRetryMs = 2_000;
/** New streams that a peer may make us open during one connection; a restored backup needs one. */
export const streamRestartsMax = 2;
/** Stream ids are times in milliseconds; this one leaves room to rise and stays a safe integer. */
export const streamIdMax = 2 ** 52;
/** Expired bundles are looked for this often. */
export const outboxExpiryEveryMs = 600_000;
/** Bundles of one peer that wait for the present transaction: twice a sender's window, against senders of other sizes. */
export const inboundBytesMax = 33_554_432;
/** The same of a peer that is not linked from here: requests are small, and its keys are free to make. */
export const inboundStrangerBytesMax = 4_194_304;
/** Encapsulations remembered; each is one peer's hour. */
export const receiverContextsMax = 1_024;
/** New encapsulations per source: one an hour in calm times, one a restart, one a stall. */
export const encapsulationRate = { burst: 32, refillMs: 2_000, keysMax: 10_000 };
/** Refusals that one server may have us remember: a burst of a whole outbox to a deleted account, no flood. */
export const refusalsRate = { burst: 5_000, refillMs: 100, keysMax: 10_000 };

/** People in one message: a page that is verified and built in little time. */
export const peoplePageEntries = 256;
export const peoplePageBytesMax = 524_288;
/** Pages of one peer waiting for verification: the longest list in its smallest useful pages. */
export const peoplePagesWaitingMax = 64;
/** Records verified in one turn: each costs some tenths of a millisecond. */
export const peopleVerifiedPerTurn = 16;
/** Screens are told of a server's people at most this often. */
export const peopleEventEveryMs = 1_000;
/** Whole lists that one peer may ask for. */
export const peopleAskRate = { burst: 10, refillMs: 5_000, keysMax: 10_000 };
/** Refresh waits this long for the servers that were asked. */
export const peopleRefreshMs = 3_000;
/** Questions that wait for one server's answer, and for how long. */
export const queriesInFlightMax = 64;
export const queryTimeoutMs = 10_000;
/** Questions per server: strangers look up whom they write to, linked servers fetch key packages for whole rooms. */
export const strangerQueryRate = { burst: 20, refillMs: 3_000, keysMax: 10_000 };
export const linkedQueryRate = { burst: 500, refillMs: 20, keysMax: 10_000 };
/** Events about one link: the first at once, the rest together. */
export const linkEventEveryMs = 500;
/** Refusals that wait for a server which does not take them, in bundles; then nothing more of it is taken. */
export const refusalBundlesMax = 1_000;
/** Refusals owed to strangers, all together, since each is written for up to 30 days; more are not told. */
export const refusalsToStrangersRate = { burst: 2_000, refillMs: 1_000, keysMax: 1 };
