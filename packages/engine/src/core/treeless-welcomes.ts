/**
 * Welcomes into rooms so large that the ratchet tree does not fit in: each is kept until the room's newest info was
 * fetched, by which it is taken. [W7]
 */
import type { Clock, Primitives, RoomId, Timer } from "@fedchat/protocol";
import { openAccountRecord, ProtocolError } from "@fedchat/protocol";
import { StoreFullError } from "../store/database.ts";
import type { KeptWelcome } from "../store/entering-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Commit } from "./inbox.ts";
import { decodeWelcome, type WelcomeNote } from "./kept-welcome.ts";
import { treelessRetryBaseMs, treelessRetryMaxMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Homeserver } from "./ports.ts";
import { fetchInfoOf } from "./room-info.ts";
import type { OpenedNote } from "./sealed-notes.ts";

export interface TreelessWelcomesPorts {
  store: EngineStore;
  homeserver: Homeserver;
  primitives: Primitives;
  clock: Clock;
  log: Log;
  /** Throws `ProtocolError("malformed")` for one that leads nowhere. */
  prepare: (note: Pick<OpenedNote, "sender">, content: WelcomeNote, info: Uint8Array) => Commit;
}

export class TreelessWelcomes {
  readonly #ports: TreelessWelcomesPorts;
  readonly #running = new Set<RoomId>();
  readonly #attempts = new Map<RoomId, number>();
  readonly #retries = new Set<Timer>();
  #stopped = false;

  constructor(ports: TreelessWelcomesPorts) {
    this.#ports = ports;
  }

  /** A session was opened: what waits is fetched at once. */
  resume(): void {
    this.#attempts.clear();
    for (const room of this.#ports.store.entering.welcomes()) this.run(room);
  }

  run(room: RoomId): void {
    if (this.#stopped || this.#running.has(room)) return;
    this.#running.add(room);
    void this.#fetch(room);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#retries) timer.cancel();
  }

  async #fetch(room: RoomId): Promise<void> {
    const { store, homeserver } = this.#ports;
    try {
      const kept = store.entering.welcome(room);
      if (kept === undefined) return;
      const { hub } = decodeWelcome(kept.note);
      const { info } = await fetchInfoOf(homeserver, { room, hub });
      if (!this.#stopped) this.#take(room, info);
    } catch (error) {
      if (!this.#stopped) this.#later(room, error);
    } finally {
      this.#running.delete(room);
    }
  }

  /** By the newest Welcome, which may have come meanwhile. */
  #take(room: RoomId, info: Uint8Array): void {
    const { store, log } = this.#ports;
    const kept = store.entering.welcome(room);
    const commit = kept && this.#prepared(kept, info);
    if (commit === undefined) log.info("a Welcome leads nowhere", { room });
    store.transaction(() => {
      commit?.();
      store.entering.dropWelcome(room);
    });
  }

  #prepared({ sender, note }: KeptWelcome, info: Uint8Array): Commit | undefined {
    const { primitives, prepare } = this.#ports;
    try {
      return prepare({ sender: openAccountRecord(primitives, sender) }, decodeWelcome(note), info);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  #later(room: RoomId, error: unknown): void {
    const { clock, log } = this.#ports;
    if (!(error instanceof ProtocolError) && !(error instanceof StoreFullError)) throw error;
    log.info("a Welcome waits for the room's tree", { room, reason: error.message });
    const attempts = this.#attempts.get(room) ?? 0;
    this.#attempts.set(room, attempts + 1);
    const timer = clock.after(Math.min(treelessRetryMaxMs, treelessRetryBaseMs * 2 ** attempts), () => {
      this.#retries.delete(timer);
      this.run(room);
    });
    this.#retries.add(timer);
  }
}
