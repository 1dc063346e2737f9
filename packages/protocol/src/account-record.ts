/**
 * An account's signed statement of where it lives, which devices it has and how requests to it are sealed. One record,
 * one sequence; on a tie the lower hash wins. [A1] to [A4]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, nullable, struct, text, uint } from "./cbor/codec.ts";
import type { DeviceCertificate } from "./device-certificate.ts";
import { deviceCertificate } from "./device-certificate.ts";
import { ProtocolError } from "./errors.ts";
import {
  accountDevicesMax,
  deviceCertificateBytesMax,
  displayNameBytesMax,
  recordBytesMax,
  sequenceAheadMsMax,
} from "./limits.ts";
import { accountId, displayNamePattern, handlePattern, serverId } from "./names.ts";
import { assert } from "./primitives/assert.ts";
import type { Primitives } from "./primitives/primitives.ts";
import { signedKind } from "./signed.ts";

/** X-Wing public key that requests are sealed to; the private part lies in sealed storage. */
export const requestKey = struct({ id: bytes(8), publicKey: bytes(1_216) });
export type RequestKey = TypeOf<typeof requestKey>;

export const accountRecordBody = struct({
  account: accountId.codec,
  recoveryKeyHash: nullable(bytes(32)),
  server: serverId.codec,
  handle: text({ min: 1, max: 32, pattern: handlePattern }),
  displayName: text({ min: 1, max: displayNameBytesMax, pattern: displayNamePattern }),
  /** Signed device certificates. */
  devices: array(bytes({ min: 1, max: deviceCertificateBytesMax }), { max: accountDevicesMax }),
  requestKey,
  sequence: uint({}),
  issued: uint({}),
});
export type AccountRecord = TypeOf<typeof accountRecordBody>;

export const accountRecord = signedKind(
  "account-record",
  accountRecordBody,
  (record) => accountId.toBytes(record.account),
  {
    bytesMax: recordBytesMax * 4,
  },
);

export interface OpenedAccountRecord {
  record: AccountRecord;
  certificates: DeviceCertificate[];
  signed: Uint8Array;
}

/** Verifies a record and every certificate in it. Throws `ProtocolError("malformed")`. [A4] */
export function openAccountRecord(p: Primitives, signed: Uint8Array): OpenedAccountRecord {
  const record = accountRecord.open(p, signed);
  const certificates = record.devices.map((device) => deviceCertificate.open(p, device));
  if (certificates.some((certificate) => certificate.account !== record.account)) {
    throw new ProtocolError("malformed", "account-record: a device of another account");
  }
  if (new Set(certificates.map((certificate) => certificate.device)).size !== certificates.length) {
    throw new ProtocolError("malformed", "account-record: a device twice");
  }
  return { record, certificates, signed };
}

/** Whether `candidate` replaces `held`. Both were opened. [A3] */
export function accountRecordReplaces(
  p: Primitives,
  candidate: OpenedAccountRecord,
  held: OpenedAccountRecord | undefined,
  nowMs: number,
): boolean {
  assert(
    held === undefined || held.record.account === candidate.record.account,
    "records of one account are compared",
  );
  if (candidate.record.sequence > nowMs + sequenceAheadMsMax) return false;
  if (held === undefined) return true;
  if (candidate.record.sequence !== held.record.sequence)
    return candidate.record.sequence > held.record.sequence;
  return compareBytes(p.sha256(candidate.signed), p.sha256(held.signed)) < 0;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
