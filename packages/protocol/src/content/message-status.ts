/**
 * Delivery and read status (draft-mahy-mimi-message-status): which messages of a room the reporting account has
 * received, read, or done otherwise with. Later reports amend earlier ones.
 */
import { array, decode, encode, uint, type Codec } from "../cbor/codec.ts";
import { positional } from "../cbor/positional.ts";
import { messageId, type MessageId } from "../names.ts";
import { statusEntriesMax } from "./limits.ts";

export const messageStatusType = "application/mimi-message-status";

export interface StatusEntry {
  messageId: MessageId;
  /** One of `messageStatus`; a number that is none of them comes from a newer version and is to be ignored. */
  status: number;
}

export const messageStatus = {
  unread: 0,
  delivered: 1,
  read: 2,
  expired: 3,
  deleted: 4,
  hidden: 5,
  error: 6,
} as const;

export function encodeStatusReport(report: StatusEntry[]): Uint8Array {
  return encode(statusReport, report);
}

/** Throws `DecodeError`. */
export function decodeStatusReport(encoded: Uint8Array): StatusEntry[] {
  return decode(statusReport, encoded);
}

const statusReport: Codec<StatusEntry[]> = array(
  positional({ messageId: messageId.codec, status: uint({ max: 255 }) }),
  { min: 1, max: statusEntriesMax },
);
