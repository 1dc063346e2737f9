/**
 * Tells mutually linked servers which servers' records changed here. Whoever is told asks, so that nobody is told more
 * than it can take: one question stands open for each, and is answered when there is something to answer. [G2] [G3]
 */
import type { Clock, ServerId, Timer } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { changesGatheredMs, congestedTellingMs, recordPagesToldRate } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Trust } from "../seams.ts";
import type { Peer } from "./peer.ts";
import type { KnownRecord, ServerRecords } from "./records.ts";

/** Who is told of other servers; to a directory whoever registered counts as mutually linked. */
function isTold({ trust, connected }: Peer): boolean {
  return trust === "mutual" && connected;
}

/** Whether this server is told of that one. Of servers that nobody told us of, only of those that we linked. */
function mayTell(to: ServerId, subject: KnownRecord, trust: Trust): boolean {
  const { record, heardFrom, hops } = subject;
  if (record.key === to || heardFrom === to || hops >= limits.gossipHopsMax) return false;
  return isOpenlyKnown(subject, trust);
}

/** Whether others may learn that this server is known here: it was linked from here, or others told of it. [G2] */
export function isOpenlyKnown({ heardFrom }: KnownRecord, trust: Trust): boolean {
  return isTellable(trust) || (trust === "none" && heardFrom !== undefined);
}

/** Whether a server's trust lets others be told of it at all. */
export function isTellable(trust: Trust): boolean {
  return trust === "mutual" || trust === "outgoing";
}

export interface TellingOptions {
  clock: Clock;
  records: ServerRecords;
  trustOf: (server: ServerId) => Trust;
  /** Of our count of changes. */
  incarnation: Uint8Array;
}

interface Question {
  since: number;
  timer: Timer | undefined;
}

export class RecordsTelling {
  readonly #options: TellingOptions;
  readonly #rate: RateLimits<ServerId>;
  readonly #questions = new Map<Peer, Question>();
  #gathering: Timer | undefined;

  constructor(options: TellingOptions) {
    this.#options = options;
    this.#rate = new RateLimits(recordPagesToldRate, options.clock);
  }

  /** A question takes the place of the one before it. */
  asked(neighbour: Peer, incarnation: Uint8Array | undefined, since: number): void {
    const known = incarnation !== undefined && sameBytes(incarnation, this.#options.incarnation);
    const timer = this.#questions.get(neighbour)?.timer;
    this.#questions.set(neighbour, { since: known ? since : 0, timer });
    this.#answer(neighbour);
  }

  /** Something changed: those that wait are told, with what else changes in this moment. */
  changed(): void {
    this.#gathering ??= this.#options.clock.after(changesGatheredMs, () => {
      this.#gathering = undefined;
      for (const neighbour of this.#questions.keys()) this.#answer(neighbour);
    });
  }

  closed(neighbour: Peer): void {
    this.#questions.get(neighbour)?.timer?.cancel();
    this.#questions.delete(neighbour);
  }

  stop(): void {
    this.#gathering?.cancel();
    for (const neighbour of [...this.#questions.keys()]) this.closed(neighbour);
  }

  #answer(neighbour: Peer): void {
    const question = this.#questions.get(neighbour);
    if (question === undefined || question.timer !== undefined || !isTold(neighbour)) return;
    if (neighbour.connection?.congested === true) return this.#later(neighbour, question, congestedTellingMs);
    const { records, upTo } = this.#page(neighbour.server, question.since);
    question.since = upTo;
    if (records.length === 0) return;
    const waitMs = this.#rate.take(neighbour.server);
    if (waitMs > 0) {
      question.since = records[0]!.changed - 1;
      return this.#later(neighbour, question, waitMs);
    }
    this.#questions.delete(neighbour);
    neighbour.send({
      kind: "records",
      incarnation: this.#options.incarnation,
      upTo,
      records: records.map(({ signed, hops }) => ({ record: signed, hops })),
    });
  }

  #later(neighbour: Peer, question: Question, delayMs: number): void {
    question.timer = this.#options.clock.after(delayMs, () => {
      const open = this.#questions.get(neighbour);
      if (open === undefined) return;
      open.timer = undefined;
      this.#answer(neighbour);
    });
  }

  #page(to: ServerId, since: number): { records: KnownRecord[]; upTo: number } {
    const { records: known, trustOf } = this.#options;
    const records: KnownRecord[] = [];
    let upTo = since > known.changes ? 0 : since;
    for (const entry of known.changedAfter(upTo)) {
      if (records.length === limits.gossipPageRecordsMax) break;
      upTo = entry.changed;
      if (mayTell(to, entry, trustOf(entry.record.key))) records.push(entry);
    }
    return { records, upTo };
  }
}
