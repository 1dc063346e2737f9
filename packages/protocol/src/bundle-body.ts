/**
 * What lies inside a bundle. Sequenced classes carry envelopes, notices of refused ones, or entries of rooms' logs;
 * class control carries stream acknowledgements and the state that both sides exchange on every connection. [B11]
 *
 * Layout: kind 1 · (envelopes: count 2 · envelopes) or (others: CBOR)
 */
import { BinaryReader, BinaryWriter } from "./binary.ts";
import type { TypeOf } from "./cbor/codec.ts";
import { array, DecodeError, decode, encode, literals, struct, tagged, text, uint } from "./cbor/codec.ts";
import type { Envelope } from "./envelope.ts";
import { envelopeSize, readEnvelope, writeEnvelope } from "./envelope.ts";
import { bundleEnvelopesMax, roomLogPageEntriesMax } from "./limits.ts";
import { accountId, envelopeId } from "./names.ts";
import { assert } from "./primitives/assert.ts";
import { signedRoomEntry } from "./room-log.ts";

const streamClass = literals("messages", "bulk");

/**
 * ack: everything of the stream up to `committed` is on the destination's disk (0: nothing yet).
 * state: what I am sending (from `floor`, the lowest still kept; `next` is the next new sequence) and what I hold of
 * yours. A floor above what the other committed means: skip to it, the rest expired.
 */
export const controlItem = tagged("kind", {
  ack: struct({ class: streamClass, stream: uint({}), committed: uint({}) }),
  state: struct({
    class: streamClass,
    sending: struct({ stream: uint({}), floor: uint({}), next: uint({}) }),
    receiving: struct({ stream: uint({}), committed: uint({}) }),
  }),
});
export type ControlItem = TypeOf<typeof controlItem>;

/** An envelope that the destination would not take for this recipient, durably. */
export const refusal = struct({
  envelope: envelopeId.codec,
  from: accountId.codec,
  to: accountId.codec,
  code: text({ max: 40 }),
});
export type Refusal = TypeOf<typeof refusal>;

const controlItems = array(controlItem, { min: 1, max: 16 });
const refusals = array(refusal, { min: 1, max: bundleEnvelopesMax * 4 });

const entries = array(signedRoomEntry, { min: 1, max: roomLogPageEntriesMax });

export type BundleBody =
  | { kind: "envelopes"; envelopes: Envelope[] }
  | { kind: "control"; items: ControlItem[] }
  | { kind: "refusals"; refusals: Refusal[] }
  /** Signed entries of rooms that the source is the hub of, in order. [O4] */
  | { kind: "entries"; entries: Uint8Array[] };

const kindCodes = { envelopes: 1, control: 2, refusals: 3, entries: 4 } as const;

export function encodeBundleBody(body: BundleBody): Uint8Array {
  if (body.kind !== "envelopes") {
    const cbor = encodeCborBody(body);
    return new BinaryWriter(1 + cbor.length).u8(kindCodes[body.kind]).raw(cbor).finish();
  }
  const count = body.envelopes.length;
  assert(count > 0 && count <= bundleEnvelopesMax, "a bundle carries 1 to bundleEnvelopesMax envelopes");
  const size = body.envelopes.reduce((sum, envelope) => sum + envelopeSize(envelope), 3);
  const writer = new BinaryWriter(size).u8(kindCodes.envelopes).u16(count);
  for (const envelope of body.envelopes) writeEnvelope(writer, envelope);
  return writer.finish();
}

function encodeCborBody(body: Exclude<BundleBody, { kind: "envelopes" }>): Uint8Array {
  switch (body.kind) {
    case "control":
      return encode(controlItems, body.items);
    case "refusals":
      return encode(refusals, body.refusals);
    case "entries":
      return encode(entries, body.entries);
  }
}

/** Throws `ProtocolError("malformed")`. Payloads are views of the source. */
export function decodeBundleBody(source: Uint8Array): BundleBody {
  const reader = new BinaryReader(source, "bundle body");
  const kind = reader.u8();
  try {
    switch (kind) {
      case kindCodes.envelopes: {
        const count = reader.u16();
        if (count === 0 || count > bundleEnvelopesMax) throw reader.malformed("number of envelopes");
        const envelopes = Array.from({ length: count }, () => readEnvelope(reader));
        reader.end();
        return { kind: "envelopes", envelopes };
      }
      case kindCodes.control:
        return { kind: "control", items: decode(controlItems, reader.rest()) };
      case kindCodes.refusals:
        return { kind: "refusals", refusals: decode(refusals, reader.rest()) };
      case kindCodes.entries:
        return { kind: "entries", entries: decode(entries, reader.rest()) };
      default:
        throw reader.malformed("unknown kind");
    }
  } catch (error) {
    throw error instanceof DecodeError ? reader.malformed(error.message) : error;
  }
}
