/**
 * Takes others' messages into the store, whether they came from their sender or were handed on: their place in their
 * sender's order, what they are handed on by, and the receipt that is owed. [M1] [M4] [Z3]
 */
import type { AccountId, Clock, DeviceId, Primitives, RoomId } from "@fedchat/protocol";
import { accountUri, computeMessageId, messageStatus, roomUri } from "@fedchat/protocol";
import type { MessageId } from "@fedchat/protocol";
import type { MessageProof } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Changes } from "./changes.ts";
import { countReceived } from "./counters.ts";
import type { Expiring } from "./expiring.ts";
import { expiryOf } from "./expiring.ts";
import type { GroupHistory } from "./group-history.ts";
import type { Identity } from "./identity.ts";
import { keepProof } from "./kept-proofs.ts";
import type { OpenedMessage } from "./opened-items.ts";
import { shownText } from "./opened-items.ts";
import { givesReceipts } from "./receipts.ts";

/** Whose item it is, and when they sent it, by their clock. */
export interface Origin {
  account: AccountId;
  device: DeviceId;
  created: number;
}

/** Of a message that was missing: where it belongs, and who handed it on; null: it came by itself. */
export interface Late {
  position: number;
  from: AccountId | null;
}

export interface IncomingMessagesPorts {
  store: EngineStore;
  identity: Pick<Identity, "account">;
  history: GroupHistory;
  expiring: Pick<Expiring, "lookSoon">;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  changes: Changes;
}

export class IncomingMessages {
  readonly #ports: IncomingMessagesPorts;

  constructor(ports: IncomingMessagesPorts) {
    this.#ports = ports;
  }

  idOf(room: RoomId, { account }: Pick<Origin, "account">, { item }: OpenedMessage): MessageId {
    return computeMessageId(
      this.#ports.primitives,
      { sender: accountUri(account), room: roomUri(room) },
      item.content,
    );
  }

  /** Within the transaction that spends its key. */
  add(
    room: RoomRow,
    origin: Origin,
    opened: OpenedMessage,
    { plaintext, proof }: { plaintext: Uint8Array; proof: MessageProof },
    late?: Late,
  ): void {
    const { store, history } = this.#ports;
    const id = this.idOf(room.id, origin, opened);
    const { account: _, ...from } = { room: room.id, ...origin };
    const { counter } = opened.item;
    const place = late ?? this.#placeBehind(room.id, origin, counter);
    const isKnown = store.missing.counter(room.id, origin.device) !== undefined;
    const sure = history.isOurs(proof.groupId, origin.device, isKnown);
    countReceived(store, room.id, origin.device, { counter, id, sure });
    keepProof(store, from, { id, item: opened.item, plaintext, proof });
    this.#insert(room, id, origin, opened, place);
  }

  /** It was missing, and others of its device that follow it are here: they stand behind it. */
  #placeBehind(room: RoomId, { device }: Origin, counter: number): Late | undefined {
    const { missing, messages } = this.#ports.store;
    const gap = missing.gapOf(room, device, counter);
    if (gap === undefined || counter > (missing.counter(room, device)?.received ?? 0)) return undefined;
    return { position: messages.latePosition(room, device, { counter, before: gap.before }), from: null };
  }

  #insert(
    room: RoomRow,
    id: MessageId,
    { account, created }: Origin,
    { item, content }: OpenedMessage,
    late: Late | undefined,
  ): void {
    const { store, identity, clock, changes } = this.#ports;
    if (store.messages.get(id) !== undefined) return;
    const isOwn = account === identity.account;
    const receivedAt = clock.now();
    const expiry = expiryOf(content.expires, created, receivedAt);
    // It is counted, and nothing of it is kept.
    if (expiry.expiresAt !== null && expiry.expiresAt <= receivedAt) return store.proofs.expire(id);
    if (content.expires !== null) this.#ports.expiring.lookSoon();
    store.messages.insert({
      ...expiry,
      id,
      room: room.id,
      kind: "text",
      sender: account,
      mine: isOwn ? 1 : 0,
      ...(isOwn ? { state: "waiting" as const } : {}),
      sentAt: created,
      receivedAt,
      text: shownText(content),
      inReplyTo: content.inReplyTo,
      content: item.content,
      ...(late === undefined ? {} : { position: late.position, lateFrom: late.from }),
    });
    store.rooms.active(room.id, receivedAt);
    // By another device of ours, and it came from our homeserver: it got as far as that.
    if (isOwn) store.messages.confirm(id, "submitted", receivedAt);
    else if (givesReceipts(store, room)) store.messages.oweReceipt(room.id, id, messageStatus.delivered);
    changes.messageAdded(id, room.id);
  }
}
