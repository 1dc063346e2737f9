/**
 * What a full disk means for new work: once a write failed for want of space, new work is refused for a moment without
 * trying, so that what frees space (acknowledgements, expiry) gets transactions of its own and the homeserver recovers
 * by itself; reading and pushing go on all the while. [H14]
 */
import type { Clock } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { StoreFullError } from "../../store/store.ts";
import { fullDiskPauseMs } from "../limits.ts";

export class FullDisk {
  readonly #clock: Pick<Clock, "now">;
  #refusingUntil = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  get refusing(): boolean {
    return this.#clock.now() < this.#refusingUntil;
  }

  /** Throws `ProtocolError("storage-full")` while new work is refused. */
  admitNewWork(): void {
    if (this.refusing) throw storageFull();
  }

  /** Remembers a failed write where the disk was full. */
  saw(error: unknown): void {
    if (error instanceof StoreFullError) this.#refusingUntil = this.#clock.now() + fullDiskPauseMs;
  }
}

export function storageFull(cause?: unknown): ProtocolError {
  return new ProtocolError("storage-full", undefined, { cause, retryAfterMs: fullDiskPauseMs });
}
