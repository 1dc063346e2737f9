/**
 * Follows a room where its log goes on otherwise than it was taken here: back to the newest state that both have, and on
 * from there. What the lost branch had stays readable; what this person did there is wanted again; whom it took out is to
 * be out here too, and until then nothing is written. Where no such state is kept the engine comes in again by itself.
 * [W10] to [W13]
 */
import type { AccountId, Clock, Primitives, RoomEntry, RoomId } from "@fedchat/protocol";
import { decodeRoomLogItem, encodeBase32, ProtocolError, roomEntry } from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { applyUpdate, type Revocation, type RoomChange } from "../room-state/apply-update.ts";
import { encodeRoomState, participantOf, type RoomState } from "../room-state/room-state.ts";
import type { LogPlace, SnapshotRow } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { GroupMessages } from "./group-messages.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { branchSnapshotsMs, lostBranchesMax } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";
import { roomServerName, showRoomState } from "./room-people.ts";
import type { RoomWarnings } from "./room-warnings.ts";
import type { Rooms } from "./rooms.ts";
import { isTakenOver } from "./takeover-proof.ts";
import { isRejoining, noEpoch, want, wantedChanges, type WantedChange } from "./wanted-changes.ts";

export interface RoomBranchesPorts {
  store: EngineStore;
  identity: Identity;
  rooms: Rooms;
  groups: Groups;
  roomCrypto: RoomCrypto;
  messages: Pick<GroupMessages, "takeWaiting">;
  homeserver: Homeserver;
  names: Pick<Names, "shown" | "server">;
  warnings: Pick<RoomWarnings, "tell">;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  changes: Changes;
  log: Log;
  /** This room's group is another: what was said in its epochs counts no more. */
  onBack: (room: RoomId) => void;
}

export class RoomBranches {
  readonly #ports: RoomBranchesPorts;

  constructor(ports: RoomBranchesPorts) {
    this.#ports = ports;
  }

  /** What is too old to go back to goes, and whoever left so long ago follows no more; within no transaction. */
  prune(): void {
    const { store, clock } = this.#ports;
    store.transaction(() => {
      store.branches.prune(clock.now() - branchSnapshotsMs);
      for (const { room } of store.groupRooms.logs())
        if (hasLeft(store, room) && store.branches.snapshots(room).length === 0) store.groupRooms.end(room);
    });
  }

  /**
   * The log does not go on behind what was taken. True: it can be read on from where this engine is then; false: it stays
   * where it is, for nobody who may do so let the room go on from before that. Rejects with `ProtocolError`.
   * @param head where the log is now
   */
  async goOver(room: RoomId, head: LogPlace): Promise<boolean> {
    const { store, log } = this.#ports;
    const row = store.groupRooms.log(room);
    if (row === undefined) return true;
    const own = store.branches.place(room) ?? row;
    if (isRejoining(store, room)) {
      if (await this.#isTakenUp(room)) this.#resume(room, own);
      else this.#jump(room, head);
      return true;
    }
    if (await this.#stands(room, own)) {
      this.#moveTo(room, own);
      return true;
    }
    for (const snapshot of store.branches.snapshots(room)) {
      if (!(await this.#stands(room, snapshot))) continue;
      if (!(await isTakenOver(this.#ports, room, snapshot))) return this.#unproved(room);
      log.info("a room's log goes on otherwise: back to where both are the same", { room });
      this.#back(room, snapshot, head);
      return true;
    }
    // Somebody took us in again meanwhile: it is read on from there.
    const now = store.branches.place(room) ?? store.groupRooms.log(room);
    if (now === undefined || now.position !== own.position || !isEqual(now.head, own.head)) return true;
    log.info("a room's log goes on otherwise than for as long as is kept", { room });
    this.#again(room, head);
    return true;
  }

  /** Within the transaction that takes a room's new state: whom a lost branch took out, and who is out now, holds up nothing. */
  settle(room: RoomId, state: RoomState): void {
    const { store } = this.#ports;
    for (const account of store.branches.held(room)) {
      if (participantOf(state, account) !== undefined) continue;
      store.branches.release(room, account);
      for (const { id, change } of wantedChanges(store, room))
        if (change.kind === "remove" && change.account === account) store.groupRooms.deleteChange(id);
    }
    for (const { account, sequence, record } of store.branches.revoked(room)) {
      if ((participantOf(state, account)?.sequence ?? sequence) < sequence) continue;
      store.branches.releaseRevoked(room, account);
      for (const { id, change } of wantedChanges(store, room))
        if (change.kind === "record" && change.record === record) store.groupRooms.deleteChange(id);
    }
  }

  /** Within the transaction that leaves the group as it is here for the one that went on: what was written is written there. */
  forsake(room: RoomId): void {
    const { store, groups, identity } = this.#ports;
    const state = groups.of(room);
    if (state !== undefined) store.branches.resend(room, identity.self.device, this.#oldest(room, state));
  }

  /** Whether this entry is in the log as it goes on. */
  async #stands(room: RoomId, { position, head }: LogPlace): Promise<boolean> {
    const { homeserver } = this.#ports;
    if (position === 0) return false;
    const page = await homeserver.request("rooms.log", { room, after: position - 1 });
    const [first] = page.entries;
    return first !== undefined && isEqual(this.#ports.primitives.sha256(first), head);
  }

  #unproved(room: RoomId): false {
    const { store, identity, warnings, changes, log } = this.#ports;
    log.info("a room's log goes on otherwise, and nobody asked for that", { room });
    const line =
      "Your homeserver says that this room goes on from before its last changes, and shows nobody of the room who asked for that. FedChat stays with what it has; ask whoever runs your homeserver why.";
    store.transaction(() => warnings.tell(room, identity.account, line));
    changes.mark("room", room);
    return false;
  }

  /** Whether another server goes on from where our group is, without the Commit that we could not follow. */
  async #isTakenUp(room: RoomId): Promise<boolean> {
    const { store, groups, homeserver } = this.#ports;
    const place = store.branches.place(room);
    const isBefore = wantedChanges(store, room).some(
      ({ change }) => change.kind === "rejoin" && change.epoch !== noEpoch,
    );
    if (place === undefined || !isBefore || groups.of(room) === undefined) return false;
    const { entries } = await homeserver.request("rooms.log", { room, after: place.position });
    const [first] = entries;
    const entry = first && entryIn(first);
    return (
      entry?.position === place.position + 1 &&
      isEqual(entry.previous, place.head) &&
      decodeRoomLogItem(entry.item).kind === "takeover"
    );
  }

  /** What we could not follow is in the log no more: we are where the others are. */
  #resume(room: RoomId, place: LogPlace): void {
    const { store } = this.#ports;
    store.transaction(() => {
      for (const { id, change } of wantedChanges(store, room))
        if (change.kind === "rejoin") store.groupRooms.deleteChange(id);
      store.groupRooms.deletePending(room);
      this.#moveTo(room, place);
    });
  }

  #moveTo(room: RoomId, { hub, term, position, head }: LogPlace): void {
    const { store } = this.#ports;
    const row = store.groupRooms.log(room);
    if (row !== undefined) store.groupRooms.putLog({ ...row, hub, term, position, head });
  }

  #back(room: RoomId, to: SnapshotRow, head: LogPlace): void {
    const { store, groups, roomCrypto, rooms, identity, names, clock, messages, changes, onBack } =
      this.#ports;
    const isOut = groups.of(room) === undefined;
    if (isOut && !hasLeft(store, room)) return this.#jump(room, head);
    const state = this.#stateAt(room, to);
    const about = roomCrypto.room(state);
    const lost = store.branches.snapshots(room).filter(({ position }) => position >= to.position);
    store.transaction(() => {
      const [groupId, epoch] = [roomCrypto.groupId(state), Number(roomCrypto.epoch(state))];
      store.branches.resend(room, identity.self.device, { groupId, epoch: epoch + 1 });
      store.proofs.goBack(groupId, epoch);
      if (isOut) groups.add(room, groupId, state);
      else {
        store.branches.lose(room, clock.now(), lostBranchesMax);
        groups.advance(room, state);
      }
      this.#moveTo(room, to);
      store.groupRooms.deletePending(room);
      store.branches.dropSnapshots(room, to.position);
      store.branches.begin(room, to);
      showRoomState(store, about);
      const line = `The room goes on under ${roomServerName(store, names, room, head.hub)}. What was changed under ${roomServerName(store, names, room, to.hub)} meanwhile is done again; what was written stays.`;
      if (store.rooms.get(room)?.kind === "group") rooms.addNotice(room, identity.account, line);
      for (const { wanted, changes: done } of lost.toReversed()) {
        for (const change of JSON.parse(wanted) as WantedChange[]) want(store, room, change, clock.now());
        for (const change of JSON.parse(done) as RoomChange[]) this.#bind(about, change);
      }
      store.groupRooms.unstrand(room);
    });
    onBack(room);
    messages.takeWaiting(room);
    changes.mark("room", room);
  }

  /** Where the same epoch went on after that, by proposals alone, keys were used that may not be used again. */
  #stateAt(room: RoomId, { position: at }: SnapshotRow): GroupState {
    const { store, groups, roomCrypto } = this.#ports;
    const restored = (position: number) => roomCrypto.restore(store.branches.snapshotRecords(room, position));
    const earlier = restored(at);
    const later = function* () {
      yield groups.of(room);
      for (const { position } of store.branches.snapshots(room)) if (position > at) yield restored(position);
    };
    for (const state of later()) {
      if (state === undefined || roomCrypto.epoch(state) !== roomCrypto.epoch(earlier)) continue;
      const back = roomCrypto.backTo(earlier, state);
      roomCrypto.erase(earlier, back);
      return back;
    }
    return earlier;
  }

  /** Whoever was taken out anywhere is out: somebody with the right does it again, and nobody writes to them before. */
  #bind(about: RoomState, change: RoomChange): void {
    const { store, identity, primitives, clock } = this.#ports;
    if (change.kind === "record") return this.#bindRevoked(about, change.account, change.revoked);
    const account = takenOut(change);
    if (account === undefined || account === identity.account) return;
    // What was wanted for them before that would take them in again, or make them somebody whom nobody takes out.
    for (const { id, change: wanted } of wantedChanges(store, about.room))
      if ((wanted.kind === "admit" || wanted.kind === "role") && wanted.account === account)
        store.groupRooms.deleteChange(id);
    if (participantOf(about, account) === undefined) return;
    // Whoever left does not read on.
    if (change.kind !== "left") store.branches.hold(about.room, account, clock.now());
    const kind = change.kind === "banned" ? "ban" : "remove";
    const may = applyUpdate(about, { kind, account }, identity.account, primitives).kind === "applied";
    if (may) want(store, about.room, { kind, account }, clock.now());
  }

  /** Anybody may bring the record: its account signed it. */
  #bindRevoked(about: RoomState, account: AccountId, revoked: Revocation | undefined): void {
    const { store, identity, clock } = this.#ports;
    const { room } = about;
    const held = participantOf(about, account);
    if (revoked === undefined || held === undefined || held.sequence >= revoked.sequence) return;
    if (revoked.devices.includes(identity.self.device) && account === identity.account) return;
    const { sequence, record } = revoked;
    store.branches.holdRevoked(room, { account, sequence, record }, clock.now());
    want(store, room, { kind: "record", account, record }, clock.now());
  }

  /** Too far back: by a Commit from outside, on whatever the room is now. */
  #again(room: RoomId, head: LogPlace): void {
    const { store, groups, roomCrypto, rooms, identity, names, clock, changes } = this.#ports;
    const state = groups.of(room);
    if (state === undefined) return this.#jump(room, head);
    const expected = encodeBase32(encodeRoomState(roomCrypto.room(state)));
    store.transaction(() => {
      store.branches.lose(room, clock.now(), lostBranchesMax);
      store.branches.resend(room, identity.self.device, this.#oldest(room, state));
      store.branches.dropSnapshots(room, 0);
      store.groupRooms.deletePending(room);
      this.#moveTo(room, head);
      store.branches.begin(room, head);
      want(store, room, { kind: "rejoin", epoch: noEpoch, room: expected }, clock.now());
      const line = `The room went on under ${roomServerName(store, names, room, head.hub)}, from so long ago that this FedChat joins it again by itself; what was written there meanwhile may be missing.`;
      if (store.rooms.get(room)?.kind === "group") rooms.addNotice(room, identity.account, line);
    });
    changes.mark("room", room);
  }

  /** The first epoch that may be lost, as far as is kept. */
  #oldest(room: RoomId, current: GroupState): { groupId: Uint8Array; epoch: number } {
    const { store, roomCrypto } = this.#ports;
    const oldest = store.branches.snapshots(room).at(-1);
    const kept = oldest && roomCrypto.restore(store.branches.snapshotRecords(room, oldest.position));
    const at = { groupId: roomCrypto.groupId(current), epoch: Number(roomCrypto.epoch(kept ?? current)) };
    if (kept !== undefined) roomCrypto.erase(kept, current);
    return at;
  }

  #jump(room: RoomId, head: LogPlace): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.groupRooms.deletePending(room);
      this.#moveTo(room, head);
    });
  }
}

/** Whether this person left the room, and it may go on from before that yet. [W10] */
function hasLeft(store: EngineStore, room: RoomId): boolean {
  const isClosed = store.rooms.get(room)?.state === "closed";
  const isFollowed = store.groupRooms.log(room)?.following === "told";
  return isClosed && isFollowed && !store.rooms.hasGroup(room) && wantedChanges(store, room).length === 0;
}

function entryIn(signed: Uint8Array): RoomEntry | undefined {
  try {
    const entry = roomEntry.read(signed).value;
    decodeRoomLogItem(entry.item);
    return entry;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function takenOut(change: RoomChange): AccountId | undefined {
  switch (change.kind) {
    case "removed":
    case "left":
    case "banned":
      return change.account;
    case "renamed":
    case "rules":
    case "hubs":
    case "admitted":
    case "record":
    case "role":
    case "unbanned":
    case "succession":
    case "claimed":
    case "unclaimed":
    case "succeeded":
    case "key":
      return undefined;
  }
}
