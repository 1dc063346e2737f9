/** PrivateMessage and the structures inside its two ciphertexts (RFC 9420 §6.3). */
import { type Codec, lend, opaque, struct, uint64 } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { type LeafIndex, leafIndex } from "../tree/math.ts";
import { type ContentAuth, type ContentBody, type ContentType, contentType } from "./framed-content.ts";
import { readAuth, readBody, writeAuth, writeBody } from "./framed-content.ts";

export interface PrivateMessage {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly contentType: ContentType;
  readonly authenticatedData: Uint8Array;
  readonly encryptedSenderData: Uint8Array;
  readonly ciphertext: Uint8Array;
}

export const privateMessage: Codec<PrivateMessage> = struct<PrivateMessage>({
  groupId: opaque,
  epoch: uint64,
  contentType,
  authenticatedData: opaque,
  encryptedSenderData: opaque,
  ciphertext: opaque,
});

type PrivateContentHead = Pick<PrivateMessage, "groupId" | "epoch" | "contentType" | "authenticatedData">;
type SenderDataHead = Pick<PrivateMessage, "groupId" | "epoch" | "contentType">;

const contentAad = struct<PrivateContentHead>({
  groupId: opaque,
  epoch: uint64,
  contentType,
  authenticatedData: opaque,
});
const dataAad = struct<SenderDataHead>({ groupId: opaque, epoch: uint64, contentType });

/** What `read` makes of the PrivateContentAAD (RFC 9420 §6.3.1). */
export function withContentAad<R>(head: PrivateContentHead, read: (aad: Uint8Array) => R): R {
  return lend(contentAad, head, read);
}

/** What `read` makes of the SenderDataAAD (RFC 9420 §6.3.2). */
export function withSenderDataAad<R>(head: SenderDataHead, read: (aad: Uint8Array) => R): R {
  return lend(dataAad, head, read);
}

/** SenderData (RFC 9420 §6.3.2). */
export interface SenderData {
  readonly leafIndex: LeafIndex;
  readonly generation: number;
  readonly reuseGuard: Uint8Array;
}

export const REUSE_GUARD_BYTES = 4;

export const senderData: Codec<SenderData> = {
  write(writer, value) {
    writer.uint32(value.leafIndex);
    writer.uint32(value.generation);
    writer.fixed(value.reuseGuard);
  },
  read(reader) {
    return {
      leafIndex: leafIndex(reader.uint32()),
      generation: reader.uint32(),
      reuseGuard: reader.fixed(REUSE_GUARD_BYTES),
    };
  },
};

/**
 * What `read` makes of the PrivateMessageContent (RFC 9420 §6.3.1), padded with zeros to what `paddedLength` makes of
 * its length.
 */
export function withPrivateContent<R>(
  body: ContentBody,
  auth: ContentAuth,
  paddedLength: (length: number) => number,
  read: (plaintext: Uint8Array) => R,
): R {
  const writer = new Writer();
  writeBody(writer, body);
  writeAuth(writer, auth);
  const length = writer.position();
  writer.zeros(Math.max(0, paddedLength(length) - length));
  return writer.lend(read);
}

/** Throws DecodeError where the padding is not all zero. */
export function decodePrivateContent(
  bytes: Uint8Array,
  type: ContentType,
): { readonly body: ContentBody; readonly auth: ContentAuth } {
  const reader = new Reader(bytes);
  const body = readBody(reader, type);
  const auth = readAuth(reader, type);
  if (!reader.restIsZero()) throw new DecodeError("the padding is not all zero");
  return { body, auth };
}
