/** The room that a directory shows to everybody who registers with it. [D8] */
import type { Config } from "./schema.ts";
import { encode, invitation, parseInvitationLink, ProtocolError } from "@fedchat/protocol";

/** The link into it, encoded; undefined where none is set, or what is set is none. */
export function directoryLobby({ directory_lobby: link }: Config): Uint8Array | undefined {
  if (link === undefined) return undefined;
  try {
    const opened = parseInvitationLink(link);
    return opened.room === undefined ? undefined : encode(invitation, opened);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
