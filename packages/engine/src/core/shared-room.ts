/**
 * What one account's devices tell each other of a room: how to come in, how far it was read, what is half written, and
 * who is behind it. Each field is changed by itself, so that two devices that change different ones lose nothing. [U3]
 */
import type { RoomId, TypeOf } from "@fedchat/protocol";
import {
  accountId,
  bytes,
  decode,
  encode,
  limits,
  literals,
  messageId,
  nullable,
  serverId,
  struct,
  text,
  uint,
} from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Groups } from "./groups.ts";

/** Longer than any draft that can be sent. */
const draftBytesMax = 65_536;

const form = struct({
  kind: literals("pair", "group"),
  createdAt: uint(),
  state: literals("invited", "open", "closed", "broken"),
  name: text({ max: 256 }),
  invitedBy: nullable(accountId.codec),
  hub: nullable(serverId.codec),
  /** The room's `infoKey`. */
  key: nullable(bytes(32)),
  /** Of a pair: its signed record, which is renewed where it is known better. */
  peer: nullable(bytes({ min: 1, max: limits.recordBytesMax * 4 })),
  nickname: nullable(text({ max: 256 })),
  since: uint(),
  /** By which key packages of the peer are fetched. */
  capability: nullable(bytes(16)),
  /** The last message that was read. */
  read: nullable(messageId.codec),
  draft: text({ max: draftBytesMax, multiline: true }),
});
export type SharedRoom = TypeOf<typeof form>;

export const encodeSharedRoom = (room: SharedRoom): Uint8Array => encode(form, room);
/** Throws `DecodeError`. */
export const decodeSharedRoom = (source: Uint8Array): SharedRoom => decode(form, source);

/** Undefined where there is nothing to tell. */
export function sharedRoomOf(
  { store, groups, roomCrypto }: { store: EngineStore; groups: Groups; roomCrypto: RoomCrypto },
  id: RoomId,
  known: SharedRoom | undefined,
): SharedRoom | undefined {
  const row = store.rooms.get(id);
  if (row === undefined || row.kind === "notes") return undefined;
  const state = groups.of(id);
  const contact = row.peer === null ? undefined : store.accounts.contact(row.peer);
  const isContacts = contact?.room === id;
  const peer = row.peer === null ? undefined : store.accounts.get(row.peer);
  return {
    ...{ kind: row.kind, createdAt: row.createdAt, state: row.state, name: row.name },
    invitedBy: row.invitedBy,
    hub: store.groupRooms.log(id)?.hub ?? known?.hub ?? null,
    key: state === undefined ? (known?.key ?? null) : roomCrypto.room(state).infoKey,
    peer: peer?.record ?? null,
    nickname: isContacts ? contact.nickname : null,
    since: isContacts ? contact.since : row.createdAt,
    capability: isContacts ? contact.capability : null,
    read: store.messages.lastUpTo(id, row.readPosition) ?? known?.read ?? null,
    draft: row.draft,
  };
}

export function isSameRoom(a: SharedRoom, b: SharedRoom): boolean {
  return same(encodeSharedRoom(a), encodeSharedRoom(b));
}

/** Field by field: what only this device changed stays, everything else is as the other one has it. */
export function mergedRoom(base: SharedRoom | undefined, own: SharedRoom, theirs: SharedRoom): SharedRoom {
  return base === undefined ? theirs : { ...theirs, ...changesOf(base, own) };
}

function changesOf(base: SharedRoom, own: SharedRoom): Partial<SharedRoom> {
  const names = (Object.keys(own) as (keyof SharedRoom)[]).filter(
    (name) => !sameField(base[name], own[name]),
  );
  return Object.fromEntries(names.map((name) => [name, own[name]]));
}

function sameField(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return same(a, b);
  return a === b;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
