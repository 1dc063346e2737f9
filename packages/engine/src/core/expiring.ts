/**
 * Messages that expire go from this engine when their time has come: the row and the words in the search index are
 * overwritten, what has not left yet goes nowhere, and nobody is handed them any more. [M8] [M9]
 */
import type { Clock, Expiration, MessageId, Timer } from "@fedchat/protocol";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Changes } from "./changes.ts";
import { expiredAtOnce, expiryLookMs, storeRetryMs } from "./limits.ts";
import type { Log } from "./log.ts";

export interface ExpiringPorts {
  store: EngineStore;
  clock: Clock;
  changes: Changes;
  log: Log;
}

export interface ExpiryTimes {
  expiresAt: number | null;
  expireAfterMs: number | null;
}

/**
 * When a message that came now goes, by this clock: at the moment that it names, or when as much time has passed as its
 * sender gave it, whichever is first. So a clock that is behind keeps nothing longer.
 * @param created by its sender's clock
 */
export function expiryOf(expires: Expiration | null, created: number, now: number): ExpiryTimes {
  if (expires === null) return { expiresAt: null, expireAfterMs: null };
  const ms = expires.seconds * 1_000;
  if (expires.relative) return { expiresAt: null, expireAfterMs: ms };
  return { expiresAt: Math.min(ms, now + Math.max(0, ms - created)), expireAfterMs: null };
}

export class Expiring {
  readonly #ports: ExpiringPorts;
  #timer: Timer | undefined;
  #due = false;
  #stopped = false;

  constructor(ports: ExpiringPorts) {
    this.#ports = ports;
  }

  /** Some message's time may be nearer than those before: looked at once the present transaction is over. */
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
    this.#timer?.cancel();
  }

  #look(): void {
    const { store, clock } = this.#ports;
    this.#timer?.cancel();
    this.#timer = undefined;
    let waitMs: number | undefined;
    try {
      this.#eraseDue();
      const at = store.messages.nextExpiryAt();
      // A clock that is put forward meanwhile is noticed before long.
      if (at !== null) waitMs = Math.min(Math.max(at - clock.now(), 0), expiryLookMs);
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      waitMs = storeRetryMs;
    }
    if (waitMs !== undefined) this.#timer = clock.after(waitMs, () => this.lookSoon());
  }

  #eraseDue(): void {
    const { store, clock, changes, log } = this.#ports;
    const due = store.messages.expired(clock.now(), expiredAtOnce);
    if (due.length === 0) return;
    store.transaction(() => due.forEach(({ id }) => this.#erase(id)));
    for (const { id, room } of due) changes.messageRemoved(id, room);
    log.info("messages expired", { count: due.length });
  }

  /** Within a transaction. */
  #erase(id: MessageId): void {
    const { messages, proofs, transport } = this.#ports.store;
    messages.erase(id);
    proofs.expire(id);
    transport.deleteUnsent(id);
  }
}
