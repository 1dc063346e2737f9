/**
 * Rooms that people here let others see, and those of mutually linked servers, asked for when somebody looks. Invariants:
 * a room is listed by an account that follows it, and by no other server than that account's; who is not linked mutually
 * is told of none. [I12] [I13]
 */
import type { AccountId, Clock, RoomId, RoomListing, ServerId } from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  encode,
  limits,
  linkOfListing,
  ProtocolError,
  roomListings,
} from "@fedchat/protocol";
import type { StoredState } from "../../store/store.ts";
import { listedRoomsBytesMax, listedRoomsKeptMs, roomsListedPerAccountMax } from "../limits.ts";
import type { FullDisk } from "../accounts/full-disk.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { RoomLinks } from "../seams.ts";
import type { RoomLogs } from "./room-logs.ts";

export interface ListingsOptions {
  self: ServerId;
  state: Pick<StoredState, "listings">;
  logs: Pick<RoomLogs, "followed">;
  commit: GroupCommit;
  disk: FullDisk;
  clock: Pick<Clock, "now">;
  links: () => Pick<RoomLinks, "listed" | "lobbies">;
}

interface Listed {
  server: ServerId;
  listing: RoomListing;
  /** Of which directory this room is the lobby, by what that calls itself. */
  lobby?: string;
}

export class Listings {
  readonly #options: ListingsOptions;
  /** By account and room, as committed; the last to be listed goes last. */
  readonly #own = new Map<string, { account: AccountId; listing: RoomListing }>();
  #others: { at: number; asked: Promise<Listed[]> } | undefined;

  constructor(options: ListingsOptions) {
    this.#options = options;
    for (const { account, room, listing } of options.state.listings)
      this.#own.set(`${account} ${room}`, { account, listing });
  }

  /** On disk when it resolves. Rejects with `ProtocolError`. */
  async publish(account: AccountId, room: RoomId, listing: RoomListing | null): Promise<void> {
    const { commit, disk } = this.#options;
    const name = `${account} ${room}`;
    if (listing === null && !this.#own.has(name)) return;
    if (listing !== null) {
      disk.admitNewWork();
      this.#check(account, room, listing);
    }
    try {
      await commit.add([{ op: "room.list", account, room, listing: listing ?? undefined }]);
    } catch (error) {
      disk.saw(error);
      throw error;
    }
    if (listing === null) this.#own.delete(name);
    else this.#own.set(name, { account, listing });
  }

  /** As another server is told. */
  answer(): Uint8Array {
    return encode(roomListings, this.#shown());
  }

  /** Everything that may be seen here. What linked servers said a moment ago is not asked for again. */
  async all(): Promise<Listed[]> {
    const { self, clock } = this.#options;
    const now = clock.now();
    if (this.#others === undefined || now - this.#others.at > listedRoomsKeptMs)
      this.#others = { at: now, asked: this.#ask() };
    const own = this.#shown().map((listing) => ({ server: self, listing }));
    return withLobbies([...own, ...(await this.#others.asked)]).slice(0, 1_000);
  }

  #check(account: AccountId, room: RoomId, listing: RoomListing): void {
    const { self, logs } = this.#options;
    if (logs.followed(account, room) === undefined) throw new ProtocolError("unknown-room");
    const link = linkOfListing(listing);
    if (link.room.id !== room || link.inviter !== account || link.server !== self)
      throw new ProtocolError("malformed", "room listing: its link is another room's, or another's");
    if (this.#own.has(`${account} ${room}`)) return;
    const ofAccount = [...this.#own.values()].filter((one) => one.account === account).length;
    if (ofAccount >= roomsListedPerAccountMax || this.#own.size >= limits.roomsListedMax)
      throw new ProtocolError("quota-exceeded");
  }

  /** The newest first, as many as an answer can carry; a link that has expired opens nothing any more. */
  #shown(): RoomListing[] {
    const now = this.#options.clock.now();
    const shown: RoomListing[] = [];
    let bytes = 0;
    for (const { listing } of [...this.#own.values()].toReversed()) {
      bytes += listing.link.length + limits.roomDescriptionBytesMax;
      if (bytes > listedRoomsBytesMax) break;
      if (linkOfListing(listing).expires > now) shown.push(listing);
    }
    return shown;
  }

  async #ask(): Promise<Listed[]> {
    const links = this.#options.links();
    const [answers, lobbies] = await Promise.all([links.listed(), links.lobbies()]);
    return [
      ...lobbies.flatMap(({ name, answer }) => openedLobby(name, answer)),
      ...answers.flatMap(({ server, answer }) => openedListings(server, answer)),
    ];
  }
}

/** Lobbies first. Where the server of one lists it itself, that says more. */
function withLobbies(all: readonly Listed[]): Listed[] {
  const roomOf = ({ listing }: Listed) => linkOfListing(listing).room.id;
  const lobbies = all.filter(({ lobby }) => lobby !== undefined);
  const others = all.filter(({ lobby }) => lobby === undefined);
  const shown = lobbies.map((one) => {
    const listed = others.find((other) => roomOf(other) === roomOf(one));
    return listed === undefined ? one : { ...one, listing: { ...listed.listing, link: one.listing.link } };
  });
  const rooms = new Set(shown.map(roomOf));
  return [...shown, ...others.filter((other) => !rooms.has(roomOf(other)))];
}

/** The one room that a directory shows. It can withhold its link and show another, as a person who gives one away can. */
function openedLobby(name: string, answer: Uint8Array): Listed[] {
  try {
    const [listing] = decode(roomListings, answer);
    if (listing === undefined) return [];
    const { server } = linkOfListing(listing);
    return [{ server, listing: { ...listing, link: listing.link.slice() }, lobby: name }];
  } catch (error) {
    if (error instanceof DecodeError || error instanceof ProtocolError) return [];
    throw error;
  }
}

/** What a server says of its own people's rooms; of others' it has nothing to say. */
function openedListings(server: ServerId, answer: Uint8Array): Listed[] {
  try {
    return decode(roomListings, answer)
      .filter((listing) => linkOfListing(listing).server === server)
      .map((listing) => ({ server, listing: { ...listing, link: listing.link.slice() } }));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof ProtocolError) return [];
    throw error;
  }
}
