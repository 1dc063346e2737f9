/** Bounds of a room's state. Every member holds it, and it travels in each Welcome and each GroupInfo. */

/** Some 230 bytes each with one device: `roomStateBytesMax` comes first. */
export const participantsMax = 1_000;

export const bannedMax = 1_000;

/** Servers that may keep the log, in the order in which they are to take over. */
export const hubsMax = 16;

/** Where participants live: what an entry of the log may name, and whom a hub sends each entry to. */
export const roomServersMax = 256;

/** A Welcome without its tree must fit into an account note (131,072), with room for the secrets of those it adds. */
export const roomStateBytesMax = 122_880;

/** An update is a record at most: as long as a signed record may be, and its frame. */
export const roomUpdateBytesMax = 66_560;

/** Servers that an owner's engine lists by itself to go on with a room: one of so many is there. */
export const hubsListedMax = 5;

export const dayMs = 86_400_000;
/** A claim names its time itself: so far the hub's clock may be off, and no further. */
export const claimStampMs = dayMs;
/** Nobody waits longer than this for owners who are gone. */
export const successionDaysMax = 3_650;
