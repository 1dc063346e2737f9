/** What sealed storage holds of an archive: its keys, and for each device a head that names its segments. [F7] [F8] */
import type { DeviceId, TypeOf } from "@fedchat/protocol";
import { array, bytes, deviceId, limits, literals, struct, uint } from "@fedchat/protocol";

export const keysRecord = "archive-keys";
const headPrefix = "archive/";
export const headRecord = (device: DeviceId): string => `${headPrefix}${device}`;

/** Whose head a sealed record is; undefined where it is none. */
export function deviceOfHead(name: string): DeviceId | undefined {
  return name.startsWith(headPrefix) ? deviceId.parse(name.slice(headPrefix.length)) : undefined;
}

/** `devices`: those that may know the key. When one of them is gone, another key is made. */
export const archiveKeys = struct({
  keys: array(
    struct({
      generation: uint({ max: 0xffff_ffff }),
      key: bytes(32),
      devices: array(deviceId.codec, { max: limits.accountDevicesMax }),
    }),
    // A revocation a week, for twenty years.
    { min: 1, max: 1_024 },
  ),
});
export type ArchiveKey = TypeOf<typeof archiveKeys>["keys"][number];

/** As many as one sealed record holds, with the longest numbers. */
export const headSegmentsMax = 2_000;

export const archiveHead = struct({
  /** When it was written. */
  at: uint({}),
  segments: array(
    struct({
      number: uint({}),
      /** `people`: rooms, contacts and blocks, read before all messages. */
      holds: literals("people", "messages"),
      /** SHA-256 of the sealed segment. */
      hash: bytes(32),
      bytes: uint({ max: limits.archiveSegmentBytesMax }),
      /** How many lines it has. */
      lines: uint({}),
      /** When its newest message was sent; of people, when it was written. */
      newest: uint({}),
    }),
    { max: headSegmentsMax },
  ),
});
export type HeadSegment = TypeOf<typeof archiveHead>["segments"][number];
