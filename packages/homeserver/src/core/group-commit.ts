/**
 * Group commit: all changes that arrive while one transaction is being written go into the next one together, so that
 * a busy homeserver writes few large transactions and an idle one writes at once. Invariant: transactions are written
 * one after the other, in the order in which their changes were added; a promise resolves only when its change is on
 * disk.
 */
import type { Clock } from "@fedchat/protocol";
import type { HomeserverStore, WriteOp, WriteResult } from "../store/store.ts";
import { StoreFullError } from "../store/store.ts";

interface Pending {
  ops: WriteOp[];
  resolve: (results: WriteResult[]) => void;
  reject: (error: unknown) => void;
}

export class GroupCommit {
  readonly #store: Pick<HomeserverStore, "write">;
  readonly #clock: Pick<Clock, "soon">;
  readonly #closing: (() => void)[] = [];
  #pending: Pending[] = [];
  #due = false;
  #writing = false;

  constructor(store: Pick<HomeserverStore, "write">, clock: Pick<Clock, "soon">) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Runs before each transaction is closed and may add to it: where envelopes for one destination become one bundle. */
  beforeClose(hook: () => void): void {
    this.#closing.push(hook);
  }

  /** Makes sure that a transaction will be written soon, for hooks that have something to add. */
  request(): void {
    if (this.#due || this.#writing) return;
    this.#due = true;
    this.#clock.soon(() => void this.#writeNext());
  }

  /** Adds changes that must stand in one transaction. Rejects, alone or with all others of it, when that fails. */
  add(ops: WriteOp[]): Promise<WriteResult[]> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ ops, resolve, reject });
      this.request();
    });
  }

  async #writeNext(): Promise<void> {
    this.#due = false;
    // From here on whatever is added joins this transaction (hooks) or asks for the next one when this is written.
    this.#writing = true;
    for (const hook of this.#closing) hook();
    const group = this.#pending;
    this.#pending = [];
    try {
      if (group.length === 0) return;
      const results = await this.#store.write(group.flatMap(({ ops }) => ops));
      let at = 0;
      for (const { ops, resolve } of group) resolve(results.slice(at, (at += ops.length)));
    } catch (error) {
      // On a full disk what was added meanwhile fails too: it would overtake what is tried again. [H10]
      const behind = error instanceof StoreFullError ? this.#pending.splice(0) : [];
      for (const { reject } of [...group, ...behind]) reject(error);
    } finally {
      this.#writing = false;
      if (group.length > 0) this.request();
    }
  }
}
