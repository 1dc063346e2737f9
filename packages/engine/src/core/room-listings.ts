/**
 * Rooms that this person lets others see in the lists of rooms of linked servers. A listing is a room link that the
 * homeserver shows; it follows the room as it is, and ends, link and all, when the person owns the room no more or the
 * room lets nobody in who asks. [I12] [I13]
 */
import type { Clock, RoomId, RoomListing } from "@fedchat/protocol";
import { encode, formatInvitationLink, invitation, linkOfListing } from "@fedchat/protocol";
import type { ListedRoom } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Identity } from "./identity.ts";
import { parsedInvitation } from "./invitations.ts";
import { listingAddressesMax, listingLifetimeMs, roomLogRetryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import type { RoomLinks } from "./room-links.ts";

export interface RoomListingsPorts {
  store: EngineStore;
  identity: Identity;
  names: Names;
  links: RoomLinks;
  homeserver: Homeserver;
  clock: Clock;
  changes: Changes;
  log: Log;
}

export class RoomListings {
  readonly #ports: RoomListingsPorts;
  /** One after the other, so that the last wish is the last that is told. */
  #telling: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(ports: RoomListingsPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Throws `EngineError`. @param description null: nobody sees it any more */
  set(room: RoomId, description: string | null): void {
    const { store, links, changes } = this.#ports;
    const held = store.roomAsks.listing(room);
    if (description !== null) {
      this.#assertMay(room);
      const link =
        held?.link ?? links.create(room, { label: "List of rooms", expiresInMs: listingLifetimeMs }).linkId;
      store.roomAsks.putListing({ room, link, description, wanted: 1 });
    } else if (held !== undefined) this.#end(room, held.link);
    changes.mark("room", room);
    this.tell(room);
  }

  /** A session was opened: the homeserver is told again, which changes nothing where it knows. */
  resume(): void {
    for (const { room } of this.#ports.store.roomAsks.listings()) this.tell(room);
  }

  /** The room may be different now. */
  tell(room: RoomId): void {
    if (this.#stopped || this.#ports.store.roomAsks.listing(room) === undefined) return;
    this.#telling = this.#telling.then(() => this.#tellNow(room));
  }

  /** What may be seen from here. Rejects where the homeserver cannot be asked. */
  async listed(): Promise<ListedRoom[]> {
    const { rooms } = await this.#ports.homeserver.request("rooms.listed", {});
    return rooms.map(({ listing, lobby }) => this.#view(listing, lobby ?? null));
  }

  async #tellNow(room: RoomId): Promise<void> {
    const { store, homeserver, clock, log } = this.#ports;
    const held = store.roomAsks.listing(room);
    if (this.#stopped || held === undefined || homeserver.state.kind !== "connected") return;
    const listing = this.#listing(room);
    if (listing === null && held.wanted === 1) this.#end(room, held.link);
    try {
      await homeserver.request("rooms.publish", { room, listing });
      if (!this.#stopped && listing === null) store.roomAsks.deleteListing(room);
    } catch (error) {
      if (this.#stopped) return;
      log.info("a room is not listed yet", { room, code: causeOf(error).code });
      clock.after(roomLogRetryMs, () => this.tell(room));
    }
  }

  /** As the room is now; null where it is not to be seen. */
  #listing(room: RoomId): RoomListing | null {
    const { store, links } = this.#ports;
    const held = store.roomAsks.listing(room);
    if (held?.wanted !== 1 || !this.#may(room)) return null;
    const link = links.text(held.link);
    if (link === null) return null;
    const opened = parsedInvitation(link);
    return {
      link: encode(invitation, { ...opened, addresses: opened.addresses.slice(0, listingAddressesMax) }),
      description: held.description,
      people: store.groupRooms.people(room).length,
      open: store.rooms.get(room)?.joining === "open",
    };
  }

  #may(room: RoomId): boolean {
    const { store, identity } = this.#ports;
    const row = store.rooms.get(room);
    const isAsked = row?.joining === "open" || row?.joining === "approval";
    return (
      row?.state === "open" && isAsked && store.groupRooms.person(room, identity.account)?.role === "owner"
    );
  }

  #assertMay(room: RoomId): void {
    const { store, identity } = this.#ports;
    if (store.groupRooms.person(room, identity.account)?.role !== "owner")
      throw engineError("room-rule", "Only owners may let others see the room.");
    if (!this.#may(room)) throw engineError("room-invited-only");
  }

  #end(room: RoomId, link: string): void {
    const { store, links, changes } = this.#ports;
    links.revoke(link);
    store.roomAsks.unwantListing(room);
    changes.mark("room", room);
  }

  #view(listing: RoomListing, lobby: string | null): ListedRoom {
    const { store, names } = this.#ports;
    const link = linkOfListing(listing);
    const { server, handle, displayName, room } = link;
    const held = store.rooms.get(room.id)?.state;
    return {
      roomId: room.id,
      name: room.name,
      description: listing.description,
      people: listing.people,
      lobby,
      open: listing.open,
      serverId: server,
      serverName: names.server(server),
      ownerName: displayName,
      ownerAddress: names.address({ server, handle }),
      link: formatInvitationLink(`https://${names.server(server)}`, link),
      standing:
        held === "open" || held === "invited"
          ? "in"
          : store.roomAsks.pending("outgoing", room.id) === undefined
            ? "none"
            : "asked",
    };
  }
}
