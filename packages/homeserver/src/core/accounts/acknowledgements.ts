/**
 * Acknowledged inbox positions on their way to disk. One acknowledgement need not be durable by itself (a device that
 * is sent an item again recognises it), so they are joined per device and written at most once in a while. [H8]
 */
import type { AccountId, Clock, DeviceId, Timer } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { acknowledgeDelayMs } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Account, Device } from "./account-book.ts";

type Acknowledge = Extract<WriteOp, { op: "inbox.acknowledge" }>;

export class Acknowledgements {
  readonly #commit: GroupCommit;
  readonly #clock: Pick<Clock, "after">;
  readonly #log: Log;
  #due = new Map<Device, Acknowledge>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: { commit: GroupCommit; clock: Pick<Clock, "after">; log: Log }) {
    this.#commit = options.commit;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** The device has everything up to `position`. Lower positions than before change nothing. */
  acknowledge(account: Account, device: Device, position: number): void {
    if (position <= device.cursor) return;
    device.cursor = position;
    this.#put(device, account.id, device.id, position);
  }

  /** Writes what is due, and nothing later. Rejects where that failed: the devices are sent those items again. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  /** Writes what is due now; resolves when it is on disk. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const due = this.#due;
    if (due.size === 0) return;
    this.#due = new Map();
    try {
      await this.#commit.add([...due.values()]);
    } catch (error) {
      this.#log.warn("acknowledgements could not be written; they are tried again", { devices: due.size });
      for (const [device, { account, device: id }] of due) this.#put(device, account, id, device.cursor);
      throw error;
    }
  }

  #put(device: Device, account: AccountId, id: DeviceId, position: number): void {
    this.#due.set(device, { op: "inbox.acknowledge", account, device: id, position });
    if (this.#closed) return;
    this.#timer ??= this.#clock.after(acknowledgeDelayMs, () => {
      this.#timer = undefined;
      // A failure is logged where it happens, and the timer set anew there.
      this.flush().catch(() => undefined);
    });
  }
}
