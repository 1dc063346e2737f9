/** Noise XX and IK over 25519, AESGCM and SHA256, and the batches that a session carries. */
export { createHandshake } from "./handshake.ts";
export type {
  Handshake,
  HandshakeFailure,
  HandshakeFault,
  HandshakeOptions,
  MessageRead,
  MessageWritten,
  Role,
  Session,
} from "./handshake.ts";
export { CipherState, nonceMax, tagBytes } from "./cipher-state.ts";
export type { TransportCipher } from "./cipher-state.ts";
export type { PatternName } from "./patterns.ts";
export {
  batchedMessageBytesMax,
  batchLimits,
  decodeBatch,
  encodeBatch,
  sealedFrameBytesMax,
} from "./batch-frames.ts";
export type { BatchLimits } from "./batch-frames.ts";
export { BatchWriter } from "./batch-writer.ts";
