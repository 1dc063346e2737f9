/** The messages of groups in what an engine seals for its homeserver: envelopes, and items for rooms' logs. */
import {
  clientMethods,
  clientRequest,
  decode,
  decodeClientFrame,
  decodeRoomLogItem,
  type ClientFrame,
} from "@fedchat/protocol";
import { decodeBatch } from "../../packages/protocol/src/noise/index.ts";

export function leavingMessages(sealed: Uint8Array): Uint8Array[] {
  try {
    return decodeBatch(sealed).flatMap((message) => messageIn(decodeClientFrame(message)) ?? []);
  } catch {
    // Handshakes and requests to people are sealed too, and are no batches.
    return [];
  }
}

function messageIn(frame: ClientFrame): Uint8Array | undefined {
  if (frame.kind === "submit") return frame.submission.kind === "room" ? frame.submission.payload : undefined;
  if (frame.kind !== "request") return undefined;
  const { method, params } = decode(clientRequest, frame.body);
  if (method !== "rooms.append") return undefined;
  const item = decodeRoomLogItem(decode(clientMethods["rooms.append"].params, params).item);
  // Whoever comes in from outside seals with the room's key, and no other of its own.
  return !("message" in item) || (item.kind === "commit" && item.external) ? undefined : item.message;
}
