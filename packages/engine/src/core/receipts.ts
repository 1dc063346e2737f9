/**
 * Sends the receipts that are owed: what came or was read within a moment is one status message per room. What is owed
 * lies in the store, so that a restart forgets none.
 */
import type { Clock, RandomSource, RoomId, Timer } from "@fedchat/protocol";
import { encodeContent, statusMessage } from "@fedchat/protocol";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { countersSaid, unsaidCounters } from "./counters.ts";
import { receiptDelayMs, receiptsPeopleMax, receiptsPerStatusMax, storeRetryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { RoomSender } from "./room-sender.ts";

export interface ReceiptsPorts {
  store: EngineStore;
  sender: RoomSender;
  clock: Clock;
  random: RandomSource;
  log: Log;
}

/** Not before the person said yes, to nobody who is blocked, and in no crowd: there each message would bring hundreds. */
export function givesReceipts(
  { accounts, groupRooms }: Pick<EngineStore, "accounts" | "groupRooms">,
  { id, kind, peer, state }: RoomRow,
): boolean {
  if (state !== "open" || kind === "notes") return false;
  if (kind === "group") return groupRooms.people(id).length <= receiptsPeopleMax;
  return peer !== null && !accounts.isBlocked(peer);
}

export class Receipts {
  readonly #ports: ReceiptsPorts;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: ReceiptsPorts) {
    this.#ports = ports;
  }

  sendSoon(): void {
    if (this.#stopped) return;
    this.#timer ??= this.#ports.clock.after(receiptDelayMs, () => {
      this.#timer = undefined;
      for (const room of this.#ports.store.messages.roomsOwedReceipts()) this.#send(room);
    });
  }

  /** What is owed in a room goes before what is written there: whoever answers has read. */
  sendFor(roomId: RoomId): void {
    if (!this.#stopped) this.#send(roomId);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #send(roomId: RoomId): void {
    const { clock, log } = this.#ports;
    try {
      this.#sendOwed(roomId);
    } catch (error) {
      if (error instanceof StoreFullError) clock.after(storeRetryMs, () => this.sendSoon());
      else log.warn("receipts were not sent", { error: String(error) });
    }
  }

  #sendOwed(roomId: RoomId): void {
    const { store, sender, random } = this.#ports;
    const room = store.rooms.get(roomId);
    if (this.#stopped || room === undefined) return;
    if (!givesReceipts(store, room)) return store.messages.forgetReceipts(roomId);
    const owed = store.messages.owedReceipts(roomId, receiptsPerStatusMax);
    if (owed.length === 0 || store.branches.holding(roomId) !== undefined) return;
    const report = owed.map(({ message, status }) => ({ messageId: message, status }));
    const content = encodeContent(statusMessage({ salt: random.bytes(16) }, report));
    const seen = unsaidCounters(store, roomId);
    sender.send(room, { kind: "status", seen, content }, { purpose: "status", subject: "" }, () => {
      countersSaid(store, roomId, seen);
      for (const { message, status } of owed) store.messages.receiptSent(roomId, message, status);
    });
    if (owed.length === receiptsPerStatusMax) this.sendSoon();
  }
}
