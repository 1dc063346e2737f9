/**
 * Links into rooms of many. Whoever may take members in makes them; what a link opens is the room's own rule: nothing, an
 * ask that a person answers, or the room. One without a bound of uses is told to the others in the room, so that they
 * answer while its maker is away; one with a bound is answered, and its uses counted, by its maker alone. [I7] [I10]
 */
import type {
  AccountId,
  Clock,
  Primitives,
  RandomSource,
  RoomId,
  RoomItem,
  RoomLinkPlace,
} from "@fedchat/protocol";
import {
  accountId,
  decodeBase32,
  encodeBase32,
  limits,
  requestId,
  roomId,
  roomLinkProofInput,
} from "@fedchat/protocol";
import type { RoomLink as RoomLinkView } from "../interface/index.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { missingRight } from "../room-state/rights.ts";
import type { RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomLinkRow } from "../store/room-asks-table.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { ownLink } from "./invitation-link.ts";
import { invitationLifetimeMs, roomLinksOfOneMax } from "./limits.ts";
import type { Rooms } from "./rooms.ts";
import type { RoomSender } from "./room-sender.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import type { Servers } from "./servers.ts";

export interface RoomLinksPorts {
  store: EngineStore;
  identity: Identity;
  servers: Servers;
  rooms: Rooms;
  groups: Groups;
  roomCrypto: RoomCrypto;
  sender: RoomSender;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  random: RandomSource;
  changes: Changes;
}

export class RoomLinks {
  readonly #ports: RoomLinksPorts;

  constructor(ports: RoomLinksPorts) {
    this.#ports = ports;
  }

  /** @param uses null: as often as it is followed */
  create(
    room: RoomId,
    { label = "", uses = null, expiresInMs = invitationLifetimeMs }: NewRoomLink,
  ): RoomLinkView {
    const { store, identity, rooms, clock, random } = this.#ports;
    const state = this.#stateOf(room);
    if (state === undefined || rooms.writable(room).kind !== "group") throw engineError("not-a-room");
    const { account: maker } = identity;
    if (!mayTakeIn(state, maker)) throw engineError("room-rule", "Your role may not take people in.");
    if (state.join !== "approval" && state.join !== "open") throw engineError("room-invited-only");
    const now = clock.now();
    const row: RoomLinkRow = {
      ...{ id: encodeBase32(random.bytes(16)), room, maker, secret: random.bytes(16), label },
      ...{ createdAt: now, expiresAt: now + expiresInMs, usesMax: uses, usesLeft: uses, revoked: 0 },
    };
    this.#keep(row, () => store.roomAsks.putLink(row));
    return this.view(row);
  }

  /** One of our own; null where it opens nothing any more. */
  text(id: string): string | null {
    const row = this.#ports.store.roomAsks.link(id);
    return row === undefined || this.#standing(row) !== "open" ? null : this.#link(row);
  }

  /** Our own; others' are theirs to show and to revoke. */
  list(room: RoomId): RoomLinkView[] {
    const { store, identity } = this.#ports;
    const own = store.roomAsks.links(room).filter(({ maker }) => maker === identity.account);
    return own.map((row) => this.view(row));
  }

  revoke(id: string): void {
    const { store, identity } = this.#ports;
    const row = store.roomAsks.link(id);
    if (row === undefined || row.maker !== identity.account || row.revoked === 1) return;
    this.#keep({ ...row, revoked: 1 }, () => store.roomAsks.revokeLink(id));
  }

  view(row: RoomLinkRow): RoomLinkView {
    const state = this.#standing(row);
    return {
      linkId: row.id,
      roomId: row.room,
      link: state === "open" ? this.#link(row) : null,
      label: row.label,
      createdAt: row.createdAt,
      expiresAt: row.expiresAt,
      usesMax: row.usesMax,
      usesLeft: row.usesLeft,
      state,
    };
  }

  /** Somebody in the room told of theirs. Within the transaction that spends the item's key. */
  heard(room: RoomId, maker: AccountId, { id, secret, expires }: Extract<RoomItem, { kind: "link" }>): void {
    const { store, clock } = this.#ports;
    const key = encodeBase32(id);
    const known = store.roomAsks.link(key);
    if (known !== undefined && (known.maker !== maker || known.room !== room)) return;
    if (secret === null) return store.roomAsks.revokeLink(key);
    if (known !== undefined) return;
    store.roomAsks.putLink({
      ...{
        id: key,
        room,
        maker,
        secret: secret.slice(),
        label: "",
        createdAt: clock.now(),
        expiresAt: expires,
      },
      ...{ usesMax: null, usesLeft: null, revoked: 0 },
    });
    store.roomAsks.keepNewestOf(room, maker, roomLinksOfOneMax);
  }

  /** Whether an ask came by a link that holds here now. [I9] */
  admits(note: OpenedNote, room: RoomState, link: { id: Uint8Array; proof: Uint8Array }): boolean {
    const { store, primitives } = this.#ports;
    const row = store.roomAsks.link(encodeBase32(link.id));
    if (row?.room !== room.room || this.#standing(row) !== "open" || !mayTakeIn(room, row.maker))
      return false;
    const input = roomLinkProofInput(
      requestId.toBytes(note.request),
      accountId.toBytes(note.sender.record.account),
      roomId.toBytes(room.room),
    );
    return isEqual(primitives.hmacSha256(row.secret, input), link.proof);
  }

  /** The item goes to the others only for what they may answer. */
  #keep({ id, room, secret, expiresAt: expires, usesMax, revoked }: RoomLinkRow, keep: () => void): void {
    const { store, rooms, sender, changes } = this.#ports;
    const row = rooms.get(room);
    if (usesMax === null && row.state === "open" && store.groupRooms.people(room).length > 1) {
      const item = {
        kind: "link",
        id: decodeBase32(id),
        secret: revoked === 1 ? null : secret,
        expires,
      } as const;
      sender.send(row, item, { purpose: "status", subject: "" }, keep);
    } else keep();
    changes.mark("room", room);
  }

  #standing({ revoked, usesLeft, expiresAt }: RoomLinkRow): RoomLinkView["state"] {
    if (revoked === 1) return "revoked";
    if (usesLeft === 0) return "used";
    return expiresAt <= this.#ports.clock.now() ? "expired" : "open";
  }

  #link({ id, room, secret, expiresAt: expires, usesMax }: RoomLinkRow): string | null {
    const state = this.#stateOf(room);
    if (state === undefined) return null;
    const { name } = this.#ports.rooms.get(room);
    const also = this.#places(state, usesMax === null);
    return ownLink(this.#ports, { id: decodeBase32(id), secret, expires, room: { id: room, name, also } });
  }

  /** The hub, which must be reached to follow the room, and others who may answer: one of each server, owners first. */
  #places(state: RoomState, others: boolean): RoomLinkPlace[] {
    const { store, identity, servers } = this.#ports;
    const hub = store.groupRooms.log(state.room)?.hub;
    const ranks = ["owner", "moderator", "member", "guest"];
    const answering = state.participants
      .filter(({ account }) => others && account !== identity.account && mayTakeIn(state, account))
      .toSorted((a, b) => ranks.indexOf(a.role) - ranks.indexOf(b.role));
    const places = new Map<string, RoomLinkPlace>();
    const add = (server: RoomLinkPlace["server"], account: AccountId | null): void => {
      const addresses = (servers.get(server)?.addresses ?? []).slice(0, limits.roomLinkAddressesMax);
      if (!places.has(server)) places.set(server, { server, addresses, account });
    };
    const atHub = answering.find(({ server }) => server === hub);
    if (hub !== undefined && (hub !== servers.own.id || atHub !== undefined))
      add(hub, atHub?.account ?? null);
    for (const { server, account } of answering) add(server, account);
    return [...places.values()].slice(0, limits.roomLinkPlacesMax);
  }

  #stateOf(room: RoomId): RoomState | undefined {
    const { groups, roomCrypto, rooms } = this.#ports;
    if (rooms.get(room).kind !== "group") return undefined;
    const state = groups.of(room);
    return state && roomCrypto.room(state);
  }
}

export interface NewRoomLink {
  label?: string | undefined;
  uses?: number | null | undefined;
  expiresInMs?: number | undefined;
}

/** Whether this account may take a member in, as the room is now. [W3] */
export function mayTakeIn(state: RoomState, account: AccountId): boolean {
  const anybody = { kind: "admit", record: new Uint8Array(), role: "member" } as const;
  return missingRight(state, anybody, account) === undefined;
}
