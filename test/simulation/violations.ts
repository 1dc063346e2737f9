/** What a run did that must never be. Everything that is thrown where nobody waits for it counts. */
import { UsedKeys } from "./used-keys.ts";

export class Violations implements Disposable {
  readonly found: string[] = [];
  readonly #others = process.listeners("unhandledRejection");

  constructor() {
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", this.#unhandled);
  }

  add(what: string, cause?: unknown): void {
    this.found.push(cause === undefined ? what : `${what}: ${textOf(cause)}`);
  }

  [Symbol.dispose](): void {
    process.removeListener("unhandledRejection", this.#unhandled);
    for (const listener of this.#others) process.on("unhandledRejection", listener);
  }

  readonly #unhandled = (error: unknown): void => this.add("a rejection was not handled", error);
}

/** Its findings count even where the engine catches them. */
export class WatchedKeys extends UsedKeys {
  readonly #violations: Violations;

  constructor(violations: Violations) {
    super();
    this.#violations = violations;
  }

  override assertUnused(...used: Parameters<UsedKeys["assertUnused"]>): void {
    try {
      super.assertUnused(...used);
    } catch (error) {
      this.#violations.add("a key was used twice", error);
      throw error;
    }
  }
}

const textOf = (cause: unknown) => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
