/**
 * An account's signed statement of where it lives, which devices it has and how requests to it are sealed. One record,
 * one sequence; on a tie the lower hash wins. [A1] to [A4]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bytes, encode, nullable, optional, struct, text, uint } from "./cbor/codec.ts";
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
import { signAs, signedKind, verifyAs } from "./signed.ts";

/** X-Wing public key that requests are sealed to; the private part lies in sealed storage. */
export const requestKey = struct({ id: bytes(8), publicKey: bytes(1_216) });
export type RequestKey = TypeOf<typeof requestKey>;

const fields = {
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
};
/** What the recovery key signs: all that a record says. */
const guarded = struct(fields);

export const accountRecordBody = struct({
  ...fields,
  /** The recovery key, and its signature: from then on no record without one counts. [A20] */
  guard: optional(struct({ recoveryKey: bytes(32), signature: bytes(64) })),
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

/** The same record, guarded by the recovery key whose hash it names. [A20] */
export function guardedRecord(p: Primitives, recoverySeed: Uint8Array, record: AccountRecord): AccountRecord {
  const signature = signAs(p, "account-guard", recoverySeed, encode(guarded, record));
  return { ...record, guard: { recoveryKey: p.ed25519.publicKey(recoverySeed), signature } };
}

function isGuardRight(p: Primitives, record: AccountRecord): boolean {
  const { guard, recoveryKeyHash } = record;
  if (guard === undefined) return true;
  const { recoveryKey, signature } = guard;
  if (recoveryKeyHash === null || compareBytes(p.sha256(recoveryKey), recoveryKeyHash) !== 0) return false;
  return verifyAs(p, "account-guard", recoveryKey, encode(guarded, record), signature);
}

/** Verifies a record, its guard and every certificate in it. Throws `ProtocolError("malformed")`. [A4] [A20] */
export function openAccountRecord(p: Primitives, signed: Uint8Array): OpenedAccountRecord {
  const record = accountRecord.open(p, signed);
  if (!isGuardRight(p, record)) throw new ProtocolError("malformed", "account-record: its guard is wrong");
  const certificates = record.devices.map((device) => deviceCertificate.open(p, device));
  if (certificates.some((certificate) => certificate.account !== record.account)) {
    throw new ProtocolError("malformed", "account-record: a device of another account");
  }
  if (new Set(certificates.map((certificate) => certificate.device)).size !== certificates.length) {
    throw new ProtocolError("malformed", "account-record: a device twice");
  }
  return { record, certificates, signed };
}

/** Whether `candidate` replaces `held`. Both were opened. [A3] [A19] [A20] */
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
  const [hash, known] = [candidate.record.recoveryKeyHash, held.record.recoveryKeyHash];
  if (known !== null && (hash === null || compareBytes(hash, known) !== 0)) return false;
  const isGuarded = candidate.record.guard !== undefined;
  if (isGuarded !== (held.record.guard !== undefined)) return isGuarded;
  if (candidate.record.sequence !== held.record.sequence)
    return candidate.record.sequence > held.record.sequence;
  return compareBytes(p.sha256(candidate.signed), p.sha256(held.signed)) < 0;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
