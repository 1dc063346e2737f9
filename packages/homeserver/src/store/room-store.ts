/**
 * What a homeserver keeps of rooms' logs: those that it is the hub of and those that it has a copy of, side by side. A
 * log is named by its room and its hub: whoever claims to be the hub of a room has a log of its own here, and takes no
 * other's place. Invariant: a log's entries follow each other without holes; it ends at its row's position. [O1] [O5]
 */
import type { AccountId, RoomId, RoomListing, ServerId } from "@fedchat/protocol";

/** Which log. */
export interface RoomLogName {
  room: RoomId;
  hub: ServerId;
}

export interface RoomLogRow extends RoomLogName {
  /** Who began it; only where this server is its hub. */
  founder: AccountId | undefined;
  term: number;
  /** Of its newest entry; before the first one, the position behind which it begins. */
  position: number;
  /** Of its newest entry; zeros before the first one. */
  hash: Uint8Array;
  /** What its newest begin or commit says; zeros and none before one. */
  group: Uint8Array;
  access: Uint8Array;
  servers: ServerId[];
  /** Servers that were on earlier lists, the last to go last. */
  former: ServerId[];
  /** Position of its newest begin or commit, before which it may be pruned; 0: none yet. */
  anchor: number;
  /** When it came to its newest entry, by this server's clock; never falls. */
  at: number;
  /** Since when nobody here follows it; undefined: somebody does, or this server is its hub. */
  idleSince: number | undefined;
  /** The hub that its newest takeover took it over from, and behind which position; undefined: none is known. */
  continues: { hub: ServerId; position: number } | undefined;
  /** Who goes on with it as its hub: what is left here is what its own term lost. */
  successor: ServerId | undefined;
}

export interface RoomEntryRow {
  position: number;
  /** Signed entry. */
  signed: Uint8Array;
}

export interface FollowerRow extends RoomLogName {
  account: AccountId;
  /** Where the account came in. */
  position: number;
}

/** A room that an account lets others see. [I12] */
export interface ListingRow {
  account: AccountId;
  room: RoomId;
  listing: RoomListing;
}

export type RoomOp =
  /**
   * A log as it is now, with the entries that came to it since, in order; `info` takes the place of the one before. A
   * log that is not there yet begins with the first of them.
   */
  | { op: "room.append"; row: RoomLogRow; entries: RoomEntryRow[]; info: Uint8Array | undefined }
  /**
   * Another hub goes on with a log behind `row.position`: entries up to there, and whoever follows it, are of the log
   * `row` from now on, in place of any log of that name; what is behind stays as `lost`, without info. Where the hub is
   * the same what is behind goes.
   */
  | { op: "room.fork"; from: RoomLogName; row: RoomLogRow; lost: RoomLogRow }
  /** Everything of it goes, but for who follows it. */
  | ({ op: "room.drop" } & RoomLogName)
  /** One hub for each account and room. */
  | { op: "room.follow"; row: FollowerRow }
  | { op: "room.unfollow"; account: AccountId; room: RoomId }
  /** Whom an account lets see a room; undefined: nobody any more. */
  | { op: "room.list"; account: AccountId; room: RoomId; listing: RoomListing | undefined }
  /** Entries from before that time go, the oldest first and at most so many, but for those from each log's anchor on. */
  | { op: "room.prune"; before: number; limit: number };

/** What was pruned of each log, in bytes of signed entries. */
export type RoomResult = { op: "room.prune"; entries: number; pruned: (RoomLogName & { bytes: number })[] };

export interface RoomReads {
  /** Entries behind a position, in order: as many as fit so many bytes, and at least one where there is one. */
  roomEntries(log: RoomLogName, after: number, bytesMax: number): Promise<RoomEntryRow[]>;
  /** A piece of the newest info, and the position of the entry that it came with. */
  roomInfo(
    log: RoomLogName,
    offset: number,
    length: number,
  ): Promise<{ position: number; total: number; part: Uint8Array } | undefined>;
}
