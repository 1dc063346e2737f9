/** Every bound of the protocol, with the reason for its size. Units are in the names. */

/** A sequence further ahead of the clock than this is refused, so that a thief cannot lock an owner out with a huge number. */
export const sequenceAheadMsMax = 86_400_000;

/** Signed records are small; a homeserver stores one for every server and account that it has ever heard of. */
export const recordBytesMax = 16_384;
/** What a signature and the container of a signed structure add to its body, with room for longer lengths. */
export const signedOverheadBytesMax = 100;
export const serverAddressesMax = 16;
export const serverRelaysMax = 16;
export const serverNeighboursMax = 256;
/** Keys that one server had before: each was stolen or lost, and said so by words on paper. */
export const serverReplacedMax = 8;
/** A record is renewed at half its lifetime; a server silent for this long is forgotten by those who never linked it. */
export const serverRecordLifetimeMs = 30 * 86_400_000;
/** Devices of one account: phones, laptops, boxes and bots of one person. */
export const accountDevicesMax = 32;
/** Some 350 are used; every member of a room holds one for every other member. */
export const deviceCertificateBytesMax = 1_024;

/** A label is what fits on a screen line and in a DNS label's spirit. */
export const displayNameBytesMax = 256;
export const softwareBytesMax = 64;

/** One message with its MLS framing; larger things are files. */
export const envelopePayloadBytesMax = 262_144;
/** Destination homeservers that one submission may name; larger rooms submit several times. */
export const envelopeDestinationsMax = 255;
/** Recipients of one envelope at one homeserver. */
export const envelopeRecipientsMax = 1_000;
/** Remembered for suppressing duplicates: longer than any bundle may live. */
export const envelopeIdMemoryMs = 35 * 86_400_000;

/** One AEAD and one disk write each; beyond this latency grows and nothing is gained. */
export const bundleBodyBytesMax = 524_288;
export const bundleEnvelopesMax = 256;
/** Then the source gives up, says so to its sender, and skips. */
export const bundleLifetimeMs = 30 * 86_400_000;
export const bundleHopsMax = 16;
/** How far ahead of the next expected sequence a receiver keeps bundles that arrived early. */
export const streamWindowBundles = 256;
/** An HPKE encapsulation serves this long or this many bundles, whichever comes first. */
export const encapsulationLifetimeMs = 3_600_000;
export const encapsulationBundlesMax = 100_000;

/** A batch of a link or a client session before its seal adds 16 bytes: one AEAD. */
export const frameBytesMax = 1_048_576;
export const batchMessagesMax = 4_096;
/** What a link or client session may have in flight before the sender waits. */
export const channelBufferedBytesMax = 8_388_608;
export const handshakeFrameBytesMax = 65_535;
export const helloBytesMax = 2_048;
/** A frame of the opening: a hello, a Noise message and their CBOR. Longer ones are refused before they are decoded. */
export const openingFrameBytesMax = handshakeFrameBytesMax + helloBytesMax + 1_024;
/**
 * Sealed frames that arrive behind the last handshake frame, before anybody listens: one read of a socket brings no
 * more. A stranger must not make us hold more than this.
 */
export const earlyFramesMax = 64;
export const earlyFrameBytesMax = 2 * frameBytesMax + 32;

/** A chat request is one sentence, so that an inbox of strangers can be read. */
export const requestTextBytesMax = 1_200;
/** Unicode code points. */
export const requestTextCharactersMax = 300;
/** One key package a device, so that the answer needs no round trip. */
export const requestKeyPackagesMax = accountDevicesMax;
export const keyPackageBytesMax = 8_192;
export const welcomeBytesMax = 131_072;

/** Stocked per device. */
export const keyPackagesStockedMax = 100;
export const sealedRecordBytesMax = 262_144;
export const sealedRecordsPerAccountMax = 8_192;

/** A segment of an archive: with what is around it, small enough to be sealed and opened in memory on a phone. */
export const archiveSegmentBytesMax = 1_048_576;
/** A piece of one, as it is uploaded: slow connections lose little by a break. */
export const archivePieceBytesMax = 262_144;
/** Segments of one account: 32 devices, each with as many as one sealed record of their hashes holds. */
export const archiveSegmentsMax = 16_384;

/** How far a server's record travels from link to link: a chain of this many relays can still find its way back. */
export const gossipHopsMax = 6;
/** Records of one answer: half a batch where each is as large as it may be. */
export const gossipPageRecordsMax = 32;
/** A piece of a frame on its way through a relay: small, so that circuits share a link fairly. */
export const circuitPieceBytesMax = 65_536;
/** What may be under way in one direction of a circuit, and so what a relay may have to hold of it. */
export const circuitWindowBytes = 262_144;
/** What each piece costs of it beside its bytes: what a relay spends on holding one. */
export const circuitPieceCostBytes = 64;
/** Relays named in an invitation, with some addresses of each: a QR code must hold them. */
export const invitationRelaysMax = 3;
export const invitationRelayAddressesMax = 2;
/** A room's name is one line on a screen, like a display name; it stands in its state and in links into it. */
export const roomNameBytesMax = 256;
/** What a list of rooms says of each: a sentence or two. */
export const roomDescriptionBytesMax = 500;
/** A room link's structure with many addresses; most have some 400 bytes. */
export const roomListingLinkBytesMax = 2_048;
/** Rooms that one server lists: more than a person looks through. */
export const roomsListedMax = 64;
/** Places that a room link names beside its maker's, with some addresses of each: the hub, and others who may answer. */
export const roomLinkPlacesMax = 4;
export const roomLinkAddressesMax = 2;
/** Held by relays for an absent server; the source keeps its own copy for the bundle's whole lifetime. */
export const custodyLifetimeMs = 14 * 86_400_000;

/** An account's inbox: items older than this are dropped even where a device has not acknowledged them. */
export const inboxItemLifetimeMs = 60 * 86_400_000;
export const inboxPageItemsMax = 500;

/** People that one linked server may list to us. */
export const peopleListMax = 10_000;
export const invitationUsesMax = 1_000;
export const invitationLinkBytesMax = 8_192;
/** What an invitation is for, in a few words. */
export const invitationLabelBytesMax = 256;
/** Account invitations that are open at once, all held in memory; and how many may come by one of them: a school year. */
export const accountInvitationsMax = 256;
export const accountInvitationUsesMax = 1_000;
/** Longer than a year it is not an invitation any more but an open door. */
export const accountInvitationLifetimeMsMax = 366 * 86_400_000;

/** An item of a room's log: a commit of a large room, which has a secret for each part of its tree. */
export const roomItemBytesMax = 393_216;
/** What an entry's other fields add to its item, with room for longer numbers. */
export const roomEntryBytesMax = roomItemBytesMax + 512;
/** A room's GroupInfo with its tree: with the largest item and its frame it fits a batch. */
export const roomInfoBytesMax = 589_824;
/** Homeservers of one room: an entry goes to each of them. */
export const roomServersMax = 256;
/** One answer of entries: a quarter of a batch; a larger entry comes alone. */
export const roomLogPageBytesMax = 262_144;
/** Entries of one answer: small proposals, as many as its bytes hold. */
export const roomLogPageEntriesMax = 1_024;
/** The largest answer of entries: one entry alone, and where the log is. */
export const roomLogAnswerBytesMax = 400_000;
/** A piece of a room's info. */
export const roomInfoPartBytesMax = 200_000;
/** Rooms that one account may follow; who follows what is held in memory. */
export const roomsFollowedMax = 4_096;

/** Missing messages of one device that one question may name: more than fit into a few answers. */
export const missingPerAskMax = 256;
/** Epochs whose GroupContexts an asking device says that it has: months of a lively room's changes. */
export const heldEpochsMax = 256;

/** Requests that a client session may have unanswered. */
export const clientRequestsInFlightMax = 1_024;

/** Servers found in the local network: what a person looks through; a network with more is not one household or office. */
export const nearbyServersMax = 64;
/** Addresses offered for one of them, all dialled when it is linked. */
export const nearbyAddressesMax = 8;

/** Findings of one examination: sixteen addresses from inside and outside, the links that fail, and what else there is. */
export const findingsMax = 128;

/** What two devices of one account say to each other while one is linked: the longest is an account record and keys. */
export const meetingMessageBytesMax = 98_304;

/** Records of servers asked for, or told, at once: as many as fit into a frame where each is as large as it may be. */
export const serversIntroducedMax = 48;
