/**
 * Beats: some while after a room's talk an engine says how far it has seen everybody count, so that a last message that
 * was withheld shows; again and again, later and later, until somebody else has said as much. [Z1]
 */
import type { Clock, RandomSource, RoomId, RoomItem, Timer } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import {
  beatDayMs,
  beatsAtOnce,
  beatsMax,
  beatsOfCrowdMax,
  beatSoonMs,
  receiptsPeopleMax,
  seenPerBeatMax,
  storeRetryMs,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Homeserver } from "./ports.ts";
import { fullJitterMs } from "./retry.ts";
import type { RoomSender } from "./room-sender.ts";

export interface BeatsPorts {
  store: EngineStore;
  homeserver: Pick<Homeserver, "state">;
  sender: RoomSender;
  clock: Clock;
  random: RandomSource;
  log: Log;
}

type Seen = Extract<RoomItem, { kind: "seen" }>["seen"];

export class Beats {
  readonly #ports: BeatsPorts;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: BeatsPorts) {
    this.#ports = ports;
  }

  /** Within the transaction of a message, ours or another's. */
  counted(room: RoomId): void {
    const { store, clock } = this.#ports;
    const beat = store.missing.beat(room);
    if (beat?.times === 0) return;
    const isSmall = store.groupRooms.people(room).length <= receiptsPeopleMax;
    const afterMs = isSmall ? beatSoonMs + this.#jitterMs(beatSoonMs) : this.#jitterMs(beatDayMs);
    store.missing.putBeat(room, clock.now() + afterMs, 0);
    this.#arm();
  }

  /** Within the transaction of what another said: that need not be said again. */
  heard(room: RoomId, seen: Seen): void {
    const { missing } = this.#ports.store;
    for (const one of seen) missing.said(room, "beaten", one);
    if (seen.length > 0 && missing.unsaid(room, "beaten", 1).length === 0) missing.deleteBeat(room);
  }

  /** A session was opened. */
  resume(): void {
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    const { store, clock } = this.#ports;
    // What a transaction is about to write is looked at when it has.
    clock.soon(() => {
      if (this.#stopped) return;
      const at = store.missing.nextBeatAt();
      this.#timer?.cancel();
      if (at === null) return;
      this.#timer = clock.after(Math.min(Math.max(at - clock.now(), 1_000), beatDayMs), () =>
        this.#beatAll(),
      );
    });
  }

  #beatAll(): void {
    const { store, homeserver, clock, log } = this.#ports;
    if (this.#stopped || homeserver.state.kind !== "connected") return;
    for (const { room, times } of store.missing.beatsDue(clock.now(), beatsAtOnce)) {
      try {
        this.#beat(room, times);
      } catch (error) {
        log.info("a beat was not sent", { error: String(error) });
        store.missing.putBeat(room, clock.now() + storeRetryMs, times);
      }
    }
    this.#arm();
  }

  #beat(id: RoomId, times: number): void {
    const { store, sender, clock } = this.#ports;
    const room = store.rooms.get(id);
    const seen = store.missing.unsaid(id, "beaten", seenPerBeatMax);
    if (room?.state !== "open" || seen.length === 0) return store.missing.deleteBeat(id);
    const isSmall = store.groupRooms.people(id).length <= receiptsPeopleMax;
    sender.send(room, { kind: "seen", seen }, { purpose: "status", subject: "" }, () => {
      if (times + 1 < (isSmall ? beatsMax : beatsOfCrowdMax)) {
        const afterMs = isSmall ? Math.min(beatDayMs, beatSoonMs * 2 ** (times + 1)) : beatDayMs;
        return store.missing.putBeat(id, clock.now() + afterMs + this.#jitterMs(afterMs / 4), times + 1);
      }
      for (const one of seen) store.missing.said(id, "beaten", one);
      store.missing.deleteBeat(id);
    });
  }

  #jitterMs(maxMs: number): number {
    return fullJitterMs(0, { baseMs: maxMs, maxMs }, this.#ports.random);
  }
}
