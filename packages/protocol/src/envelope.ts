/**
 * The opaque unit addressed to accounts. Homeservers read who it is from, for whom, and its kind, which says what a
 * stranger may deliver; the payload is ciphertext to them. [V1] to [V3]
 *
 * Layout: id 16 · kind 1 · created 8 · from 32 · n 2 · n × recipient 32 · payload length 4 · payload
 */
import { BinaryReader, BinaryWriter } from "./binary.ts";
import { envelopePayloadBytesMax, envelopeRecipientsMax } from "./limits.ts";
import type { AccountId, EnvelopeId } from "./names.ts";
import { accountId, envelopeId } from "./names.ts";
import { assert } from "./primitives/assert.ts";

/**
 * room: an MLS message of a room · request: a sealed account note that a stranger may deliver (a chat request or its
 * withdrawal) · answer: a sealed account note to somebody who asked (an acceptance) [V2]
 */
export const envelopeKinds = { room: 1, request: 2, answer: 3 } as const;
export type EnvelopeKind = keyof typeof envelopeKinds;

export interface Envelope {
  id: EnvelopeId;
  kind: EnvelopeKind;
  /** Unix ms by the sender's clock. */
  created: number;
  from: AccountId;
  /** Accounts of one homeserver. */
  to: AccountId[];
  payload: Uint8Array;
}

const kindOfCode = new Map(
  Object.entries(envelopeKinds).map(([kind, code]) => [code as number, kind as EnvelopeKind]),
);

export function envelopeKindOfCode(code: number): EnvelopeKind | undefined {
  return kindOfCode.get(code);
}

export function envelopeSize(envelope: Envelope): number {
  return 16 + 1 + 8 + 32 + 2 + 32 * envelope.to.length + 4 + envelope.payload.length;
}

export function writeEnvelope(writer: BinaryWriter, envelope: Envelope): void {
  const recipients = envelope.to.length;
  assert(recipients > 0 && recipients <= envelopeRecipientsMax, "an envelope has 1 to envelopeRecipientsMax");
  assert(envelope.payload.length <= envelopePayloadBytesMax, "a payload has at most envelopePayloadBytesMax");
  writer
    .raw(envelopeId.toBytes(envelope.id))
    .u8(envelopeKinds[envelope.kind])
    .u64(envelope.created)
    .raw(accountId.toBytes(envelope.from))
    .u16(envelope.to.length);
  for (const account of envelope.to) writer.raw(accountId.toBytes(account));
  writer.u32(envelope.payload.length).raw(envelope.payload);
}

/** Throws `ProtocolError("malformed")`. The payload is a view of the source. */
export function readEnvelope(reader: BinaryReader): Envelope {
  const id = envelopeId.fromBytes(reader.raw(16));
  const kind = kindOfCode.get(reader.u8());
  if (kind === undefined) throw reader.malformed("unknown envelope kind");
  const created = reader.u64();
  const from = accountId.fromBytes(reader.raw(32));
  const count = reader.u16();
  if (count === 0 || count > envelopeRecipientsMax) throw reader.malformed("number of recipients");
  const to = Array.from({ length: count }, () => accountId.fromBytes(reader.raw(32)));
  if (new Set(to).size !== count) throw reader.malformed("a recipient twice");
  const length = reader.u32();
  if (length > envelopePayloadBytesMax) throw reader.malformed("payload too large");
  return { id, kind, created, from, to, payload: reader.raw(length) };
}

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const writer = new BinaryWriter(envelopeSize(envelope));
  writeEnvelope(writer, envelope);
  return writer.finish();
}

export function decodeEnvelope(source: Uint8Array): Envelope {
  const reader = new BinaryReader(source, "envelope");
  const envelope = readEnvelope(reader);
  reader.end();
  return envelope;
}
