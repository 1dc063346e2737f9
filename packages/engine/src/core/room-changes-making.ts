/**
 * Makes of what this person wants changed in a room what its log takes: the log's beginning, a Commit of all
 * that the rules allow, the wish to leave, or a Commit from outside. It is kept with the group as it is after it; nothing
 * leaves before that. [W2] [W5]
 */
import type { AccountId, Clock, Primitives, RoomId, RoomLogItem } from "@fedchat/protocol";
import { decodeBase32, encode, ProtocolError, roomLogItem } from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { ExpectedRoom, RoomCrypto, RoomEpoch } from "../mls/room-crypto.ts";
import { applyUpdate } from "../room-state/apply-update.ts";
import { hubsOf } from "../room-state/hubs.ts";
import { decodeRoomState, type RoomState } from "../room-state/room-state.ts";
import type { RoomUpdate } from "../room-state/room-update.ts";
import type { LogPlace } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import type { PendingWork } from "./room-entries.ts";
import type { RoomEntering } from "./room-entering.ts";
import { fetchRoomInfo } from "./room-info.ts";
import { fetchKeyPackages } from "./room-key-packages.ts";
import { isOursToBegin } from "./room-logs.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { Rooms } from "./rooms.ts";
import type { Rejoin, Wanted } from "./wanted-changes.ts";
import { noEpoch, underwayLine, wantedChanges } from "./wanted-changes.ts";

export interface RoomChangesMakingPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  names: Pick<Names, "shown" | "server">;
  rooms: Rooms;
  warnings: RoomWarnings;
  groups: Groups;
  roomCrypto: RoomCrypto;
  homeserver: Homeserver;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  changes: Changes;
  log: Log;
  /** The way in, where a member or another device of this account told it. */
  entering: Pick<RoomEntering, "keys" | "place" | "ask">;
  /** The hub's log is further than this engine has read. */
  behind: (room: RoomId) => void;
}

/** What a Commit from outside is made of: an info, and what may open it. */
interface WayIn {
  info: Uint8Array;
  keys: readonly Uint8Array[];
  expected?: ExpectedRoom;
  /** Hash of the entry that the info belongs to. */
  head: Uint8Array;
}

type KeyPackages = ReadonlyMap<AccountId, readonly Uint8Array[]>;

/** What is kept until the log shows it, but for what everything has. */
interface Made {
  item: RoomLogItem;
  info?: Uint8Array;
  welcome?: Uint8Array | undefined;
  access?: Uint8Array;
  work?: PendingWork;
  /** The group as it is after it, and the present state that it follows; absent: it follows none that is here. */
  next?: GroupState;
  before?: GroupState;
}

export class RoomChangesMaking {
  readonly #ports: RoomChangesMakingPorts;
  /** The epochs in which we said that we leave, and nobody's Commit has taken that up yet. */
  readonly #leaving = new Map<RoomId, bigint>();
  /** The infos that did not let us in, by what they were tried with: the same again would not either. */
  readonly #closed = new Map<RoomId, Uint8Array>();
  #stopped = false;

  constructor(ports: RoomChangesMakingPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The room went back to an earlier epoch: what was said in it since was lost. */
  wentBack(room: RoomId): void {
    this.#leaving.delete(room);
  }

  /** Rejects where it cannot be made now. Nothing is made where nothing is wanted. */
  async make(room: RoomId): Promise<void> {
    const { store } = this.#ports;
    // That is no Commit: another server is asked.
    const wanted = wantedChanges(store, room).filter(({ change }) => change.kind !== "handOver");
    const isInside = !wanted.some(({ change }) => change.kind === "enter");
    if (isInside && store.groupRooms.log(room)?.position === 0) return this.#begin(room);
    if (wanted.length === 0) return;
    const enter = wanted.find(({ change }) => change.kind === "enter");
    const rejoin = wanted.find(({ change }) => change.kind === "rejoin");
    if (enter !== undefined || rejoin !== undefined) {
      const { entering } = this.#ports;
      try {
        if (enter !== undefined) return await this.#enter(room, enter.id);
        return await this.#rejoin(room, rejoin!.id, rejoin!.change as Rejoin);
      } catch (error) {
        if (error instanceof ProtocolError && !this.#stopped) entering.ask(room);
        throw error;
      }
    }
    const leaving = wanted.find(({ change }) => change.kind === "leave");
    if (leaving !== undefined && this.#leave(room, leaving)) return;
    const others = wanted.filter((one) => one !== leaving);
    if (others.length === 0) return;
    const fetched = await fetchKeyPackages(this.#ports, room, others);
    if (this.#stopped || store.groupRooms.pending(room) !== undefined) return;
    this.#commit(room, fetched.wanted, fetched.keyPackages);
    // What could not be fetched now is tried again when the rest is done; with nothing else to do, it is the cause.
    if (fetched.failure !== undefined && store.groupRooms.pending(room) === undefined) throw fetched.failure;
  }

  #begin(room: RoomId): void {
    const { store, groups, roomCrypto } = this.#ports;
    const state = groups.of(room);
    if (state === undefined || !isOursToBegin(this.#ports, room)) return;
    const { access, servers, info } = roomCrypto.epochForLog(state);
    const group = roomCrypto.groupId(state);
    store.transaction(() => {
      this.#keep(room, { item: { kind: "begin", group, access, servers: [...servers] }, info });
    });
  }

  /**
   * Said anew in each epoch until it is taken up: with its epoch a proposal lapses. False where it is refused, and what
   * else is wanted goes on. [W2]
   */
  #leave(room: RoomId, wanted: Wanted): boolean {
    const { store, groups, roomCrypto } = this.#ports;
    const state = groups.of(room);
    if (state === undefined) return true;
    const epoch = roomCrypto.epoch(state);
    if (this.#leaving.get(room) === epoch) return true;
    const left = roomCrypto.leave(state);
    if (left.kind === "refused") {
      this.refused(room, [wanted], left.reason);
      return false;
    }
    const place = { group: roomCrypto.groupId(state), epoch: Number(epoch) };
    store.transaction(() => {
      groups.advance(room, left.state);
      this.#keep(room, { item: { kind: "proposal", ...place, message: left.message } });
    });
    this.#leaving.set(room, epoch);
    return true;
  }

  /** By a Commit from outside, on the room's info as the hub has it. [W4] */
  async #rejoin(room: RoomId, id: number, change: Rejoin): Promise<void> {
    const { store, groups, entering, behind } = this.#ports;
    const expected = { epoch: BigInt(change.epoch), room: decodeRoomState(decodeBase32(change.room)) };
    const keys = [expected.room.infoKey, ...entering.keys(room)];
    const at = store.groupRooms.log(room);
    if (at === undefined) return;
    if (this.#isClosed(room, at.head, keys)) return this.#shutOut(room, change, "as before");
    const { info, position } = await fetchRoomInfo(this.#ports, room);
    const log = store.groupRooms.log(room);
    if (this.#stopped || log === undefined || store.groupRooms.pending(room) !== undefined) return;
    if (position !== log.position) {
      behind(room);
      throw new ProtocolError("conflict");
    }
    const reason = this.#comeIn(room, id, { info, keys, expected, head: log.head }, groups.of(room));
    if (reason !== undefined) this.#shutOut(room, change, reason);
  }

  /** Into a room that our account is in, by a Commit from outside. Until the room knows this device it is too early. [U3] */
  async #enter(room: RoomId, id: number): Promise<void> {
    const { store, entering } = this.#ports;
    const keys = entering.keys(room);
    if (keys.length === 0) throw new ProtocolError("conflict");
    const place = await this.#placeOf(room);
    const log = store.groupRooms.log(room);
    if (log === undefined) return;
    store.groupRooms.putLog({ ...log, ...place });
    if (this.#isClosed(room, place.head, keys)) throw new ProtocolError("conflict");
    const { info, position: described } = await fetchRoomInfo(this.#ports, room);
    const now = store.groupRooms.log(room);
    if (this.#stopped || store.groupRooms.pending(room) !== undefined) return;
    if (described !== place.position || now?.position !== place.position) throw new ProtocolError("conflict");
    const reason = this.#comeIn(room, id, { info, keys, head: place.head }, undefined);
    if (reason !== undefined) throw new ProtocolError("conflict");
  }

  /**
   * The info leads nowhere. Where we have the group as it was before a Commit that we could not follow, the room is gone
   * on with from there: whoever made both has locked it for others, too. [W9] Else members are asked for the way in.
   */
  #shutOut(room: RoomId, change: Rejoin, reason: string): void {
    const { store, groups, log } = this.#ports;
    if (change.epoch === noEpoch || groups.of(room) === undefined) throw new ProtocolError("conflict");
    log.info("a room's info leads nowhere: it is to go on from before", { room, reason });
    store.branches.lock(room);
  }

  /** Where the room's log is, which our homeserver follows from then on. */
  async #placeOf(room: RoomId): Promise<LogPlace> {
    const { homeserver, entering } = this.#ports;
    const { rooms } = await homeserver.request("rooms.heads", {});
    const known = rooms.find((one) => one.room === room);
    if (known !== undefined) {
      const { hub, term, position, hash: head } = known;
      return { hub, term, position, head };
    }
    const told = entering.place(room);
    if (told === undefined) throw new ProtocolError("unknown-room");
    const { hub, position, head: hash } = told;
    await homeserver.request("rooms.follow", { room, hub, position, hash });
    return told;
  }

  /** With the first of these keys that opens the info. Why not, where that does not let us in (yet). */
  #comeIn(room: RoomId, id: number, by: WayIn, former: GroupState | undefined): string | undefined {
    const { store, roomCrypto, identity, log } = this.#ports;
    const { info, keys, expected } = by;
    let reason = "";
    for (const key of keys) {
      const joined = roomCrypto.joinByItself({
        ...{ room, identity: identity.member, info, key },
        ...(expected === undefined ? {} : { expected }),
      });
      if (joined.kind === "refused") {
        reason = joined.reason;
        continue;
      }
      const { state, groupId: group, message, access, after } = joined;
      if (!this.#isSameKind(room, joined.room)) {
        roomCrypto.erase(state, former);
        reason = "It is another kind of room, or with somebody else.";
        continue;
      }
      const item = commitItem({ group, epoch: after.epoch - 1n }, { message, external: true }, after);
      store.transaction(() => {
        const work = { wanted: [id], changes: [] };
        this.#keep(room, { item, info: after.info, access: access.seed, work, next: state });
      });
      roomCrypto.erase(state, former);
      return undefined;
    }
    log.info("a room is not entered yet", { room, reason });
    this.#closed.set(room, this.#attempt(by.head, keys));
    return reason;
  }

  /** A chat of two leads to the same other one as before, and to nobody else. [X3] */
  #isSameKind(room: RoomId, { join, participants }: RoomState): boolean {
    const row = this.#ports.store.rooms.get(room);
    if (row?.kind !== "pair") return join !== "nobody";
    return join === "nobody" && participants.some(({ account }) => account === row.peer);
  }

  #isClosed(room: RoomId, head: Uint8Array, keys: readonly Uint8Array[]): boolean {
    const tried = this.#closed.get(room);
    return tried !== undefined && isEqual(tried, this.#attempt(head, keys));
  }

  #attempt(head: Uint8Array, keys: readonly Uint8Array[]): Uint8Array {
    return this.#ports.primitives.sha256(Uint8Array.of(...head, ...keys.flatMap((key) => [...key])));
  }

  /** Synchronous, on the group as it is now: the fetching may have taken a while. */
  #commit(room: RoomId, wanted: readonly Wanted[], keyPackages: KeyPackages): void {
    const { store, groups, roomCrypto } = this.#ports;
    const state = groups.of(room);
    if (state === undefined) return;
    const { updates, add, done } = this.#updates(roomCrypto.room(state), wanted, keyPackages);
    if (done.length === 0) return;
    const committed = roomCrypto.commit(state, { updates, add });
    if (committed.kind === "refused") return this.refused(room, done, committed.reason);
    const { before, next, message, welcome, after, summary } = committed;
    // Somebody else was first to commit what waited.
    if (summary.gone.length === 0 && done.every(({ change }) => change.kind === "settle")) {
      for (const { id } of done) store.groupRooms.deleteChange(id);
      roomCrypto.erase(next, state);
      return roomCrypto.erase(before, state);
    }
    const place = { group: roomCrypto.groupId(state), epoch: roomCrypto.epoch(state) };
    const item = commitItem(place, { message, external: false }, after);
    const work = { wanted: done.map(({ id }) => id), changes: [...summary.changes] };
    store.transaction(() => {
      groups.advance(room, before);
      this.#keep(room, { item, info: after.info, welcome, work, before, next });
    });
    // It lies on disk; the log decides whether it is ever used.
    roomCrypto.erase(next, before);
  }

  /** What of the wanted changes the room's rules allow as it is now, one upon the other; the rest is told and dropped. */
  #updates(before: RoomState, wanted: readonly Wanted[], keyPackages: KeyPackages) {
    const { known, identity, primitives, clock } = this.#ports;
    let state = before;
    const updates: RoomUpdate[] = [];
    const add: Uint8Array[] = [];
    const done: Wanted[] = [];
    for (const one of wanted) {
      const update = updateOf(one, known, clock.now());
      if (update === undefined) {
        done.push(one);
        continue;
      }
      const outcome = applyUpdate(state, update, identity.account, primitives);
      if (outcome.kind === "refused") {
        this.refused(before.room, [one], outcome.reason);
        continue;
      }
      state = outcome.state;
      updates.push(update);
      if (one.change.kind === "admit") add.push(...(keyPackages.get(one.change.account) ?? []));
      done.push(one);
    }
    const hubs = hubsOf(state, identity.account);
    if (done.length > 0 && hubs !== undefined) updates.push({ kind: "hubs", hubs: [...hubs] });
    return { updates, add, done };
  }

  /** It will never be: somebody else changed the room meanwhile, or the person was mistaken. */
  refused(room: RoomId, wanted: readonly Wanted[], reason: string): void {
    const { store, rooms, names, identity } = this.#ports;
    store.transaction(() => {
      for (const { id, change } of wanted) {
        store.groupRooms.deleteChange(id);
        // They are in it still, and may be its only owner.
        if (change.kind === "leave") store.rooms.stays(room);
        const line = underwayLine(change, (account) => names.shown(account));
        if (line !== undefined)
          rooms.addNotice(room, identity.account, `${line} was not possible: ${reason}`);
      }
    });
    this.#ports.changes.mark("room", room);
  }

  /** Within a transaction. */
  #keep(room: RoomId, { item, info, welcome, access, work, before, next }: Made): void {
    const { store, roomCrypto, clock } = this.#ports;
    const row = {
      room,
      item: encode(roomLogItem, item),
      info: info ?? null,
      welcome: welcome ?? null,
      access: access ?? null,
      changes: JSON.stringify(work ?? ({ wanted: [], changes: [] } satisfies PendingWork)),
      createdAt: clock.now(),
    };
    if (next === undefined) return store.groupRooms.putPending(row);
    const changes = roomCrypto.changes(before, next);
    store.groupRooms.putPending(row, { from: before === undefined ? "nothing" : "present", changes });
  }
}

function commitItem(
  { group, epoch }: { group: Uint8Array; epoch: bigint },
  made: { message: Uint8Array; external: boolean },
  { access, servers }: RoomEpoch,
): RoomLogItem {
  return { kind: "commit", group, epoch: Number(epoch), ...made, access, servers: [...servers] };
}

/** Undefined for what an empty Commit does: new keys, and what others proposed. */
function updateOf({ change }: Wanted, known: KnownAccounts, now: number): RoomUpdate | undefined {
  switch (change.kind) {
    case "admit": {
      const record = known.get(change.account);
      if (record === undefined) throw new Error("assertion: the record of whom we invite is kept");
      return { kind: "admit", record: record.signed, role: change.role };
    }
    case "record": {
      if (change.record !== undefined) return { kind: "record", record: decodeBase32(change.record) };
      const record = known.get(change.account);
      return record && { kind: "record", record: record.signed };
    }
    case "claim":
      return { kind: "claim", at: now };
    case "unclaim":
    case "succeed":
      return { kind: change.kind };
    case "leave":
    case "settle":
    case "refresh":
    case "enter":
    case "rejoin":
    case "handOver":
      return undefined;
    case "remove":
    case "ban":
    case "unban":
    case "role":
    case "rename":
    case "rules":
    case "hubs":
    case "succession":
      return change;
  }
}
