/**
 * What lies in custody for one server, on its way over a connection to it: source by source, in order, at most a window
 * ahead of what it said it has. Invariants: a bundle stays on disk until the server has it; sources take turns, so that
 * one whose bundles are not taken holds up no other. Once the server is silent, it goes again, later and later. [K4] [K5]
 */
import type { LinkControl, ServerId, Timer } from "@fedchat/protocol";
import type { CustodyPlace, CustodyRow, WriteOp } from "../../store/store.ts";
import {
  congestionRetryMs,
  onwardLanesMax,
  onwardWindowBundles,
  onwardWindowBytesMax,
  outboxPageRows,
  streamStallMaxMs,
  streamStallMs,
} from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Connection } from "./connection.ts";
import type { FederationOptions } from "./options.ts";

type Message<K extends LinkControl["kind"]> = Extract<LinkControl, { kind: K }>;
type Sent = Pick<CustodyRow, "class" | "stream" | "sequence" | "hash" | "destination"> & { bytes: number };

interface Lane {
  readonly source: ServerId;
  /** The last place that was read; undefined: from the beginning. */
  cursor: CustodyPlace | undefined;
  /** Sent, and not said to be there. By the row's number. */
  readonly sent: Map<number, Sent>;
  bytes: number;
  reading: boolean;
  /** What is there is being dropped here: until that is on disk the lane is not empty. */
  dropping: number;
  /** Something was added meanwhile, perhaps before the cursor. */
  again: boolean;
  introduced: boolean;
  stallMs: number;
  timer: Timer | undefined;
}

export interface OnwardPorts {
  options: Pick<FederationOptions, "clock" | "log" | "store">;
  write: (ops: WriteOp[]) => Promise<void>;
  /** Nothing of this source is left for this server. */
  emptied: (source: ServerId) => void;
}

export class Onward {
  readonly connection: Connection;
  readonly #ports: OnwardPorts;
  readonly #lanes = new Map<ServerId, Lane>();
  /** Sources that wait for their turn. */
  readonly #waiting = new Set<ServerId>();
  readonly #timers = new Set<Timer>();
  #ended = false;

  constructor(connection: Connection, ports: OnwardPorts) {
    this.connection = connection;
    this.#ports = ports;
  }

  /** There is something of this source. */
  wake(source: ServerId): void {
    if (this.#ended) return;
    const lane = this.#lanes.get(source);
    if (lane !== undefined) {
      lane.again = true;
      return this.#run(lane);
    }
    this.#waiting.add(source);
    this.#next();
  }

  end(): void {
    this.#ended = true;
    for (const timer of this.#timers) timer.cancel();
    for (const lane of this.#lanes.values()) lane.timer?.cancel();
    this.#lanes.clear();
  }

  taken({ source, class: streamClass, stream, upTo }: Message<"custodyTaken">): void {
    const there = (sent: Sent) =>
      sent.destination === this.#server &&
      sent.class === streamClass &&
      sent.stream === stream &&
      sent.sequence <= upTo;
    const lane = this.#lanes.get(source);
    if (lane === undefined || ![...lane.sent.values()].some(there)) return;
    this.#landedWhere(lane, there);
    const next = this.#server;
    this.#drop([{ op: "custody.taken", next, source, class: streamClass, stream, upTo }], lane);
  }

  done(hash: Uint8Array): void {
    const lane = this.#laneOf(hash);
    if (lane === undefined) return;
    this.#landedWhere(lane, (sent) => sameBytes(sent.hash, hash));
    this.#drop([{ op: "custody.drop", next: this.#server, hash }], lane);
  }

  /** This very bundle is on the next relay's disk. */
  landed(hash: Uint8Array): void {
    const lane = this.#laneOf(hash);
    if (lane === undefined) return;
    this.#landedWhere(lane, (sent) => sameBytes(sent.hash, hash));
    this.#run(lane);
  }

  /** @returns the bundle that the next relay refused, where one is on its way under this name */
  refused({
    source,
    destination,
    class: bundleClass,
    stream,
    sequence,
  }: Message<"custodyRefused">): Uint8Array | undefined {
    const sent = [...(this.#lanes.get(source)?.sent.values() ?? [])].find(
      (one) =>
        one.destination === destination &&
        one.class === bundleClass &&
        one.stream === stream &&
        one.sequence === sequence,
    );
    return sent?.hash;
  }

  get #server(): ServerId {
    return this.connection.server.record.key;
  }

  #laneOf(hash: Uint8Array): Lane | undefined {
    return [...this.#lanes.values()].find(({ sent }) =>
      [...sent.values()].some((one) => sameBytes(one.hash, hash)),
    );
  }

  #landedWhere(lane: Lane, there: (sent: Sent) => boolean): void {
    for (const [number, sent] of lane.sent) {
      if (!there(sent)) continue;
      lane.sent.delete(number);
      lane.bytes -= sent.bytes;
    }
    lane.stallMs = streamStallMs;
    lane.timer?.cancel();
    lane.timer = undefined;
  }

  #drop(ops: WriteOp[], lane: Lane): void {
    lane.dropping += 1;
    this.#ports.write(ops).then(
      () => {
        lane.dropping -= 1;
        this.#run(lane);
      },
      (error: unknown) => {
        lane.dropping -= 1;
        // It lies here still, behind the cursor: it goes again, and is said to be there again.
        lane.again = true;
        this.#failed(lane, error);
      },
    );
  }

  #next(): void {
    for (const source of this.#waiting) {
      if (this.#lanes.size >= onwardLanesMax) return;
      this.#waiting.delete(source);
      const lane: Lane = {
        ...{ source, cursor: undefined, sent: new Map(), bytes: 0, reading: false, dropping: 0 },
        ...{ again: false, introduced: false, stallMs: streamStallMs, timer: undefined },
      };
      this.#lanes.set(source, lane);
      this.#run(lane);
    }
  }

  #run(lane: Lane): void {
    if (this.#ended || lane.reading || this.#lanes.get(lane.source) !== lane) return;
    lane.reading = true;
    this.#send(lane).then(
      (empty) => {
        lane.reading = false;
        if (this.#ended) return;
        if (lane.again) return this.#run(lane);
        if (!empty || lane.sent.size > 0) this.#watch(lane);
        else if (lane.dropping === 0) this.#finish(lane);
      },
      (error: unknown) => {
        lane.reading = false;
        this.#failed(lane, error);
      },
    );
  }

  /** Sends what the window allows. @returns whether the end was reached */
  async #send(lane: Lane): Promise<boolean> {
    if (lane.again) lane.cursor = undefined;
    lane.again = false;
    if (!lane.introduced && !(await this.#introduce(lane))) return true;
    while (this.#hasRoom(lane)) {
      const page = await this.#ports.options.store.custodyPage(
        this.#server,
        lane.source,
        lane.cursor,
        outboxPageRows,
      );
      if (page.length === 0) return true;
      for (const row of page) {
        if (!this.#hasRoom(lane)) return false;
        const { class: bundleClass, stream, sequence, number, hash, destination, bundle } = row;
        lane.cursor = { class: bundleClass, stream, sequence, number };
        if (lane.sent.has(number)) continue;
        this.connection.sendBundle(bundle);
        lane.sent.set(number, {
          ...{ class: bundleClass, stream, sequence, hash, destination, bytes: bundle.length },
        });
        lane.bytes += bundle.length;
      }
    }
    return false;
  }

  /** Whose bundles follow: without the record nobody could open them. [K5] */
  async #introduce(lane: Lane): Promise<boolean> {
    const record = await this.#ports.options.store.custodySource(lane.source);
    if (record === undefined || this.#ended) return false;
    this.connection.send({ kind: "custodySource", record });
    lane.introduced = true;
    return true;
  }

  #hasRoom(lane: Lane): boolean {
    return (
      !this.#ended &&
      lane.sent.size < onwardWindowBundles &&
      lane.bytes < onwardWindowBytesMax &&
      !this.connection.congested
    );
  }

  #finish(lane: Lane): void {
    lane.timer?.cancel();
    this.#lanes.delete(lane.source);
    this.#ports.emptied(lane.source);
    this.#next();
  }

  #watch(lane: Lane): void {
    if (lane.sent.size === 0) return this.#later(congestionRetryMs, () => this.#run(lane));
    lane.timer ??= this.#ports.options.clock.after(lane.stallMs, () => this.#stalled(lane));
  }

  /** Nothing of it was taken: another source has its turn, and this one comes again. */
  #stalled(lane: Lane): void {
    lane.timer = undefined;
    lane.sent.clear();
    lane.bytes = 0;
    lane.cursor = undefined;
    // The record may have come too fast to be looked at.
    lane.introduced = false;
    lane.stallMs = Math.min(lane.stallMs * 2, streamStallMaxMs);
    if (this.#waiting.size === 0) return this.#run(lane);
    this.#lanes.delete(lane.source);
    this.#next();
    this.#later(lane.stallMs, () => this.wake(lane.source));
  }

  #failed(lane: Lane, error: unknown): void {
    this.#ports.options.log.warn("custody could not be read or written", { error: String(error) });
    this.#later(streamStallMs, () => this.#run(lane));
  }

  #later(delayMs: number, run: () => void): void {
    if (this.#ended) return;
    const timer = this.#ports.options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
