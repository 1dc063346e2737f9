/**
 * Takes decrypted items of rooms into the store: messages, receipts, what is asked for and handed on, and what contacts
 * tell each other. Who sent an item was proved by then. [M1] to [M7] [Z1]
 */
import type { AccountId, Clock, MessageId, RoomItem } from "@fedchat/protocol";
import { messageStatus } from "@fedchat/protocol";
import type { MessageProof } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Beats } from "./beats.ts";
import type { Changes } from "./changes.ts";
import { countClaimed } from "./counters.ts";
import type { GapAnswering } from "./gap-answering.ts";
import type { GapAsking } from "./gap-asking.ts";
import type { GroupHistory } from "./group-history.ts";
import type { Identity } from "./identity.ts";
import type { IncomingMessages, Origin } from "./incoming-messages.ts";
import { openItem } from "./opened-items.ts";
import type { MovedAccounts } from "./moved-accounts.ts";
import type { Refills } from "./refills.ts";
import type { RoomLinks } from "./room-links.ts";

export interface RoomItemsPorts {
  store: EngineStore;
  identity: Identity;
  history: GroupHistory;
  incoming: IncomingMessages;
  asking: GapAsking;
  answering: GapAnswering;
  refills: Refills;
  beats: Beats;
  links: Pick<RoomLinks, "heard">;
  moved: Pick<MovedAccounts, "heard">;
  clock: Pick<Clock, "now">;
  changes: Changes;
}

export class RoomItems {
  readonly #ports: RoomItemsPorts;

  constructor(ports: RoomItemsPorts) {
    this.#ports = ports;
  }

  /**
   * Within the transaction that spends the item's key. What does not decode is let go.
   * @param proof what a message can be handed on by
   */
  take(room: RoomRow, origin: Origin, plaintext: Uint8Array, proof: MessageProof): void {
    const { store, incoming, answering, refills, beats, changes } = this.#ports;
    const opened = openItem(plaintext);
    if (opened === undefined) return;
    if (opened.kind === "capability") return this.#learnCapability(room, origin, opened.capability);
    if (opened.kind === "link") {
      if (room.kind === "group") this.#ports.links.heard(room.id, origin.account, opened);
      return;
    }
    if (opened.kind === "record") return this.#ports.moved.heard(room, origin.account, opened.record);
    if (opened.kind === "ask") return answering.asked(room, origin, opened);
    changes.mark("room", room.id);
    if (opened.kind === "refill") return refills.take(room, origin, opened);
    if (room.kind === "group") store.groupRooms.hear(room.id, origin.account);
    const { seen } = opened.kind === "message" ? opened.item : opened;
    if (opened.kind === "message") {
      incoming.add(room, origin, opened, { plaintext, proof });
      beats.counted(room.id);
    }
    this.#claimed(room, seen, proof.groupId);
    beats.heard(room.id, seen);
    if (opened.kind === "status" && origin.account === this.#ports.identity.account)
      this.#readElsewhere(room, opened.report);
    else if (opened.kind === "status")
      for (const { messageId, status } of opened.report)
        this.#confirm(room, origin.account, messageId, status);
    this.#ports.asking.lookSoon();
  }

  /** Somebody says how far devices have counted. Of devices that never were in the group nobody can know anything. */
  #claimed(room: RoomRow, seen: Extract<RoomItem, { kind: "seen" }>["seen"], groupId: Uint8Array): void {
    const { store, history, identity } = this.#ports;
    for (const one of seen) {
      const { device } = one;
      if (device === identity.self.device || !history.knows(groupId, device)) continue;
      const isKnown = store.missing.counter(room.id, device) !== undefined;
      countClaimed(store, room.id, one, history.isOurs(groupId, device, isKnown));
    }
  }

  /** The person read it on another device: nobody has to hear of it from this one. */
  #readElsewhere(room: RoomRow, report: readonly { messageId: MessageId; status: number }[]): void {
    const { store, changes } = this.#ports;
    for (const { messageId, status } of report) {
      const message = store.messages.get(messageId);
      if (message?.room !== room.id || message.mine === 1) continue;
      store.messages.receiptSent(room.id, messageId, status);
      if (status !== messageStatus.read) continue;
      const { readPosition } = store.rooms.get(room.id)!;
      store.rooms.setReadPosition(room.id, Math.max(readPosition, message.position));
      store.rooms.setReportedPosition(room.id, message.position);
    }
    changes.status();
  }

  /** Their engine has, or they have read, one of our messages of this very room. */
  #confirm(room: RoomRow, account: AccountId, id: MessageId, status: number): void {
    const { store, clock, changes } = this.#ports;
    const state =
      status === messageStatus.delivered ? "delivered" : status === messageStatus.read ? "read" : undefined;
    const message = store.messages.get(id);
    if (state === undefined || message?.room !== room.id || message.mine === 0) return;
    const now = clock.now();
    if (room.kind === "group" && !this.#confirmedByAll(room, account, id, state, now)) return;
    if (store.messages.confirm(id, state, now)) changes.messageChanged(id);
  }

  /** Whether with this receipt everybody else who is there now, and has joined, has confirmed it. */
  #confirmedByAll(
    room: RoomRow,
    account: AccountId,
    id: MessageId,
    state: "delivered" | "read",
    now: number,
  ): boolean {
    const { identity, changes } = this.#ports;
    const { groupRooms } = this.#ports.store;
    const isDelivered = groupRooms.confirm(id, account, "deliveredAt", now);
    const isRead = state === "read" && groupRooms.confirm(id, account, "readAt", now);
    if (!isDelivered && !isRead) return false;
    changes.messageChanged(id);
    const receipts = new Map(groupRooms.receipts(id).map((one) => [one.account, one]));
    const heard = groupRooms.heard(room.id);
    const others = groupRooms
      .people(room.id)
      .filter((person) => person.account !== identity.account && heard.has(person.account));
    return others.every((person) => (receipts.get(person.account)?.[`${state}At`] ?? null) !== null);
  }

  #learnCapability(room: RoomRow, { account }: Origin, capability: Uint8Array): void {
    const { accounts } = this.#ports.store;
    if (room.kind !== "pair" || accounts.contact(account) === undefined) return;
    accounts.setCapability(account, capability);
    this.#ports.changes.mark("contact", account);
  }
}
