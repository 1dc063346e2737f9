/**
 * Message ids (draft-ietf-mimi-content-09, "Message ID"): a hash over the bytes as they came, bound to sender and
 * room, so that nobody can pass a message off as another's or another room's.
 */
import { messageId, type MessageId } from "../names.ts";
import type { Primitives } from "../primitives/primitives.ts";
import { concatBytes } from "./bytes.ts";
import { uriBytesMax } from "./limits.ts";
import { saltRange } from "./mimi-content.ts";

/** Who sent a message and where, as URIs: `accountUri` and `roomUri` of `names.ts`. */
export interface MessageOrigin {
  sender: string;
  room: string;
}

/** `encoded` is content that `decodeContent` has accepted, or that `encodeContent` has made. */
export function computeMessageId(
  { sha256 }: Pick<Primitives, "sha256">,
  origin: MessageOrigin,
  encoded: Uint8Array,
): MessageId {
  // The salt comes once more at the end, against length extension of SHA-256.
  const salt = encoded.subarray(saltRange.start, saltRange.end);
  const hash = sha256(withLength(origin.sender), withLength(origin.room), encoded, salt);
  return messageId.fromBytes(concatBytes(Uint8Array.of(SHA_256), hash.subarray(0, 31)));
}

/** IANA named information hash algorithm. */
const SHA_256 = 0x01;
const utf8 = new TextEncoder();

/** The URI behind its length in bytes as 16 bits, big-endian. */
function withLength(uri: string): Uint8Array {
  const bytes = utf8.encode(uri);
  if (bytes.length > uriBytesMax) throw new RangeError(`a URI of ${bytes.length} bytes`);
  return concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
}
