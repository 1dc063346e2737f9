/**
 * What arrives in rooms: decrypts an MLS message on the room's present state, checks who wrote it, and says what to
 * commit: new state, message, counters and the receipt that is owed, together. [M1] to [M6]
 */
import type { Clock, InboxItem, MessageId, Primitives, RoomId, RoomItem } from "@fedchat/protocol";
import {
  accountUri,
  computeMessageId,
  decode,
  decodeContent,
  DecodeError,
  decodeStatusReport,
  messageStatus,
  messageStatusType,
  partsOf,
  ProtocolError,
  roomItem,
  roomUri,
} from "@fedchat/protocol";
import type { MimiContent } from "@fedchat/protocol";
import type { DecryptOutcome, GroupCrypto } from "../mls/group-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Changes } from "./changes.ts";
import { countClaimed, countReceived } from "./counters.ts";
import { openCertificate } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import type { Commit, ItemHandler } from "./inbox.ts";

type Decrypted = Extract<DecryptOutcome, { kind: "message" }>;

export class RoomReceiver implements ItemHandler {
  readonly #store: EngineStore;
  readonly #crypto: GroupCrypto;
  readonly #groups: Groups;
  readonly #primitives: Primitives;
  readonly #clock: Pick<Clock, "now">;
  readonly #changes: Changes;

  constructor(ports: {
    store: EngineStore;
    crypto: GroupCrypto;
    groups: Groups;
    primitives: Primitives;
    clock: Pick<Clock, "now">;
    changes: Changes;
  }) {
    this.#store = ports.store;
    this.#crypto = ports.crypto;
    this.#groups = ports.groups;
    this.#primitives = ports.primitives;
    this.#clock = ports.clock;
    this.#changes = ports.changes;
  }

  prepare(item: InboxItem): Commit {
    const id = this.#roomOf(item);
    const room = id && this.#store.rooms.get(id);
    if (room === undefined || room.peer === null) throw refused("of a group that is not known here");
    if (item.from !== room.peer) throw refused("from somebody who is no participant");
    // Nothing of a blocked account is decrypted or shown; its keys stay, should it be unblocked.
    if (this.#store.accounts.isBlocked(room.peer)) throw refused("from a blocked account");
    const state = this.#groups.of(room.id);
    if (state === undefined) throw refused("of a group that is not known here");
    const outcome = this.#crypto.decrypt(state, item.payload);
    if (outcome.kind !== "message") throw refused(outcome.kind);
    const certificate = openCertificate(this.#primitives, outcome.sender.credential);
    if (certificate?.account !== room.peer) throw refused("by another member than the room's peer");
    return this.#commitOf(room, outcome, certificate.device, item);
  }

  #commitOf(
    room: RoomRow,
    outcome: Decrypted,
    device: Parameters<typeof countReceived>[2],
    item: InboxItem,
  ): Commit {
    const opened = openItem(outcome.plaintext);
    return () => {
      this.#groups.advance(room.id, outcome.state);
      if (opened?.kind === "message") {
        const id = this.#messageId(room, opened.encoded);
        countReceived(this.#store.rooms, room.id, device, opened.counter, id);
        this.#addMessage(room, id, opened.content, opened.encoded, item);
        this.#changes.mark("room", room.id);
      } else if (opened?.kind === "status") {
        countClaimed(this.#store.rooms, room.id, device, opened.seen);
        this.#changes.mark("room", room.id);
        for (const { messageId, status } of opened.report) this.#confirm(room, messageId, status);
      }
    };
  }

  #messageId(room: RoomRow, encoded: Uint8Array): MessageId {
    const origin = { sender: accountUri(room.peer!), room: roomUri(room.id) };
    return computeMessageId(this.#primitives, origin, encoded);
  }

  #addMessage(
    room: RoomRow,
    id: MessageId,
    content: MimiContent,
    encoded: Uint8Array,
    item: InboxItem,
  ): void {
    if (this.#store.messages.get(id) !== undefined) return;
    const receivedAt = this.#clock.now();
    this.#store.messages.insert({
      id,
      room: room.id,
      kind: "text",
      sender: room.peer!,
      mine: 0,
      sentAt: item.created,
      receivedAt,
      text: shownText(content),
      inReplyTo: content.inReplyTo,
      content: encoded,
    });
    this.#store.rooms.active(room.id, receivedAt);
    if (room.state === "open") this.#store.messages.oweReceipt(room.id, id, messageStatus.delivered);
    this.#changes.messageAdded(id, room.id);
  }

  /** Their engine has, or they have read, one of our messages of this very room. */
  #confirm(room: RoomRow, id: MessageId, status: number): void {
    const state =
      status === messageStatus.delivered ? "delivered" : status === messageStatus.read ? "read" : undefined;
    const message = this.#store.messages.get(id);
    if (state === undefined || message?.room !== room.id || message.mine === 0) return;
    if (this.#store.messages.confirm(id, state, this.#clock.now())) this.#changes.messageChanged(id);
  }

  #roomOf(item: InboxItem): RoomId | undefined {
    const header = this.#crypto.header(item.payload);
    return header && this.#store.rooms.roomOfGroup(header.groupId);
  }
}

type OpenedItem =
  | { kind: "message"; counter: number; content: MimiContent; encoded: Uint8Array }
  | { kind: "status"; seen: RoomItem["seen"]; report: ReturnType<typeof decodeStatusReport> };

/** Undefined for an item that does not decode: its key is spent all the same. */
function openItem(plaintext: Uint8Array): OpenedItem | undefined {
  try {
    const item: RoomItem = decode(roomItem, plaintext);
    const content = decodeContent(item.content);
    if (item.kind === "message")
      return { kind: "message", counter: item.counter, content, encoded: item.content };
    const { body } = content;
    if (body.cardinality !== "single" || body.contentType !== messageStatusType) return undefined;
    return { kind: "status", seen: item.seen, report: decodeStatusReport(body.content) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** The text of the parts that this version can show. */
function shownText(content: MimiContent): string {
  const texts: string[] = [];
  for (const part of partsOf(content.body)) {
    if (part.cardinality === "single" && part.contentType.startsWith("text/"))
      texts.push(utf8.decode(part.content));
  }
  return texts.join("\n");
}

const utf8 = new TextDecoder();

function refused(what: string): ProtocolError {
  return new ProtocolError("malformed", `room message: ${what}`);
}
