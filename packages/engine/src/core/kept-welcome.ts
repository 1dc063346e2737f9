/** A Welcome as it lies in the store while it waits for the room's tree. */
import type { AccountNote } from "@fedchat/protocol";
import { bytes, decode, encode, limits, roomId, serverId, struct, uint } from "@fedchat/protocol";

export type WelcomeNote = Extract<AccountNote["content"], { kind: "welcome" }>;

const form = struct({
  room: roomId.codec,
  hub: serverId.codec,
  term: uint(),
  position: uint(),
  hash: bytes(32),
  welcome: bytes({ min: 1, max: limits.welcomeBytesMax }),
  key: bytes(32),
});

export const encodeWelcome = (welcome: WelcomeNote): Uint8Array => encode(form, welcome);
export const decodeWelcome = (stored: Uint8Array): WelcomeNote => ({
  kind: "welcome",
  ...decode(form, stored),
});
