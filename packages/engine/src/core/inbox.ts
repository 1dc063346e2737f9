/**
 * Takes the inbox's items one after the other: what an item does to the store and the new cursor are one transaction,
 * and only then is it acknowledged. Every item may come twice; the second does nothing. An item that cannot be used is
 * passed over, never the end of the inbox.
 */
import type { ClientResult, Clock, InboxItem } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { TransportTable } from "../store/transport-table.ts";
import { causeOf, causeOfCode } from "./causes.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import {
  inboxBatchItems,
  inboxWaitingItemsMax,
  seenPruneEveryItems,
  storeRetryMs,
  subscribeRetryMs,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Notices } from "./notices.ts";

/** Changes to the store that an item leads to, run inside the transaction that also advances the cursor. */
export type Commit = () => void;

export interface ItemHandler {
  /** Reads and computes, changes nothing. Throws `ProtocolError` for an item that cannot be used. */
  prepare(item: InboxItem): Commit;
}

/** How far this inbox was read, and which envelopes came already. */
export type InboxCursors = Pick<
  TransportTable,
  "cursor" | "putCursor" | "advanceCursor" | "wasSeen" | "saw" | "forgetSeenBefore"
>;

export interface InboxPorts {
  store: { transport: InboxCursors; transaction: EngineStore["transaction"] };
  homeserver: Pick<HomeserverClient, "request" | "acknowledge" | "state">;
  clock: Clock;
  log: Log;
  notices: Notices;
  handlers: { note: ItemHandler; room: ItemHandler };
  /** Runs after each batch of items. */
  after: () => void;
}

export class Inbox {
  readonly #ports: InboxPorts;
  #waiting: InboxItem[] = [];
  #working: Promise<void> | undefined;
  #stopped = false;
  /** Where the first item lies that was refused or dropped: what follows would leave a hole, until that comes again. */
  #leftOut: number | undefined;
  /** The store refused it: that is tried again later. */
  #storeFull = false;
  #untilPrune = 0;
  /** Rises whenever reading begins anew: positions and acknowledgements of before belong to another session or inbox. */
  #reading = 0;

  constructor(ports: InboxPorts) {
    this.#ports = ports;
  }

  /** Subscribes from where this store stands. */
  async open(inbox: ClientResult<"session.open">["inbox"]): Promise<void> {
    this.#waiting = [];
    this.#leftOut = undefined;
    this.#reading++;
    await this.#subscribe(inbox);
  }

  async #subscribe(inbox: ClientResult<"session.open">["inbox"]): Promise<void> {
    this.#storeFull = false;
    const { store, homeserver, clock, log } = this.#ports;
    const held = store.transport.cursor();
    if (held === undefined) store.transport.putCursor(inbox.incarnation, inbox.cursor);
    const from = held ?? { incarnation: inbox.incarnation, position: inbox.cursor };
    try {
      const { outcome, inbox: present } = await homeserver.request("inbox.subscribe", from);
      if (outcome === "resync" && !this.#stopped) await this.#resync(present);
    } catch (error) {
      log.info("the inbox cannot be read", { code: causeOf(error).code });
      if (homeserver.state.kind !== "connected" || this.#stopped) return;
      clock.after(subscribeRetryMs, () => {
        if (homeserver.state.kind === "connected" && !this.#stopped) void this.#subscribe(inbox);
      });
    }
  }

  take(items: InboxItem[]): void {
    if (this.#stopped) return;
    this.#waiting.push(...this.#following(items));
    if (this.#waiting.length === 0) return;
    const dropped = this.#waiting[inboxWaitingItemsMax];
    if (dropped !== undefined) {
      this.#waiting.length = inboxWaitingItemsMax;
      this.#leftOut = dropped.position;
    }
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  /** What the earlier subscription still brings is let go until the next one begins with the item that was left out. */
  #following(items: InboxItem[]): InboxItem[] {
    const leftOut = this.#leftOut;
    if (leftOut === undefined) return items;
    const again = items.findIndex(({ position }) => position <= leftOut);
    if (again === -1) return [];
    this.#leftOut = undefined;
    return items.slice(again);
  }

  /** Ends after the item that is being worked on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting = [];
    await this.#working;
  }

  /** The homeserver's inbox is another than the one we read: begin where it begins, envelope ids suppress what we had. */
  async #resync({ incarnation, floor }: ClientResult<"session.open">["inbox"]): Promise<void> {
    const { store, homeserver, notices } = this.#ports;
    store.transport.putCursor(incarnation, floor);
    this.#leftOut = undefined;
    notices.add("warning", causeOfCode("inbox-moved"));
    await homeserver.request("inbox.subscribe", { incarnation, position: floor });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stopped) {
      const batch = this.#waiting.splice(0, inboxBatchItems);
      const reading = this.#reading;
      let last: number | undefined;
      for (const item of batch) {
        if (this.#stopped || this.#storeFull || this.#reading !== reading) break;
        if (!this.#process(item)) break;
        last = item.position;
        // What else this engine is asked goes on between two items.
        await new Promise<void>((resolve) => this.#ports.clock.soon(resolve));
      }
      if (last !== undefined && this.#reading === reading) this.#ports.homeserver.acknowledge(last);
      this.#ports.after();
    }
    if (this.#leftOut !== undefined && !this.#storeFull) this.#resubscribe();
  }

  /** False where the store cannot take it now: the inbox is subscribed to anew later. */
  #process(item: InboxItem): boolean {
    try {
      this.#use(item);
      return true;
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      this.#leftOut = item.position;
      this.#storeFull = true;
      this.#waiting = [];
      this.#ports.clock.after(storeRetryMs, () => this.#resubscribe());
      return false;
    }
  }

  #use(item: InboxItem): void {
    const { store, handlers, log, notices } = this.#ports;
    if (store.transport.wasSeen(item.id)) return this.#pass(item);
    const handler = item.kind === "room" ? handlers.room : handlers.note;
    try {
      const commit = handler.prepare(item);
      store.transaction(() => {
        commit();
        this.#advance(item);
      });
    } catch (error) {
      if (error instanceof StoreFullError) throw error;
      if (error instanceof ProtocolError)
        log.info("an item was passed over", { kind: item.kind, reason: error.message });
      else {
        // Our own fault: it must neither stop all that follows, nor go unnoticed.
        log.warn("an item failed", { kind: item.kind, error: String(error) });
        notices.add("warning", causeOfCode("messages-missing"));
      }
      this.#pass(item);
    }
  }

  #pass(item: InboxItem): void {
    this.#ports.store.transaction(() => this.#advance(item));
  }

  #advance(item: InboxItem): void {
    const { transport } = this.#ports.store;
    const now = this.#ports.clock.now();
    transport.saw(item.id, now);
    transport.advanceCursor(item.position);
    if (this.#untilPrune-- > 0) return;
    this.#untilPrune = seenPruneEveryItems;
    transport.forgetSeenBefore(now - limits.envelopeIdMemoryMs);
  }

  #resubscribe(): void {
    if (this.#stopped || this.#ports.homeserver.state.kind !== "connected") return;
    const cursor = this.#ports.store.transport.cursor();
    if (cursor === undefined) return;
    const { incarnation, position } = cursor;
    void this.#subscribe({ incarnation, floor: 0, head: position, cursor: position });
  }
}
