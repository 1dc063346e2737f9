/** Writing, trying again, paging and marking messages. */
import type {
  AccountId,
  Clock,
  Expiration,
  MessageId,
  Primitives,
  RandomSource,
  RoomId,
} from "@fedchat/protocol";
import {
  accountUri,
  computeMessageId,
  encodeContent,
  envelopeId,
  expiresAfterReading,
  expiresAt,
  messageStatus,
  reply,
  roomUri,
  textMessage,
} from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { MessageRow } from "../store/messages-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { engineError } from "./causes.ts";
import type { Beats } from "./beats.ts";
import type { Changes } from "./changes.ts";
import { countersSaid, countOwn, nextPlace, unsaidCounters } from "./counters.ts";
import { type Expiring, expiryOf } from "./expiring.ts";
import type { Identity } from "./identity.ts";
import { keepProof } from "./kept-proofs.ts";
import type { Names } from "./names.ts";
import { messagesPageDefault } from "./limits.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Receipts } from "./receipts.ts";
import { givesReceipts } from "./receipts.ts";
import type { RoomSender } from "./room-sender.ts";
import type { Rooms } from "./rooms.ts";

export interface MessagesPorts {
  store: EngineStore;
  identity: Identity;
  rooms: Rooms;
  sender: RoomSender;
  receipts: Receipts;
  beats: Beats;
  expiring: Pick<Expiring, "lookSoon">;
  outgoing: Outgoing;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  names: Pick<Names, "shown">;
  changes: Changes;
  /** Something is about to be written to others. */
  beforeSending: (room: RoomId) => void;
}

export interface NewText {
  text: string;
  /** `undefined`: as the room's messages of this person do. */
  expires: { at: number } | { afterReadingMs: number } | null | undefined;
  inReplyTo: MessageId | null;
  /** The same one twice sends once. */
  clientId: string | null;
}

export class Messages {
  readonly #ports: MessagesPorts;

  constructor(ports: MessagesPorts) {
    this.#ports = ports;
  }

  /** Throws `EngineError("unknown-message")`. */
  get(id: MessageId): MessageRow {
    const message = this.#ports.store.messages.get(id);
    if (message === undefined) throw engineError("unknown-message");
    return message;
  }

  /** The message is committed here when this returns, whether or not anybody can be reached. */
  send(roomId: RoomId, text: NewText): MessageRow {
    const { rooms, store } = this.#ports;
    const earlier = text.clientId === null ? undefined : store.messages.byClientId(text.clientId);
    if (earlier !== undefined) return earlier;
    const room = rooms.writable(roomId);
    const held = store.branches.holding(roomId);
    if (held !== undefined)
      throw engineError(
        "room-healing",
        `${this.#ports.names.shown(held)} was taken out where this room went on apart, and is in it here.`,
      );
    if (room.kind !== "notes") this.#ports.beforeSending(roomId);
    return this.get(room.kind === "notes" ? this.#addNote(room, text) : this.#sendToPeer(room, text));
  }

  /** Sends a failed message's stored bytes again, in envelopes of their own. */
  retry(id: MessageId): MessageRow {
    const { store, outgoing, random, changes } = this.#ports;
    const { room, state } = this.get(id);
    if (state !== "failed") throw engineError("nothing-to-retry");
    this.#ports.rooms.writable(room);
    store.transaction(() => {
      const failed = store.transport.bySubject(id).filter((row) => row.state === "failed");
      if (failed.length === 0) throw engineError("nothing-to-retry");
      for (const {
        seq,
        kind,
        created,
        server,
        accounts,
        lane,
        payload,
        grantFirst,
        purpose,
        subject,
      } of failed) {
        store.transport.delete(seq);
        // The refused envelope's id is remembered on the way as refused.
        const envelope = envelopeId.fromBytes(random.bytes(16));
        const again = { kind, created, server, accounts, lane, payload, grantFirst, purpose, subject };
        outgoing.enqueue({ envelope, ...again });
      }
      store.messages.setWaiting(id, null);
    });
    outgoing.pump();
    changes.messageChanged(id);
    return this.get(id);
  }

  /** Read up to and with this message; others are told. */
  markRead(roomId: RoomId, id: MessageId): void {
    const { store, rooms, receipts, changes } = this.#ports;
    const room = rooms.get(roomId);
    const { position } = this.#inRoom(room, id);
    store.transaction(() => {
      store.rooms.setReadPosition(roomId, Math.max(room.readPosition, position));
      store.messages.startExpiry(roomId, position, this.#ports.clock.now());
      if (position <= room.reportedPosition) return;
      store.rooms.setReportedPosition(roomId, position);
      if (!givesReceipts(store, room)) return;
      for (const read of store.messages.othersBetween(roomId, room.reportedPosition, position)) {
        store.messages.oweReceipt(roomId, read, messageStatus.read);
      }
    });
    receipts.sendSoon();
    this.#ports.expiring.lookSoon();
    changes.mark("room", roomId);
    changes.status();
  }

  markUnread(roomId: RoomId, id: MessageId): void {
    const { store, rooms, changes } = this.#ports;
    const { position } = this.#inRoom(rooms.get(roomId), id);
    store.rooms.setReadPosition(roomId, position - 1);
    changes.mark("room", roomId);
    changes.status();
  }

  /** A page of a room, oldest first. */
  page(
    roomId: RoomId,
    at: { before?: number | undefined; after?: number | undefined; around?: MessageId | undefined },
    limit = messagesPageDefault,
  ): { rows: MessageRow[]; more: { before: boolean; after: boolean } } {
    const { store, rooms } = this.#ports;
    const room = rooms.get(roomId);
    const older = (position: number, count: number) =>
      store.messages.before(roomId, position, count).toReversed();
    let rows: MessageRow[];
    if (at.around !== undefined) {
      const middle = this.#inRoom(room, at.around);
      const before = older(middle.position, Math.floor((limit - 1) / 2));
      rows = [...before, middle, ...store.messages.after(roomId, middle.position, limit - 1 - before.length)];
    } else if (at.after !== undefined) rows = store.messages.after(roomId, at.after, limit);
    else rows = older(at.before ?? Number.MAX_SAFE_INTEGER, limit);
    const [first, last] = [rows.at(0)?.position, rows.at(-1)?.position];
    const hasBefore = first !== undefined && store.messages.before(roomId, first, 1).length > 0;
    const hasAfter = last !== undefined && store.messages.after(roomId, last, 1).length > 0;
    return { rows, more: { before: hasBefore, after: hasAfter } };
  }

  #addNote(room: RoomRow, text: NewText): MessageId {
    const { store, clock } = this.#ports;
    const { id, encoded, expires } = this.#compose(room, text);
    const now = clock.now();
    const { expiresAt, expireAfterMs } = expiryOf(expires, now, now);
    const standing = { state: "read", readAt: now, expireAfterMs } as const;
    const goesAt = expiresAt ?? (expireAfterMs === null ? null : now + expireAfterMs);
    store.transaction(() => this.#insert(room, id, encoded, text, { ...standing, expiresAt: goesAt }));
    this.#ports.expiring.lookSoon();
    return id;
  }

  #sendToPeer(room: RoomRow, text: NewText): MessageId {
    const { store, sender, identity, receipts } = this.#ports;
    const { device } = identity.self;
    receipts.sendFor(room.id);
    const { id, encoded, expires } = this.#compose(room, text);
    const place = nextPlace(store, room.id, device);
    const seen = unsaidCounters(store, room.id);
    const item = { kind: "message", ...place, seen, content: encoded } as const;
    sender.send(room, item, { purpose: "message", subject: id }, (sent) => {
      countOwn(store, room.id, device, place, id);
      countersSaid(store, room.id, seen);
      this.#ports.beats.counted(room.id);
      keepProof(store, { room: room.id, device, created: this.#ports.clock.now() }, { id, item, ...sent });
      const now = this.#ports.clock.now();
      this.#insert(room, id, encoded, text, { state: "waiting", ...expiryOf(expires, now, now) });
      if (expires !== null) this.#ports.expiring.lookSoon();
    });
    return id;
  }

  #compose(
    room: RoomRow,
    { text, inReplyTo, expires: wanted }: NewText,
  ): { id: MessageId; encoded: Uint8Array; expires: Expiration | null } {
    const { primitives, random, identity } = this.#ports;
    if (inReplyTo !== null) this.#inRoom(room, inReplyTo);
    const expires = expirationOf(room, wanted);
    const frame = { salt: random.bytes(16), ...(expires === null ? {} : { expires }) };
    const encoded = encodeContent(
      inReplyTo === null ? textMessage(frame, text) : reply(frame, inReplyTo, text),
    );
    const origin = { sender: accountUri(identity.account), room: roomUri(room.id) };
    return { id: computeMessageId(primitives, origin, encoded), encoded, expires };
  }

  #insert(
    room: RoomRow,
    id: MessageId,
    content: Uint8Array,
    { text, inReplyTo, clientId }: NewText,
    standing: Pick<MessageRow, "state"> & Partial<MessageRow>,
  ): void {
    const { store, clock, identity, changes } = this.#ports;
    const now = clock.now();
    const sender: AccountId = identity.account;
    const times = { sentAt: now, receivedAt: now };
    const mine = { kind: "text", sender, mine: 1, ...times, ...standing } as const;
    store.messages.insert({ id, room: room.id, text, inReplyTo, content, clientId, ...mine });
    store.rooms.active(room.id, now);
    changes.messageAdded(id, room.id);
  }

  #inRoom(room: RoomRow, id: MessageId): MessageRow {
    const message = this.get(id);
    if (message.room !== room.id) throw engineError("unknown-message");
    return message;
  }
}

function expirationOf({ expireAfterMs }: RoomRow, wanted: NewText["expires"]): Expiration | null {
  if (wanted === undefined)
    return expireAfterMs === null ? null : expiresAfterReading(Math.ceil(expireAfterMs / 1_000));
  if (wanted === null) return null;
  return "at" in wanted
    ? expiresAt(Math.floor(wanted.at / 1_000))
    : expiresAfterReading(Math.ceil(wanted.afterReadingMs / 1_000));
}
