/**
 * Asks for missing messages: first the device that sent them, then one of each of a few others, one after the other. A
 * round that brought nothing is followed by another one, later and later. What was asked lies in the store. [Z2]
 */
import type { AccountId, Clock, DeviceId, Primitives, RandomSource, RoomId, Timer } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { StoreFullError } from "../store/database.ts";
import type { AskRow, GapRow } from "../store/missing-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { Changes } from "./changes.ts";
import type { GroupHistory } from "./group-history.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import {
  answerPatienceMs,
  askAgainBaseMs,
  askAgainMaxMs,
  askGraceMs,
  askPerPersonMs,
  asksAtOnce,
  asksNextMs,
  askSpreadMaxMs,
  othersAskedMax,
  storeRetryMs,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Homeserver } from "./ports.ts";
import { fullJitterMs } from "./retry.ts";
import type { RoomSender } from "./room-sender.ts";

export interface GapAskingPorts {
  store: EngineStore;
  identity: Identity;
  history: GroupHistory;
  groups: Groups;
  roomCrypto: Pick<RoomCrypto, "groupId">;
  homeserver: Pick<Homeserver, "state">;
  sender: RoomSender;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  changes: Changes;
  log: Log;
}

interface Candidate {
  device: DeviceId;
  account: AccountId;
}

export class GapAsking {
  readonly #ports: GapAskingPorts;
  #timer: Timer | undefined;
  #looking = false;
  #stopped = false;

  constructor(ports: GapAskingPorts) {
    this.#ports = ports;
  }

  /** Something may be missing, or somebody is to be asked: once the present transaction is over. */
  lookSoon(): void {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    this.#ports.clock.soon(() => {
      this.#looking = false;
      if (!this.#stopped) this.#tryToLook();
    });
  }

  #tryToLook(): void {
    const { clock } = this.#ports;
    try {
      this.#look();
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      this.#timer?.cancel();
      this.#timer = clock.after(storeRetryMs, () => this.lookSoon());
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Within the transaction that took an answer, or a part of it. */
  answered(row: AskRow, { progress, more }: { progress: boolean; more: boolean }): void {
    const { store, clock } = this.#ports;
    const { room, device } = row;
    if (store.missing.gaps(room, device).length === 0) store.missing.deleteAsk(room, device);
    else if (more) store.missing.putAsk({ ...row, at: clock.now() + answerPatienceMs });
    else {
      const asked = (JSON.parse(row.asked) as DeviceId[]).filter((one) => !progress || one !== row.whom);
      const at = clock.now() + asksNextMs;
      const nobody = { id: null, whom: null, seed: null, asked: JSON.stringify(asked) };
      store.missing.putAsk({ ...row, ...nobody, rounds: progress ? 0 : row.rounds, at });
    }
    this.lookSoon();
  }

  #look(): void {
    const { store, homeserver, clock } = this.#ports;
    const now = clock.now();
    for (const { room, device } of store.missing.unasked()) this.#begin(room, device, now);
    if (homeserver.state.kind !== "connected") return;
    for (const row of store.missing.asksDue(now, asksAtOnce)) this.#next(row);
    const at = store.missing.nextAskAt();
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at === null) return;
    const afterMs = Math.min(Math.max(at - clock.now(), asksNextMs), askAgainMaxMs);
    this.#timer = clock.after(afterMs, () => this.lookSoon());
  }

  #begin(room: RoomId, device: DeviceId, now: number): void {
    const { store, changes } = this.#ports;
    // Where we are not any more nobody answers.
    if (store.rooms.get(room)?.state !== "open") return;
    const people = store.groupRooms.people(room).length;
    const spreadMs = this.#jitterMs(Math.min(askSpreadMaxMs, askPerPersonMs * people));
    const nobody = { id: null, whom: null, seed: null, asked: "[]", rounds: 0 };
    store.missing.putAsk({ room, device, ...nobody, at: now + askGraceMs + spreadMs });
    changes.mark("room", room);
  }

  #next(row: AskRow): void {
    const { store, clock, changes, log } = this.#ports;
    try {
      this.#ask(row);
    } catch (error) {
      log.info("nobody is asked for missing messages now", { error: String(error) });
      store.missing.putAsk({ ...row, at: clock.now() + askAgainBaseMs });
    }
    changes.mark("room", row.room);
  }

  #ask(row: AskRow): void {
    const { store, groups, roomCrypto, clock } = this.#ports;
    const room = store.rooms.get(row.room);
    const [gap] = store.missing.gaps(row.room, row.device);
    const state = room?.state === "open" ? groups.of(room.id) : undefined;
    if (room === undefined || gap === undefined || state === undefined)
      return store.missing.deleteAsk(row.room, row.device);
    const groupId = roomCrypto.groupId(state);
    const whom = this.#candidate(groupId, row);
    if (whom !== undefined) return this.#send(room, groupId, row, gap, whom);
    const jitterMs = fullJitterMs(
      row.rounds,
      { baseMs: askAgainBaseMs, maxMs: askAgainMaxMs },
      this.#ports.random,
    );
    const nobody = { id: null, whom: null, seed: null, asked: "[]" };
    const at = clock.now() + askAgainBaseMs + jitterMs;
    store.missing.putAsk({ ...row, ...nobody, rounds: row.rounds + 1, at });
  }

  /** Whoever has not been asked in this round. */
  #candidate(groupId: Uint8Array, row: AskRow): Candidate | undefined {
    const { store, history, identity } = this.#ports;
    const asked = new Set(JSON.parse(row.asked) as DeviceId[]);
    const others = history
      .others(groupId, identity.account, row.device)
      .filter(({ account, device }) => !store.accounts.isBlocked(account) && !asked.has(device));
    const sender = others.find(({ device }) => device === row.device);
    if (sender !== undefined || asked.size > othersAskedMax) return sender;
    return others[Math.floor(this.#jitterMs(1_000_000) % Math.max(1, others.length))];
  }

  #send(
    room: RoomRow,
    groupId: Uint8Array,
    row: AskRow,
    gap: GapRow,
    { device: to, account }: Candidate,
  ): void {
    const { store, sender, primitives, random, clock } = this.#ports;
    const [id, seed] = [random.bytes(16), random.bytes(32)];
    const { first } = gap;
    const item = {
      kind: "ask",
      ...{ id, to, of: row.device, first, last: Math.min(gap.last, first + limits.missingPerAskMax - 1) },
      held: store.proofs.heldEpochs(groupId, limits.heldEpochsMax),
      key: primitives.xwing.publicKey(seed),
    } as const;
    const asked = JSON.stringify([...(JSON.parse(row.asked) as DeviceId[]), to]);
    const patienceMs = answerPatienceMs * 2 ** Math.min(row.rounds, 4);
    const at = clock.now() + patienceMs + this.#jitterMs(answerPatienceMs / 4);
    const as = { purpose: "status", subject: "" } as const;
    sender.send(
      room,
      item,
      as,
      () => store.missing.putAsk({ ...row, id, whom: to, seed, asked, at }),
      account,
    );
  }

  #jitterMs(maxMs: number): number {
    return fullJitterMs(0, { baseMs: maxMs, maxMs }, this.#ports.random);
  }
}
