/** Bounds of the engine, with the reason for each size. Units are in the names. */

/** Enough to keep a group commit busy; more would only wait in the homeserver's memory. */
export const submissionsInFlightMax = 64;
/** What may wait for a homeserver that cannot be reached: days of heavy writing, and a few MB of memory for the heads. */
export const outgoingQueuedMax = 50_000;
export const outgoingPageRows = 1_000;
/** Envelopes asked about at once after a reconnect (the protocol's bound of one question). */
export const progressPageEnvelopes = 500;
/** A deferred envelope is tried again after a random time up to this, doubled each time. */
export const deferralBaseMs = 1_000;
export const deferralMaxMs = 60_000;

/** How long people one hop beyond are told after somebody looked last; screens that look say so every minute. */
export const lookMs = 120_000;

/** Strangers may ask; a list longer than this is read by nobody, so the oldest is dropped. */
export const pendingIncomingRequestsMax = 200;
/** As long as an envelope with the same request could still come again. */
export const settledRequestMemoryMs = 60 * 86_400_000;

/** Receipts that come within this are one message: a page of history read is one receipt. */
export const receiptDelayMs = 50;
/** Receipts in one status message (the content's bound of one report). */
export const receiptsPerStatusMax = 1_024;

/** In a room of more people nobody sends receipts: each message would bring one from everybody. */
export const receiptsPeopleMax = 32;

/** Notices are for people; older ones beyond this go unread. */
export const noticesMax = 200;

/** Key packages that lie ready at the homeserver: a person is rarely added to more rooms while away. */
export const keyPackagesStocked = { hybrid: 20, classical: 10 } as const;
/** Below this the stock is filled up. */
export const keyPackagesStockedMin = { hybrid: 10, classical: 5 } as const;
/** Private parts outlive the key packages' own lifetime by a little. */
export const keyPackageMemoryMs = 110 * 86_400_000;

/** Members' certificates that are remembered as right: a large room's, of half a kilobyte each. */
export const rememberedCertificatesMax = 1_024;

/** A handle with a number behind it is tried this often before the person is asked for another name. */
export const handleAttemptsMax = 20;

export const messagesPageDefault = 100;
export const searchHitsDefault = 30;
/** Servers of a map: what a screen can still draw. */
export const mapServersDefault = 200;

/** An invitation lives a week and opens one contact unless said otherwise. */
export const invitationLifetimeMs = 7 * 86_400_000;
export const invitationUsesDefault = 1;
/** A listed room's link: its owner's engine tells it anew with each session, and a room nobody tends goes from the lists. */
export const listingLifetimeMs = 365 * 86_400_000;
/** Of a listed room's link: those that lead there, and a list that stays small. */
export const listingAddressesMax = 8;
/** Links into a room that one other member may have told us of: more than anybody hands out. */
export const roomLinksOfOneMax = 32;

/** Inbox items in memory: a minute's work; the rest of a long absence is asked for once these are done. */
export const inboxWaitingItemsMax = 4_096;
/** Items after which the homeserver is told how far we are, and receipts are sent. */
export const inboxBatchItems = 64;
/** How long the log may keep what a write replaced: soon for secrets that were used, seldom enough to cost nothing. */
export const logKeptMs = 5_000;
/** A full disk is tried again after this; nothing is given up meanwhile. */
export const storeRetryMs = 2_000;
/** A subscription that failed for now is asked for again after this. */
export const subscribeRetryMs = 5_000;
/** Items between two prunings of the memory of seen envelopes. */
export const seenPruneEveryItems = 1_000;

/** States of groups that are kept in memory: a pair's is some 10 KiB; more are read again in about a millisecond. */
export const groupsInMemoryMax = 500;

/** How soon an owed link back is tried again: a homeserver's full disk clears, a server's link follows its request. */
export const linkBackRetryMs = 20_000;
/** How long a refusal that seems final is doubted: by then a server that wants a link has one. */
export const linkBackPatienceMs = 600_000;

/** A homeserver that an account left is asked no oftener: it may be gone for good. */
export const formerHomeRetryMaxMs = 600_000;
/** Servers whose records are kept for a move: more than most people's contacts and rooms are spread over. */
export const keptServersMax = 512;
/** Records change, and expire: they are asked for again this often. */
export const serversKeptEveryMs = 86_400_000;
/** After somebody came in from a server that is new to us. */
export const serverKeptSoonMs = 1_000;
/** Who takes part in a room has to make it known there that we moved: until then its log is not told here. */
export const hubToTryMs = 15_000;
/** A room's log that could not be read is asked for again after this. */
export const roomLogRetryMs = 5_000;
/** What was appended shows in the log at once, or is said again: after a random time above this, doubled each time. */
export const appendAgainBaseMs = 1_000;
export const appendAgainMaxMs = 60_000;
/** Key packages that a device may have left by an earlier program, which rooms cannot use, before one that they can. */
export const keyPackageFetchesMax = 25;
/** People whom one Commit takes in: its Welcome must fit a note. */
export const admitsPerCommitMax = 32;
/** Messages of one room whose Commit is under way: some minutes of a lively talk. */
export const waitingMessagesMax = 1_000;
/** An epoch further ahead than this is no room's: with a Commit every minute it would be two years. */
export const epochsAheadMax = 1_048_576;
/** Messages of groups whose Welcome is not here (yet), of all groups together. */
export const strayMessagesMax = 1_000;
/** Whoever writes in a room renews their keys there after this. */
export const keysRenewedAfterMs = 7 * 86_400_000;
/** People of a room who each renew their keys soon after they came in: each such Commit is work for all the others. */
export const renewalPeopleMax = 32;
/** They do so within so long for each of them: as long as a Commit and its way take, or the later would be in vain. */
export const renewalPerPersonMs = 250;
/** In a larger room, whoever writes: a second of everybody's processor time for each. */
export const renewalOfCrowdPerPersonMs = 1_000;
/** And who came in and only reads. */
export const renewalOfNewcomerMs = 86_400_000;
/** Who commits that somebody leaves is left to chance: within so long for each who could. */
export const settlePerPersonMs = 100;
export const settleMaxMs = 30_000;
/** Messages that are erased in one transaction. */
export const expiredAtOnce = 500;
/** The longest wait before it is looked again whether some message's time has come. */
export const expiryLookMs = 60_000;

/** Unless it is set otherwise, a room's hub is given so long to be reached before another is asked to go on. */
export const takeoverAfterDefaultMs = 120_000;
/** One's own homeserver goes on alone, with no other one in reach, only after this: it may be the one that is away. */
export const takeoverAloneAfterMs = 86_400_000;
/** Servers of a room that are asked whether they are there. */
export const witnessesMax = 8;
/** The same line in a room about what somebody should not have done comes once in this while, however often they do it. */
export const roomWarningAgainMs = 3_600_000;
/** Such lines that are remembered, of all rooms together. */
export const roomWarningsMax = 1_000;
/** What does not open may only have come before its cause: then a moment passes before logs are compared. */
export const forkLookAfterMs = 2_000;
/** Of one room with one server logs are compared once in this while. */
export const forkLookAgainMs = 60_000;
/** Such comparisons at a time, of all rooms. */
export const forkLooksMax = 256;
/** A room that was claimed is taken over so much later than may be: the clock of its server may be behind. */
export const claimMarginMs = 3_600_000;
/** Until then it is looked at again and again: a timer does not run while a machine sleeps. */
export const claimLookAgainMs = 3_600_000;
/** Former states of a room's group that one can go back to: as far as servers disagree in practice. */
export const branchSnapshotsMax = 16;
export const branchSnapshotsBytesMax = 16_777_216;
/** How long they, and what lost branches can be read by, are kept. */
export const branchSnapshotsMs = 7 * 86_400_000;
/** Pages of a log that are looked through for the takeover from which it goes on: what nobody could follow lies between. */
export const takeoverSearchPagesMax = 16;
/** Lost branches of one room whose messages may still come. */
export const lostBranchesMax = 4;
/** Messages of one room that nothing here opens, until its log goes on otherwise. */
export const strandedMessagesMax = 256;
/** A room's info may be replaced while it is read in parts. */
export const roomInfoAttemptsMax = 5;

/** Messages of one page of an exported chat: what a browser still opens at once. */
export const historyPageMessages = 2_000;
/** A piece of an exported file: with the answer around it well below what a connection may leave unread. */
export const historyPieceMessages = 500;
export const historyPieceBytes = 524_288;
/** Devices whose counters one message or receipt names: those that spoke since the one before. The rest follows. */
export const seenPerItemMax = 32;
/** Devices whose counters a beat names: most of a room of 500, in about 10 kB. */
export const seenPerBeatMax = 256;
/** Missing messages of one device that are shown and asked for; of more, the newest. A month of heavy writing. */
export const gapMax = 10_000;
/** A beat follows so long after a room's talk, in rooms whose people send receipts; twice as long after that, and so on. */
export const beatSoonMs = 300_000;
/** Beats are no further apart. In larger rooms the first is somewhere within a day: whoever is first speaks for all. */
export const beatDayMs = 86_400_000;
/** Then whoever heard none is cut off from everything: about four days, and a second one where nobody sends receipts. */
export const beatsMax = 11;
export const beatsOfCrowdMax = 2;
/** Beats that are sent at one time; the rest follows. */
export const beatsAtOnce = 16;

/** What is missing may only be late: it is asked for after this. */
export const askGraceMs = 2_000;
/** In a large room all miss the same at once: within so long for each who is there somebody asks. */
export const askPerPersonMs = 100;
export const askSpreadMaxMs = 60_000;
/** How long one device is waited for before the next is asked, and twice as long each round. */
export const answerPatienceMs = 30_000;
/** Others who are asked in one round, after the sender. */
export const othersAskedMax = 5;
/** A round that brought nothing is followed by another one: after a random time up to this, doubled each time. */
export const askAgainBaseMs = 60_000;
export const askAgainMaxMs = 86_400_000;
/** Questions that are sent at one time; the rest follows a moment later. */
export const asksAtOnce = 16;
export const asksNextMs = 1_000;
/** Questions of one device that are answered at once, and how long until one more is. */
export const answersAtOnce = 16;
export const answerEveryMs = 5_000;
/** Devices whose questions are counted; the memory of the oldest goes. */
export const askersRememberedMax = 2_000;
/** Parts of one answer: what else there is, is asked for again. */
export const answerPartsMax = 8;
/** Plaintext of one part: with its seals it fits an envelope. */
export const answerPartBytesMax = 180_000;
/** Messages of one device that could not be opened and may be missing, before it says how many there are. */
export const guessedMax = 256;

/** What changes is archived after this: soon for whoever loses a device, late enough to take its receipts along. */
export const archiveDelayMs = 15_000;
/** Between two segments, so that writing a long history leaves the homeserver free for messages. */
export const archivePauseMs = 250;
export const archiveRetryMs = 60_000;
/** Lines of one segment: what is read back in one transaction. */
export const archiveLinesMax = 2_000;
/** So many segments of one size are written together as one of the next. */
export const archiveSmallSegments = 8;
/** Sizes of segments that are still put together with others. */
export const archiveTierBytes = [4_096, 32_768, 262_144, 600_000];

/** What this account's devices share goes to sealed storage after this: what a person does at once is one record. */
export const shareDelayMs = 1_000;
/** Where no other device is there to see it. */
export const shareDelayAloneMs = 30_000;
/** Devices that change one record over and over at once are no people. */
export const shareAttemptsMax = 5;

/** A code is good for ten minutes. */
export const joiningMaxMs = 600_000;
export const joiningPauseMs = 500;

/** Members who are asked at once to let a device of ours in: one of them is online, mostly. */
export const enterAskedAtOnce = 3;
/** When others, or the same again, are asked: a note waits for its recipient by itself. */
export const enterAskAgainBaseMs = 60_000;
export const enterAskAgainMaxMs = 86_400_000;
/** A device that is not alone comes in by its account's others within that time, mostly, and asks nobody. */
export const enterAloneAfterMs = 60_000;
/** Of devices that asked to be let in and wait for their account's newer record, over all rooms. */
export const enteringRememberedMax = 2_000;
/**
 * An ask that every server refused for now is sent again after a random time up to this, doubled each time: servers win
 * back a few requests of strangers a minute, so hundreds who follow one link at once come in within the hour, and who
 * comes late waits a quarter of an hour at most for a server that has room again.
 */
export const roomAskAgainBaseMs = 30_000;
export const roomAskAgainMaxMs = 900_000;
/** Rooms that one contact tells of and nothing else does, until their person says yes: unlike a Welcome it costs them no keys. */
export const toldRoomsMax = 64;
/** The room's info, which a Welcome without a tree waits for, is asked of the hub again. */
export const treelessRetryBaseMs = 1_000;
export const treelessRetryMaxMs = 600_000;
