/**
 * Pushes one account's inbox to one session, from a position on: first what is stored, page by page, then what is
 * committed, as it is committed. Invariant: positions leave in rising order, none twice, none left out. A session that
 * reads slowly holds no memory here: above the bound pushing stops, and goes on from the store once there is room. [H6]
 */
import type { AccountId, Clock, Timer } from "@fedchat/protocol";
import { encodeClientFrame, limits } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import { feedPageItems, feedResumeMs } from "../limits.ts";

/** The part of a channel that a feed needs. */
export interface FeedChannel {
  readonly bufferedBytes: number;
  send(message: Uint8Array): void;
  close(reason: string): void;
}

export interface FeedOptions {
  account: AccountId;
  /** The last position that the device has. */
  after: number;
  channel: FeedChannel;
  store: Pick<HomeserverStore, "inboxPage">;
  clock: Clock;
}

export class InboxFeed {
  readonly #options: FeedOptions;
  /** The highest position that was sent here, or that the device had before. */
  #pushed: number;
  /** The highest position announced so far. */
  #head = 0;
  /** Everything committed was pushed: the next item goes out directly. */
  #live = false;
  #closed = false;
  #resume: Timer | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#pushed = options.after;
    // After the answer to the subscription, which the first item must not overtake.
    options.clock.soon(() => void this.#catchUp());
  }

  get pushed(): number {
    return this.#pushed;
  }

  /** An item was committed at this position. `frame` is called only if it is sent at once. */
  offer(position: number, frame: () => Uint8Array): void {
    this.#head = position;
    if (!this.#live || this.#closed || position <= this.#pushed) return;
    if (this.#full()) {
      this.#live = false;
      this.#resumeLater();
    } else {
      this.#push(position, frame());
    }
  }

  close(): void {
    this.#closed = true;
    this.#resume?.cancel();
  }

  async #catchUp(): Promise<void> {
    const { store, account, channel } = this.#options;
    try {
      while (!this.#closed) {
        if (this.#full()) return this.#resumeLater();
        const head = this.#head;
        const page = await store.inboxPage(account, this.#pushed, feedPageItems);
        for (const item of page) {
          if (this.#closed || this.#full()) break;
          if (item.position > this.#pushed)
            this.#push(item.position, encodeClientFrame({ kind: "item", item }));
        }
        if (page.length === 0 && this.#head === head) {
          this.#live = true;
          return;
        }
      }
    } catch {
      // The session connects again and resumes by its cursor; the store's own failure is logged where it is noticed.
      channel.close("internal");
    }
  }

  #push(position: number, frame: Uint8Array): void {
    this.#pushed = position;
    this.#options.channel.send(frame);
  }

  #full(): boolean {
    return this.#options.channel.bufferedBytes > limits.channelBufferedBytesMax;
  }

  #resumeLater(): void {
    this.#resume = this.#options.clock.after(feedResumeMs, () => void this.#catchUp());
  }
}
