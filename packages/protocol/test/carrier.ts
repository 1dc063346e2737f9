/**
 * Two ends of an in-memory carrier of frames. What arrives within one turn is handed over in one go, as a socket does
 * that reads several frames at once. Whoever sits on the way may change, drop or add frames.
 */
import type { ByteChannel } from "../src/ports.ts";

type Side = "dialler" | "answerer";

export interface SeenFrame {
  from: Side;
  frame: Uint8Array;
}

export interface Carrier {
  dialler: ByteChannel;
  answerer: ByteChannel;
  /** Everything that was sent, before it was changed on the way. */
  seen: SeenFrame[];
}

/** What arrives in place of a frame; `index` counts the frames of this side from 0. */
export type OnTheWay = (frame: Uint8Array, from: Side, index: number) => Uint8Array[];

export function carrier(onTheWay: OnTheWay = (frame) => [frame]): Carrier {
  const seen: SeenFrame[] = [];
  const dialler = new End("dialler", seen, onTheWay);
  const answerer = new End("answerer", seen, onTheWay);
  dialler.other = answerer;
  answerer.other = dialler;
  return { dialler, answerer, seen };
}

class End implements ByteChannel {
  onMessage: ((frame: Uint8Array) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  other: End | undefined;
  readonly #side: Side;
  readonly #seen: SeenFrame[];
  readonly #onTheWay: OnTheWay;
  #sent = 0;
  #arriving: (Uint8Array | { closed: string })[] = [];
  #closed = false;

  constructor(side: Side, seen: SeenFrame[], onTheWay: OnTheWay) {
    this.#side = side;
    this.#seen = seen;
    this.#onTheWay = onTheWay;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#seen.push({ from: this.#side, frame: frame.slice() });
    for (const changed of this.#onTheWay(frame, this.#side, this.#sent++)) this.other!.#arrive(changed);
  }

  bufferedBytes(): number {
    return 0;
  }

  close(reason = "closed"): void {
    if (this.#closed) return;
    this.#closed = true;
    this.other!.#arrive({ closed: reason });
  }

  #arrive(what: Uint8Array | { closed: string }): void {
    if (this.#arriving.push(what) > 1) return;
    queueMicrotask(() => {
      const all = this.#arriving;
      this.#arriving = [];
      for (const one of all) {
        if (this.#closed) return;
        if (one instanceof Uint8Array) {
          this.onMessage?.(one);
        } else {
          this.#closed = true;
          this.onClose?.(one.closed);
        }
      }
    });
  }
}
