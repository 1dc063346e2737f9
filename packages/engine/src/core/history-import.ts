/**
 * A file of history, taken in piece by piece. Nothing is remembered between the pieces but what is stored: an import that
 * was cut off is begun again, and finds what it brought already. [F3]
 */
import { z } from "zod";
import type { HistoryLine } from "../history/lines.ts";
import { parseLine } from "../history/lines.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { engineError } from "./causes.ts";
import type { HistoryTaker } from "./history-taker.ts";

export interface Imported {
  next: number;
  added: number;
  known: number;
  passedOver: number;
}

export class HistoryImport {
  readonly #store: EngineStore;
  readonly #taker: HistoryTaker;

  constructor({ store, taker }: { store: EngineStore; taker: HistoryTaker }) {
    this.#store = store;
    this.#taker = taker;
  }

  /**
   * Where the first message goes: as many places below all others as the file says that it needs.
   * Throws `EngineError("bad-history")`.
   */
  begin(header: unknown): number {
    const line = read(header);
    if (line?.kind !== "history") throw engineError("bad-history");
    return this.#store.history.lowest() - line.messages;
  }

  /** Throws `EngineError("bad-history")` for something that is no line; then nothing of it was taken. */
  take(lines: unknown[], next: number): Imported {
    const { history } = this.#store;
    const taken: Imported = { next, added: 0, known: 0, passedOver: 0 };
    const parsed = lines.map(read);
    // A place that is taken, or that live messages will get, is none for a message of before.
    const messages = parsed.filter((line) => line?.kind === "message").length;
    if (next > 0 || next + messages > 0 || history.count(next + messages) > history.count(next))
      throw engineError("bad-history");
    this.#store.transaction(() => {
      for (const line of parsed) {
        if (line === undefined) continue;
        const outcome = this.#taker.take(line, "file", taken.next);
        if (line.kind !== "message") continue;
        taken.next += 1;
        if (outcome === "added") taken.added += 1;
        else if (outcome === "known") taken.known += 1;
        else taken.passedOver += 1;
      }
    });
    return taken;
  }

  end(): void {
    this.#taker.putInOrder();
  }
}

function read(line: unknown): HistoryLine | undefined {
  try {
    return parseLine(line);
  } catch (error) {
    if (error instanceof z.ZodError) throw engineError("bad-history");
    throw error;
  }
}
