/**
 * Servers without a link that are connected to all the same, because something waits for them, is asked of them, or
 * passes them on its way. Invariant: such a server is let go once nothing of that was so for a while. [C11]
 */
import type { Clock, ServerId, Timer } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { unlinkedIdleMs, unlinkedServersMax } from "../limits.ts";

export interface UnlinkedPorts {
  clock: Clock;
  /** Something waits for it, or passes it. */
  inUse: (server: ServerId) => boolean;
  letGo: (server: ServerId) => void;
}

interface Use {
  /** Who needs it now. */
  holds: number;
  timer: Timer;
}

export class Unlinked {
  readonly #ports: UnlinkedPorts;
  readonly #uses = new Map<ServerId, Use>();

  constructor(ports: UnlinkedPorts) {
    this.#ports = ports;
  }

  needed(server: ServerId): boolean {
    const use = this.#uses.get(server);
    return use !== undefined && (use.holds > 0 || this.#ports.inUse(server));
  }

  /** It is used now: its time begins anew. True where it was not in use. Throws `quota-exceeded` for too many. */
  use(server: ServerId): boolean {
    const isNew = !this.#uses.has(server);
    this.#touch(server);
    return isNew;
  }

  /** Needed until what is returned is called. Throws `quota-exceeded` where there are too many. */
  hold(server: ServerId): () => void {
    this.#touch(server).holds += 1;
    let held = true;
    return () => {
      const use = this.#uses.get(server);
      if (!held || use === undefined) return;
      held = false;
      use.holds -= 1;
      this.#touch(server);
    };
  }

  close(): void {
    for (const { timer } of this.#uses.values()) timer.cancel();
    this.#uses.clear();
  }

  #touch(server: ServerId): Use {
    const held = this.#uses.get(server);
    if (held === undefined && this.#uses.size >= unlinkedServersMax)
      throw new ProtocolError("quota-exceeded");
    held?.timer.cancel();
    const timer = this.#ports.clock.after(unlinkedIdleMs, () => this.#idle(server));
    const use = { holds: held?.holds ?? 0, timer };
    this.#uses.set(server, use);
    return use;
  }

  #idle(server: ServerId): void {
    if (this.needed(server)) {
      this.#touch(server);
      return;
    }
    this.#uses.delete(server);
    this.#ports.letGo(server);
  }
}
