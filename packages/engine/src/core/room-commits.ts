/**
 * Brings what this person wants changed in rooms of many into their logs: makes a Commit of all of it, keeps it, and
 * appends it at the hub until the log shows it or another's. One at a time for each room. Nothing leaves before it is
 * kept, and what is kept is sent again as it is. [O3] [W5]
 */
import type { AccountId, Clock, Primitives, RandomSource, RoomId, ServerId, Timer } from "@fedchat/protocol";
import { decodeBase32, encode, proveRoomAppend, ProtocolError, roomLogItem } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { RoomUpdate } from "../room-state/room-update.ts";
import { applyUpdate } from "../room-state/apply-update.ts";
import { decodeRoomState } from "../room-state/room-state.ts";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { PendingCommitRow, RoomLogRow } from "../store/group-rooms-table.ts";
import { causeOf } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import {
  appendAgainBaseMs,
  appendAgainMaxMs,
  settleMaxMs,
  settlePerPersonMs,
  storeRetryMs,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import { fullJitterMs } from "./retry.ts";
import type { PendingWork } from "./room-entries.ts";
import { fetchRoomInfo } from "./room-info.ts";
import { fetchKeyPackages } from "./room-key-packages.ts";
import type { Rooms } from "./rooms.ts";
import type { Rejoin, Wanted } from "./wanted-changes.ts";
import { underwayLine, wantedChanges } from "./wanted-changes.ts";

export interface RoomCommitsPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Pick<Names, "shown" | "server">;
  /** Our own homeserver. */
  server: ServerId;
  rooms: Rooms;
  groups: Groups;
  roomCrypto: RoomCrypto;
  homeserver: Homeserver;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  changes: Changes;
  log: Log;
}

/** How it stands with what is to be appended to one room's log. */
interface Standing {
  running: boolean;
  again: boolean;
  /** Until then, or until the log goes on, nothing is tried. */
  wait: Timer | undefined;
  attempts: number;
  cause: Cause | null;
  /** What others proposed has waited its random while. */
  settling: boolean;
  /** The epoch in which we said that we leave: nobody's Commit has taken it up yet. */
  leaving: bigint | undefined;
}

export class RoomCommits {
  readonly #ports: RoomCommitsPorts;
  readonly #rooms = new Map<RoomId, Standing>();
  #stopped = false;
  /** Something was appended, or another was first: the log is to be read. */
  onAppended: (room: RoomId) => void = () => undefined;

  constructor(ports: RoomCommitsPorts) {
    this.#ports = ports;
  }

  /** A session was opened, or a room's log went on: nothing has to wait any longer. */
  resume(room: RoomId): void {
    const standing = this.#standing(room);
    standing.wait?.cancel();
    standing.wait = undefined;
    standing.attempts = 0;
    this.run(room);
  }

  resumeAll(): void {
    for (const { room } of this.#ports.store.groupRooms.logs()) this.resume(room);
  }

  /** Does what is to be done in this room, as far as it can be now. */
  run(room: RoomId): void {
    const standing = this.#standing(room);
    if (this.#stopped || standing.wait !== undefined) return;
    if (standing.running) {
      standing.again = true;
      return;
    }
    standing.running = true;
    void this.#work(room, standing);
  }

  /** Why a room's changes are not done yet. */
  holdUp(room: RoomId): Cause | null {
    return this.#rooms.get(room)?.cause ?? null;
  }

  stop(): void {
    this.#stopped = true;
    for (const { wait } of this.#rooms.values()) wait?.cancel();
  }

  async #work(room: RoomId, standing: Standing): Promise<void> {
    try {
      do {
        standing.again = false;
        await this.#step(room);
        this.#tell(room, standing, null);
      } while (standing.again && !this.#stopped && standing.wait === undefined);
    } catch (error) {
      if (!this.#stopped) this.#failed(room, standing, error);
    } finally {
      standing.running = false;
    }
  }

  async #step(room: RoomId): Promise<void> {
    const { store, homeserver } = this.#ports;
    if (store.groupRooms.log(room) === undefined) return;
    if (homeserver.state.kind !== "connected") {
      if (store.groupRooms.changes(room).length > 0) throw new ProtocolError("unreachable");
      return;
    }
    if (store.groupRooms.pending(room) === undefined) await this.#make(room);
    const [log, pending] = [store.groupRooms.log(room), store.groupRooms.pending(room)];
    if (log === undefined || pending === undefined || this.#stopped) return;
    await this.#append(log, pending);
  }

  async #append(log: RoomLogRow, pending: PendingCommitRow): Promise<void> {
    const { groups, roomCrypto, homeserver, primitives } = this.#ports;
    const state = groups.of(log.room);
    if (state === undefined) return;
    const append = {
      ...{ room: log.room, term: log.term, position: log.position, head: log.head },
      ...{ item: pending.item, info: pending.info },
    };
    const access = pending.access ?? roomCrypto.access(state).seed;
    const proof = proveRoomAppend(primitives, access, append);
    const outcome = await homeserver.request("rooms.append", { hub: log.hub, ...append, proof });
    if (this.#stopped) return;
    if (log.position === 0 && outcome.outcome === "appended") this.#begun(log, outcome);
    // Whether it was this one is said by the log alone; it tells us when it goes on.
    this.#waitFor(log.room, this.#standing(log.room));
    this.onAppended(log.room);
  }

  async #make(room: RoomId): Promise<void> {
    const { store } = this.#ports;
    if (store.groupRooms.log(room)?.position === 0) return this.#begin(room);
    const wanted = wantedChanges(store, room);
    if (wanted.length === 0) return;
    const rejoin = wanted.find(({ change }) => change.kind === "rejoin");
    if (rejoin !== undefined) return this.#rejoin(room, rejoin.id, rejoin.change as Rejoin);
    if (!this.#maySettle(room, wanted)) return;
    const leaving = wanted.find(({ change }) => change.kind === "leave");
    if (leaving !== undefined) return this.#leave(room, leaving);
    const fetched = await fetchKeyPackages(this.#ports, room, wanted);
    if (this.#stopped || store.groupRooms.pending(room) !== undefined) return;
    this.#commit(room, fetched.wanted, fetched.keyPackages);
    // What could not be fetched now is tried again when the rest is done; with nothing else to do, it is the cause.
    if (fetched.failure !== undefined && store.groupRooms.pending(room) === undefined) throw fetched.failure;
  }

  /** Everybody could commit what others proposed: chance lets one be first, mostly. */
  #maySettle(room: RoomId, wanted: readonly Wanted[]): boolean {
    const { store, clock, random } = this.#ports;
    const standing = this.#standing(room);
    const isOther = wanted.some(({ change }) => change.kind !== "settle");
    if (isOther || standing.settling) {
      standing.settling = false;
      return true;
    }
    standing.settling = true;
    const maxMs = Math.min(settleMaxMs, settlePerPersonMs * store.groupRooms.people(room).length);
    const [chance] = random.bytes(1);
    standing.wait = clock.after((maxMs * chance!) / 256, () => {
      standing.wait = undefined;
      this.run(room);
    });
    return false;
  }

  #begin(room: RoomId): void {
    const { store, groups, roomCrypto, clock } = this.#ports;
    const state = groups.of(room);
    if (state === undefined) return;
    const { access, servers, info } = roomCrypto.epochForLog(state);
    const item = encode(roomLogItem, {
      kind: "begin",
      group: roomCrypto.groupId(state),
      access,
      servers: [...servers],
    });
    const work: PendingWork = { wanted: [], changes: [] };
    const row = {
      room,
      item,
      info,
      welcome: null,
      access: null,
      changes: JSON.stringify(work),
      createdAt: clock.now(),
    };
    store.groupRooms.putPending(row, new Map());
  }

  /** Nobody else knows this log yet: its first entry is ours. */
  #begun(log: RoomLogRow, { position, hash }: { position: number; hash: Uint8Array }): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.groupRooms.putLog({ ...log, position, head: hash });
      store.groupRooms.deletePending(log.room);
    });
  }

  /** Said anew in each epoch until it is taken up: with its epoch a proposal lapses. [W2] */
  #leave(room: RoomId, { id }: Wanted): void {
    const { store, groups, roomCrypto, clock } = this.#ports;
    const state = groups.of(room);
    if (state === undefined) return;
    const standing = this.#standing(room);
    const epoch = roomCrypto.epoch(state);
    if (standing.leaving === epoch) return;
    const left = roomCrypto.leave(state);
    if (left.kind === "refused") return store.groupRooms.deleteChange(id);
    const group = roomCrypto.groupId(state);
    const item = encode(roomLogItem, {
      ...{ kind: "proposal", group, epoch: Number(epoch) },
      message: left.message,
    });
    const work: PendingWork = { wanted: [], changes: [] };
    store.transaction(() => {
      groups.advance(room, left.state);
      const row = { room, item, info: null, welcome: null, access: null, changes: JSON.stringify(work) };
      store.groupRooms.putPending({ ...row, createdAt: clock.now() }, new Map());
    });
    standing.leaving = epoch;
  }

  /** By a Commit from outside, on the room's info as the hub has it. [W4] */
  async #rejoin(room: RoomId, id: number, change: Rejoin): Promise<void> {
    const { store, groups, roomCrypto, identity, clock } = this.#ports;
    const expected = {
      epoch: BigInt(change.epoch),
      room: decodeRoomState(decodeBase32(change.room)),
    };
    const { info, position } = await fetchRoomInfo(this.#ports, room);
    const log = store.groupRooms.log(room);
    if (this.#stopped || log === undefined || store.groupRooms.pending(room) !== undefined) return;
    if (position !== log.position) {
      this.onAppended(room);
      throw new ProtocolError("conflict");
    }
    const { infoKey: key } = expected.room;
    const joined = roomCrypto.joinByItself({ room, identity: identity.member, info, key, expected });
    if (joined.kind === "refused") return this.#lost(room, id, joined.reason);
    const { state, groupId: group, message, access, after } = joined;
    const item = encode(roomLogItem, {
      ...{ kind: "commit", group, epoch: Number(after.epoch - 1n), message, external: true },
      ...{ access: after.access, servers: [...after.servers] },
    });
    const work: PendingWork = { wanted: [id], changes: [] };
    const row = { room, item, info: after.info, welcome: null, access: access.seed };
    store.groupRooms.putPending(
      { ...row, changes: JSON.stringify(work), createdAt: clock.now() },
      roomCrypto.changes(undefined, state).put,
    );
    const held = groups.of(room);
    roomCrypto.erase(state, held);
  }

  /** Whoever is in the room can take us in again. */
  #lost(room: RoomId, id: number, reason: string): void {
    const { store, rooms, log } = this.#ports;
    log.info("a room cannot be joined again", { room, reason });
    store.transaction(() => {
      store.groupRooms.deleteChange(id);
      rooms.close(room, "broken", "room-lost");
      store.groupRooms.end(room);
    });
  }

  /** Synchronous, on the group as it is now: the fetching may have taken a while. */
  #commit(
    room: RoomId,
    wanted: readonly Wanted[],
    keyPackages: ReadonlyMap<AccountId, readonly Uint8Array[]>,
  ): void {
    const { store, groups, roomCrypto, clock } = this.#ports;
    const state = groups.of(room);
    if (state === undefined) return;
    const { updates, add, done } = this.#updates(room, wanted, keyPackages);
    if (done.length === 0) return;
    const committed = roomCrypto.commit(state, { updates, add });
    if (committed.kind === "refused") return this.#refused(room, done, committed.reason);
    const { before, next, message, welcome, after, summary } = committed;
    // Somebody else was first to commit what waited.
    if (summary.gone.length === 0 && done.every(({ change }) => change.kind === "settle")) {
      for (const { id } of done) store.groupRooms.deleteChange(id);
      roomCrypto.erase(next, state);
      return roomCrypto.erase(before, state);
    }
    const place = { group: roomCrypto.groupId(state), epoch: Number(roomCrypto.epoch(state)) };
    const item = encode(roomLogItem, {
      ...{ kind: "commit", ...place, message, external: false },
      ...{ access: after.access, servers: [...after.servers] },
    });
    const work: PendingWork = { wanted: done.map(({ id }) => id), changes: [...summary.changes] };
    store.transaction(() => {
      groups.advance(room, before);
      const row = {
        room,
        item,
        info: after.info,
        welcome: welcome ?? null,
        access: null,
        changes: JSON.stringify(work),
        createdAt: clock.now(),
      };
      store.groupRooms.putPending(row, roomCrypto.changes(undefined, next).put);
    });
    // It lies on disk; the log decides whether it is ever used.
    roomCrypto.erase(next, before);
  }

  /** What of the wanted changes the room's rules allow as it is now, one upon the other; the rest is told and dropped. */
  #updates(
    room: RoomId,
    wanted: readonly Wanted[],
    keyPackages: ReadonlyMap<AccountId, readonly Uint8Array[]>,
  ) {
    const { groups, roomCrypto, known, identity, primitives } = this.#ports;
    let state = roomCrypto.room(groups.of(room)!);
    const updates: RoomUpdate[] = [];
    const add: Uint8Array[] = [];
    const done: Wanted[] = [];
    for (const one of wanted) {
      const update = updateOf(one, known);
      if (update === undefined) {
        done.push(one);
        continue;
      }
      const outcome = applyUpdate(state, update, identity.account, primitives);
      if (outcome.kind === "refused") {
        this.#refused(room, [one], outcome.reason);
        continue;
      }
      state = outcome.state;
      updates.push(update);
      if (one.change.kind === "admit") add.push(...(keyPackages.get(one.change.account) ?? []));
      done.push(one);
    }
    return { updates, add, done };
  }

  /** It will never be: somebody else changed the room meanwhile, or the person was mistaken. */
  #refused(room: RoomId, wanted: readonly Wanted[], reason: string): void {
    const { store, rooms, names, identity } = this.#ports;
    store.transaction(() => {
      for (const { id, change } of wanted) {
        store.groupRooms.deleteChange(id);
        const line = underwayLine(change, (account) => names.shown(account));
        if (line !== undefined)
          rooms.addNotice(room, identity.account, `${line} was not possible: ${reason}`);
      }
    });
    this.#ports.changes.mark("room", room);
  }

  #failed(room: RoomId, standing: Standing, error: unknown): void {
    const { log, store } = this.#ports;
    const cause = this.#holdUp(room, causeOf(error));
    log.info("a room was not changed yet", { code: cause.code });
    this.#tell(room, standing, cause);
    const isFinal = error instanceof ProtocolError && error.retry === "never";
    const pending = store.groupRooms.pending(room);
    if (isFinal && pending !== undefined) {
      store.groupRooms.deletePending(room);
      const { wanted } = JSON.parse(pending.changes) as PendingWork;
      this.#refused(
        room,
        wantedChanges(store, room).filter(({ id }) => wanted.includes(id)),
        cause.sentence,
      );
    }
    this.#waitFor(room, standing, error instanceof StoreFullError ? storeRetryMs : undefined);
  }

  /** By the name of the server that is missing. */
  #holdUp(room: RoomId, cause: Cause): Cause {
    const { store, names, server } = this.#ports;
    const hub = store.groupRooms.log(room)?.hub;
    if (cause.code !== "unreachable" || hub === undefined || hub === server) return cause;
    const sentence = `${names.server(hub)}, which keeps this room's changes in order, is not reached.`;
    return { ...cause, sentence, fix: "It is tried again by itself. Talk goes on meanwhile." };
  }

  #waitFor(room: RoomId, standing: Standing, afterMs?: number): void {
    const { clock, random } = this.#ports;
    standing.wait?.cancel();
    const backOff = { baseMs: appendAgainBaseMs, maxMs: appendAgainMaxMs };
    const jitterMs = fullJitterMs(standing.attempts++, backOff, random);
    standing.wait = clock.after(afterMs ?? appendAgainBaseMs + jitterMs, () => {
      standing.wait = undefined;
      this.run(room);
    });
  }

  #tell(room: RoomId, standing: Standing, cause: Cause | null): void {
    if (standing.cause?.code === cause?.code) return;
    standing.cause = cause;
    this.#ports.changes.mark("room", room);
  }

  #standing(room: RoomId): Standing {
    const known = this.#rooms.get(room);
    if (known !== undefined) return known;
    const fresh: Standing = {
      running: false,
      again: false,
      wait: undefined,
      attempts: 0,
      cause: null,
      settling: false,
      leaving: undefined,
    };
    this.#rooms.set(room, fresh);
    return fresh;
  }
}

/** Undefined for what an empty Commit does: new keys, and what others proposed. */
function updateOf({ change }: Wanted, known: KnownAccounts): RoomUpdate | undefined {
  switch (change.kind) {
    case "admit": {
      const record = known.get(change.account);
      if (record === undefined) throw new Error("assertion: the record of whom we invite is kept");
      return { kind: "admit", record: record.signed, role: change.role };
    }
    case "leave":
    case "settle":
    case "refresh":
    case "rejoin":
      return undefined;
    case "remove":
    case "ban":
    case "unban":
    case "role":
    case "rename":
    case "rules":
      return change;
  }
}
