/**
 * Stream acknowledgements and states on their way out over one connection: those of one turn leave in one sealed
 * bundle of class control. A later acknowledgement takes the place of an earlier one that waits. [B10] [B15]
 */
import type { Clock, ControlItem } from "@fedchat/protocol";
import { encodeBundleBody, limits } from "@fedchat/protocol";
import type { Connection } from "./connection.ts";
import type { SendingSeals, SealPeer } from "./seals.ts";

export class ControlMail {
  readonly #connection: Connection;
  readonly #peer: SealPeer;
  readonly #seals: SendingSeals;
  readonly #clock: Clock;
  #waiting: ControlItem[] = [];
  /** Never falls within a connection, so that the receiver knows a replay. */
  #created = 0;

  constructor(connection: Connection, peer: SealPeer, seals: SendingSeals, clock: Clock) {
    this.#connection = connection;
    this.#peer = peer;
    this.#seals = seals;
    this.#clock = clock;
  }

  send(item: ControlItem): void {
    if (this.#waiting.length === 0) this.#clock.soon(() => this.#flush());
    this.#waiting = this.#waiting.filter((other) => other.kind !== item.kind || other.class !== item.class);
    this.#waiting.push(item);
  }

  #flush(): void {
    const items = this.#waiting;
    this.#waiting = [];
    if (items.length === 0 || this.#connection.closed) return;
    this.#created = Math.max(this.#created, this.#clock.now());
    const header = {
      class: "control" as const,
      stream: 0,
      sequence: 0,
      created: this.#created,
      lifetimeMs: limits.bundleLifetimeMs,
    };
    const body = encodeBundleBody({ kind: "control", items });
    this.#connection.sendBundle(this.#seals.seal(this.#peer, header, body));
  }
}
