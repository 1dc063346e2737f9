/** Every structure of the specification by the name that the vectors give it, with both directions of its encoding. */
import {
  accountNoteBody,
  accountRecordBody,
  clientEvent,
  clientMethods,
  clientRequest,
  controlItem,
  custodyReceiptBody,
  decode,
  decodeBundle,
  decodeBundleBody,
  decodeClientFrame,
  decodeEnvelope,
  decodeHello,
  decodeLinkMessage,
  decodeOpening,
  deviceCertificateBody,
  encode,
  encodeBundle,
  encodeBundleBody,
  encodeClientFrame,
  encodeEnvelope,
  encodeCircuitPiece,
  encodeLinkBundle,
  encodeLinkControl,
  hello,
  invitation,
  openingFrame,
  refusal,
  roomEntryBody,
  missingAnswer,
  roomItem,
  roomLogItem,
  sealedNote,
  serverProof,
  serverRecordBody,
  signedNote,
  wireError,
} from "../../src/index.ts";
import type { Bundle, Codec, LinkMessage } from "../../src/index.ts";
import { decodeBatch, encodeBatch } from "../../src/noise/index.ts";

export interface Structure {
  encode(value: unknown): Uint8Array;
  /** Throws `DecodeError` or `ProtocolError`. */
  decode(bytes: Uint8Array): unknown;
}

function codec<T>(
  structure: Codec<T>,
  read = (bytes: Uint8Array): unknown => decode(structure, bytes),
): Structure {
  return { encode: (value) => encode(structure, value as T), decode: read };
}

function layout<T>(write: (value: T) => Uint8Array, read: (bytes: Uint8Array) => unknown): Structure {
  return { encode: (value) => write(value as T), decode: read };
}

const methods = Object.entries(clientMethods).flatMap(([name, { params, result }]) => [
  [`params of ${name}`, codec(params as Codec<unknown>)] as const,
  [`result of ${name}`, codec(result as Codec<unknown>)] as const,
]);

export const structures: Record<string, Structure> = {
  "server-record body": codec(serverRecordBody),
  "custody-receipt body": codec(custodyReceiptBody),
  "room-entry body": codec(roomEntryBody),
  "device-certificate body": codec(deviceCertificateBody),
  "account-record body": codec(accountRecordBody),
  envelope: layout(encodeEnvelope, decodeEnvelope),
  bundle: layout<Bundle>(encodeBundle, (bytes) => {
    const { aad: _, ...bundle } = decodeBundle(bytes);
    return bundle;
  }),
  "bundle body": layout(encodeBundleBody, decodeBundleBody),
  "control item": codec(controlItem),
  refusal: codec(refusal),
  "account-note body": codec(accountNoteBody),
  "signed note": codec(signedNote),
  "sealed note": codec(sealedNote),
  "room item": codec(roomItem),
  "missing answer": codec(missingAnswer),
  "room log item": codec(roomLogItem),
  invitation: codec(invitation),
  hello: codec(hello, decodeHello),
  "opening frame": codec(openingFrame, decodeOpening),
  "server proof": codec(serverProof),
  batch: layout<Uint8Array[]>(encodeBatch, decodeBatch),
  "link message": layout<LinkMessage>(
    (message) =>
      message.kind === "bundle"
        ? encodeLinkBundle(message.bundle)
        : message.kind === "circuit"
          ? encodeCircuitPiece(message.piece)
          : encodeLinkControl(message.control),
    decodeLinkMessage,
  ),
  "client frame": layout(encodeClientFrame, decodeClientFrame),
  "client request": codec(clientRequest),
  "client event": codec(clientEvent),
  "wire error": codec(wireError),
  ...Object.fromEntries(methods),
};
