/**
 * Asks of ours that every server refused for now are sent again by themselves, with the same id, key packages and proof:
 * an open room answers at once, and a person does not come back to press a button. What arrived at anybody, is under
 * way, was refused for good or has ended is left alone. [I8]
 */
import type { AccountNote, Clock, RandomSource, RequestId, RoomId, Timer } from "@fedchat/protocol";
import { decodeBase32 } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomAskRow } from "../store/room-asks-table.ts";
import { causeOf } from "./causes.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { roomAskAgainBaseMs, roomAskAgainMaxMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import { fullJitterMs } from "./retry.ts";

export interface AsksAgainPorts {
  store: EngineStore;
  known: KnownAccounts;
  notes: NotesSender;
  outgoing: Outgoing;
  clock: Clock;
  random: RandomSource;
  log: Log;
}

export class AsksAgain {
  readonly #ports: AsksAgainPorts;
  readonly #waits = new Map<RequestId, Timer>();
  #due = false;
  #stopped = false;

  constructor(ports: AsksAgainPorts) {
    this.#ports = ports;
  }

  /** An ask may have been refused: looked at once the present transaction is over. */
  lookSoon(): void {
    if (this.#due || this.#stopped) return;
    this.#due = true;
    this.#ports.clock.soon(() => {
      this.#due = false;
      if (!this.#stopped) this.#look();
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const wait of this.#waits.values()) wait.cancel();
  }

  #look(): void {
    const { store, clock, random } = this.#ports;
    const bounds = { baseMs: roomAskAgainBaseMs, maxMs: roomAskAgainMaxMs };
    for (const { id, sentAgain } of store.roomAsks.refusedForNow()) {
      if (this.#waits.has(id)) continue;
      const waitMs = fullJitterMs(sentAgain, bounds, random);
      this.#waits.set(
        id,
        clock.after(waitMs, () => this.#again(id)),
      );
    }
  }

  #again(id: RequestId): void {
    const { store, outgoing, log } = this.#ports;
    this.#waits.delete(id);
    // It may have ended, or been sent by hand, while it waited.
    const ask = store.roomAsks.refusedForNow().find((one) => one.id === id);
    if (this.#stopped || ask === undefined || isInside(store, ask.room)) return;
    try {
      store.transaction(() => this.#send(ask));
    } catch (error) {
      log.info("an ask is not sent again now", { code: causeOf(error).code });
      return this.lookSoon();
    }
    outgoing.pump();
  }

  /** Within a transaction. */
  #send(ask: RoomAskRow): void {
    const { store, known, notes, outgoing } = this.#ports;
    const keyPackages = store.requests.keyPackagesOf(ask.id);
    store.roomAsks.countAgain(ask.id);
    for (const account of store.roomAsks.refusedBy(ask.id)) {
      const record = known.get(account);
      const envelope = record && notes.envelopeIfUsable(record, ask.id, askContent(ask, keyPackages));
      if (envelope === undefined) continue;
      store.roomAsks.addAsked(ask.id, account);
      outgoing.enqueue(envelope);
    }
  }
}

/** Of an ask by a link. */
export function askContent(
  { room, link, proof }: Pick<RoomAskRow, "room" | "link" | "proof">,
  keyPackages: Uint8Array[],
): Extract<AccountNote["content"], { kind: "ask" }> {
  if (link === null || proof === null) throw new Error("assertion: who asks by a link has its proof");
  return { kind: "ask", room, keyPackages, link: { id: decodeBase32(link), proof } };
}

/** A participant whose device has no way in is outside all the same, and asks by a link. [U7] */
export function isInside({ rooms }: Pick<EngineStore, "rooms">, id: RoomId): boolean {
  const room = rooms.get(id);
  const isOver = room === undefined || room.state === "closed" || room.state === "broken";
  return !isOver && (room.state === "invited" || rooms.hasGroup(id));
}
