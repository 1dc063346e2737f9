/** A homeserver's signed statement of who it is and where it is reached. The highest valid sequence wins. [R1] to [R3] */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, checked, literals, struct, text, uint } from "./cbor/codec.ts";
import {
  sequenceAheadMsMax,
  serverAddressesMax,
  serverNeighboursMax,
  serverRelaysMax,
  softwareBytesMax,
} from "./limits.ts";
import { serverId, serverNamePattern } from "./names.ts";
import { assert } from "./primitives/assert.ts";
import { isSmallOrderX25519Key } from "./primitives/x25519-keys.ts";
import { signedKind } from "./signed.ts";

/** A DNS name (IDNA in its ASCII form), an IPv4 or an IPv6 address: nothing that could end the host of a URL. [R1] */
export const hostPattern = /^(?=.*[0-9A-Za-z])[0-9A-Za-z._:-]+$/;

export const serverAddress = struct({
  host: text({ min: 1, max: 253, pattern: hostPattern }),
  port: checked(uint({ max: 65_535 }), (port) => (port === 0 ? "is 0" : undefined)),
  kind: literals("direct", "proxy", "lan"),
});
export type ServerAddress = TypeOf<typeof serverAddress>;

export const serverRecordBody = struct({
  key: serverId.codec,
  name: text({ min: 1, max: 253, pattern: serverNamePattern }),
  /** X25519, for Noise and HPKE: one of small order could not be sealed to. */
  noiseKey: checked(bytes(32), (key) => (isSmallOrderX25519Key(key) ? "is of small order" : undefined)),
  addresses: array(serverAddress, { max: serverAddressesMax }),
  relays: array(serverId.codec, { max: serverRelaysMax }),
  relaysFor: literals("nobody", "linked", "anyone"),
  neighbours: array(serverId.codec, { max: serverNeighboursMax }),
  software: text({ max: softwareBytesMax }),
  sequence: uint({}),
  issued: uint({}),
  expires: uint({}),
});
export type ServerRecord = TypeOf<typeof serverRecordBody>;

export const serverRecord = signedKind(
  "server-record",
  serverRecordBody,
  (record) => serverId.toBytes(record.key),
  {
    check: (record) => (record.expires > record.issued ? undefined : "expires before it was issued"),
  },
);

export type RecordStanding = "newer" | "same" | "older" | "expired" | "ahead-of-time";

/** How a verified record stands against the one that is held; only `newer` replaces it. [R2] [R3] */
export function compareServerRecord(
  candidate: ServerRecord,
  held: ServerRecord | undefined,
  nowMs: number,
): RecordStanding {
  assert(held === undefined || held.key === candidate.key, "records of one server are compared");
  if (candidate.sequence > nowMs + sequenceAheadMsMax) return "ahead-of-time";
  if (candidate.expires <= nowMs) return "expired";
  if (held === undefined || candidate.sequence > held.sequence) return "newer";
  return candidate.sequence === held.sequence ? "same" : "older";
}
