/**
 * Rooms that their owners let others see, as homeservers keep and tell them: what a list shows, and the room link by which
 * whoever sees it asks to come in. [I12] [I13]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { array, bool, bytes, decode, struct, text, uint } from "./cbor/codec.ts";
import { ProtocolError } from "./errors.ts";
import { invitation, type Invitation } from "./invitation.ts";
import { roomDescriptionBytesMax, roomListingLinkBytesMax, roomsListedMax } from "./limits.ts";

export const roomListing = struct({
  /** An encoded invitation with a room: its name, its maker and where to ask. */
  link: bytes({ min: 1, max: roomListingLinkBytesMax }),
  description: text({ max: roomDescriptionBytesMax }),
  people: uint({}),
  /** Whoever asks is in at once. */
  open: bool,
});
export type RoomListing = TypeOf<typeof roomListing>;

/** The answer to `listedRooms`. */
export const roomListings = array(roomListing, { max: roomsListedMax });

/** Throws `ProtocolError("malformed")` where it is no link into a room. */
export function linkOfListing({
  link,
}: Pick<RoomListing, "link">): Invitation & Required<Pick<Invitation, "room">> {
  try {
    const opened = decode(invitation, link);
    if (opened.room !== undefined) return { ...opened, room: opened.room };
  } catch (cause) {
    throw new ProtocolError("malformed", "room listing: no link", { cause });
  }
  throw new ProtocolError("malformed", "room listing: a link into no room");
}
