/**
 * Takes decrypted items of rooms into the store: messages with their place in their sender's order and the receipt that
 * is owed, receipts, and what contacts tell each other. Who sent an item was proved by then. [M1] to [M7]
 */
import type { AccountId, Clock, DeviceId, MessageId, Primitives, RoomItem } from "@fedchat/protocol";
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
  roomItem,
  roomUri,
} from "@fedchat/protocol";
import type { MimiContent } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Changes } from "./changes.ts";
import { countClaimed, countReceived } from "./counters.ts";
import type { Identity } from "./identity.ts";
import { givesReceipts } from "./receipts.ts";

/** Whose item it is, and when they sent it, by their clock. */
export interface Origin {
  account: AccountId;
  device: DeviceId;
  created: number;
}

export class RoomItems {
  readonly #store: EngineStore;
  readonly #identity: Pick<Identity, "account">;
  readonly #primitives: Primitives;
  readonly #clock: Pick<Clock, "now">;
  readonly #changes: Changes;

  constructor(ports: {
    store: EngineStore;
    identity: Pick<Identity, "account">;
    primitives: Primitives;
    clock: Pick<Clock, "now">;
    changes: Changes;
  }) {
    this.#store = ports.store;
    this.#identity = ports.identity;
    this.#primitives = ports.primitives;
    this.#clock = ports.clock;
    this.#changes = ports.changes;
  }

  /** Within the transaction that spends the item's key. What does not decode is let go. */
  take(room: RoomRow, origin: Origin, plaintext: Uint8Array): void {
    const opened = openItem(plaintext);
    if (opened === undefined) return;
    if (opened.kind === "capability") return this.#learnCapability(room, origin, opened.capability);
    this.#changes.mark("room", room.id);
    if (room.kind === "group") this.#store.groupRooms.hear(room.id, origin.account);
    if (opened.kind === "message") {
      const sender = { sender: accountUri(origin.account), room: roomUri(room.id) };
      const id = computeMessageId(this.#primitives, sender, opened.encoded);
      countReceived(this.#store.rooms, room.id, origin.device, opened.counter, id);
      return this.#addMessage(room, id, origin, opened);
    }
    countClaimed(this.#store.rooms, room.id, origin.device, opened.seen);
    for (const { messageId, status } of opened.report) this.#confirm(room, origin.account, messageId, status);
  }

  #addMessage(
    room: RoomRow,
    id: MessageId,
    { account, created }: Origin,
    { content, encoded }: { content: MimiContent; encoded: Uint8Array },
  ): void {
    if (this.#store.messages.get(id) !== undefined) return;
    const receivedAt = this.#clock.now();
    this.#store.messages.insert({
      id,
      room: room.id,
      kind: "text",
      sender: account,
      mine: 0,
      sentAt: created,
      receivedAt,
      text: shownText(content),
      inReplyTo: content.inReplyTo,
      content: encoded,
    });
    this.#store.rooms.active(room.id, receivedAt);
    if (givesReceipts(this.#store, room))
      this.#store.messages.oweReceipt(room.id, id, messageStatus.delivered);
    this.#changes.messageAdded(id, room.id);
  }

  /** Their engine has, or they have read, one of our messages of this very room. */
  #confirm(room: RoomRow, account: AccountId, id: MessageId, status: number): void {
    const state =
      status === messageStatus.delivered ? "delivered" : status === messageStatus.read ? "read" : undefined;
    const message = this.#store.messages.get(id);
    if (state === undefined || message?.room !== room.id || message.mine === 0) return;
    const now = this.#clock.now();
    if (room.kind === "group" && !this.#confirmedByAll(room, account, id, state, now)) return;
    if (this.#store.messages.confirm(id, state, now)) this.#changes.messageChanged(id);
  }

  /** Whether with this receipt everybody else who is there now, and has joined, has confirmed it. */
  #confirmedByAll(
    room: RoomRow,
    account: AccountId,
    id: MessageId,
    state: "delivered" | "read",
    now: number,
  ): boolean {
    const { groupRooms } = this.#store;
    const isDelivered = groupRooms.confirm(id, account, "deliveredAt", now);
    const isRead = state === "read" && groupRooms.confirm(id, account, "readAt", now);
    if (!isDelivered && !isRead) return false;
    this.#changes.messageChanged(id);
    const receipts = new Map(groupRooms.receipts(id).map((one) => [one.account, one]));
    const heard = groupRooms.heard(room.id);
    const others = groupRooms
      .people(room.id)
      .filter((person) => person.account !== this.#identity.account && heard.has(person.account));
    return others.every((person) => (receipts.get(person.account)?.[`${state}At`] ?? null) !== null);
  }

  #learnCapability(room: RoomRow, { account }: Origin, capability: Uint8Array): void {
    if (room.kind !== "pair" || this.#store.accounts.contact(account) === undefined) return;
    this.#store.accounts.setCapability(account, capability);
    this.#changes.mark("contact", account);
  }
}

type OpenedItem =
  | { kind: "message"; counter: number; content: MimiContent; encoded: Uint8Array }
  | {
      kind: "status";
      seen: Extract<RoomItem, { kind: "status" }>["seen"];
      report: ReturnType<typeof decodeStatusReport>;
    }
  | Extract<RoomItem, { kind: "capability" }>;

/** Undefined for an item that does not decode: its key is spent all the same. */
function openItem(plaintext: Uint8Array): OpenedItem | undefined {
  try {
    const item: RoomItem = decode(roomItem, plaintext);
    if (item.kind === "capability") return { ...item, capability: item.capability.slice() };
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
