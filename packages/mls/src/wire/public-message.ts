/** PublicMessage (RFC 9420 §6.2): signed, not encrypted. */
import type { Codec } from "../codec/codec.ts";
import {
  type ContentAuth,
  type FramedContent,
  framedContent,
  readAuth,
  writeAuth,
} from "./framed-content.ts";

export interface PublicMessage {
  readonly content: FramedContent;
  readonly auth: ContentAuth;
  /** From members, and only from them. */
  readonly membershipTag: Uint8Array | undefined;
}

export const publicMessage: Codec<PublicMessage> = {
  write(writer, message) {
    framedContent.write(writer, message.content);
    writeAuth(writer, message.auth);
    if (message.membershipTag !== undefined) writer.opaque(message.membershipTag);
  },
  read(reader) {
    const content = framedContent.read(reader);
    const auth = readAuth(reader, content.body.type);
    return { content, auth, membershipTag: content.sender.type === "member" ? reader.opaque() : undefined };
  },
};
