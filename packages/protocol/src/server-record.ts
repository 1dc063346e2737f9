/** A homeserver's signed statement of who it is and where it is reached. The highest valid sequence wins. [R1] to [R3] */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, checked, literals, optional, struct, text, uint } from "./cbor/codec.ts";
import {
  sequenceAheadMsMax,
  serverAddressesMax,
  serverNeighboursMax,
  serverRelaysMax,
  serverReplacedMax,
  softwareBytesMax,
} from "./limits.ts";
import { serverId, serverNamePattern } from "./names.ts";
import { assert } from "./primitives/assert.ts";
import { equalBytes } from "./primitives/bytes.ts";
import { isSmallOrderX25519Key } from "./primitives/x25519-keys.ts";
import { replacedServer } from "./server-succession.ts";
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
  /** SHA-256 of the public key that may say that this server has another key; absent: none was prepared. [R7] */
  recoveryKeyHash: optional(bytes(32)),
  /** Keys that this server had before, by the word of their recovery keys. [R8] */
  replaces: optional(array(replacedServer, { min: 1, max: serverReplacedMax })),
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

export type RecordStanding = "newer" | "same" | "older" | "expired" | "ahead-of-time" | "other-recovery-key";

/** How a verified record stands against the one that is held; only `newer` replaces it. [R2] [R3] [R7] */
export function compareServerRecord(
  candidate: ServerRecord,
  held: ServerRecord | undefined,
  nowMs: number,
): RecordStanding {
  assert(held === undefined || held.key === candidate.key, "records of one server are compared");
  if (candidate.sequence > nowMs + sequenceAheadMsMax) return "ahead-of-time";
  if (candidate.expires <= nowMs) return "expired";
  if (held === undefined) return "newer";
  if (!keepsRecoveryKey(candidate, held)) return "other-recovery-key";
  if (candidate.sequence > held.sequence) return "newer";
  return candidate.sequence === held.sequence ? "same" : "older";
}

/** Whether the recovery key that a server named once is still the one that it names. [R7] */
export function keepsRecoveryKey(candidate: ServerRecord, held: ServerRecord | undefined): boolean {
  const { recoveryKeyHash } = candidate;
  const named = held?.key === candidate.key ? held.recoveryKeyHash : undefined;
  return named === undefined || (recoveryKeyHash !== undefined && equalBytes(recoveryKeyHash, named));
}
