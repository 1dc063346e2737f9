/** PrivateMessages made and opened (RFC 9420 §6.3): content under a ratchet's key, its sender under the epoch's. */
import { erase } from "../codec/bytes.ts";
import { decode, lend } from "../codec/codec.ts";
import type { RandomSource } from "../crypto/primitives.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import type { Retention } from "../limits.ts";
import { check, Refusal } from "../rules.ts";
import type { ContentAuth, ContentType, FramedContent } from "../wire/framed-content.ts";
import {
  decodePrivateContent,
  type PrivateMessage,
  REUSE_GUARD_BYTES,
  type SenderData,
  senderData,
  withContentAad,
  withPrivateContent,
  withSenderDataAad,
} from "../wire/private-message.ts";
import { eraseStep, keyFor, type MessageKeys, nextKey, type RatchetKind } from "./message-keys.ts";

export interface SealedMessage {
  readonly message: PrivateMessage;
  readonly keys: MessageKeys;
  readonly generation: number;
}

/** Encrypts a member's signed content under its own next key. */
export function sealPrivate(
  suite: CipherSuite,
  random: RandomSource,
  keys: MessageKeys,
  senderDataSecret: Uint8Array,
  content: FramedContent,
  auth: ContentAuth,
  paddedLength: (length: number) => number,
): SealedMessage {
  if (content.sender.type !== "member") throw new Error("only members send PrivateMessages");
  const { leafIndex } = content.sender;
  const step = nextKey(suite, keys, leafIndex, ratchetKind(content.body.type));
  const reuseGuard = random.bytes(REUSE_GUARD_BYTES);
  const { groupId, epoch, authenticatedData } = content;
  const head = { groupId, epoch, contentType: content.body.type, authenticatedData };
  const { key } = step.messageKey;
  const nonce = guarded(step.messageKey.nonce, reuseGuard);
  const ciphertext = withPrivateContent(content.body, auth, paddedLength, (plaintext) =>
    withContentAad(head, (aad) => suite.seal(key, nonce, aad, plaintext)),
  );
  erase([nonce, key, step.messageKey.nonce]);
  const data = { leafIndex, generation: step.generation, reuseGuard };
  const dataKey = senderDataKey(suite, senderDataSecret, ciphertext);
  const encryptedSenderData = lend(senderData, data, (bytes) =>
    withSenderDataAad(head, (aad) => suite.seal(dataKey.key, dataKey.nonce, aad, bytes)),
  );
  const message = { ...head, encryptedSenderData, ciphertext };
  return { message, keys: step.keys, generation: step.generation };
}

export interface OpenedMessage {
  readonly content: FramedContent;
  readonly auth: ContentAuth;
  readonly keys: MessageKeys;
  readonly generation: number;
}

/** Who sent it, and with which generation: known before any ratchet is touched. */
export function openSenderData(
  suite: CipherSuite,
  senderDataSecret: Uint8Array,
  message: PrivateMessage,
): SenderData {
  const { key, nonce } = senderDataKey(suite, senderDataSecret, message.ciphertext);
  const sealed = message.encryptedSenderData;
  const data = withSenderDataAad(message, (aad) => suite.open(key, nonce, aad, sealed));
  check(data !== undefined, "message.sender-data");
  return decode(senderData, data);
}

/** Decrypts; whether the signature is the sender's is the caller's next question. Nothing changes where it fails. */
export function openPrivate(
  suite: CipherSuite,
  keys: MessageKeys,
  sender: SenderData,
  retention: Retention,
  message: PrivateMessage,
): OpenedMessage {
  const kind = ratchetKind(message.contentType);
  const step = keyFor(suite, keys, sender.leafIndex, kind, sender.generation, retention);
  if (typeof step === "string") throw new Refusal(step, `generation ${sender.generation}`);
  const { key } = step.messageKey;
  const nonce = guarded(step.messageKey.nonce, sender.reuseGuard);
  const plaintext = withContentAad(message, (aad) => suite.open(key, nonce, aad, message.ciphertext));
  if (step.fresh) erase([nonce, key, step.messageKey.nonce]);
  if (plaintext === undefined) eraseStep(keys, step.keys, sender.leafIndex);
  check(plaintext !== undefined, "message.ciphertext");
  const { body, auth } = decodePrivateContent(plaintext, message.contentType);
  plaintext.fill(0);
  const { groupId, epoch, authenticatedData } = message;
  const from = { type: "member", leafIndex: sender.leafIndex } as const;
  return {
    content: { groupId, epoch, sender: from, authenticatedData, body },
    auth,
    keys: step.keys,
    generation: sender.generation,
  };
}

function ratchetKind(type: ContentType): RatchetKind {
  return type === "application" ? "application" : "handshake";
}

/** RFC 9420 §6.3.1: a fresh guard against a nonce that a restored state would use again. */
function guarded(nonce: Uint8Array, reuseGuard: Uint8Array): Uint8Array {
  const guardedNonce = nonce.slice();
  for (let i = 0; i < reuseGuard.length; i += 1) guardedNonce[i]! ^= reuseGuard[i]!;
  return guardedNonce;
}

/** RFC 9420 §6.3.2: keyed by a sample of the content's ciphertext. */
export function senderDataKey(
  suite: CipherSuite,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const sample = ciphertext.subarray(0, suite.secretBytes);
  return {
    key: suite.expandWithLabel(senderDataSecret, "key", sample, suite.keyBytes),
    nonce: suite.expandWithLabel(senderDataSecret, "nonce", sample, suite.nonceBytes),
  };
}
