/** Transcript hashes (RFC 9420 §8.2). */
import { concat } from "../codec/bytes.ts";
import { encode, opaque } from "../codec/codec.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import {
  confirmedTranscriptInput,
  type ContentWireFormat,
  type FramedContent,
} from "../wire/framed-content.ts";

export function confirmedTranscriptHash(
  suite: CipherSuite,
  interimBefore: Uint8Array,
  wireFormat: ContentWireFormat,
  content: FramedContent,
  signature: Uint8Array,
): Uint8Array {
  return suite.hash(concat(interimBefore, confirmedTranscriptInput(wireFormat, content, signature)));
}

export function interimTranscriptHash(
  suite: CipherSuite,
  confirmed: Uint8Array,
  confirmationTag: Uint8Array,
): Uint8Array {
  return suite.hash(concat(confirmed, encode(opaque, confirmationTag)));
}
