/**
 * An invitation link: `https://host:port/i#` and this structure in base64url. The fragment never reaches a server; the
 * secret is never sent, its holder proves it. [I1] [I2]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { array, bytes, decode, encode, nullable, optional, struct, text, uint } from "./cbor/codec.ts";
import { ProtocolError } from "./errors.ts";
import {
  displayNameBytesMax,
  invitationLinkBytesMax,
  invitationRelayAddressesMax,
  invitationRelaysMax,
  roomLinkAddressesMax,
  roomLinkPlacesMax,
  roomNameBytesMax,
  serverAddressesMax,
} from "./limits.ts";
import {
  accountId,
  displayNamePattern,
  handlePattern,
  roomId,
  serverId,
  serverNamePattern,
} from "./names.ts";
import { serverAddress } from "./server-record.ts";

/** A server through which the inviter's is reached where nobody can dial it. */
export const relayHint = struct({
  server: serverId.codec,
  addresses: array(serverAddress, { min: 1, max: invitationRelayAddressesMax }),
});
export type RelayHint = TypeOf<typeof relayHint>;

/** A place beside the maker's: the room's hub, or where somebody else lives who may let people in. [I7] */
export const roomLinkPlace = struct({
  server: serverId.codec,
  addresses: array(serverAddress, { max: roomLinkAddressesMax }),
  /** Who may be asked there. */
  account: nullable(accountId.codec),
});
export type RoomLinkPlace = TypeOf<typeof roomLinkPlace>;

/** Small enough for a QR code: keys instead of records; the records come over the link and must fit the keys. */
export const invitation = struct({
  id: bytes(16),
  secret: bytes(16),
  expires: uint({}),
  server: serverId.codec,
  serverName: text({ min: 1, max: 253, pattern: serverNamePattern }),
  addresses: array(serverAddress, { max: serverAddressesMax }),
  relays: array(relayHint, { max: invitationRelaysMax }),
  inviter: accountId.codec,
  handle: text({ min: 1, max: 32, pattern: handlePattern }),
  displayName: text({ min: 1, max: displayNameBytesMax, pattern: displayNamePattern }),
  /** Present in a room link: whoever follows it asks to be let into this room. [I7] */
  room: optional(
    struct({
      id: roomId.codec,
      name: text({ max: roomNameBytesMax }),
      also: array(roomLinkPlace, { max: roomLinkPlacesMax }),
    }),
  ),
});
export type Invitation = TypeOf<typeof invitation>;

/** @param base `https://host:port` of the inviter's homeserver */
export function formatInvitationLink(base: string, value: Invitation): string {
  return `${base.replace(/\/$/, "")}/i#${toBase64Url(encode(invitation, value))}`;
}

/** Throws `ProtocolError("malformed")`. The link, or the fragment alone. */
export function parseInvitationLink(link: string): Invitation {
  if (link.length > invitationLinkBytesMax)
    throw new ProtocolError("malformed", "The invitation link is too long.");
  const fragment = link.trim().replace(/^[^#]*#/, "");
  try {
    return decode(invitation, fromBase64Url(fragment));
  } catch (cause) {
    throw new ProtocolError("malformed", "This is not a complete invitation link.", { cause });
  }
}
