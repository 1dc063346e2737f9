/** Identifiers are text in the program and bytes in the store. */
import { decodeBase32, encodeBase32 } from "@fedchat/protocol";
import type { Brand } from "@fedchat/protocol";

export function idBytes(id: Brand<string, string>): Uint8Array {
  return decodeBase32(id);
}

export function idText<Id extends Brand<string, string>>(bytes: Uint8Array): Id {
  return encodeBase32(bytes) as Id;
}
