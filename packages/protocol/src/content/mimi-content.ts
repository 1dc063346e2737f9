/**
 * A message's content: the MIMI container (draft-ietf-mimi-content-09), byte for byte. Decoding accepts only the
 * deterministic encoding, so that encoding what was decoded gives the same bytes; message ids and signatures are
 * nevertheless taken over the bytes as they came.
 */
import { endOfItem, type DataModel } from "../cbor/canonical.ts";
import { decodeCbor } from "../cbor/cbor.ts";
import { bool, bytes, DecodeError, encode, nullable, uint, type Codec } from "../cbor/codec.ts";
import { CBOR_LIMITS } from "../cbor/limits.ts";
import { positional } from "../cbor/positional.ts";
import { messageId, type MessageId } from "../names.ts";
import { concatBytes } from "./bytes.ts";
import { decodeExtensions, encodeExtensions, type Extensions } from "./extensions.ts";
import { contentBytesMax, topicBytesMax } from "./limits.ts";
import { nestedPart, type NestedPart } from "./nested-part.ts";

export interface MimiContent {
  /** 16 fresh random bytes, so that equal messages have different ids. */
  salt: Uint8Array;
  /** The first version of the message that this one edits or deletes. */
  replaces: MessageId | null;
  /** Messages with equal topics form a thread; empty for none. */
  topicId: Uint8Array;
  expires: Expiration | null;
  /** The version of a message that this one answers or reacts to. */
  inReplyTo: MessageId | null;
  extensions: Extensions;
  body: NestedPart;
}

/** A wish that cooperating receivers follow. */
export interface Expiration {
  /** Whether the time counts from reading. */
  relative: boolean;
  /** After reading, or since 1970. */
  seconds: number;
}

/** The canonical bytes. TypeError for content that `decodeContent` would refuse. */
export function encodeContent(content: MimiContent): Uint8Array {
  const fault = contentFault(content);
  if (fault !== undefined) throw new TypeError(`cannot encode content that ${fault}`);
  const encoded = concatBytes(
    Uint8Array.of(ARRAY_OF_7),
    encode(salt, content.salt),
    encode(reference, content.replaces),
    encode(topicId, content.topicId),
    encode(expires, content.expires),
    encode(reference, content.inReplyTo),
    encodeExtensions(content.extensions),
    encode(nestedPart, content.body),
  );
  if (encoded.length > contentBytesMax)
    throw new TypeError(`cannot encode more than ${contentBytesMax} bytes`);
  return encoded;
}

/** Throws `DecodeError` unless `encoded` is one message in canonical form within the limits. */
export function decodeContent(encoded: Uint8Array): MimiContent {
  const fields = splitFields(encoded);
  const read = <T>(codec: Codec<T>, field: (typeof fieldNames)[number]): T =>
    codec.fromCbor(decodeCbor(fields[field]), `content.${field}`);
  const content = {
    salt: read(salt, "salt"),
    replaces: read(reference, "replaces"),
    topicId: read(topicId, "topicId"),
    expires: read(expires, "expires"),
    inReplyTo: read(reference, "inReplyTo"),
    extensions: decodeExtensions(fields.extensions, "content.extensions"),
    body: read(nestedPart, "body"),
  };
  const fault = contentFault(content);
  if (fault !== undefined) throw new DecodeError("content", fault);
  return content;
}

/** Where the salt stands in every encoded message: behind the headers of the array and of a 16-byte string. */
export const saltRange = { start: 2, end: 18 } as const;

const salt = bytes(16);
const reference: Codec<MessageId | null> = nullable(messageId.codec);
const topicId = bytes({ max: topicBytesMax });
const expires: Codec<Expiration | null> = nullable(
  positional({ relative: bool, seconds: uint({ max: 2 ** 32 - 1 }) }),
);

/** "A body with zero parts is permitted when deleting or unliking" (draft, "Message Bodies"). */
function contentFault({ body, replaces }: MimiContent): string | undefined {
  return body.cardinality === "null" && replaces === null ? "has no body and deletes nothing" : undefined;
}

const ARRAY_OF_7 = 0x87;
const fieldNames = ["salt", "replaces", "topicId", "expires", "inReplyTo", "extensions", "body"] as const;

/**
 * The encoded fields, each checked for canonical form. They are split before they are decoded because the
 * extensions alone may hold what our data model does not.
 */
function splitFields(encoded: Uint8Array): Record<(typeof fieldNames)[number], Uint8Array> {
  if (encoded.length > contentBytesMax)
    throw new DecodeError("content", `is longer than ${contentBytesMax} bytes`);
  if (encoded[0] !== ARRAY_OF_7) throw new DecodeError("content", "is not an array of 7 elements");
  let position = 1;
  const fields = fieldNames.map((name) => {
    const model: DataModel = name === "extensions" ? "foreign" : "ours";
    const start = position;
    position = endOfItem(encoded, start, CBOR_LIMITS, model);
    return [name, encoded.subarray(start, position)];
  });
  if (position !== encoded.length) throw new DecodeError(`byte ${position}`, "bytes follow the content");
  return Object.fromEntries(fields);
}
