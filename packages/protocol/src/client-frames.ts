/**
 * The homeserver interface on the wire: messages between an engine's device and its homeserver, inside encrypted
 * batches. Submitting and receiving envelopes have fixed layouts; everything else is CBOR requests, responses and
 * events (`client-methods.ts`). [H1] [H10]
 *
 * request 1: id 4 · CBOR · response 2: id 4 · ok 1 · CBOR · event 3: CBOR
 * submit 16: id 4 · envelope id 16 · kind 1 · created 8 · destinations 1 · each (server 32 · n 2 · n × account 32) · payload
 * accepted 17: id 4 · item 18: position 8 · received 8 · server 32 · from 32 · id 16 · kind 1 · created 8 · payload
 * acknowledge 19: position 8
 */
import { BinaryReader, BinaryWriter } from "./binary.ts";
import type { EnvelopeKind } from "./envelope.ts";
import { envelopeKindOfCode, envelopeKinds } from "./envelope.ts";
import { envelopeDestinationsMax, envelopePayloadBytesMax, envelopeRecipientsMax } from "./limits.ts";
import type { AccountId, EnvelopeId, ServerId } from "./names.ts";
import { accountId, envelopeId, serverId } from "./names.ts";

/** A device hands an envelope over; the sender is the session's account. */
export interface Submission {
  id: EnvelopeId;
  kind: EnvelopeKind;
  created: number;
  destinations: { server: ServerId; accounts: AccountId[] }[];
  payload: Uint8Array;
}

/** An envelope as it lies in an account's inbox. */
export interface InboxItem {
  position: number;
  /** Unix ms by the homeserver's clock. */
  received: number;
  server: ServerId;
  from: AccountId;
  id: EnvelopeId;
  kind: EnvelopeKind;
  created: number;
  payload: Uint8Array;
}

export type ClientFrame =
  | { kind: "request"; id: number; body: Uint8Array }
  | { kind: "response"; id: number; ok: boolean; body: Uint8Array }
  | { kind: "event"; body: Uint8Array }
  | { kind: "submit"; id: number; submission: Submission }
  | { kind: "accepted"; id: number }
  | { kind: "item"; item: InboxItem }
  | { kind: "acknowledge"; position: number };

const types = {
  request: 1,
  response: 2,
  event: 3,
  submit: 16,
  accepted: 17,
  item: 18,
  acknowledge: 19,
} as const;

export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  const type = types[frame.kind];
  switch (frame.kind) {
    case "request":
      return new BinaryWriter(5 + frame.body.length).u8(type).u32(frame.id).raw(frame.body).finish();
    case "response":
      return new BinaryWriter(6 + frame.body.length)
        .u8(type)
        .u32(frame.id)
        .u8(frame.ok ? 1 : 0)
        .raw(frame.body)
        .finish();
    case "event":
      return new BinaryWriter(1 + frame.body.length).u8(type).raw(frame.body).finish();
    case "submit":
      return encodeSubmit(frame.id, frame.submission);
    case "accepted":
      return new BinaryWriter(5).u8(type).u32(frame.id).finish();
    case "item":
      return encodeItem(frame.item);
    case "acknowledge":
      return new BinaryWriter(9).u8(type).u64(frame.position).finish();
  }
}

function encodeSubmit(id: number, submission: Submission): Uint8Array {
  const destinationBytes = submission.destinations.reduce(
    (sum, { accounts }) => sum + 34 + 32 * accounts.length,
    0,
  );
  const writer = new BinaryWriter(1 + 4 + 16 + 1 + 8 + 1 + destinationBytes + submission.payload.length)
    .u8(types.submit)
    .u32(id)
    .raw(envelopeId.toBytes(submission.id))
    .u8(envelopeKinds[submission.kind])
    .u64(submission.created)
    .u8(submission.destinations.length);
  for (const destination of submission.destinations) {
    writer.raw(serverId.toBytes(destination.server)).u16(destination.accounts.length);
    for (const account of destination.accounts) writer.raw(accountId.toBytes(account));
  }
  return writer.raw(submission.payload).finish();
}

function encodeItem(item: InboxItem): Uint8Array {
  return new BinaryWriter(1 + 8 + 8 + 32 + 32 + 16 + 1 + 8 + item.payload.length)
    .u8(types.item)
    .u64(item.position)
    .u64(item.received)
    .raw(serverId.toBytes(item.server))
    .raw(accountId.toBytes(item.from))
    .raw(envelopeId.toBytes(item.id))
    .u8(envelopeKinds[item.kind])
    .u64(item.created)
    .raw(item.payload)
    .finish();
}

/** Throws `ProtocolError("malformed")`. Bodies and payloads are views of the source. */
export function decodeClientFrame(source: Uint8Array): ClientFrame {
  const reader = new BinaryReader(source, "client frame");
  const type = reader.u8();
  switch (type) {
    case types.request:
      return { kind: "request", id: reader.u32(), body: reader.rest() };
    case types.response: {
      const id = reader.u32();
      const ok = reader.u8();
      if (ok > 1) throw reader.malformed("response flag");
      return { kind: "response", id, ok: ok === 1, body: reader.rest() };
    }
    case types.event:
      return { kind: "event", body: reader.rest() };
    case types.submit:
      return { kind: "submit", id: reader.u32(), submission: readSubmission(reader) };
    case types.accepted: {
      const id = reader.u32();
      reader.end();
      return { kind: "accepted", id };
    }
    case types.item:
      return { kind: "item", item: readItem(reader) };
    case types.acknowledge: {
      const position = reader.u64();
      reader.end();
      return { kind: "acknowledge", position };
    }
    default:
      throw reader.malformed("unknown type");
  }
}

function readKind(reader: BinaryReader): EnvelopeKind {
  const kind = envelopeKindOfCode(reader.u8());
  if (kind === undefined) throw reader.malformed("unknown envelope kind");
  return kind;
}

function readPayload(reader: BinaryReader): Uint8Array {
  const payload = reader.rest();
  if (payload.length > envelopePayloadBytesMax) throw reader.malformed("payload too large");
  return payload;
}

function readSubmission(reader: BinaryReader): Submission {
  const id = envelopeId.fromBytes(reader.raw(16));
  const kind = readKind(reader);
  const created = reader.u64();
  const count = reader.u8();
  if (count === 0 || count > envelopeDestinationsMax) throw reader.malformed("number of destinations");
  const destinations = Array.from({ length: count }, () => {
    const server = serverId.fromBytes(reader.raw(32));
    const accounts = reader.u16();
    if (accounts === 0 || accounts > envelopeRecipientsMax) throw reader.malformed("number of recipients");
    const to = Array.from({ length: accounts }, () => accountId.fromBytes(reader.raw(32)));
    // The envelope that is made of this could not be read by its destination. [V3]
    if (new Set(to).size !== accounts) throw reader.malformed("a recipient twice");
    return { server, accounts: to };
  });
  if (new Set(destinations.map(({ server }) => server)).size !== count)
    throw reader.malformed("a server twice");
  return { id, kind, created, destinations, payload: readPayload(reader) };
}

function readItem(reader: BinaryReader): InboxItem {
  return {
    position: reader.u64(),
    received: reader.u64(),
    server: serverId.fromBytes(reader.raw(32)),
    from: accountId.fromBytes(reader.raw(32)),
    id: envelopeId.fromBytes(reader.raw(16)),
    kind: readKind(reader),
    created: reader.u64(),
    payload: readPayload(reader),
  };
}
