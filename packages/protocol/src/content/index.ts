/** Message content: MIMI content and message status. */
export { extensionKey, type Extensions } from "./extensions.ts";
export { computeMessageId, type MessageOrigin } from "./message-id.ts";
export {
  decodeStatusReport,
  encodeStatusReport,
  messageStatus,
  messageStatusType,
  type StatusEntry,
} from "./message-status.ts";
export * from "./messages.ts";
export { decodeContent, encodeContent, type Expiration, type MimiContent } from "./mimi-content.ts";
export {
  disposition,
  partsOf,
  type ExternalPart,
  type MultiPart,
  type NestedPart,
  type NullPart,
  type SinglePart,
} from "./nested-part.ts";
