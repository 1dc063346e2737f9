/**
 * Archives: what devices leave here sealed, in numbered segments, each uploaded in pieces. Invariant: what is held of a
 * segment is its beginning, without holes; a segment that is whole never changes. [F6]
 */
import type { AccountId, DeviceId } from "@fedchat/protocol";

export interface SegmentName {
  account: AccountId;
  device: DeviceId;
  number: number;
}

export interface SegmentRow {
  device: DeviceId;
  number: number;
  /** Its length when it is whole, and how much of it is here. */
  total: number;
  held: number;
}

export type ArchiveOp =
  /** Done where `offset` is what is held of it: 0 of one that is not there. One that is begun anew has its length. */
  | ({ op: "archive.put"; offset: number; total: number; bytes: Uint8Array } & SegmentName)
  | { op: "archive.drop"; account: AccountId; device: DeviceId; numbers: number[] };

/** What is held of the segment after it. */
export type ArchiveResult = { op: "archive.put"; held: number };

export interface ArchiveReads {
  /** Those of one device in the order of their numbers. */
  archiveList(account: AccountId): Promise<SegmentRow[]>;
  /** What follows at an offset, as much as lies together; undefined where nothing does. */
  archivePart(
    segment: SegmentName,
    offset: number,
  ): Promise<{ total: number; bytes: Uint8Array } | undefined>;
}
