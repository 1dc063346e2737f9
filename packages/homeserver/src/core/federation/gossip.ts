/**
 * How servers' records spread: told to mutually linked servers that ask, heard from those that we ask, forgotten when
 * they expire. [G1] to [G5]
 */
import type { Clock, LinkControl, RandomSource, ServerId, ServerRecord, Timer } from "@fedchat/protocol";
import type { StoredState, WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { recordsSweepEveryMs } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Trust } from "../seams.ts";
import type { Peer } from "./peer.ts";
import type { ServerRecords } from "./records.ts";
import type { HearingOptions } from "./records-hearing.ts";
import { RecordsHearing } from "./records-hearing.ts";
import { isTellable, RecordsTelling } from "./records-telling.ts";

export interface GossipOptions extends Pick<
  HearingOptions,
  "self" | "mayBeCalled" | "heard" | "seen" | "isReplaced"
> {
  state: Pick<StoredState, "meta" | "told">;
  clock: Clock;
  random: RandomSource;
  commit: GroupCommit;
  log: Log;
  records: ServerRecords;
  trustOf: (server: ServerId) => Trust;
}

/** Kept over restarts, so that others need not hear everything again. */
const incarnationKey = "records.incarnation";
const incarnationBytes = 8;

export class Gossip {
  readonly #options: GossipOptions;
  readonly #telling: RecordsTelling;
  readonly #hearing: RecordsHearing;
  #sweep: Timer | undefined;

  constructor(options: GossipOptions) {
    const { state, random } = options;
    this.#options = options;
    const kept = state.meta.get(incarnationKey);
    const incarnation = kept ?? random.bytes(incarnationBytes);
    if (kept === undefined) this.#store([{ op: "meta.put", key: incarnationKey, value: incarnation }]);
    this.#telling = new RecordsTelling({ ...options, incarnation });
    this.#hearing = new RecordsHearing({ ...options, told: state.told });
    this.#sweepLater();
  }

  /** A connected server is mutually linked: it is asked, and what it asked is answered. */
  mutual(neighbour: Peer): void {
    this.#hearing.ask(neighbour);
    this.#telling.changed();
  }

  asked(neighbour: Peer, { incarnation, since }: Extract<LinkControl, { kind: "askRecords" }>): void {
    this.#telling.asked(neighbour, incarnation, since);
  }

  /** @returns whether it was asked for */
  received(neighbour: Peer, page: Extract<LinkControl, { kind: "records" }>): boolean {
    return this.#hearing.received(neighbour, page);
  }

  /** A verified record of a server one hop beyond this neighbour. */
  receivedWithPeople(neighbour: Peer, record: ServerRecord, signed: Uint8Array): void {
    this.#hearing.receivedWithPeople(neighbour, record, signed);
  }

  /** Some record changed. */
  changed(): void {
    this.#telling.changed();
  }

  /** Whoever may be told of now, and might not before, is told of. */
  trustChanged(neighbour: Peer, before: Trust): void {
    const { records, clock } = this.#options;
    if (isTellable(neighbour.standing) && !isTellable(before))
      this.#store(records.retell(neighbour.server, clock.now()));
    if (neighbour.standing !== "mutual") this.#hearing.closed(neighbour);
  }

  closed(neighbour: Peer): void {
    this.#telling.closed(neighbour);
    this.#hearing.closed(neighbour);
  }

  stop(): void {
    this.#sweep?.cancel();
    this.#telling.stop();
    this.#hearing.stop();
  }

  #sweepLater(): void {
    const { clock, records } = this.#options;
    this.#sweep = clock.after(recordsSweepEveryMs, () => {
      this.#store(records.sweep(clock.now()));
      this.#sweepLater();
    });
  }

  #store(ops: WriteOp[]): void {
    if (ops.length === 0) return;
    const { commit, log } = this.#options;
    commit
      .add(ops)
      .catch((error: unknown) => log.warn("server records were not stored", { error: String(error) }));
  }
}
