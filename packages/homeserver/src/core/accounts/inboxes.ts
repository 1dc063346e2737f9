/**
 * Inboxes: one durable log per account, pushed to its subscribed sessions after each commit and resumed by cursor. A
 * cursor that no longer fits is an explicit `resync`, never a silent gap; nor does a run lost to a restored backup make
 * one, whose positions none of this run equals. [H6] [H7]
 */
import type {
  AccountId,
  ClientParams,
  ClientResult,
  Clock,
  InboxItem,
  RandomSource,
} from "@fedchat/protocol";
import { encodeClientFrame, limits } from "@fedchat/protocol";
import type { Delivered, Delivery, HomeserverStore, WriteOp } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { inboxLeapMax } from "../limits.ts";
import type { Account, Device } from "./account-book.ts";
import type { FullDisk } from "./full-disk.ts";
import { InboxFeed } from "./inbox-feed.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Session } from "./session.ts";
import { sameBytes } from "../same-bytes.ts";

export type InboxStanding = ClientResult<"session.open">["inbox"];

export interface InboxesOptions {
  store: Pick<HomeserverStore, "inboxState" | "inboxPage">;
  commit: GroupCommit;
  disk: FullDisk;
  live: LiveSessions;
  clock: Clock;
  random: RandomSource;
}

export class Inboxes {
  readonly #options: InboxesOptions;
  /** Every position that this run gives is above its start in ms, and so above those of any run that was lost. [H7] */
  readonly #above: number;
  /** Inboxes whose heads are not below that (a clock once stood ahead), and that are to leap before any delivery. */
  #ahead: AccountId[] = [];
  #leaping: Promise<void> | undefined;
  /** Items put into inboxes since start. */
  delivered = 0;

  constructor(options: InboxesOptions) {
    this.#options = options;
    this.#above = options.clock.now();
  }

  /**
   * Once, before anything is delivered. In an inbox whose head does not let positions tell this run from one that was
   * lost to a restored backup, chance does: whoever had read that one's items has a cursor above the head. Where the disk
   * is full, deliveries wait for it. [H7]
   */
  async begin(accounts: Iterable<AccountId>): Promise<void> {
    const { store, disk } = this.#options;
    for (const account of accounts) {
      const state = await store.inboxState(account);
      if (state !== undefined && state.head >= this.#above) this.#ahead.push(account);
    }
    if (this.#ahead.length > 0) await this.#leap().catch((error: unknown) => disk.saw(error));
  }

  /**
   * Commits deliveries in one transaction together with `alongside`, then pushes. Calls are kept in order. Rejects
   * with `StoreFullError` where the disk is full: nothing of it is applied.
   */
  async deliver(deliveries: Delivery[], alongside: WriteOp[]): Promise<Delivered[][]> {
    const { commit, disk } = this.#options;
    if (disk.refusing) throw new StoreFullError("the disk was full a moment ago");
    try {
      if (this.#ahead.length > 0) await this.#leap();
      const [first] = await commit.add([
        { op: "inbox.deliver", deliveries, above: this.#above },
        ...alongside,
      ]);
      if (first?.op !== "inbox.deliver") throw new Error("the store answered another operation");
      deliveries.forEach((delivery, index) => this.#push(delivery, first.deliveries[index]!));
      return first.deliveries;
    } catch (error) {
      disk.saw(error);
      throw error;
    }
  }

  /** Starts pushing to a session from the position that its device has. [H6] [H7] */
  async subscribe(
    session: Session,
    cursor: ClientParams<"inbox.subscribe">,
  ): Promise<ClientResult<"inbox.subscribe">> {
    const { account, device } = session.identity;
    const inbox = await this.standing(account, account.devices.get(device));
    const fits =
      sameBytes(cursor.incarnation, inbox.incarnation) &&
      cursor.position >= inbox.floor &&
      cursor.position <= inbox.head;
    if (!fits) return { outcome: "resync", inbox };
    if (!session.channel.closed) {
      session.feed?.close();
      const { store, clock, live } = this.#options;
      session.feed = new InboxFeed({
        account: account.id,
        after: cursor.position,
        channel: session.channel,
        store,
        clock,
      });
      live.presenceMayHaveChanged(account.id);
    }
    return { outcome: "ok", inbox };
  }

  async standing(account: Account, device: Device | undefined): Promise<InboxStanding> {
    const state = await this.#options.store.inboxState(account.id);
    if (state === undefined) throw new Error("an account without an inbox");
    return { ...state, cursor: Math.max(state.floor, device?.cursor ?? 0) };
  }

  /** Drops what is past its time. */
  async expire(): Promise<void> {
    const now = this.#options.clock.now();
    await this.#options.commit.add([
      {
        op: "inbox.expire",
        itemsBefore: now - limits.inboxItemLifetimeMs,
        idsBefore: now - limits.envelopeIdMemoryMs,
      },
    ]);
  }

  #leap(): Promise<void> {
    if (this.#leaping !== undefined) return this.#leaping;
    const { commit, random } = this.#options;
    const bytes = random.bytes(4);
    const by = 1 + (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) % inboxLeapMax);
    this.#leaping = commit
      .add([{ op: "inbox.leap", accounts: this.#ahead, above: this.#above, by }])
      .then(() => void (this.#ahead = []))
      .finally(() => (this.#leaping = undefined));
    return this.#leaping;
  }

  #push(delivery: Delivery, outcomes: Delivered[]): void {
    for (const outcome of outcomes) {
      if (outcome.outcome !== "delivered") continue;
      this.delivered += 1;
      this.#offer(outcome.account, outcome.position, delivery);
    }
  }

  #offer(account: AccountId, position: number, delivery: Delivery): void {
    let frame: Uint8Array | undefined;
    for (const { feed } of this.#options.live.of(account)) {
      feed?.offer(
        position,
        () => (frame ??= encodeClientFrame({ kind: "item", item: item(position, delivery) })),
      );
    }
  }
}

function item(position: number, delivery: Delivery): InboxItem {
  const { server, from, id, kind, created, received, payload } = delivery;
  return { position, received, server, from, id, kind, created, payload };
}
