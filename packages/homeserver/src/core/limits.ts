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
/** Servers whence one account was asked: as many as requests wait there, in an engine; the oldest go. [Q4] */
export const askingServersMax = 200;
/** And of all accounts together, each with a record of up to 16 KiB; one goes of the account that has the most. */
export const askingServersTotalMax = 2_000;
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
/** Positions left out at random in an inbox that is ahead of the clock: far more than a run that was lost delivered to one. */
export const inboxLeapMax = 2 ** 20;
/** Old inbox items are looked for this often. */
export const expiryEveryMs = 3_600_000;
/** Whether the own record is due for renewal is looked up this often; it is renewed at half its lifetime. */
export const recordCheckEveryMs = 3_600_000;

/** An account's archive: a lifetime of text, and not yet what a small machine's disk is. */
export const archiveBytesMax = 1_073_741_824;

// Rooms' logs.

/** Rooms that one account may begin here, those of two among them: each is a log for ever. */
export const roomsFoundedMax = 1_024;
/** Appends of one account, tried: somebody who comes too late reads and tries again. Each may cost a signature check. */
export const roomAttemptsRate = { burst: 600, refillMs: 500, keysMax: 10_000 };
/** Entries of one account: a whole school added in one evening, then five in a minute. */
export const roomEntriesOfAccountRate = { burst: 600, refillMs: 12_000, keysMax: 10_000 };
/** What one account has written to outboxes, in pieces: a 500-member commit to 50 servers takes some 200. */
export const roomFanOutPieceBytes = 65_536;
export const roomFanOutRate = { burst: 16_384, refillMs: 250, keysMax: 10_000 };
/** Appends to one room that wait for their turn; a transaction each. */
export const roomAppendsWaitingMax = 64;
/** One log on disk: some thousand commits of a large room. */
export const roomLogBytesMax = 268_435_456;
/** Entries are kept for so long: longer than any bundle, and any member that is away for a holiday. */
export const roomLogLifetimeMs = 90 * 86_400_000;
/** Entries that one transaction prunes. */
export const roomPrunedAtOnce = 256;
/** Servers that were on a room's earlier lists, remembered; the first to go are forgotten first. */
export const roomFormerServersMax = 256;
/** A copy that nobody follows waits so long for somebody who was invited to come. */
export const roomReplicaIdleMs = 60 * 86_400_000;
/** Copies of one hub's logs that nobody follows, and their bytes. */
export const roomReplicasUnfollowedMax = 256;
export const roomReplicasUnfollowedBytesMax = 16_777_216;
/** Entries of one hub that are verified and taken: all that a day away brings, then twenty a second. */
export const roomEntriesOfHubRate = { burst: 10_000, refillMs: 50, keysMax: 10_000 };
/** Of a log that was quiet for so long the hub is asked whether it was: one question a day. */
export const roomQuietMs = 86_400_000;
/** Pages asked of a hub for one log at a time: all of the largest log. */
export const roomCatchUpPagesMax = 2_048;
/** A hub answers within this: an append is up to a megabyte, and a slow disk away. */
export const roomAnswerMs = 15_000;
/** Questions about rooms of a server that is in one: each may be a megabyte, or bring half of one. */
export const roomQueriesRate = { burst: 100, refillMs: 50, keysMax: 10_000 };
/** What another hub's branch may bring beside what is here before it is ahead: it is in memory until then. */
export const roomBranchBytesMax = 33_554_432;
/** Questions by which the newest entry is found that two servers both have, twice as far back each time. */
export const roomBranchSearchMax = 32;
/** Logs that one server says to go on elsewhere, until it could be asked for them. */
export const roomsHeardMax = 1_024;
/** A server that could not be asked how a log goes on is asked again after this. */
export const roomHeardRetryMs = 60_000;
/** Takeovers that one account asks for in all rooms: each makes every server go over. */
export const roomTakeoversRate = { burst: 16, refillMs: 3_600_000, keysMax: 10_000 };
/** A takeover continues an earlier entry than the newest only where what is behind it is no older. */
export const roomTakeoverBackMs = 7 * 86_400_000;
/** The longest pause that a hub may ask for; all rooms of it wait meanwhile. */
export const roomPauseMsMax = 60_000;
/** Messages to a room from a server whose entry may still be under way. [O7] */
export const roomUnlistedRate = { burst: 60, refillMs: 10_000, keysMax: 10_000 };

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
/** Keys that are known to be replaced; where there are more, one goes of a server that nobody here has to do with. [R9] */
export const replacedServersMax = 1_024;
/** Keys of which nothing is known here yet, and which others claim as former ones of theirs. */
export const replacementsClaimedMax = 1_024;
/** Who claims one of them: its true heir, and liars, each of whom needs a record of its own that came here. */
export const claimantsOfOneMax = 16;
/** Servers that linked us unasked, as remembered for the person to decide; the longest silent goes first. */
export const strangersRememberedMax = 256;
export const strangersConnectedMax = 64;
/** Handshakes under way at a time: each costs a few milliseconds of arithmetic and a socket. */
export const openingsMax = 128;
/** The same of circuits that end here, which have a place of their own: through one relay at a time, and in all. */
export const circuitOpeningsPerRelayMax = 16;
export const circuitOpeningsMax = 128;
/** Connected strangers of one network address outside. */
export const strangersPerAddressMax = 8;
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
/** Account records of one teller that are not known already: its whole list at once, then ten a second. [L21] */
export const peopleVerifiedRate = { burst: 12_000, refillMs: 100, keysMax: 10_000 };
/** Records of servers beyond, told with their people: all of them at once and once more. [L24] */
export const beyondRecordsRate = { burst: 512, refillMs: 1_000, keysMax: 10_000 };
/** One hop beyond: servers that one link may tell of, and people of all of them; a star's leaves, not a whole network. */
export const beyondServersMax = 256;
export const beyondPeopleMax = 10_000;
/** Who begins to look at people beyond and searches at once waits this long for the lists to come. */
export const beyondSettleMs = 1_500;
/** Screens are told of a server's people at most this often. */
export const peopleEventEveryMs = 1_000;
/** Searches of one device: somebody who types a few names, pausing at every letter; each asks every directory. */
export const peopleSearchRate = { burst: 30, refillMs: 1_000, keysMax: 10_000 };
/** Times that one account introduces servers, many at once: those of all its contacts when it moved here. [A14] */
export const introductionsRate = { burst: 32, refillMs: 60_000, keysMax: 10_000 };
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
/** A linked server that has us dial it; a person presses 'Run again' now and then. [L25] */
export const dialBackRate = { burst: 4, refillMs: 15_000, keysMax: 10_000 };
/** All dials of one question end by then: a peer that follows [L25] takes ten seconds at most. */
export const dialBackMs = 8_000;
/** Who asks waits for those ten seconds, and for a question and an answer on a slow or relayed link. */
export const dialBackAnswerMs = 15_000;
/** Servers dialled back at a time: each costs up to 17 sockets. */
export const dialBacksMax = 8;
/** Linked servers that are asked to dial back: one in the same network tells less than several. */
export const dialBackAskedMax = 3;
/** A domain that did not confirm its server is asked again when it connects after this. [N4] */
export const domainCheckEveryMs = 3_600_000;
/** Domains asked at a time; others wait for their server's next connection. */
export const domainChecksAtOnceMax = 8;
/** Events about one link: the first at once, the rest together. */
export const linkEventEveryMs = 500;
/** Refusals that wait for a server which does not take them, in bundles; then nothing more of it is taken. */
export const refusalBundlesMax = 1_000;
/** Refusals owed to strangers, all together, since each is written for up to 30 days; more are not told. */
export const refusalsToStrangersRate = { burst: 2_000, refillMs: 1_000, keysMax: 1 };

// Records of other servers, and ways through relays.

/** Records that others told of: a network in which everybody is found by everybody needs a directory beyond this. [G1] */
export const heardRecordsMax = 10_000;
/** Their bytes; records of leaves take a third of a kilobyte, those of the busiest relays nine. */
export const heardRecordBytesMax = 33_554_432;
/** Expired records, and those of servers that nobody has to do with, are looked for this often. [G1] */
export const recordsSweepEveryMs = 3_600_000;
/** Records of one neighbour that are not known already, each of which is read and verified: a new network at once, then a hundred a second. [G4] */
export const heardRecordsRate = { burst: 2_000, refillMs: 10, keysMax: 10_000 };
/** And of all neighbours together: a tenth of a processor. */
export const heardRecordsTotalRate = { burst: 10_000, refillMs: 2, keysMax: 1 };
/** Records verified in one turn: each costs some tenths of a millisecond. */
export const recordsVerifiedPerTurn = 16;
/** Newer records of one server: what a start and its first links change at once, then one a minute; each goes through the whole network. [G4] [R5] */
export const newerRecordsRate = { burst: 8, refillMs: 60_000, keysMax: 20_000 };
/** Servers whose newest record waits for its turn; beyond, the longest waiting is let go and comes with a later one. */
export const newerRecordsWaitingMax = 1_024;
/** Others who told a record that is known, remembered so that it outlives the one whose share it counts for. [G1] */
export const otherTellersMax = 4;
/** Pages asked of one neighbour: all that it may know at once, then ten a second. */
export const recordPagesAskedRate = { burst: 400, refillMs: 100, keysMax: 10_000 };
/** Pages told to one neighbour: a little more than it would ask. */
export const recordPagesToldRate = { burst: 500, refillMs: 80, keysMax: 10_000 };
/** What changes within this is told together: a record passes six hops in about a second. */
export const changesGatheredMs = 150;
/** How soon telling looks whether a congested link has drained. */
export const congestedTellingMs = 1_000;
/** Dials because a server's record is newer: a few at once, since whoever signs records must not make others dial for nothing. [G5] */
export const newsDialRate = { burst: 3, refillMs: 20_000, keysMax: 10_000 };
/** Relays in our own record: some may be away, and who looks for us tries a few. [G6] */
export const ownRelaysMax = 8;
/** Connections that come and go within this change nothing in our record. [G6] */
export const standingSettlesMs = 30_000;
/** The first ones are told sooner: until then nobody finds a way here, and somebody who just set up waits. [G6] */
export const firstStandingSettlesMs = 2_000;
/** An edge stays in our record for so long after its connection ended. [G6] */
export const edgeOutlivesMs = 300_000;
/** What time alone changes of our record is looked for this often. */
export const standingCheckEveryMs = 300_000;
/** Records because of other relays and neighbours: each goes through the whole network. [G6] */
export const standingRate = { burst: 4, refillMs: 600_000, keysMax: 1 };
/** Of one answer, which goes into one frame. */
export const networkMapServersMax = 2_000;
export const networkMapBytesMax = 900_000;
/** Servers of an account's contacts that are not linked, in one answer: as the method's table has it. */
export const unlinkedShownMax = 1_000;
/** Relays of one way: a bundle's hop limit without its destination. [C7] */
export const wayRelaysMax = 15;
/** Steps that a search for ways may try: some milliseconds. Each shortest way takes a few hundred, so only long detours are not found. */
export const waySearchStepsMax = 50_000;
/** Passed on for others, of a home's connection: 16 Mbit/s, unless configured. */
export const relayBytesPerSecond = 2_097_152;
/** Kept for others on disk, unless configured. */
export const relayStorageBytes = 268_435_456;

// Relayed links: circuits through relays, and servers that are reached without a link.

/** A frame that comes over a circuit in pieces: a sealed batch, which is larger than any frame of an opening. */
export const circuitFrameBytesMax = 1_048_592;
/** New credit is given in lumps: a message for each quarter of what may be under way. */
export const circuitCreditBytes = 65_536;
/** Pieces are not cut smaller than this for want of credit, but at the end of a frame. */
export const circuitPieceBytesMin = 1_024;
/** From asking for a circuit to the destination's word: fifteen relays, some of them far away. */
export const circuitOpenMs = 10_000;
/** Circuits that one neighbour may have passed on: a whole star's leaves. */
export const circuitsPerNeighbourMax = 256;
/** Circuits passed on in all. */
export const circuitsMax = 4_096;
/** Of these, circuits of servers that are not mutually linked here, whose keys are free to make: all together. */
export const circuitsOfStrangersMax = 512;
/** Circuits that a neighbour asks for, to be passed on or ending here: a server that reconnects to all it knows. */
export const circuitOpenRate = { burst: 256, refillMs: 250, keysMax: 10_000 };
/** What waits in memory to be passed on, of all circuits. A full circuit is a hundredth of it. */
export const relayWaitingBytesMax = 67_108_864;
/** A connection takes nothing for others while so much waits on it: as for our own, lest one of both starve. */
export const relayBufferedBytesMax = 8_388_608;
/** Ways are looked for when the addresses have been silent for this long. */
export const waysAfterMs = 1_000;
/** Ways tried side by side, and in one attempt: each costs work at every relay. */
export const waysAtOnceMax = 3;
export const waysPerAttemptMax = 8;
/** A step at which a way failed is left out for this long, doubling. */
export const brokenEdgeMs = 30_000;
export const brokenEdgeMsMax = 600_000;
/** Steps remembered as broken; the oldest goes first. */
export const brokenEdgesMax = 4_096;
/** While a link is relayed, direct dials come as far apart as this. */
export const directRetryMsMax = 600_000;
/** A relayed connection that lasted for less is not replaced at once, lest two servers do nothing else. */
export const relayedBrieflyMs = 1_000;
/** Unacknowledged for this long: a sign of life is asked for, and missed after the second time. [C10] */
export const probeAfterMs = 3_000;
export const probeAnswerMs = 4_000;
/** What is under way holds up the answer: 32 KiB a second, which the slowest links carry. */
export const probeBytesPerMs = 32;
/** A server that is reached without a link is let go after this long without use. [C11] */
export const unlinkedIdleMs = 300_000;
/** Servers reached without a link at a time: what people here write to strangers in five minutes, with their relays. */
export const unlinkedServersMax = 1_024;
/** Servers known from invitations only, dialled for people who may not link: they shall not search networks with it. */
export const invitedDialRate = { burst: 20, refillMs: 15_000, keysMax: 1 };
/** Relays of one server, told with an invitation or in its record, that are dialled for its sake. */
export const relaysDialledMax = 3;

// Directories.

/** Servers of one directory: about 2 KiB of memory each. */
export const directoryServersMax = 100_000;
/** Servers that register for the first time, by network address: a tenth of all in the time that a record lasts. */
export const directoryNewServersRate = { burst: 128, refillMs: 300_000, keysMax: 10_000 };
/** People who let a directory show them, in all, in memory; and of the servers of one network address, one long list. */
export const directoryPeopleMax = 100_000;
export const directoryPeoplePerAddressMax = 10_000;
/** Records that have expired are looked for this often. */
export const directoryExpiryEveryMs = 3_600_000;
/** Questions to a directory per server: somebody types a name now and then, many people on a large server. */
export const directoryAskRate = { burst: 60, refillMs: 1_000, keysMax: 100_000 };
/** Searches of all servers of one network address, and of all: each looks at everybody, some milliseconds at most. */
export const directoryFindAddressRate = { burst: 120, refillMs: 500, keysMax: 10_000 };
export const directoryFindRate = { burst: 400, refillMs: 25, keysMax: 1 };
/** People in one answer. */
export const foundPeopleMax = 20;
/** Servers linked because a directory announced them: some hundreds connections, beside those of people's own links. */
export const directoryLinksMax = 512;
/** Servers of one directory that are remembered as announced, and of people whom directories found; the oldest go first. */
export const announcedServersMax = 10_000;
/** Servers that people unlinked: no directory links them again. */
export const declinedServersMax = 1_000;
/** A directory with no more servers than this has them link each other at once; beyond, on first use. [D4] */
export const directoryLinkAllMax = 32;
/** After a page of its records a directory may have more to tell; only then is it known whether the list is long. */
export const directorySettleMs = 2_000;

// Custody: bundles of others, and bundles of ours with others.

/** What a bundle in custody costs beside its bytes, also after it was handed on: its row and what finds it again. */
export const custodyRowBytes = 1_024;
/** One neighbour may use half of what is given to custody, a quarter for one source, all that are not mutually linked another. */
export const custodyNeighbourShare = 0.5;
export const custodySourceShare = 0.25;
export const custodyStrangersShare = 0.25;
/** Bundles that one neighbour may have on their way to the disk: twice a source's window. */
export const custodyTakingMax = 128;
export const custodyTakingBytesMax = 16_777_216;
/** Bundles handed over by one linked neighbour: a backlog at the speed of a home's line. By one stranger: some messages. */
export const custodyLinkedRate = { burst: 5_000, refillMs: 5, keysMax: 10_000 };
export const custodyStrangerRate = { burst: 200, refillMs: 1_000, keysMax: 10_000 };
/** Expired custody is looked for this often. */
export const custodyExpiryEveryMs = 600_000;
/** Receipts told, and read, at a time. */
export const custodyOwedPage = 64;
/** Sources whose records one neighbour may tell on one connection. */
export const custodySourcesMax = 1_024;
/** Bundles of one source on their way to the next server: less than the window of a stream, so that none is let go. */
export const onwardWindowBundles = 32;
export const onwardWindowBytesMax = 4_194_304;
/** Records of sources that one neighbour tells anew and that are verified: all of one connection at once, then some. */
export const custodySourceRecordsRate = { burst: 1_024, refillMs: 250, keysMax: 10_000 };
/** Receipts known to have been passed back: a window for each of a few dozen servers. Older ones cost a commit again. */
export const custodyPassedRememberedMax = 4_096;
/** Sources whose bundles go to one server side by side; the others take turns. */
export const onwardLanesMax = 16;
/** Bundles of ours that a relay has not answered for: a page on its way and one being written. */
export const custodyWindowBundles = 64;
export const custodyWindowBytesMax = 8_388_608;
/** A relay answers within the time of a slow disk. */
export const custodyAnswerMs = 30_000;
/** Without an acknowledgement for so long, a bundle in custody is handed over once more: a relay may lie, or have lost it. */
export const custodyPatienceMs = 21_600_000;
/**
 * What is left of a bundle that was handed on stays so long: until its source hands it over anew, under another hash.
 * Kept to its end of life, a bundle a minute would fill a source's share of a small relay with traces.
 */
export const custodyTraceMs = custodyPatienceMs;
/** It doubles up to this: an absence of two weeks costs six times the bytes. */
export const custodyPatienceMaxMs = 345_600_000;
/** How long a way is left out: refused for good, for now, and unanswered. */
export const custodyRefusedMs = 3_600_000;
export const custodyDeferredMs = 300_000;
export const custodyUnansweredMs = 600_000;
/** How soon other ways are looked for where there is none. */
export const custodyNoWayMs = 60_000;
/** Custody waits so long for an attempt to connect: addresses have had their time and ways were tried; one that nothing answers takes longer. */
export const custodyAwaitsConnectionMs = 3_000;
/** And looks again this often. */
export const custodyConnectingMs = 1_000;
/** What arrives together is acknowledged together. */
export const custodyAckDelayMs = 1_000;
/** Ways looked at for one destination. */
export const custodyWaysMax = 8;
/** Bundles that one relay may bring of sources that nobody here linked, since their keys are free to make. */
export const broughtByRelayRate = { burst: 200, refillMs: 2_000, keysMax: 10_000 };
/** Bundles of such sources that one relay brings and that are looked at: what it takes of one neighbour in the same time. */
export const broughtOpenedRate = { burst: 5_000, refillMs: 5, keysMax: 10_000 };
/** Custody receipts of one neighbour that are verified: as many as it may be handed bundles, and some of relays beyond. */
export const custodyReceiptsRate = { burst: 10_000, refillMs: 2, keysMax: 10_000 };
/** New streams of one source that come by custody: one for each of its restarts. */
export const broughtStreamsRate = { burst: 16, refillMs: 600_000, keysMax: 10_000 };
/** New streams that one destination may make us begin by custody: a lost run, or a clock that went back, needs one. */
export const heardRestartsRate = { burst: 4, refillMs: 3_600_000, keysMax: 10_000 };
/** Sources known by custody alone whose positions are held at a time. */
export const broughtSourcesMax = 1_024;

/** Rooms that one account lets others see; all accounts together fill one answer. */
export const roomsListedPerAccountMax = 16;
/** Of an answer about listed rooms: it must fit a control message of a link. */
export const listedRoomsBytesMax = 160_000;
/** Linked servers are asked for their lists of rooms no oftener, however often people look. */
export const listedRoomsKeptMs = 10_000;
/** Servers of one room of which nothing is known here, asked of its hub side by side. */
export const roomServersAskedAtOnce = 8;

// Linking further devices.

/** How long a code to link a device by is good for. */
export const meetingLifetimeMs = 600_000;
/** Who waits longer for an answer asks again: a channel without a session closes after two minutes. */
export const meetingAnswerMs = 45_000;
/** A person links one device at a time, and may have begun anew. */
export const meetingsOfAccountMax = 4;
export const meetingsMax = 10_000;
