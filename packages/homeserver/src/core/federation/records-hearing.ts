/**
 * Asks mutually linked servers for the records that changed there, one page at a time, and takes what is new. What a
 * neighbour tells is trusted for nothing but who told it: a record's own signature says whether it holds. Invariants:
 * nothing unasked is taken; how far a neighbour has told is stored together with what it told; records that are not
 * known already are read and verified at a bounded rate, by neighbour and in all, newer ones of one server by that
 * server, too, and what is too fast waits. [G3] [G4]
 */
import type { Clock, LinkControl, ServerId, ServerRecord, Timer } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import type { ToldRow, WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import {
  heardRecordsRate,
  heardRecordsTotalRate,
  recordPagesAskedRate,
  recordsVerifiedPerTurn,
} from "../limits.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import { NewerRecords } from "./newer-records.ts";
import type { Peer } from "./peer.ts";
import type { ServerRecords, ToldRecord } from "./records.ts";

export interface HearingOptions {
  clock: Clock;
  commit: GroupCommit;
  log: Log;
  self: ServerId;
  records: ServerRecords;
  /** How far others had told when we stopped. */
  told: readonly ToldRow[];
  /** Whether a server may be called so. [L15] */
  mayBeCalled: (server: ServerId, name: string) => boolean;
  /** A record that holds: it may say that another key is replaced. [R9] */
  seen: (record: ServerRecord) => void;
  /** Whether a key is nobody's any more. */
  isReplaced: (server: ServerId) => boolean;
  /** A newer record of this server was told; `before`: the one that was known. [G5] */
  heard: (server: ServerId, before: ServerRecord | undefined) => void;
}

type Page = Extract<LinkControl, { kind: "records" }>;

/** Where we are with one neighbour. */
interface Hearing {
  /** Our question is unanswered. */
  open: boolean;
  timer: Timer | undefined;
}

export class RecordsHearing {
  readonly #options: HearingOptions;
  readonly #told: Map<ServerId, ToldRow>;
  readonly #hearings = new Map<Peer, Hearing>();
  readonly #pages: RateLimits<ServerId>;
  readonly #new: RateLimits<ServerId>;
  readonly #newInAll: RateLimits<"all">;
  readonly #newer: NewerRecords;

  constructor(options: HearingOptions) {
    const { clock, told } = options;
    this.#options = options;
    this.#told = new Map(told.map((row) => [row.server, row]));
    this.#pages = new RateLimits(recordPagesAskedRate, clock);
    this.#new = new RateLimits(heardRecordsRate, clock);
    this.#newInAll = new RateLimits(heardRecordsTotalRate, clock);
    this.#newer = new NewerRecords(clock);
  }

  /** Begins to ask a server that is connected and mutually linked; nothing where that has begun. */
  ask(neighbour: Peer): void {
    if (neighbour.standing !== "mutual" || !neighbour.connected || this.#hearings.has(neighbour)) return;
    const hearing = { open: false, timer: undefined };
    this.#hearings.set(neighbour, hearing);
    this.#ask(neighbour, hearing);
  }

  /** @returns whether it was asked for */
  received(neighbour: Peer, page: Page): boolean {
    const hearing = this.#hearings.get(neighbour);
    if (hearing?.open !== true) {
      neighbour.connection?.fault();
      return false;
    }
    hearing.open = false;
    this.#take(neighbour, hearing, { ...page, next: 0, ops: [] });
    return true;
  }

  /** A verified record of a server that is one hop beyond this neighbour, told with its people. [L24] */
  receivedWithPeople(neighbour: Peer, record: ServerRecord, signed: Uint8Array): void {
    const { records, clock, self } = this.#options;
    if (record.key === self) return;
    const told = records.read(signed, 1, clock.now());
    this.#store(this.#admit(neighbour, told));
  }

  closed(neighbour: Peer): void {
    this.#hearings.get(neighbour)?.timer?.cancel();
    this.#hearings.delete(neighbour);
  }

  stop(): void {
    this.#newer.stop();
    for (const neighbour of [...this.#hearings.keys()]) this.closed(neighbour);
  }

  #ask(neighbour: Peer, hearing: Hearing): void {
    const waitMs = this.#pages.take(neighbour.server);
    if (waitMs > 0) return this.#later(hearing, waitMs, () => this.#ask(neighbour, hearing));
    const told = this.#told.get(neighbour.server);
    hearing.open = true;
    neighbour.send({
      kind: "askRecords",
      since: 0,
      ...(told && { incarnation: told.incarnation, since: told.upTo }),
    });
  }

  /** Takes records until one must wait for its turn. */
  #take(neighbour: Peer, hearing: Hearing, page: Page & { next: number; ops: WriteOp[] }): void {
    if (this.#hearings.get(neighbour) !== hearing) return;
    for (let taken = 0; page.next < page.records.length; taken += 1) {
      const goOn = () => this.#take(neighbour, hearing, page);
      if (taken === recordsVerifiedPerTurn) return this.#options.clock.soon(goOn);
      const waitMs = this.#takeOne(neighbour, page.records[page.next]!, page.ops);
      if (waitMs > 0) return this.#later(hearing, waitMs, goOn);
      page.next += 1;
    }
    const row = { server: neighbour.server, incarnation: page.incarnation.slice(), upTo: page.upTo };
    this.#told.set(neighbour.server, row);
    this.#store([...page.ops, { op: "told.put", row }]);
    this.#ask(neighbour, hearing);
  }

  /** @returns how long it must wait, in milliseconds; 0: it was taken, or let go */
  #takeOne(neighbour: Peer, { record: signed, hops }: Page["records"][number], ops: WriteOp[]): number {
    const { records, clock, self } = this.#options;
    try {
      if (hops >= limits.gossipHopsMax) throw new ProtocolError("malformed", "server record: came too far");
      if (!records.isKnown(signed)) {
        const waitMs = this.#new.take(neighbour.server) || this.#newInAll.take("all");
        if (waitMs > 0) return waitMs;
      }
      const told = records.read(signed, hops + 1, clock.now());
      if (told.record.key === self) throw new ProtocolError("malformed", "server record: our own");
      if (told.standing === "newer") told.verify();
      ops.push(...this.#admit(neighbour, told));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      neighbour.connection?.fault();
    }
    return 0;
  }

  /** A verified one, or one that is not newer; of a server that is known it may have to wait for its turn. */
  #admit({ server: teller }: Peer, told: ToldRecord): WriteOp[] {
    const { records, clock } = this.#options;
    const { key, sequence } = told.record;
    if (told.standing !== "newer" || records.get(key) === undefined) return this.#admitNow(teller, told);
    let due = true;
    let ops: WriteOp[] = [];
    const signed = told.signed.slice();
    this.#newer.take(key, sequence, () => {
      if (due) ops = this.#admitNow(teller, told);
      else this.#store(this.#admitNow(teller, records.read(signed, told.hops, clock.now())));
    });
    due = false;
    return ops;
  }

  /** Lets go what is not newer, and a name that a linked server may not have. */
  #admitNow(teller: ServerId, told: ToldRecord): WriteOp[] {
    const { records, clock, mayBeCalled, heard, seen, isReplaced } = this.#options;
    const { key, name } = told.record;
    if (told.standing === "same") return records.admitAgain(teller, told, clock.now());
    if (told.standing !== "newer") return [];
    seen(told.record);
    if (isReplaced(key) || !mayBeCalled(key, name)) return [];
    const before = records.get(key);
    const ops = records.admitTold(teller, told, clock.now());
    heard(key, before);
    return ops;
  }

  #store(ops: WriteOp[]): void {
    const { commit, log } = this.#options;
    if (ops.length === 0) return;
    commit
      .add(ops)
      .catch((error: unknown) => log.warn("heard records were not stored", { error: String(error) }));
  }

  #later(hearing: Hearing, delayMs: number, run: () => void): void {
    hearing.timer = this.#options.clock.after(delayMs, () => {
      hearing.timer = undefined;
      run();
    });
  }
}
